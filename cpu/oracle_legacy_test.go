//go:build linux && amd64

package cpu

import (
	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
)

// The oracle's 32-bit half: integer instructions as compatibility mode has
// them, with those that 64-bit mode lost.

func recordMode(rec *native.Record) decode.Mode {
	if rec.Code32 {
		return decode.Mode32
	}
	return decode.Mode64
}

// legacyForms sweeps the one-byte and 0F maps as 32-bit code.
func legacyForms() []form {
	var forms []form
	for _, escape := range [][]byte{nil, {0x0f}} {
		for opcode := range 256 {
			if escape == nil && isPrefix(byte(opcode)) || escape != nil && (opcode == 0x38 || opcode == 0x3a) {
				continue
			}
			for _, prefix := range []byte{0, 0x66, 0xf2, 0xf3} {
				f := form{mode: decode.Mode32, prefix: prefix, escape: escape, opcode: byte(opcode)}
				for _, g := range f.sweep() {
					if g.op < decode.F2XM1 && legacyRunnable(g.op) {
						forms = append(forms, g)
					}
				}
			}
		}
	}
	return forms
}

// isPrefix reports the prefixes and the escape among the opcodes of 32-bit code.
func isPrefix(b byte) bool {
	return b == 0x0f || b&0xe7 == 0x26 || b >= 0x64 && b <= 0x67 || b == 0xf0 || b == 0xf2 || b == 0xf3
}

// legacyRunnable leaves out what would change the helper's data segments.
func legacyRunnable(op decode.Op) bool { return op != decode.LDS && op != decode.LES }

// encodeLegacy chooses the variable parts of a 32-bit encoding.
func (r *oracleRun) encodeLegacy(f *form) encoding {
	rng := r.rng
	e := encoding{dispAt: -1}
	addr16 := f.op == decode.LEA && rng.IntN(3) == 0
	switch {
	case addr16:
		e.code = append(e.code, 0x67)
	case rng.IntN(12) == 0:
		e.code = append(e.code, []byte{0x2e, 0x3e, 0x26, 0x36}[rng.IntN(4)])
	case f.prefix == 0 && !isBranch(f.op) && rng.IntN(40) == 0:
		e.code = append(e.code, 0xf0)
	}
	e.code = append(e.code, f.bytes(0)...)
	switch {
	case addr16: // LEA accesses nothing: any 16-bit form will do
		e.code = append(e.code, byte(rng.IntN(0xc0)))
	case f.hasRM:
		r.modrm(f, &e)
	}
	e.immAt = len(e.code)
	for range 8 {
		e.code = append(e.code, r.immByte())
	}
	return e
}

// legacy makes a record fit for 32-bit code: registers of 32 bits, and what
// PUSHA, POPA and BOUND touch.
func (w *placer) legacy() {
	switch w.in.Op {
	case decode.PUSHA, decode.POPA:
		w.stack()
	case decode.BOUND:
		if m := w.operand(2 * int(w.in.Size)); m != nil && w.rng.IntN(2) == 0 {
			for i := range m { // the widest bounds there are
				m[i] = byte(0xff * (i / int(w.in.Size)))
			}
			m[w.in.Size-1], m[2*w.in.Size-1] = 0x80, 0x7f
		}
	}
	for i := range w.rec.GPR {
		w.rec.GPR[i] &= 0xffffffff
	}
}
