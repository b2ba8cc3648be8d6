//go:build linux && amd64

package cpu

import (
	"encoding/binary"
	"math/bits"

	"klpsim/cpu/decode"
)

// x87Image fills in the x87 part of an FXSAVE image: a stack mostly as full as
// the instruction wants, all precisions and roundings, exceptions mostly
// masked and rarely pending.
func (w *placer) x87Image(p []byte) {
	le := binary.LittleEndian
	rng := w.rng
	fcw := uint16(0x37f)
	if rng.IntN(2) == 0 {
		fcw = 0x7f | uint16(rng.IntN(16))<<8
		if fcw&0x300 == 0x100 {
			fcw |= 0x300 // a reserved precision
		}
	}
	if rng.IntN(8) == 0 {
		fcw &^= uint16(rng.Uint32()) & 0x3f
	}
	fsw := uint16(rng.Uint32()) & 0x4700
	if rng.IntN(4) == 0 {
		fsw |= uint16(rng.Uint32()) & fcw & 0x3f
	}
	if rng.IntN(32) == 0 {
		fsw |= uint16(rng.Uint32()) & 0x7f
	}
	fsw |= uint16(rng.IntN(8)) << 11
	if fsw&^fcw&0x3f != 0 {
		fsw |= 0x8080
	}
	le.PutUint16(p[0:], fcw)
	le.PutUint16(p[2:], fsw)
	p[4] = w.tags(fsw)
	for i := range 8 {
		sig, se := w.extended()
		le.PutUint64(p[32+16*i:], sig)
		le.PutUint16(p[40+16*i:], se)
	}
	if isMMX(w.in) {
		p[3] &^= uint8(rng.Uint32()) & 0x38
		for i := range 8 {
			le.PutUint64(p[32+16*i:], w.value())
		}
	}
}

// tags chooses which registers are empty: for loads mostly ST(7), for the
// others mostly none of those that compilers would use.
func (w *placer) tags(fsw uint16) uint8 {
	full := uint8(0xff)
	switch w.in.Op {
	case decode.FLD, decode.FILD, decode.FBLD, decode.FLD1, decode.FLDZ, decode.FLDPI, decode.FLDL2E, decode.FLDL2T,
		decode.FLDLG2, decode.FLDLN2, decode.FXTRACT, decode.FPTAN, decode.FSINCOS:
		full = 0x7f
	}
	if w.rng.IntN(8) == 0 {
		full = uint8(w.rng.Uint32())
	}
	return bits.RotateLeft8(full, int(fsw>>11&7))
}

// extended is a random 80-bit number: often near the others, often special.
func (w *placer) extended() (sig uint64, se uint16) {
	rng := w.rng
	sign := uint16(rng.IntN(2)) << 15
	switch rng.IntN(12) {
	case 0:
		return 0, sign
	case 1:
		return 1 << 63, sign | 0x7fff
	case 2: // NaNs
		return rng.Uint64() | 1<<63 | uint64(rng.IntN(2))<<62, sign | 0x7fff
	case 3: // denormals and pseudo-denormals
		return rng.Uint64() >> rng.IntN(64), sign
	case 4: // unsupported
		return rng.Uint64() >> 1, sign | uint16(rng.IntN(0x8000))
	case 5: // small integers
		n := uint64(rng.IntN(1 << 12))
		if n == 0 {
			return 1 << 63, sign | 0x3fff
		}
		z := bits.LeadingZeros64(n)
		return n << z, sign | uint16(0x3fff+63-z)
	case 6: // near the ends
		return rng.Uint64() | 1<<63, sign | []uint16{1, 2, 0x7ffd, 0x7ffe, 0x3c01, 0x3bcd, 0x43fe, 0x3f81, 0x3f6a, 0x407e}[rng.IntN(10)]
	case 7: // few digits
		return 1<<63 | rng.Uint64()<<52 | uint64(rng.IntN(4)), sign | uint16(0x3fff+rng.IntN(70)-4)
	case 8:
		return rng.Uint64() | 1<<63, sign | uint16(rng.IntN(0x7fff)+1)&0x7fff
	}
	return rng.Uint64() | 1<<63, sign | uint16(0x3fff+rng.IntN(140)-70)
}
