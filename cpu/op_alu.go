package cpu

import (
	"math/bits"

	"klpsim/cpu/decode"
)

// msb returns the sign bit of v for an operand of size bytes, as 0 or 1.
func msb(v uint64, size uint8) uint64 { return v >> (8*uint(size) - 1) & 1 }

// signExtend returns v, size bytes wide, sign-extended to 64 bits.
func signExtend(v uint64, size uint8) uint64 {
	shift := 64 - 8*uint(size)
	return uint64(int64(v<<shift) >> shift)
}

// flagIf returns flag if bit is 1 and 0 if bit is 0.
func flagIf(flag, bit uint64) uint64 { return flag & -bit }

// setFlags replaces the flags in mask by those of v.
func (c *Core) setFlags(mask, v uint64) { c.Flags = c.Flags&^mask | v&mask }

// flagsSZP returns SF, ZF and PF of a result; PF looks at the low byte only.
func flagsSZP(r uint64, size uint8) uint64 {
	f := flagIf(FlagSF, msb(r, size))
	if r&sizeMask(size) == 0 {
		f |= FlagZF
	}
	if bits.OnesCount8(uint8(r))&1 == 0 {
		f |= FlagPF
	}
	return f
}

// add returns a+b+carry and sets the six status flags.
func (c *Core) add(a, b, carry uint64, size uint8) uint64 {
	r := (a + b + carry) & sizeMask(size)
	f := flagsSZP(r, size) | (a^b^r)&FlagAF
	f |= flagIf(FlagCF, msb(a&b|(a|b)&^r, size))
	f |= flagIf(FlagOF, msb((a^r)&(b^r), size))
	c.setFlags(FlagsStatus, f)
	return r
}

// sub returns a-b-borrow and sets the six status flags.
func (c *Core) sub(a, b, borrow uint64, size uint8) uint64 {
	r := (a - b - borrow) & sizeMask(size)
	f := flagsSZP(r, size) | (a^b^r)&FlagAF
	f |= flagIf(FlagCF, msb(^a&b|(^a|b)&r, size))
	f |= flagIf(FlagOF, msb((a^b)&(a^r), size))
	c.setFlags(FlagsStatus, f)
	return r
}

// logic sets the flags of AND, OR, XOR and TEST: CF and OF cleared, AF
// (undefined) cleared too, as Intel and AMD processors do.
func (c *Core) logic(r uint64, size uint8) uint64 {
	r &= sizeMask(size)
	c.setFlags(FlagsStatus, flagsSZP(r, size))
	return r
}

// rmwArg reads operand i, which the instruction will write: memory that cannot
// be written faults as a write before it is read.
func (c *Core) rmwArg(in *decode.Inst, i int) uint64 {
	if in.Args[i].Kind == decode.Mem {
		c.storeCheck(in.Segment, c.ea(in), in.Args[i].Size)
	}
	return c.arg(in, i)
}

// carry returns CF as 0 or 1.
func (c *Core) carry() uint64 { return c.Flags & FlagCF }

func opAdd(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	c.setArg(in, 0, c.add(a, b, 0, in.Size))
}

func opAdc(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	c.setArg(in, 0, c.add(a, b, c.carry(), in.Size))
}

func opSub(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	c.setArg(in, 0, c.sub(a, b, 0, in.Size))
}

func opSbb(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	c.setArg(in, 0, c.sub(a, b, c.carry(), in.Size))
}

func opCmp(c *Core, in *decode.Inst) {
	a, b := c.arg(in, 0), c.arg(in, 1)
	c.sub(a, b, 0, in.Size)
}

// opInc and opDec leave CF alone.
func opInc(c *Core, in *decode.Inst) {
	cf := c.carry()
	c.setArg(in, 0, c.add(c.rmwArg(in, 0), 1, 0, in.Size))
	c.setFlags(FlagCF, cf)
}

func opDec(c *Core, in *decode.Inst) {
	cf := c.carry()
	c.setArg(in, 0, c.sub(c.rmwArg(in, 0), 1, 0, in.Size))
	c.setFlags(FlagCF, cf)
}

func opNeg(c *Core, in *decode.Inst) { c.setArg(in, 0, c.sub(0, c.rmwArg(in, 0), 0, in.Size)) }

func opNot(c *Core, in *decode.Inst) { c.setArg(in, 0, ^c.rmwArg(in, 0)) }

func opAnd(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	c.setArg(in, 0, c.logic(a&b, in.Size))
}

func opOr(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	c.setArg(in, 0, c.logic(a|b, in.Size))
}

func opXor(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	c.setArg(in, 0, c.logic(a^b, in.Size))
}

func opTest(c *Core, in *decode.Inst) {
	a, b := c.arg(in, 0), c.arg(in, 1)
	c.logic(a&b, in.Size)
}

// opCbw is CBW, CWDE and CDQE: the accumulator's lower half sign-extended.
func opCbw(c *Core, in *decode.Inst) {
	c.setReg(RAX, in.Size, signExtend(c.reg(RAX, in.Size/2), in.Size/2))
}

// opCwd is CWD, CDQ and CQO: the accumulator's sign into rDX.
func opCwd(c *Core, in *decode.Inst) {
	c.setReg(RDX, in.Size, -msb(c.reg(RAX, in.Size), in.Size))
}
