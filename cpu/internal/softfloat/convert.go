package softfloat

import "math/bits"

// intNum makes a number of a signed integer.
func intNum(v int64) num {
	if v == 0 {
		return num{class: zero}
	}
	n := num{neg: v < 0, sig: uint64(v)}
	if n.neg {
		n.sig = -n.sig
	}
	s := bits.LeadingZeros64(n.sig)
	n.sig, n.exp = n.sig<<s, 63-s
	return n
}

func (e *Env) fromInt(f *format, v int64) uint64 {
	n := intNum(v)
	return e.finish(f, exact{class: n.class, neg: n.neg, exp: n.exp, hi: n.sig})
}

// FromInt32 converts an integer to a single.
func (e *Env) FromInt32(v int64) uint32 { return uint32(e.fromInt(&single, v)) }

// FromInt64 converts an integer to a double.
func (e *Env) FromInt64(v int64) uint64 { return e.fromInt(&double, v) }

// Widen converts a single to a double.
func (e *Env) Widen(v uint32) uint64 { return e.convert(&double, &single, uint64(v)) }

// Narrow converts a double to a single.
func (e *Env) Narrow(v uint64) uint32 { return uint32(e.convert(&single, &double, v)) }

func (e *Env) convert(to, from *format, v uint64) uint64 {
	n := e.operand(from, v)
	if n.isNaN() {
		return e.nan(to, &n, &n)
	}
	if n.denorm {
		e.Flags |= DE
	}
	return e.finish(to, exact{class: n.class, neg: n.neg, exp: n.exp, hi: n.sig})
}

// ToInt32 converts a single to a signed integer of the given width in bits.
// Out of range, infinity and NaN are invalid and give the integer indefinite
// 1 << (width-1) (SDM vol. 1, section 4.2.1.2).
func (e *Env) ToInt32(v uint32, width uint, truncate bool) uint64 {
	n := e.operand(&single, uint64(v))
	return e.toInt(&n, width, truncate)
}

// ToInt64 is ToInt32 for doubles.
func (e *Env) ToInt64(v uint64, width uint, truncate bool) uint64 {
	n := e.operand(&double, v)
	return e.toInt(&n, width, truncate)
}

func (e *Env) toInt(n *num, width uint, truncate bool) uint64 {
	saved := e.Round
	if truncate {
		e.Round = Zero
	}
	mag, inexact, ok := e.integral(n)
	e.Round = saved
	limit := uint64(1)<<(width-1) - 1
	if n.neg {
		limit++
	}
	if !ok || mag > limit {
		e.Flags |= IE
		e.RoundUp = false
		return 1 << (width - 1)
	}
	if inexact {
		e.Flags |= PE
	}
	if n.neg {
		mag = -mag
	}
	return mag & (^uint64(0) >> (64 - width))
}

// integral rounds the magnitude of n to an integer below 2^64; ok is false if
// it is none.
func (e *Env) integral(n *num) (mag uint64, inexact, ok bool) {
	switch {
	case n.class == zero:
		e.RoundUp = false
		return 0, false, true
	case n.class != finite || n.exp > 63:
		return 0, false, false
	}
	hi, lo := shiftRightJam(n.sig, 0, uint(63-n.exp))
	e.RoundUp = e.roundUp(n.neg, hi&1 != 0, lo, 1<<63, false)
	if e.RoundUp {
		hi++
		if hi == 0 {
			return 0, false, false
		}
	}
	return hi, lo != 0, true
}

// RoundInt32 rounds a single to an integral single (ROUNDSS).
func (e *Env) RoundInt32(v uint32) uint32 { return uint32(e.roundInt(&single, uint64(v))) }

// RoundInt64 rounds a double to an integral double (ROUNDSD).
func (e *Env) RoundInt64(v uint64) uint64 { return e.roundInt(&double, v) }

func (e *Env) roundInt(f *format, v uint64) uint64 {
	n := e.operand(f, v)
	switch {
	case n.isNaN():
		return e.nan(f, &n, &n)
	case n.class == inf || n.class == finite && n.exp >= int(f.prec):
		return v
	case n.class == zero:
		return f.pack(n.neg, 0, 0)
	}
	mag, inexact, _ := e.integral(&n)
	if inexact {
		e.Flags |= PE
	}
	if mag == 0 {
		return f.pack(n.neg, 0, 0)
	}
	s := bits.LeadingZeros64(mag)
	return f.pack(n.neg, 63-s, mag<<s)
}
