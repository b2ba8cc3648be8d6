package softfloat

import "math/bits"

// class is the kind of a number (SDM vol. 1, section 4.8.3).
type class uint8

const (
	finite class = iota // not zero
	zero
	inf
	qnan
	snan
	unsupported // 80-bit encodings without a meaning (SDM vol. 1, 8.2.2)
)

// num is a number in the one form that all formats share. A finite one is
// sig * 2^(exp-63) with sig's top bit set; a NaN's sig is its significand with
// the top bit set and the quiet bit below it.
type num struct {
	class  class
	neg    bool
	denorm bool // it was encoded as a denormal
	exp    int
	sig    uint64
}

func (n *num) isNaN() bool { return n.class == qnan || n.class == snan }

// unpack takes a single or double apart.
func (f *format) unpack(v uint64) num {
	fracBits := f.prec - 1
	n := num{neg: v>>(fracBits+f.expBits)&1 != 0}
	biased := int(v>>fracBits) & (1<<f.expBits - 1)
	frac := v & (1<<fracBits - 1)
	switch {
	case biased == 1<<f.expBits-1:
		n.exp, n.sig = infExp, 1<<63|frac<<(63-fracBits)
		switch {
		case frac == 0:
			n.class = inf
		case frac>>(fracBits-1) != 0:
			n.class = qnan
		default:
			n.class = snan
		}
	case biased != 0:
		n.exp, n.sig = biased-f.emax, 1<<63|frac<<(63-fracBits)
	case frac == 0:
		n.class = zero
	default:
		s := bits.LeadingZeros64(frac)
		n.sig, n.denorm = frac<<s, true
		n.exp = f.emin - (s - int(64-f.prec))
	}
	return n
}

// pack puts a rounded result of round together.
func (f *format) pack(neg bool, exp int, sig uint64) uint64 {
	fracBits := f.prec - 1
	s := bit(neg) << (fracBits + f.expBits)
	switch {
	case exp == infExp:
		return s | (1<<f.expBits-1)<<fracBits
	case sig>>63 == 0:
		return s | sig>>(64-f.prec)
	}
	return s | uint64(exp+f.emax)<<fracBits | sig<<1>>(64-fracBits)
}

// packNaN makes a quiet NaN with the payload of n.
func (f *format) packNaN(n *num) uint64 {
	fracBits := f.prec - 1
	return bit(n.neg)<<(fracBits+f.expBits) | (1<<f.expBits-1)<<fracBits |
		n.sig<<1>>(64-fracBits) | 1<<(fracBits-1)
}

// indefinite is the default NaN (SDM vol. 1, section 4.8.3.7).
func (f *format) indefinite() uint64 {
	return (1<<(f.expBits+2) - 1) << (f.prec - 2)
}

// roundPack rounds and packs a finite result.
func (e *Env) roundPack(f *format, neg bool, exp int, hi, lo uint64) uint64 {
	exp, sig := e.round(f, f.prec, neg, exp, hi, lo)
	return f.pack(neg, exp, sig)
}

// operand unpacks a single or double and applies DAZ.
func (e *Env) operand(f *format, v uint64) num {
	n := f.unpack(v)
	if n.denorm && e.DAZ {
		return num{class: zero, neg: n.neg}
	}
	return n
}
