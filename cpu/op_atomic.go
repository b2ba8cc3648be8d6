package cpu

import "klpsim/cpu/decode"

// opCmpxchg writes a memory destination in any case: back what was there if
// the comparison fails (SDM vol. 2, CMPXCHG). A register destination is then
// left alone, upper half included, as on AMD's processors.
func opCmpxchg(c *Core, in *decode.Inst) {
	old, src := c.rmwArg(in, 0), c.arg(in, 1)
	c.sub(c.reg(RAX, in.Size), old, 0, in.Size)
	if c.Flags&FlagZF != 0 {
		c.setArg(in, 0, src)
		return
	}
	if in.Args[0].Kind == decode.Mem {
		c.setArg(in, 0, old)
	}
	c.setReg(RAX, in.Size, old)
}

func opXadd(c *Core, in *decode.Inst) {
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	sum := c.add(a, b, 0, in.Size)
	if in.Args[0].Kind == decode.Mem {
		c.setArg(in, 0, sum)
		c.setArg(in, 1, a)
		return
	}
	c.setArg(in, 1, a)
	c.setArg(in, 0, sum)
}

// opCmpxchg8b is CMPXCHG8B, or CMPXCHG16B when the operand size is 16, which
// must be aligned. Both write memory in any case and change ZF only.
func opCmpxchg8b(c *Core, in *decode.Inst) {
	if in.Size == 16 {
		c.cmpxchg16b(in)
		return
	}
	off := c.ea(in)
	c.storeCheck(in.Segment, off, 8)
	old := c.load(in.Segment, off, 8)
	if old == c.reg(RDX, 4)<<32|c.reg(RAX, 4) {
		c.store(in.Segment, off, 8, c.reg(RCX, 4)<<32|c.reg(RBX, 4))
		c.setFlags(FlagZF, FlagZF)
		return
	}
	c.store(in.Segment, off, 8, old)
	c.setReg(RAX, 4, old)
	c.setReg(RDX, 4, old>>32)
	c.setFlags(FlagZF, 0)
}

func (c *Core) cmpxchg16b(in *decode.Inst) {
	off := c.ea(in)
	if c.linear(in)&15 != 0 {
		c.raiseCode(VecGP, 0)
		return
	}
	c.storeCheck(in.Segment, off, 16)
	old := c.load128(in.Segment, off, true)
	if old == [2]uint64{c.GPR[RAX], c.GPR[RDX]} {
		c.store128(in.Segment, off, [2]uint64{c.GPR[RBX], c.GPR[RCX]}, true)
		c.setFlags(FlagZF, FlagZF)
		return
	}
	c.store128(in.Segment, off, old, true)
	c.GPR[RAX], c.GPR[RDX] = old[0], old[1]
	c.setFlags(FlagZF, 0)
}
