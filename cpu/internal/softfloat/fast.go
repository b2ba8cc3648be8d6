package softfloat

import "math"

// fastOK reports whether the host's arithmetic may stand in: it rounds to
// nearest, and the one exception that normal operands with a normal result can
// have is already flagged and masked.
func (e *Env) fastOK() bool {
	return e.Round == Nearest && (e.Flags|e.Sticky)&e.Masked&PE != 0
}

// fast64 computes on the host if neither operands nor result are special.
func (e *Env) fast64(op Op, a, b uint64) (uint64, bool) {
	if !e.fastOK() || !normal64(a) || !normal64(b) {
		return 0, false
	}
	x, y := math.Float64frombits(a), math.Float64frombits(b)
	var r float64
	switch op {
	case Add:
		r = x + y
	case Sub:
		r = x - y
	case Mul:
		r = x * y
	case Div:
		r = x / y
	}
	bits := math.Float64bits(r)
	return bits, safe64(bits)
}

// fast32 computes on the host if neither operands nor result are special.
func (e *Env) fast32(op Op, a, b uint32) (uint32, bool) {
	if !e.fastOK() || !normal32(a) || !normal32(b) {
		return 0, false
	}
	x, y := math.Float32frombits(a), math.Float32frombits(b)
	var r float32
	switch op {
	case Add:
		r = x + y
	case Sub:
		r = x - y
	case Mul:
		r = x * y
	case Div:
		r = x / y
	}
	bits := math.Float32bits(r)
	return bits, safe32(bits)
}

// normal64 reports a normal number.
func normal64(v uint64) bool { return (v>>52+1)&0x7ff > 1 }

func normal32(v uint32) bool { return (v>>23+1)&0xff > 1 }

// safe64 reports a result that neither overflowed nor came near underflow.
func safe64(v uint64) bool { return (v>>52+0x7ff)&0x7ff < 0x7fe && v>>52&0x7ff > 1 }

func safe32(v uint32) bool { return (v>>23+0xff)&0xff < 0xfe && v>>23&0xff > 1 }
