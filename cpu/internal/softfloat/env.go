package softfloat

// Flags is a set of floating-point exceptions, laid out as bits 0-5 of MXCSR
// and of the x87 status word (SDM vol. 1, section 4.9.1).
type Flags uint8

// The exceptions.
const (
	IE Flags = 1 << iota // invalid operation
	DE                   // denormal operand
	ZE                   // division by zero
	OE                   // overflow
	UE                   // underflow
	PE                   // precision: the result is inexact

	// Pre are those found before the result is computed; while one of them is
	// unmasked there is no result and no other exception.
	Pre = IE | DE | ZE
	// All is every exception.
	All = Pre | OE | UE | PE
)

// Rounding is a rounding mode, encoded as MXCSR.RC and FCW.RC.
type Rounding uint8

// The rounding modes.
const (
	Nearest Rounding = iota // to nearest, ties to even
	Down                    // towards minus infinity
	Up                      // towards plus infinity
	Zero                    // towards zero
)

// Env is what arithmetic depends on besides its operands, and the exceptions
// it has found so far.
type Env struct {
	Round   Rounding
	Masked  Flags // exceptions that are masked
	DAZ     bool  // denormal operands count as zero (SSE)
	FTZ     bool  // tiny results become zero while UE is masked (SSE)
	Prec    uint8 // significand bits of x87 results: 24, 53 or 64
	Sticky  Flags // exceptions flagged by earlier instructions
	Earlier Flags // exceptions of the operation's earlier stages
	Flags   Flags
	RoundUp bool // the last rounding increased the magnitude (x87 C1)
}

// Unmasked returns the exceptions found that are not masked.
func (e *Env) Unmasked() Flags { return e.Flags &^ e.Masked }

// format is one of the three encodings.
type format struct {
	prec       uint // significand bits, integer bit included
	emin, emax int  // exponents of normal numbers
	expBits    uint
}

var (
	single   = format{prec: 24, emin: -126, emax: 127, expBits: 8}
	double   = format{prec: 53, emin: -1022, emax: 1023, expBits: 11}
	extended = format{prec: 64, emin: -16382, emax: 16383, expBits: 15}
)

// infExp is the exponent of infinity and NaN results of round.
const infExp = 1 << 20

// roundUp decides whether a magnitude is rounded away from zero: odd is its
// lowest kept bit, rest the dropped bits with half being their middle, and
// sticky whether bits below rest were not zero.
func (e *Env) roundUp(neg, odd bool, rest, half uint64, sticky bool) bool {
	switch e.Round {
	case Nearest:
		return rest > half || rest == half && (sticky || odd)
	case Down:
		return neg && (rest != 0 || sticky)
	case Up:
		return !neg && (rest != 0 || sticky)
	}
	return false
}

// roundAt rounds hi:lo to the upper prec bits of hi. carry says that the
// significand overflowed to twice its range (sig is 0 then).
func (e *Env) roundAt(prec uint, neg bool, hi, lo uint64) (sig uint64, carry, inexact, up bool) {
	if prec == 64 {
		inexact = lo != 0
		up = e.roundUp(neg, hi&1 != 0, lo, 1<<63, false)
		sig = hi
		if up {
			sig++
		}
		return sig, up && sig == 0, inexact, up
	}
	unit := uint64(1) << (64 - prec)
	rest := hi & (unit - 1)
	inexact = rest|lo != 0
	up = e.roundUp(neg, hi&unit != 0, rest, unit>>1, lo != 0)
	sig = hi &^ (unit - 1)
	if up {
		sig += unit
	}
	return sig, up && sig == 0, inexact, up
}

// round rounds the value hi:lo * 2^(exp-63), hi's top bit set (the lowest bit
// of lo is sticky), to prec bits within f's exponents. It returns a significand with its top bit set, or a
// denormal one (exp is emin then), or 0 for zero, or exp infExp for infinity.
func (e *Env) round(f *format, prec uint, neg bool, exp int, hi, lo uint64) (int, uint64) {
	sig, carry, inexact, up := e.roundAt(prec, neg, hi, lo)
	rexp := exp
	if carry {
		sig, rexp = 1<<63, exp+1
	}
	e.RoundUp = up
	switch {
	case rexp < f.emin:
		return e.tiny(f, prec, neg, exp, hi, lo, rexp, sig, inexact)
	case rexp > f.emax:
		return e.huge(f, prec, neg, rexp, sig, inexact)
	case exp < f.emin:
		// Not tiny after rounding with unbounded exponent, but the rounding of
		// the denormalised value decides about the digits.
		hi, lo = shiftRightJam(hi, lo, uint(f.emin-exp))
		sig, _, inexact, up = e.roundAt(prec, neg, hi, lo)
		e.RoundUp = up
		rexp = f.emin
	}
	if inexact {
		e.Flags |= PE
	}
	return rexp, sig
}

// tiny handles results below the normal numbers: flushed, wrapped or denormal.
func (e *Env) tiny(f *format, prec uint, neg bool, exp int, hi, lo uint64, rexp int, rsig uint64, rinexact bool) (int, uint64) {
	if e.Masked&UE == 0 {
		e.Flags |= UE
		if rinexact {
			e.Flags |= PE
		}
		if rexp+24576 < f.emin {
			e.Flags |= PE
			e.RoundUp = false
			return f.emin, 0
		}
		return rexp + 24576, rsig // x87 wraps the exponent (SDM vol. 1, 8.5.5), SSE has no result
	} else if e.FTZ {
		e.Flags |= UE | PE
		return f.emin, 0
	}
	hi, lo = shiftRightJam(hi, lo, uint(f.emin-exp))
	sig, _, inexact, up := e.roundAt(prec, neg, hi, lo)
	e.RoundUp = up
	if inexact {
		e.Flags |= UE | PE
	}
	return f.emin, sig
}

// huge handles results above the normal numbers.
func (e *Env) huge(f *format, prec uint, neg bool, rexp int, rsig uint64, inexact bool) (int, uint64) {
	e.Flags |= OE
	if e.Masked&OE == 0 {
		if inexact {
			e.Flags |= PE
		}
		if rexp-24576 > f.emax {
			e.Flags |= PE
			e.RoundUp = true
			return infExp, 0
		}
		return rexp - 24576, rsig // x87 wraps the exponent (SDM vol. 1, 8.5.4), SSE has no result
	}
	e.Flags |= PE
	if e.Round == Zero || e.Round == Down && !neg || e.Round == Up && neg {
		e.RoundUp = false
		return f.emax, ^uint64(0) << (64 - prec)
	}
	e.RoundUp = true
	return infExp, 0
}

// shiftRightJam shifts hi:lo right by n; bits that fall out are or'ed into the
// lowest bit.
func shiftRightJam(hi, lo uint64, n uint) (uint64, uint64) {
	switch {
	case n == 0:
		return hi, lo
	case n < 64:
		out := lo<<(64-n) != 0
		return hi >> n, hi<<(64-n) | lo>>n | bit(out)
	case n == 64:
		return 0, hi | bit(lo != 0)
	case n < 128:
		n -= 64
		return 0, hi>>n | bit(hi<<(64-n)|lo != 0)
	}
	return 0, bit(hi|lo != 0)
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
