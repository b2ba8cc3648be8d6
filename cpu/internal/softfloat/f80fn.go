package softfloat

import "math/bits"

// Extract splits x into exponent and significand (FXTRACT).
func (e *Env) Extract(x F80) (exponent, significand F80) {
	a := x.unpack()
	switch {
	case a.special():
		r := e.nan80(&a, &a)
		return r, r
	case a.class == zero:
		e.Flags |= ZE
		return pack80(true, infExp, 0), x
	case a.class == inf:
		return pack80(false, infExp, 0), x
	}
	if a.denorm {
		e.Flags |= DE
	}
	return FromInt80(int64(a.exp)), pack80(a.neg, 0, a.sig)
}

// Scale multiplies x by two to the power of y cut to an integer (FSCALE).
func (e *Env) Scale(x, y F80) F80 {
	a, b := x.unpack(), y.unpack()
	switch {
	case a.special() || b.special():
		return e.nan80(&a, &b)
	case b.class == inf && (a.class == zero && !b.neg || a.class == inf && b.neg):
		return e.invalid()
	}
	if a.denorm || b.denorm {
		e.Flags |= DE
	}
	switch {
	case b.class == inf && a.class == finite && b.neg:
		return pack80(a.neg, 0, 0)
	case b.class == inf && a.class == finite:
		return pack80(a.neg, infExp, 0)
	case a.class != finite || b.class == zero:
		return e.rescale(&a, 0, x)
	}
	n := 1 << 17
	if b.exp < 16 {
		n = 0
		if b.exp >= 0 {
			n = int(b.sig >> (63 - b.exp))
		}
	}
	if b.neg {
		n = -n
	}
	return e.rescale(&a, n, x)
}

// rescale adds n to the exponent of a.
func (e *Env) rescale(a *num, n int, x F80) F80 {
	if a.class != finite {
		return x
	}
	return e.finishPrec(exact{neg: a.neg, exp: a.exp + n, hi: a.sig}, 64)
}

// Outcome says how far a partial remainder got.
type Outcome uint8

// The outcomes of Remainder.
const (
	Complete   Outcome = iota
	Partial            // only reduced: again, please
	NoQuotient         // a NaN or an invalid operation
)

// Remainder is FPREM (truncating) and FPREM1 (to nearest). When the exponents
// are 64 or more apart it only reduces; quotient holds the low
// bits of the quotient otherwise (SDM vol. 2, FPREM).
func (e *Env) Remainder(x, y F80, nearest bool) (r F80, quotient uint64, outcome Outcome) {
	a, b := x.unpack(), y.unpack()
	switch {
	case a.special() || b.special():
		return e.nan80(&a, &b), 0, NoQuotient
	case a.class == inf || b.class == zero:
		return e.invalid(), 0, NoQuotient
	}
	if a.denorm || b.denorm {
		e.Flags |= DE
	}
	if a.class == zero || b.class == inf {
		if a.class == finite { // a denormal stays one
			return e.finishPrec(exact{neg: a.neg, exp: a.exp, hi: a.sig}, 64), 0, Complete
		}
		return x, 0, Complete
	}
	d := a.exp - b.exp
	if d >= 64 {
		// Reduce by 32 + d modulo 32 bits, which leaves the rest for later.
		n := 32 + d&31
		rest := modulus(a.sig, b.sig, n)
		return e.exactly(a.neg, rest, b.exp+d-n), 0, Partial
	}
	if d < -1 {
		return e.finishPrec(exact{neg: a.neg, exp: a.exp, hi: a.sig}, 64), 0, Complete
	}
	rest, exp, q := remainder(&a, &b, d)
	neg := a.neg
	if nearest {
		if half, cmp := rest, compareHalf(rest, exp, &b); half != 0 && (cmp > 0 || cmp == 0 && q&1 != 0) {
			rest, exp = complement(rest, exp, &b)
			neg = !neg
			q++
		}
	}
	if rest == 0 {
		return pack80(a.neg, 0, 0), q, Complete
	}
	return e.exactly(neg, rest, exp), q, Complete
}

// modulus reduces sig*2^n by b, both significands with the top bit set.
func modulus(sig, b uint64, n int) uint64 {
	rest := sig
	if rest >= b {
		rest -= b
	}
	for range n {
		carry := rest >> 63
		rest <<= 1
		if carry != 0 || rest >= b {
			rest -= b
		}
	}
	return rest
}

// remainder divides a by b, d = a.exp - b.exp in -1..63; the rest is a
// multiple of 2^(exp-63).
func remainder(a, b *num, d int) (rest uint64, exp int, q uint64) {
	if d < 0 {
		return a.sig, a.exp, 0
	}
	rest = a.sig
	if rest >= b.sig {
		rest -= b.sig
		q = 1
	}
	for range d {
		carry := rest >> 63
		rest <<= 1
		q <<= 1
		if carry != 0 || rest >= b.sig {
			rest -= b.sig
			q |= 1
		}
	}
	return rest, b.exp, q
}

// compareHalf compares the rest with b/2: -1, 0 or 1.
func compareHalf(rest uint64, exp int, b *num) int {
	if exp < b.exp { // rest is a itself, half as large as b at least
		switch {
		case rest > b.sig:
			return 1
		case rest == b.sig:
			return 0
		}
		return -1
	}
	twice, carry := rest<<1, rest>>63
	switch {
	case carry != 0 || twice > b.sig:
		return 1
	case twice == b.sig:
		return 0
	}
	return -1
}

// complement is b minus the rest.
func complement(rest uint64, exp int, b *num) (uint64, int) {
	if exp < b.exp { // in units of the rest, b is twice b.sig
		hi, lo := b.sig>>63, b.sig<<1
		lo, borrow := bits.Sub64(lo, rest, 0)
		hi -= borrow
		if hi != 0 {
			return lo>>1 | 1<<63, exp + 1
		}
		return lo, exp
	}
	return b.sig - rest, exp
}

// exactly packs sig * 2^(exp-63), which needs no rounding; zero keeps the sign.
func (e *Env) exactly(neg bool, sig uint64, exp int) F80 {
	if sig == 0 {
		return pack80(neg, 0, 0)
	}
	s := bits.LeadingZeros64(sig)
	return e.finishPrec(exact{neg: neg, exp: exp - s, hi: sig << s}, 64)
}

// FromBCD converts 18 packed decimal digits and a sign (FBLD).
func FromBCD(digits uint64, top uint16) F80 {
	v := uint64(0)
	for i := 17; i >= 0; i-- {
		d := digits >> (4 * i) & 15
		if i >= 16 {
			d = uint64(top) >> (4 * (i - 16)) & 15
		}
		v = v*10 + d
	}
	neg := top>>15 != 0
	if v == 0 {
		return pack80(neg, 0, 0)
	}
	s := bits.LeadingZeros64(v)
	return pack80(neg, 63-s, v<<s)
}

// ToBCD rounds to 18 packed decimal digits (FBSTP); what does not fit is
// invalid and gives the packed BCD indefinite.
func (e *Env) ToBCD(x F80) (digits uint64, top uint16) {
	a := x.unpack()
	mag, inexact, ok := e.integral(&a)
	if !ok || mag > 999999999999999999 {
		e.Flags |= IE
		e.RoundUp = false
		return 0xc000000000000000, 0xffff
	}
	if inexact {
		e.Flags |= PE
	}
	for i := range 16 {
		digits |= mag % 10 << (4 * i)
		mag /= 10
	}
	top = uint16(mag%10 | mag/10<<4)
	if a.neg {
		top |= 0x8000
	}
	return digits, top
}

// Class is FXAM's view of a register.
type Class uint8

// The classes, as FXAM encodes them in C3, C2 and C0 (SDM vol. 2, FXAM).
const (
	ClassUnsupported Class = 0
	ClassNaN         Class = 1
	ClassNormal      Class = 2
	ClassInfinity    Class = 3
	ClassZero        Class = 4
	ClassEmpty       Class = 5
	ClassDenormal    Class = 6
)

// Class classifies x.
func (a F80) Class() Class {
	n := a.unpack()
	switch n.class {
	case unsupported:
		return ClassUnsupported
	case qnan, snan:
		return ClassNaN
	case inf:
		return ClassInfinity
	case zero:
		return ClassZero
	}
	if n.denorm {
		return ClassDenormal
	}
	return ClassNormal
}
