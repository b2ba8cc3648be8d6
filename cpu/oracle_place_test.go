//go:build linux && amd64

package cpu

import (
	"encoding/binary"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
)

// special does what an operation's implicit operands ask for: stack, strings,
// counts, branch targets, divisions that mostly fit.
func (w *placer) special() {
	in, gpr := w.in, &w.rec.GPR
	switch in.Op {
	case decode.MOVS, decode.CMPS, decode.SCAS, decode.LODS, decode.STOS, decode.INS, decode.OUTS:
		w.strings()
	case decode.XLATB:
		w.setEA(RBX, w.target(1)-gpr[RAX]&0xff)
	case decode.MASKMOVDQU, decode.MASKMOVQ:
		w.setEA(RDI, w.base+uint64(w.rng.IntN(64)))
		w.rec.Flags &^= FlagAC
	case decode.FLDENV, decode.FNSTENV, decode.FRSTOR, decode.FNSAVE, decode.FXSAVE:
		w.rec.Flags &^= FlagAC // the pieces in which they go to memory are the processor's
	case decode.BT, decode.BTS, decode.BTR, decode.BTC:
		if in.Args[1].Kind == decode.Reg && in.Args[0].Kind == decode.Mem {
			w.bitOffset()
		}
	case decode.DIV, decode.IDIV:
		w.dividend()
	case decode.CMPXCHG, decode.CMPXCHG8B:
		w.comparand()
	case decode.LOOP, decode.LOOPE, decode.LOOPNE, decode.JCXZ:
		gpr[RCX] = []uint64{0, 1, 2, 1 << 32, 0xffffffff, gpr[RCX]}[w.rng.IntN(6)]
	case decode.PUSH, decode.POP, decode.PUSHF, decode.POPF, decode.PUSHSEG, decode.CALL, decode.RET, decode.ENTER, decode.LEAVE:
		w.stack()
	case decode.LDMXCSR:
		if m := w.operand(4); m != nil && w.rng.IntN(4) > 0 {
			binary.LittleEndian.PutUint32(m, binary.LittleEndian.Uint32(m)&0xffff)
		} else if m != nil {
			m[2] |= 0x10 // bit 17 is AMD's
		}
	case decode.INT:
		if in.Imm&0xff == 0x80 { // the kernel's door
			w.e.code[in.Len-1] = 0x81
		}
	case decode.FXRSTOR:
		w.rec.Flags &^= FlagAC
		if m := w.operand(512); m != nil {
			w.fxImage(m)
		}
	}
	if in.Op == decode.JMP || in.Op == decode.CALL {
		w.indirect()
	}
}

// setEA gives an implied pointer register its value, with garbage above an
// address of 32 bits.
func (w *placer) setEA(r int, v uint64) {
	switch w.in.Segment {
	case decode.SegFS:
		v -= native.FSBase
	case decode.SegGS:
		v -= native.GSBase
	}
	if w.in.AddrSize == 4 {
		v = v&0xffffffff | w.rng.Uint64()<<32
	}
	w.rec.GPR[r] = v
}

// operand returns the bytes of the explicit memory operand, if in the window.
func (w *placer) operand(n int) []byte {
	for i := range w.in.Args[:w.in.NArgs] {
		if w.in.Args[i].Kind == decode.Mem {
			return w.memoryAt(w.linear(), n)
		}
	}
	return nil
}

// linear is the explicit operand's address.
func (w *placer) linear() uint64 { return linearOf(w.in, &w.rec.GPR, w.next) }

// linearOf computes the explicit operand's address as the manual says, without
// help from the code under test; next is the following instruction's address.
func linearOf(in *decode.Inst, gpr *[16]uint64, next uint64) uint64 {
	a := uint64(in.Disp)
	switch {
	case in.Base == decode.RegIP:
		a += next
	case in.Base != decode.NoReg:
		a += gpr[in.Base]
	}
	if in.Index != decode.NoReg {
		a += gpr[in.Index] * uint64(in.Scale)
	}
	if in.AddrSize == 4 {
		a &= 0xffffffff
	}
	switch in.Segment {
	case decode.SegFS:
		a += native.FSBase
	case decode.SegGS:
		a += native.GSBase
	}
	return a
}

// strings places source and destination and keeps counts small.
func (w *placer) strings() {
	n := int(w.in.Size)
	w.setEA(RSI, w.target(n))
	lin := w.target(n)
	if w.in.Op == decode.CMPS { // only one of two reads may fault: their order is the processor's
		if w.rng.IntN(2) == 0 {
			lin = w.base + 64
		} else {
			w.setEA(RSI, w.base+64)
		}
	}
	if w.in.AddrSize == 4 {
		lin = lin&0xffffffff | w.rng.Uint64()<<32
	}
	w.rec.GPR[RDI] = lin // always ES, without override
	if w.in.Prefix&(decode.Rep|decode.RepNE) != 0 {
		w.rec.GPR[RCX] = uint64(w.rng.IntN(4))
		if w.in.Op == decode.INS || w.in.Op == decode.OUTS {
			w.rec.GPR[RCX]++ // with a count of 0 AMD processors check the port all the same
		}
		if w.in.AddrSize == 4 {
			w.rec.GPR[RCX] |= w.rng.Uint64() << 32
		}
	}
	if w.rng.IntN(2) == 0 { // equal elements, for CMPS and SCAS
		for i := range w.rec.Mem[:w.rec.WinLen] {
			w.rec.Mem[i] = byte(w.rec.GPR[RAX] >> (8 * (i % n)))
		}
	}
}

// bitOffset keeps a bit offset in a register within reach of the window.
func (w *placer) bitOffset() {
	r := int(w.in.Args[1].N)
	bit := uint64(w.rng.IntN(512)) - 256
	if w.in.Size < 8 {
		bit = bit&sizeMask(w.in.Size) | w.rec.GPR[r]&^sizeMask(w.in.Size)
	}
	if w.taken[r] || int(w.in.Base) == r || int(w.in.Index) == r {
		w.wild = true // the register is also part of the address: it cannot be placed
		return
	}
	w.rec.GPR[r] = bit
}

// dividend makes half of the quotients fit.
func (w *placer) dividend() {
	gpr := &w.rec.GPR
	if w.taken[RDX] || w.taken[RAX] || w.rng.IntN(2) == 0 {
		return
	}
	small := w.rng.Uint64() >> (20 + w.rng.IntN(44))
	if w.in.Op == decode.IDIV && w.rng.IntN(2) == 0 {
		small = -small
	}
	if w.in.Size == 1 {
		gpr[RAX] = gpr[RAX]&^0xffff | small&0xffff>>w.rng.IntN(8)
		return
	}
	if w.in.Op == decode.IDIV && int64(small) < 0 {
		gpr[RDX] = ^uint64(0)
	} else {
		gpr[RDX] = 0
	}
	if w.rng.IntN(2) == 0 {
		gpr[RAX] = small
	}
}

// comparand makes half of the comparisons equal.
func (w *placer) comparand() {
	if w.taken[RDX] || w.taken[RAX] || w.rng.IntN(2) == 0 {
		return
	}
	n := int(w.in.Size)
	m := w.operand(n)
	if m == nil {
		return
	}
	var v [16]byte
	copy(v[:], m)
	low := binary.LittleEndian.Uint64(v[:])
	if w.in.Op == decode.CMPXCHG8B {
		if n == 8 {
			w.rec.GPR[RAX], w.rec.GPR[RDX] = low&0xffffffff, low>>32
		} else {
			w.rec.GPR[RAX], w.rec.GPR[RDX] = low, binary.LittleEndian.Uint64(v[8:])
		}
		return
	}
	w.rec.GPR[RAX] = low
}

// stack puts the stack pointer, and for LEAVE and ENTER the frame pointer,
// into the window, and what POPF and RET take from it is harmless.
func (w *placer) stack() {
	gpr := &w.rec.GPR
	n := 8
	if w.in.Op == decode.PUSHA || w.in.Op == decode.POPA {
		n = 32
	}
	w.free(RSP, w.target(n))
	switch {
	case w.taken[RBP]:
	case w.in.Op == decode.LEAVE:
		gpr[RBP] = w.target(8)
	case w.in.Op == decode.ENTER: // what it copies must be the record's
		gpr[RBP] = w.base + 32 + uint64(w.rng.IntN(w.rec.WinLen-32))
	}
	if w.in.Op == decode.ENTER {
		w.e.code[w.e.immAt+2] &= 0x23 // nesting level, modulo 32
	}
	if m := w.memoryAt(gpr[RSP], int(w.in.Size)); m != nil {
		var b [8]byte
		copy(b[:], m)
		v := binary.LittleEndian.Uint64(b[:])
		switch w.in.Op {
		case decode.POPF:
			v &^= FlagTF | FlagNT
			if w.rng.IntN(8) > 0 {
				v &^= FlagAC
			}
		case decode.RET:
			v = w.addr + native.PadOffset
		}
		binary.LittleEndian.PutUint64(b[:], v)
		copy(m, b[:])
	}
}

// indirect makes an indirect branch go to the second landing pad.
func (w *placer) indirect() {
	pad := w.addr + native.PadOffset
	switch a := &w.in.Args[0]; a.Kind {
	case decode.Reg:
		if w.in.Op != decode.CALL || a.N != RSP {
			w.rec.GPR[a.N] = pad
		}
	case decode.Mem:
		if m := w.operand(8); m != nil {
			binary.LittleEndian.PutUint64(m, pad)
		}
	}
}

// floatPatterns are the upper halves of interesting singles and doubles.
var single32 = []uint32{
	0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345,
	0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x00800001, 0x7f7fffff, 0xff7fffff, 0x3f800001, 0x3f7fffff,
	0x4b000000, 0x4f000000, 0xcf000000, 0x5f000000, 0xdf000000, 0x3effffff, 0x3f000000, 0xbf000000, 0x7fc12345,
}

var double64 = []uint64{
	0, 1 << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
	0xfff8000000000000, 0x7ff0000000000001, 0xfff0123456789abc, 1, 1<<63 | 1, 0x000fffffffffffff, 0x0010000000000000,
	0x7fefffffffffffff, 0xffefffffffffffff, 0x3ff0000000000001, 0x41dfffffffc00000, 0xc1e0000000000000, 0x41e0000000000000,
	0x43e0000000000000, 0xc3e0000000000000, 0x3fe0000000000000, 0x3fdfffffffffffff, 0x36a0000000000000, 0x380fffffe0000000,
	0x3810000000000000, 0x47efffffe0000000, 0x47effffff0000000, 0x7ff8123456789abc,
}

// float64bits and float32bits are random numbers that often meet: close
// exponents, few digits, special values.
func (w *placer) float64bits() uint64 {
	switch w.rng.IntN(8) {
	case 0, 1:
		return double64[w.rng.IntN(len(double64))]
	case 2:
		return w.rng.Uint64()
	case 3: // small integers and halves
		return uint64(0x3fe+w.rng.IntN(12))<<52 | w.rng.Uint64()&(0xff<<44) | w.rng.Uint64()&(1<<63)
	case 4: // near the ends of the exponent range
		return uint64([]int{0, 1, 2, 0x7fd, 0x7fe, 0x370, 0x381, 0x47e}[w.rng.IntN(8)])<<52 | w.rng.Uint64()&^(0x7ff<<52)
	}
	return uint64(0x3ff+w.rng.IntN(80)-40)<<52 | w.rng.Uint64()&^(0x7ff<<52)
}

func (w *placer) float32bits() uint32 {
	switch w.rng.IntN(8) {
	case 0, 1:
		return single32[w.rng.IntN(len(single32))]
	case 2:
		return w.rng.Uint32()
	case 3:
		return uint32(0x7e+w.rng.IntN(8))<<23 | w.rng.Uint32()&(0x3f<<17) | w.rng.Uint32()&(1<<31)
	case 4:
		return uint32([]int{0, 1, 2, 0xfd, 0xfe}[w.rng.IntN(5)])<<23 | w.rng.Uint32()&^(0xff<<23)
	}
	return uint32(0x7f+w.rng.IntN(40)-20)<<23 | w.rng.Uint32()&^(0xff<<23)
}

// vector is 16 bytes of doubles, singles or integers.
func (w *placer) vector(p []byte) {
	switch w.rng.IntN(3) {
	case 0:
		for i := 0; i < 16; i += 8 {
			binary.LittleEndian.PutUint64(p[i:], w.float64bits())
		}
	case 1:
		for i := 0; i < 16; i += 4 {
			binary.LittleEndian.PutUint32(p[i:], w.float32bits())
		}
	default:
		for i := 0; i < 16; i += 8 {
			binary.LittleEndian.PutUint64(p[i:], w.value())
		}
	}
}

// floats fills in the floating-point state, and the window with numbers.
func (w *placer) floats() {
	w.rng.cut(w.rec.Mem[:w.rec.WinLen], w.pools.vectors, 16)
	w.fxImage(w.rec.FX[:])
}

// fxImage makes a valid FXSAVE image: MXCSR mostly masked, in all modes; the
// x87 state as compilers have it, with variations.
func (w *placer) fxImage(p []byte) {
	clear(p[:512])
	le := binary.LittleEndian
	rng := w.rng
	mxcsr := uint32(0x1f80)
	if rng.IntN(4) > 0 {
		mxcsr |= rng.Uint32() & 0xe03f // rounding, FTZ, flags
		mxcsr |= uint32(rng.IntN(2)) << 6
	}
	if rng.IntN(8) == 0 {
		mxcsr &^= rng.Uint32() & 0x1f80
	}
	le.PutUint32(p[24:], mxcsr)
	le.PutUint32(p[28:], 0xffff)
	w.rng.cut(p[160:416], w.pools.vectors, 16)
	w.x87Image(p)
}
