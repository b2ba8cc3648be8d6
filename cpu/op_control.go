package cpu

import "klpsim/cpu/decode"

// opJmp is the near jump; a relative operand reads as its target.
func opJmp(c *Core, in *decode.Inst) { c.jump(c.arg(in, 0)) }

func opJcc(c *Core, in *decode.Inst) {
	if c.cond(in.Cond) {
		c.jump(c.target(in))
	}
}

// opJcxz is JCXZ, JECXZ and JRCXZ by address size.
func opJcxz(c *Core, in *decode.Inst) {
	if c.reg(RCX, in.AddrSize) == 0 {
		c.jump(c.target(in))
	}
}

// countDown decrements the counter register of LOOP and REP, address-size
// wide, and reports whether it is still not zero.
func (c *Core) countDown(in *decode.Inst) bool {
	n := c.reg(RCX, in.AddrSize) - 1
	c.setReg(RCX, in.AddrSize, n)
	return n&sizeMask(in.AddrSize) != 0
}

func opLoop(c *Core, in *decode.Inst) {
	if c.countDown(in) {
		c.jump(c.target(in))
	}
}

func opLoope(c *Core, in *decode.Inst) {
	if c.countDown(in) && c.Flags&FlagZF != 0 {
		c.jump(c.target(in))
	}
}

func opLoopne(c *Core, in *decode.Inst) {
	if c.countDown(in) && c.Flags&FlagZF == 0 {
		c.jump(c.target(in))
	}
}

func opCall(c *Core, in *decode.Inst) {
	to := c.arg(in, 0)
	c.push(in.Size, c.RIP)
	c.jump(to)
}

// opRet releases Imm bytes of parameters after the return address.
func opRet(c *Core, in *decode.Inst) {
	to := c.pop(in.Size)
	if in.NArgs > 0 {
		w := c.stackSize()
		c.setSP(w, c.GPR[RSP]+uint64(uint16(in.Imm)))
	}
	c.jump(to)
}

// farTarget returns the far pointer that LJMP and LCALL name: immediate, or
// in memory offset first.
func (c *Core) farTarget(in *decode.Inst) (sel uint16, off uint64) {
	if in.Args[0].Kind == decode.Mem {
		off, sel = c.loadFar(in)
		return sel, off
	}
	return in.Imm2, uint64(in.Imm) & sizeMask(in.Size)
}

// loadFar reads a far pointer from the memory operand.
func (c *Core) loadFar(in *decode.Inst) (off uint64, sel uint16) {
	at := c.ea(in)
	off = c.load(in.Segment, at, in.Size)
	sel = uint16(c.load(in.Segment, (at+uint64(in.Size))&sizeMask(in.AddrSize), 2))
	return off, sel
}

func opLjmp(c *Core, in *decode.Inst) {
	sel, off := c.farTarget(in)
	c.farJump(sel, off, in.Size)
}

func opLcall(c *Core, in *decode.Inst) {
	sel, off := c.farTarget(in)
	c.farCall(sel, off, in.Size)
}

func opLret(c *Core, in *decode.Inst) {
	var pop uint16
	if in.NArgs > 0 {
		pop = uint16(in.Imm)
	}
	c.farRet(in.Size, pop)
}

func opInt(c *Core, in *decode.Inst) { c.softInt(uint8(in.Imm)) }

func opInt3(c *Core, in *decode.Inst) { c.softInt(VecBP) }

func opInto(c *Core, in *decode.Inst) {
	if c.Flags&FlagOF != 0 {
		c.softInt(VecOF)
	}
}

func opIcebp(c *Core, in *decode.Inst) { c.icebp() }

func opIret(c *Core, in *decode.Inst) { c.iret(in.Size) }

// opUD is UD0, UD1 and UD2: undefined on purpose.
func opUD(c *Core, in *decode.Inst) { c.raise(VecUD) }

// opBound raises #BR unless the signed index lies within the two bounds.
func opBound(c *Core, in *decode.Inst) {
	at := c.ea(in)
	i := int64(signExtend(c.arg(in, 0), in.Size))
	lo := int64(signExtend(c.load(in.Segment, at, in.Size), in.Size))
	hi := int64(signExtend(c.load(in.Segment, (at+uint64(in.Size))&sizeMask(in.AddrSize), in.Size), in.Size))
	if i < lo || i > hi {
		c.raise(VecBR)
	}
}
