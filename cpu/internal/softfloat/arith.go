package softfloat

import (
	"math"
	"math/bits"
)

// exact is an unrounded result: hi:lo * 2^(exp-63) with hi's top bit set and
// the lowest bit of lo sticky, or a zero, infinity or invalid operation.
type exact struct {
	class  class // finite, zero, inf, or qnan for an invalid operation
	neg    bool
	exp    int
	hi, lo uint64
}

// add adds a and b, neither a NaN; round decides the sign of an exact zero.
func add(a, b *num, round Rounding) exact {
	switch {
	case a.class == inf:
		if b.class == inf && a.neg != b.neg {
			return exact{class: qnan}
		}
		return exact{class: inf, neg: a.neg}
	case b.class == inf:
		return exact{class: inf, neg: b.neg}
	case a.class == zero && b.class == zero:
		if a.neg == b.neg {
			return exact{class: zero, neg: a.neg}
		}
		return exact{class: zero, neg: round == Down}
	case a.class == zero:
		return exact{neg: b.neg, exp: b.exp, hi: b.sig}
	case b.class == zero:
		return exact{neg: a.neg, exp: a.exp, hi: a.sig}
	}
	if a.exp < b.exp || a.exp == b.exp && a.sig < b.sig {
		a, b = b, a
	}
	hi, lo := shiftRightJam(b.sig, 0, uint(a.exp-b.exp))
	if a.neg == b.neg {
		return sum(a, hi, lo)
	}
	return difference(a, hi, lo, round)
}

// sum adds hi:lo to a's significand.
func sum(a *num, hi, lo uint64) exact {
	s, carry := bits.Add64(a.sig, hi, 0)
	r := exact{neg: a.neg, exp: a.exp, hi: s, lo: lo}
	if carry != 0 {
		r.hi, r.lo = shiftRightJam(s, lo, 1)
		r.hi |= 1 << 63
		r.exp++
	}
	return r
}

// difference takes hi:lo, which is not larger, from a's significand.
func difference(a *num, hi, lo uint64, round Rounding) exact {
	l, borrow := bits.Sub64(0, lo, 0)
	h, _ := bits.Sub64(a.sig, hi, borrow)
	if h|l == 0 {
		return exact{class: zero, neg: round == Down}
	}
	return normal(a.neg, a.exp, h, l)
}

// normal shifts hi:lo (not zero) until the top bit is set.
func normal(neg bool, exp int, hi, lo uint64) exact {
	if hi == 0 {
		hi, lo, exp = lo, 0, exp-64
	}
	if s := uint(bits.LeadingZeros64(hi)); s != 0 {
		hi, lo, exp = hi<<s|lo>>(64-s), lo<<s, exp-int(s)
	}
	return exact{neg: neg, exp: exp, hi: hi, lo: lo}
}

// mul multiplies a and b, neither a NaN.
func mul(a, b *num) exact {
	neg := a.neg != b.neg
	switch {
	case a.class == inf || b.class == inf:
		if a.class == zero || b.class == zero {
			return exact{class: qnan}
		}
		return exact{class: inf, neg: neg}
	case a.class == zero || b.class == zero:
		return exact{class: zero, neg: neg}
	}
	hi, lo := bits.Mul64(a.sig, b.sig)
	return normal(neg, a.exp+b.exp+1, hi, lo)
}

// div divides a by b, neither a NaN; the caller has dealt with division of a
// finite number by zero.
func div(a, b *num) exact {
	neg := a.neg != b.neg
	switch {
	case a.class == b.class && (a.class == inf || a.class == zero):
		return exact{class: qnan}
	case a.class == inf || b.class == zero:
		return exact{class: inf, neg: neg}
	case a.class == zero || b.class == inf:
		return exact{class: zero, neg: neg}
	}
	exp := a.exp - b.exp
	hi, lo := a.sig>>1, a.sig<<63
	if a.sig < b.sig {
		hi, lo, exp = a.sig, 0, exp-1
	}
	q, r := bits.Div64(hi, lo, b.sig)
	q2, r2 := bits.Div64(r, 0, b.sig)
	return exact{neg: neg, exp: exp, hi: q, lo: q2 | bit(r2 != 0)}
}

// sqrt takes the square root of a, not a NaN.
func sqrt(a *num) exact {
	switch {
	case a.class == zero:
		return exact{class: zero, neg: a.neg}
	case a.neg:
		return exact{class: qnan}
	case a.class == inf:
		return exact{class: inf}
	}
	// The root of n = sig * 2^63 or 2^64, whichever makes the exponent even,
	// has its top bit set.
	hi, lo := a.sig>>1, a.sig<<63
	if a.exp&1 != 0 {
		hi, lo = a.sig, 0
	}
	s := isqrt(hi, lo)
	sh, sl := bits.Mul64(s, s)
	rl, borrow := bits.Sub64(lo, sl, 0)
	rh, _ := bits.Sub64(hi, sh, borrow)
	r := exact{exp: a.exp >> 1, hi: s, lo: bit(rh|rl != 0)}
	if rh != 0 || rl > s { // beyond s + 1/2
		r.lo |= 1 << 63
	}
	return r
}

// isqrt returns the integer square root of hi:lo, hi at least 2^62.
func isqrt(hi, lo uint64) uint64 {
	// 53 good bits from the host, one Newton step for the rest, then exact.
	f := math.Sqrt(float64(hi)) * (1 << 32)
	s := ^uint64(0)
	if f < 1<<64 {
		s = uint64(f)
	}
	if s <= hi {
		s = hi + 1 // keep the quotient within 64 bits
		if s == 0 {
			s = ^uint64(0)
		}
	}
	if s > hi {
		q, _ := bits.Div64(hi, lo, s)
		mean, carry := bits.Add64(s, q, 0)
		s = mean>>1 | carry<<63
	}
	for {
		sh, sl := bits.Mul64(s, s)
		if sh > hi || sh == hi && sl > lo {
			s--
			continue
		}
		// (s+1)^2 = s^2 + 2s + 1
		rl, borrow := bits.Sub64(lo, sl, 0)
		rh, _ := bits.Sub64(hi, sh, borrow)
		if s == ^uint64(0) || rh == 0 && rl <= 2*s && s < 1<<63 || rh < s>>63 || rh == s>>63 && rl <= s<<1 {
			return s
		}
		s++
	}
}

// finish rounds an exact result into format f.
func (e *Env) finish(f *format, x exact) uint64 {
	switch x.class {
	case zero:
		return f.pack(x.neg, 0, 0)
	case inf:
		return f.pack(x.neg, infExp, 0)
	case qnan:
		e.Flags |= IE
		return f.indefinite()
	}
	return e.roundPack(f, x.neg, x.exp, x.hi, x.lo)
}

// nan returns the result of an SSE operation with a NaN among its operands:
// the first one that is a NaN (SDM vol. 1, table 4-7).
func (e *Env) nan(f *format, a, b *num) uint64 {
	if a.class == snan || b.class == snan {
		e.Flags |= IE
	}
	if a.isNaN() {
		return f.packNaN(a)
	}
	return f.packNaN(b)
}

// Op is a two-operand arithmetic operation.
type Op uint8

// The operations.
const (
	Add Op = iota
	Sub
	Mul
	Div
)

// Arith32 and Arith64 compute a op b on singles and doubles.
func (e *Env) Arith32(op Op, a, b uint32) uint32 {
	if r, ok := e.fast32(op, a, b); ok {
		return r
	}
	return uint32(e.arith(&single, op, uint64(a), uint64(b)))
}

// Arith64 computes a op b on doubles.
func (e *Env) Arith64(op Op, a, b uint64) uint64 {
	if r, ok := e.fast64(op, a, b); ok {
		return r
	}
	return e.arith(&double, op, a, b)
}

func (e *Env) arith(f *format, op Op, x, y uint64) uint64 {
	a, b := e.operand(f, x), e.operand(f, y)
	if a.isNaN() || b.isNaN() {
		return e.nan(f, &a, &b)
	}
	return e.finish(f, e.compute(op, &a, &b))
}

// compute is the operation on numbers that are no NaNs, with the exceptions
// that come before a result.
func (e *Env) compute(op Op, a, b *num) exact {
	var r exact
	switch op {
	case Sub:
		m := *b
		m.neg = !m.neg
		r = add(a, &m, e.Round)
	case Add:
		r = add(a, b, e.Round)
	case Mul:
		r = mul(a, b)
	case Div:
		if b.class == zero && a.class == finite {
			e.Flags |= ZE
			return exact{class: inf, neg: a.neg != b.neg}
		}
		r = div(a, b)
	}
	if r.class != qnan && (a.denorm || b.denorm) {
		e.Flags |= DE
	}
	return r
}

// Sqrt32 returns the square root of a single.
func (e *Env) Sqrt32(a uint32) uint32 { return uint32(e.sqrtOf(&single, uint64(a))) }

// Sqrt64 returns the square root of a double.
func (e *Env) Sqrt64(a uint64) uint64 { return e.sqrtOf(&double, a) }

func (e *Env) sqrtOf(f *format, x uint64) uint64 {
	a := e.operand(f, x)
	if a.isNaN() {
		return e.nan(f, &a, &a)
	}
	r := sqrt(&a)
	if r.class != qnan && a.denorm {
		e.Flags |= DE
	}
	return e.finish(f, r)
}
