package softfloat

import "math/bits"

// F80 is an 80-bit extended number: the significand with its explicit integer
// bit, and sign and biased exponent (SDM vol. 1, section 8.2).
type F80 struct {
	Sig uint64
	SE  uint16
}

// Indefinite is the real indefinite, the x87 default NaN.
var Indefinite = F80{Sig: 3 << 62, SE: 0xffff}

// One is 1.0.
var One = F80{Sig: 1 << 63, SE: 0x3fff}

// Neg reports the sign bit.
func (a F80) Neg() bool { return a.SE>>15 != 0 }

// unpack takes an extended number apart. Pseudo-denormals are denormals;
// pseudo-infinities, pseudo-NaNs and unnormals are unsupported.
func (a F80) unpack() num {
	n := num{neg: a.Neg(), sig: a.Sig}
	biased := int(a.SE & 0x7fff)
	switch {
	case biased != 0 && a.Sig>>63 == 0:
		n.class = unsupported
	case biased == 0x7fff:
		n.exp = infExp
		switch {
		case a.Sig<<1 == 0:
			n.class = inf
		case a.Sig>>62&1 != 0:
			n.class = qnan
		default:
			n.class = snan
		}
	case biased != 0:
		n.exp = biased - extended.emax
	case a.Sig == 0:
		n.class = zero
	default:
		s := bits.LeadingZeros64(a.Sig)
		n.sig, n.denorm, n.exp = a.Sig<<s, true, extended.emin-s
	}
	return n
}

// pack80 puts a rounded result together.
func pack80(neg bool, exp int, sig uint64) F80 {
	s := uint16(bit(neg)) << 15
	switch {
	case exp == infExp:
		return F80{1 << 63, s | 0x7fff}
	case sig>>63 == 0:
		return F80{sig, s}
	}
	return F80{sig, s | uint16(exp+extended.emax)}
}

// quiet80 is a NaN made quiet.
func quiet80(n *num) F80 { return F80{n.sig | 3<<62, uint16(bit(n.neg))<<15 | 0x7fff} }

// invalid notes an invalid operation and returns the indefinite.
func (e *Env) invalid() F80 {
	e.Flags |= IE
	return Indefinite
}

// finish80 rounds an exact result to the precision of the environment.
func (e *Env) finish80(x exact) F80 { return e.finishPrec(x, uint(e.Prec)) }

func (e *Env) finishPrec(x exact, prec uint) F80 {
	switch x.class {
	case zero:
		return pack80(x.neg, 0, 0)
	case inf:
		return pack80(x.neg, infExp, 0)
	case qnan:
		return e.invalid()
	}
	exp, sig := e.round(&extended, prec, x.neg, x.exp, x.hi, x.lo)
	return pack80(x.neg, exp, sig)
}

// nan80 returns the result of an operation with a NaN or an unsupported
// operand (SDM vol. 1, table 4-7): a quiet NaN before a signalling one, else
// the larger significand, else the positive one.
func (e *Env) nan80(a, b *num) F80 {
	if a.class == unsupported || b.class == unsupported {
		return e.invalid()
	}
	if a.class == snan || b.class == snan {
		e.Flags |= IE
	}
	switch {
	case !b.isNaN():
		return quiet80(a)
	case !a.isNaN():
		return quiet80(b)
	case a.class == snan && b.class == qnan:
		return quiet80(b)
	case a.class == qnan && b.class == snan:
		return quiet80(a)
	case a.sig > b.sig || a.sig == b.sig && !a.neg:
		return quiet80(a)
	}
	return quiet80(b)
}

func (n *num) special() bool { return n.isNaN() || n.class == unsupported }

func (e *Env) arith80(op Op, a, b *num) F80 {
	if a.special() || b.special() {
		return e.nan80(a, b)
	}
	return e.finish80(e.compute(op, a, b))
}

// Sqrt80 returns the square root.
func (e *Env) Sqrt80(x F80) F80 {
	a := x.unpack()
	if a.special() {
		return e.nan80(&a, &a)
	}
	r := sqrt(&a)
	if r.class != qnan && a.denorm {
		e.Flags |= DE
	}
	return e.finish80(r)
}

// RoundInt80 rounds to an integral number (FRNDINT).
func (e *Env) RoundInt80(x F80) F80 {
	a := x.unpack()
	switch {
	case a.special():
		return e.nan80(&a, &a)
	case a.class != finite || a.exp >= 63:
		return x
	}
	if a.denorm {
		e.Flags |= DE
	}
	mag, inexact, _ := e.integral(&a)
	if inexact {
		e.Flags |= PE
	}
	if mag == 0 {
		return pack80(a.neg, 0, 0)
	}
	s := bits.LeadingZeros64(mag)
	return pack80(a.neg, 63-s, mag<<s)
}

// ToInt80 converts to a signed integer of width bits; see ToInt32.
func (e *Env) ToInt80(x F80, width uint, truncate bool) uint64 {
	a := x.unpack()
	return e.toInt(&a, width, truncate)
}

// FromInt80 converts an integer, exactly.
func FromInt80(v int64) F80 {
	n := intNum(v)
	if n.class == zero {
		return F80{}
	}
	return pack80(n.neg, n.exp, n.sig)
}

// Load32 and Load64 convert a single or double to extended, exactly; NaNs are
// made quiet.
func (e *Env) Load32(v uint32) F80 { return e.load(&single, uint64(v)) }

// Load64 is Load32 for doubles.
func (e *Env) Load64(v uint64) F80 { return e.load(&double, v) }

func (e *Env) load(f *format, v uint64) F80 {
	n := f.unpack(v)
	switch {
	case n.isNaN():
		return e.nan80(&n, &n)
	case n.denorm:
		e.Flags |= DE
	}
	return exact80(&n)
}

// exact80 encodes a number that fits.
func exact80(n *num) F80 {
	switch n.class {
	case zero:
		return pack80(n.neg, 0, 0)
	case inf:
		return pack80(n.neg, infExp, 0)
	}
	return pack80(n.neg, n.exp, n.sig)
}

// Store32 and Store64 convert extended to single or double.
func (e *Env) Store32(x F80) uint32 { return uint32(e.store(&single, x)) }

// Store64 is Store32 for doubles.
func (e *Env) Store64(x F80) uint64 { return e.store(&double, x) }

func (e *Env) store(f *format, x F80) uint64 {
	a := x.unpack()
	switch {
	case a.class == unsupported:
		e.Flags |= IE
		return f.indefinite()
	case a.isNaN():
		if a.class == snan {
			e.Flags |= IE
		}
		return f.packNaN(&a)
	}
	return e.finish(f, exact{class: a.class, neg: a.neg, exp: a.exp, hi: a.sig})
}

// Operand is a memory operand of x87 arithmetic in any format.
type Operand struct{ n num }

// Single makes an operand of a single.
func Single(v uint32) Operand { return Operand{single.unpack(uint64(v))} }

// Double makes an operand of a double.
func Double(v uint64) Operand { return Operand{double.unpack(v)} }

// Extended makes an operand of an extended number.
func Extended(v F80) Operand { return Operand{v.unpack()} }

// Integer makes an operand of an integer.
func Integer(v int64) Operand { return Operand{intNum(v)} }

// ArithWith computes a op b, or b op a if reversed.
func (e *Env) ArithWith(op Op, x F80, y Operand, reversed bool) F80 {
	a := x.unpack()
	if reversed {
		return e.arith80(op, &y.n, &a)
	}
	return e.arith80(op, &a, &y.n)
}

// CompareWith compares x with an operand; signalling finds any NaN invalid,
// quiet only signalling NaNs and unsupported encodings.
func (e *Env) CompareWith(x F80, y Operand, signalling bool) Relation {
	a := x.unpack()
	if a.class == unsupported || y.n.class == unsupported {
		e.Flags |= IE
		return Unordered
	}
	return e.compare(&a, &y.n, signalling)
}
