package softfloat

import (
	"math/big"
	"math/bits"
)

// The transcendental instructions (SDM vol. 1, section 8.3.7 and 8.3.10).
// Processors give results within one unit of the last place and differ in that
// place; here they are the exact values, computed to workPrec bits and rounded
// once, so that results are as good as any processor's. Arguments of the
// trigonometric ones are reduced with 66 bits of pi, as the manual says (8.3.8).
// A result that is not one of the exact special
// cases always flags PE.

// workPrec is the precision of intermediate results in bits; series end when
// a term falls below it.
const workPrec = 144

func newFloat() *big.Float { return new(big.Float).SetPrec(workPrec) }

func fromInt(v int64) *big.Float { return newFloat().SetInt64(v) }

// mustFloat parses a constant.
func mustFloat(s string) *big.Float {
	f, _, err := big.ParseFloat(s, 10, 384, big.ToNearestEven)
	if err != nil {
		panic("BUG: softfloat: " + err.Error())
	}
	return f
}

var (
	pi  = mustFloat("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651328230664709384460955058223172535940812848111745")
	ln2 = mustFloat("0.693147180559945309417232121458176568075500134360255254120680009493393621969694715605863326996418687542147932140170819150614827022")
)

// shortPi is pi cut to 66 bits.
var shortPi = func() *big.Float {
	m, _ := new(big.Int).SetString("c90fdaa22168c234c", 16)
	return new(big.Float).SetMantExp(new(big.Float).SetInt(m), -66)
}()

// big returns the number as a big.Float.
func (n *num) big() *big.Float {
	if n.class != finite {
		return newFloat()
	}
	f := newFloat().SetUint64(n.sig)
	f.SetMantExp(f, n.exp-63)
	if n.neg {
		f.Neg(f)
	}
	return f
}

// inexactOf makes an unrounded result of f, which stands for a value that is
// not exactly representable: on the side of f that up tells (in magnitude).
func inexactOf(f *big.Float, up bool) exact {
	if f.Sign() == 0 {
		return exact{class: zero, neg: f.Signbit()}
	}
	m := newFloat()
	exp := f.MantExp(m) // 0.5 <= |m| < 1
	m.Abs(m)
	m.SetMantExp(m, 128)
	i, _ := m.Int(nil)
	lo := new(big.Int).And(i, new(big.Int).SetUint64(^uint64(0))).Uint64()
	hi := i.Rsh(i, 64).Uint64()
	if !up && hi<<1|lo == 0 && hi == 1<<63 {
		return exact{neg: f.Signbit(), exp: exp - 2, hi: ^uint64(0), lo: ^uint64(0)}
	}
	if !up && lo == 0 {
		hi--
		lo = ^uint64(0)
	}
	return exact{neg: f.Signbit(), exp: exp - 1, hi: hi, lo: lo | 1}
}

// series sums first, first*ratio(1), first*ratio(1)*ratio(2)...
func series(first *big.Float, next func(term *big.Float, k int64)) *big.Float {
	sum := newFloat().Set(first)
	term := newFloat().Set(first)
	for k := int64(1); term.Sign() != 0 && term.MantExp(nil) > sum.MantExp(nil)-workPrec; k++ {
		next(term, k)
		sum.Add(sum, term)
	}
	return sum
}

// sinSeries and cosSeries are the power series of sine and cosine.
func sinSeries(x *big.Float) *big.Float {
	x2 := newFloat().Mul(x, x)
	return series(x, func(t *big.Float, k int64) {
		t.Mul(t, x2)
		t.Quo(t, fromInt(-2*k*(2*k+1)))
	})
}

func cosSeries(x *big.Float) *big.Float {
	x2 := newFloat().Mul(x, x)
	return series(fromInt(1), func(t *big.Float, k int64) {
		t.Mul(t, x2)
		t.Quo(t, fromInt(-2*k*(2*k-1)))
	})
}

// reduce returns r = x - q*shortPi/2 with |r| <= pi/4, and q modulo 4.
func reduce(x *big.Float) (r *big.Float, q int64) {
	wide := func() *big.Float { return new(big.Float).SetPrec(384) }
	half := wide().Quo(shortPi, wide().SetInt64(2))
	n := wide().Quo(wide().Set(x), half)
	if n.Signbit() {
		n.Sub(n, wide().SetFloat64(0.5))
	} else {
		n.Add(n, wide().SetFloat64(0.5))
	}
	i, _ := n.Int(nil)
	d := wide().Sub(wide().Set(x), wide().Mul(half, wide().SetInt(i)))
	return newFloat().Set(d), new(big.Int).And(i, big.NewInt(3)).Int64()
}

// trig classifies the argument of a trigonometric instruction. done says that
// r is the result; outside says that the argument is out of range.
func (e *Env) trig(x F80, atZero F80) (a num, r F80, done, outside bool) {
	a = x.unpack()
	switch {
	case a.special():
		return a, e.nan80(&a, &a), true, false
	case a.class == inf:
		return a, e.invalid(), true, false
	case a.class == zero:
		return a, atZero, true, false
	case a.exp >= 63:
		return a, x, false, true
	}
	if a.denorm {
		e.Flags |= DE
	}
	return a, x, false, false
}

// sincos evaluates both at a finite argument.
func sincos(a *num) (sin, cos exact) {
	if a.exp < -70 { // sin x is x and cos x is 1, both a little less
		return inexactOf(a.big(), false), inexactOf(fromInt(1), false)
	}
	r, q := reduce(a.big())
	s, c := sinSeries(r), cosSeries(r)
	switch q {
	case 1:
		s, c = c, s.Neg(s)
	case 2:
		s, c = s.Neg(s), c.Neg(c)
	case 3:
		s, c = c.Neg(c), s
	}
	return inexactOf(s, true), inexactOf(c, true)
}

// Sin is FSIN; outside says that the argument is 2^63 or more and stays.
func (e *Env) Sin(x F80) (r F80, outside bool) {
	a, r, done, outside := e.trig(x, x)
	if done || outside {
		return r, outside
	}
	s, _ := sincos(&a)
	return e.finishPrec(s, 64), false
}

// Cos is FCOS.
func (e *Env) Cos(x F80) (r F80, outside bool) {
	a, r, done, outside := e.trig(x, One)
	if done || outside {
		return r, outside
	}
	_, c := sincos(&a)
	return e.finishPrec(c, 64), false
}

// Tan is FPTAN.
func (e *Env) Tan(x F80) (r F80, outside bool) {
	a, r, done, outside := e.trig(x, x)
	if done || outside {
		return r, outside
	}
	if a.exp < -70 {
		return e.finishPrec(inexactOf(a.big(), true), 64), false
	}
	v, q := reduce(a.big())
	s, c := sinSeries(v), cosSeries(v)
	if q&1 != 0 {
		s, c = c.Neg(c), s
	}
	return e.finishPrec(inexactOf(s.Quo(s, c), true), 64), false
}

// atan of a value in 0..1: three halvings, then the series.
func atan(t *big.Float) *big.Float {
	for range 3 {
		d := newFloat().Mul(t, t)
		d.Add(d, fromInt(1))
		d.Sqrt(d)
		d.Add(d, fromInt(1))
		t = newFloat().Quo(t, d)
	}
	t2 := newFloat().Mul(t, t)
	power := newFloat().Set(t)
	sum := newFloat().Set(t)
	for k := int64(1); power.Sign() != 0 && power.MantExp(nil) > sum.MantExp(nil)-workPrec; k++ {
		power.Mul(power, t2)
		power.Neg(power)
		sum.Add(sum, newFloat().Quo(power, fromInt(2*k+1)))
	}
	return sum.Mul(sum, fromInt(8))
}

// Atan2 is FPATAN: the angle of the point (x, y).
func (e *Env) Atan2(y, x F80) F80 {
	a, b := y.unpack(), x.unpack()
	if a.special() || b.special() {
		return e.nan80(&a, &b)
	}
	if a.denorm || b.denorm {
		e.Flags |= DE
	}
	eighths := func(n int64) F80 { // n * pi / 4
		if n == 0 {
			return pack80(a.neg, 0, 0)
		}
		v := newFloat().Mul(pi, fromInt(n))
		v.Quo(v, fromInt(4))
		if a.neg {
			v.Neg(v)
		}
		return e.finishPrec(inexactOf(v, true), 64)
	}
	switch {
	case a.class == inf && b.class == inf:
		return eighths(1 + 2*int64(bit(b.neg)))
	case a.class == inf || a.class == finite && b.class == zero:
		return eighths(2)
	case a.class == zero || b.class == inf:
		return eighths(4 * int64(bit(b.neg)))
	}
	return e.finishPrec(angle(&a, &b), 64)
}

// angle is Atan2 of two finite numbers that are not zero.
func angle(a, b *num) exact {
	neg, left := a.neg, b.neg
	y, x := *a, *b
	y.neg, x.neg = false, false
	d := a.exp - b.exp
	if !left && d < -70 { // the ratio, a little less; rounded once
		r := div(&y, &x)
		if r.lo == 0 {
			return justBelow(neg, r)
		}
		r.neg = neg
		return r
	}
	var v *big.Float
	half := newFloat().Quo(newFloat().Set(pi), fromInt(2))
	switch {
	case d < -150: // left: pi
		v = newFloat()
	case d > 150:
		v = newFloat().Set(half)
	case d > 0 || d == 0 && a.sig > b.sig:
		v = newFloat().Sub(half, atan(newFloat().Quo(x.big(), y.big())))
	default:
		v = atan(newFloat().Quo(y.big(), x.big()))
	}
	if left {
		v = newFloat().Sub(newFloat().Set(pi), v)
	}
	if neg {
		v.Neg(v)
	}
	return inexactOf(v, true)
}

// justBelow is a value a little smaller in magnitude than an exact result.
func justBelow(neg bool, r exact) exact {
	r.neg = neg
	if r.hi == 1<<63 {
		r.exp--
		r.hi, r.lo = ^uint64(0), ^uint64(0)
		return r
	}
	r.hi--
	r.lo = ^uint64(0)
	return r
}

// Exp2m1 is F2XM1: 2^x - 1 for -1 <= x <= 1; beyond, where the manual leaves
// the result undefined, x itself.
func (e *Env) Exp2m1(x F80) F80 {
	a := x.unpack()
	switch {
	case a.special():
		return e.nan80(&a, &a)
	case a.class == zero:
		return x
	case a.class == inf:
		if a.neg {
			return pack80(true, 0, 1<<63)
		}
		return x
	}
	if a.denorm {
		e.Flags |= DE
	}
	switch {
	case a.exp > 0 || a.exp == 0 && a.sig<<1 != 0:
		return x
	case a.exp == 0 && a.neg:
		return pack80(true, -1, 1<<63)
	case a.exp == 0:
		return x
	}
	t := a.big()
	t.Mul(t, ln2)
	if a.exp < -workPrec {
		return e.finishPrec(inexactOf(t, true), 64)
	}
	sum := series(t, func(term *big.Float, k int64) {
		term.Mul(term, t)
		term.Quo(term, fromInt(k+1))
	})
	return e.finishPrec(inexactOf(sum, true), 64)
}

// atanh2 is 2*atanh(z)/ln 2: the binary logarithm of (1+z)/(1-z).
func atanh2(z *big.Float) *big.Float {
	z2 := newFloat().Mul(z, z)
	power := newFloat().Set(z)
	sum := newFloat().Set(z)
	for k := int64(1); power.Sign() != 0 && power.MantExp(nil) > sum.MantExp(nil)-workPrec; k++ {
		power.Mul(power, z2)
		sum.Add(sum, newFloat().Quo(power, fromInt(2*k+1)))
	}
	sum.Mul(sum, fromInt(2))
	return sum.Quo(sum, ln2)
}

// Log2 is FYL2X: y * log2(x).
func (e *Env) Log2(y, x F80) F80 {
	a, b := x.unpack(), y.unpack()
	if a.special() || b.special() {
		return e.nan80(&b, &a)
	}
	one := a.class == finite && a.exp == 0 && a.sig == 1<<63 && !a.neg
	switch {
	case a.neg && a.class != zero, a.class == zero && b.class == zero,
		a.class == inf && b.class == zero, one && b.class == inf:
		return e.invalid()
	case a.class == zero && b.class == finite:
		e.Flags |= ZE
		return pack80(!b.neg, infExp, 0)
	}
	if a.denorm || b.denorm {
		e.Flags |= DE
	}
	below := a.class == zero || a.class == finite && a.exp < 0
	switch {
	case b.class == inf || a.class == zero || a.class == inf:
		return pack80(b.neg != below, infExp, 0)
	case b.class == zero:
		return pack80(b.neg != below, 0, 0)
	case one:
		return pack80(b.neg, 0, 0)
	case a.sig == 1<<63: // a power of two: an integer logarithm
		l := intNum(int64(a.exp))
		return e.finishPrec(mul(&l, &b), 64)
	}
	l := log2(a.big())
	return e.finishPrec(inexactOf(l.Mul(l, b.big()), true), 64)
}

// log2 is the binary logarithm of a positive value.
func log2(x *big.Float) *big.Float {
	// x = m * 2^n with m between sqrt(1/2) and sqrt(2), so that the series is short
	m := newFloat()
	n := x.MantExp(m)
	if m.Cmp(sqrtHalf) < 0 {
		m.Mul(m, fromInt(2))
		n--
	}
	z := newFloat().Quo(newFloat().Sub(m, fromInt(1)), newFloat().Add(m, fromInt(1)))
	l := atanh2(z)
	return l.Add(l, fromInt(int64(n)))
}

var sqrtHalf = newFloat().Sqrt(newFloat().SetFloat64(0.5))

// Log2p1 is FYL2XP1: y * log2(x+1) for |x| below 1-sqrt(1/2); beyond, where
// the manual leaves the result undefined, the same down to x = -1.
func (e *Env) Log2p1(y, x F80) F80 {
	a, b := x.unpack(), y.unpack()
	if a.special() || b.special() {
		return e.nan80(&b, &a)
	}
	if a.class == zero && b.class == inf || a.class == inf && (a.neg || b.class == zero) || a.class == finite && a.neg && a.exp >= 0 {
		return e.invalid()
	}
	if a.denorm || b.denorm {
		e.Flags |= DE
	}
	switch {
	case b.class == inf || a.class == inf:
		return pack80(a.neg != b.neg, infExp, 0)
	case a.class == zero || b.class == zero:
		return pack80(a.neg != b.neg, 0, 0)
	}
	var l *big.Float
	if a.exp >= -2 {
		l = log2(newFloat().Add(a.big(), fromInt(1)))
	} else {
		l = atanh2(newFloat().Quo(a.big(), newFloat().Add(a.big(), fromInt(2))))
	}
	return e.finishPrec(inexactOf(l.Mul(l, b.big()), true), 64)
}

// Ulps is how many units of the last place two extended numbers of equal sign
// and nearly equal exponent are apart; large if they are nothing like equal.
func (a F80) Ulps(b F80) uint64 {
	hi, borrow := bits.Sub64(uint64(a.SE), uint64(b.SE), 0)
	if borrow != 0 {
		return b.Ulps(a)
	}
	switch {
	case a.SE == b.SE && a.Sig >= b.Sig:
		return a.Sig - b.Sig
	case a.SE == b.SE:
		return b.Sig - a.Sig
	case hi == 1 && a.Sig<<1 < 1<<32 && ^b.Sig < 1<<32:
		return a.Sig<<1 + ^b.Sig + 1
	}
	return ^uint64(0)
}
