package cpu

import (
	"math/bits"

	"klpsim/cpu/decode"
)

// sizeMask returns the mask of an operand of 1, 2, 4 or 8 bytes.
func sizeMask(size uint8) uint64 { return ^uint64(0) >> (64 - 8*uint(size)) }

// arg reads explicit operand i of in, zero-extended from its own width. After
// a fault it reads as 0.
func (c *Core) arg(in *decode.Inst, i int) uint64 {
	a := &in.Args[i]
	switch a.Kind {
	case decode.Reg:
		return c.GPR[a.N&15] & sizeMask(a.Size)
	case decode.High:
		return c.GPR[a.N&3] >> 8 & 0xff
	case decode.Mem:
		return c.load(in.Segment, c.ea(in), a.Size)
	case decode.Imm:
		return uint64(in.Imm) & sizeMask(a.Size)
	case decode.Imm2:
		return uint64(in.Imm2)
	case decode.Rel:
		return c.target(in)
	case decode.Seg:
		return uint64(c.Seg[a.N%6].Sel)
	case decode.CR:
		return c.getCR(a.N)
	case decode.DR:
		return c.getDR(a.N)
	case decode.XMM:
		return c.XMM[a.N&15][0] & sizeMask(min(a.Size, 8))
	case decode.MM:
		return c.FPR[a.N&7].Mant & sizeMask(min(a.Size, 8))
	}
	panic("BUG: operand kind without a scalar value")
}

// setArg writes explicit operand i of in; v is cut to the operand's width and
// 32-bit results clear the upper half of a 64-bit register (SDM vol. 1, 3.4.1.1).
func (c *Core) setArg(in *decode.Inst, i int, v uint64) {
	a := &in.Args[i]
	switch a.Kind {
	case decode.Reg:
		c.setReg(a.N, a.Size, v)
	case decode.High:
		r := &c.GPR[a.N&3]
		*r = *r&^0xff00 | v&0xff<<8
	case decode.Mem:
		c.store(in.Segment, c.ea(in), a.Size, v)
	default:
		panic("BUG: operand kind that setArg cannot write")
	}
}

// reg reads the low size bytes of general register n.
func (c *Core) reg(n, size uint8) uint64 { return c.GPR[n&15] & sizeMask(size) }

// setReg writes the low size bytes of general register n; a 4-byte write
// clears the upper half, 1- and 2-byte writes keep the rest.
func (c *Core) setReg(n, size uint8, v uint64) {
	r := &c.GPR[n&15]
	switch size {
	case 1:
		*r = *r&^0xff | v&0xff
	case 2:
		*r = *r&^0xffff | v&0xffff
	case 4:
		*r = v & 0xffffffff
	default:
		*r = v
	}
}

// target returns the address a relative branch goes to, cut to the operand
// size (SDM vol. 2A, JMP: 64 bits in 64-bit mode).
func (c *Core) target(in *decode.Inst) uint64 {
	t := c.RIP + uint64(in.Imm)
	if c.mode == decode.Mode64 {
		return t
	}
	return t & sizeMask(max(in.Size, 2))
}

// jump makes off the next instruction's offset in CS. Beyond the code
// segment's limit, or not canonical in 64-bit mode, it faults with #GP(0).
func (c *Core) jump(off uint64) {
	if c.mode == decode.Mode64 {
		if !canonical(off) {
			c.raiseCode(VecGP, 0)
			return
		}
	} else if off > uint64(c.Seg[CS].Limit) {
		c.raiseCode(VecGP, 0)
		return
	}
	c.RIP = off
}

// repeat makes the current instruction the next one again: an iteration of a
// repeated string instruction that is not the last ends with it. With
// breakpoints on, RF then keeps the instruction's own from hitting once more
// (SDM vol. 3B, section 17.3.1.1).
func (c *Core) repeat() {
	c.RIP = c.ip
	if c.DR[7]&0xff != 0 {
		c.Flags |= FlagRF
		c.keepRF = true
	}
}

// ea returns the effective address of in's memory operand: an offset in its
// segment, cut to the address size.
func (c *Core) ea(in *decode.Inst) uint64 {
	off := uint64(in.Disp)
	switch {
	case in.Base == decode.RegIP:
		off += c.RIP
	case in.Base != decode.NoReg:
		off += c.GPR[in.Base&15]
	}
	if in.Index != decode.NoReg {
		off += c.GPR[in.Index&15] * uint64(in.Scale)
	}
	return off & sizeMask(in.AddrSize)
}

// linear returns the linear address of in's memory operand without checking it.
func (c *Core) linear(in *decode.Inst) uint64 {
	lin := c.ea(in) + c.segBase(in.Segment)
	if c.mode != decode.Mode64 {
		lin &= 0xffffffff
	}
	return lin
}

// segBase returns the base that addressing through seg adds: in 64-bit mode
// only FS and GS have one (SDM vol. 3A, section 3.4.4).
func (c *Core) segBase(seg uint8) uint64 {
	if c.mode == decode.Mode64 && seg < FS {
		return 0
	}
	return c.Seg[seg].Base
}

// load reads size (1, 2, 4 or 8) bytes at offset off of segment seg, with all
// checks; after a fault it returns 0.
func (c *Core) load(seg uint8, off uint64, size uint8) uint64 {
	lin, ok := c.check(seg, off, uint64(size), false)
	if !ok {
		return 0
	}
	return c.readLin(lin, size, c.dataAccess(AccessRead))
}

// store writes the low size (1, 2, 4 or 8) bytes of v at offset off of segment
// seg, with all checks. The bytes leave the core when the instruction has
// ended without a fault.
func (c *Core) store(seg uint8, off uint64, size uint8, v uint64) {
	if lin, ok := c.check(seg, off, uint64(size), true); ok {
		c.writeLin(lin, size, v, c.dataAccess(AccessWrite))
	}
}

// storeCheck raises what store at the same place would raise, without storing:
// a read-modify-write whose write may be dropped still needs write access, and
// one that faults must fault before its read is seen.
func (c *Core) storeCheck(seg uint8, off uint64, size uint8) {
	if lin, ok := c.check(seg, off, uint64(size), true); ok {
		c.probe(lin, uint64(size), c.dataAccess(AccessWrite))
	}
}

// load128 reads 16 bytes; aligned asks for #GP(0) unless they are 16-byte aligned.
func (c *Core) load128(seg uint8, off uint64, aligned bool) [2]uint64 {
	c.checkAligned(seg, off, aligned)
	lin, ok := c.check(seg, off, 16, false)
	if !ok {
		return [2]uint64{}
	}
	return c.readLin128(lin, c.dataAccess(AccessRead))
}

// store128 writes 16 bytes; aligned asks for #GP(0) unless they are 16-byte aligned.
func (c *Core) store128(seg uint8, off uint64, v [2]uint64, aligned bool) {
	c.checkAligned(seg, off, aligned)
	if lin, ok := c.check(seg, off, 16, true); ok {
		c.writeLin128(lin, v, c.dataAccess(AccessWrite))
	}
}

// checkAligned raises #GP(0) when 16-byte alignment is asked for and missing;
// that comes before #AC and the checks of the address, as silicon has it.
func (c *Core) checkAligned(seg uint8, off uint64, aligned bool) {
	if lin := c.segBase(seg) + off; aligned && lin&15 != 0 {
		c.raiseCode(VecGP, 0)
	}
}

// loadN reads n bytes (any number, for x87 and save areas) into p, byte
// groups of up to 8 in ascending order.
func (c *Core) loadN(seg uint8, off uint64, p []byte) {
	for i := 0; i < len(p); {
		n := chunk(len(p) - i)
		v := c.load(seg, c.wrap(off+uint64(i)), uint8(n))
		for j := range n {
			p[i+j] = byte(v >> (8 * j))
		}
		i += n
	}
}

// storeN writes the bytes p in groups of up to 8 in ascending order.
func (c *Core) storeN(seg uint8, off uint64, p []byte) {
	for i := 0; i < len(p); {
		n := chunk(len(p) - i)
		var v uint64
		for j := range n {
			v |= uint64(p[i+j]) << (8 * j)
		}
		c.store(seg, c.wrap(off+uint64(i)), uint8(n), v)
		i += n
	}
}

// chunk returns the largest power of two up to 8 that is not above n.
func chunk(n int) int { return 1 << min(3, bits.Len(uint(n))-1) }

// wrap cuts an offset to 32 bits outside 64-bit mode.
func (c *Core) wrap(off uint64) uint64 {
	if c.mode == decode.Mode64 {
		return off
	}
	return off & 0xffffffff
}

// xmm returns XMM register n.
func (c *Core) xmm(n uint8) [2]uint64 { return c.XMM[n&15] }

// setXMM writes XMM register n.
func (c *Core) setXMM(n uint8, v [2]uint64) {
	c.touchFP()
	c.XMM[n&15] = v
}

// xarg reads operand i as a 128-bit value: an XMM register, an MMX register
// (upper half zero) or memory of the operand's size; 16-byte memory operands
// must be aligned when aligned is set.
func (c *Core) xarg(in *decode.Inst, i int, aligned bool) [2]uint64 {
	a := &in.Args[i]
	switch {
	case a.Kind == decode.XMM:
		return c.XMM[a.N&15]
	case a.Kind == decode.Mem && a.Size == 16:
		return c.load128(in.Segment, c.ea(in), aligned)
	}
	return [2]uint64{c.arg(in, i), 0}
}

// stackSize returns the width of the stack pointer in bytes.
func (c *Core) stackSize() uint8 {
	switch {
	case c.mode == decode.Mode64:
		return 8
	case c.Seg[SS].Attr&AttrDB != 0:
		return 4
	}
	return 2
}

// push stores the low size (2, 4 or 8) bytes of v below the stack pointer and
// moves it there.
func (c *Core) push(size uint8, v uint64) {
	w := c.stackSize()
	sp := (c.GPR[RSP] - uint64(size)) & sizeMask(w)
	c.store(SS, sp, size, v)
	c.setSP(w, sp)
}

// pop loads size (2, 4 or 8) bytes at the stack pointer and moves it above.
func (c *Core) pop(size uint8) uint64 {
	w := c.stackSize()
	sp := c.GPR[RSP] & sizeMask(w)
	v := c.load(SS, sp, size)
	c.setSP(w, (sp+uint64(size))&sizeMask(w))
	return v
}

// setSP writes the low w bytes of the stack pointer; unlike a register
// operand, a 32-bit stack pointer leaves the upper half alone only in theory:
// outside 64-bit mode it is zero.
func (c *Core) setSP(w uint8, sp uint64) { c.setReg(RSP, w, sp) }
