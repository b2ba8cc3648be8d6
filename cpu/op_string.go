package cpu

import "klpsim/cpu/decode"

// A step executes one iteration of a repeated string instruction. Between
// iterations the registers say how far it is and RIP is still its own, so
// that it can be interrupted and restarted (SDM vol. 2, REP).

const anyRep = decode.Rep | decode.RepNE

// repDone reports a repeated instruction whose count is already zero.
func (c *Core) repDone(in *decode.Inst) bool {
	return in.Prefix&anyRep != 0 && c.reg(RCX, in.AddrSize) == 0
}

// repNext counts an iteration and, if more are due, makes the instruction the
// next one again.
func (c *Core) repNext(in *decode.Inst) {
	if in.Prefix&anyRep != 0 && c.countDown(in) {
		c.repeat()
	}
}

// repNextIf is repNext for CMPS and SCAS, which also end by ZF.
func (c *Core) repNextIf(in *decode.Inst) {
	if in.Prefix&anyRep == 0 {
		return
	}
	want := in.Prefix&decode.Rep != 0
	if c.countDown(in) && (c.Flags&FlagZF != 0) == want {
		c.repeat()
	}
}

// advance moves an index register by one element in the direction of DF.
func (c *Core) advance(in *decode.Inst, reg uint8) {
	d := uint64(in.Size)
	if c.Flags&FlagDF != 0 {
		d = -d
	}
	c.setReg(reg, in.AddrSize, c.GPR[reg]+d)
}

// source and dest are the offsets of the string operands.
func (c *Core) source(in *decode.Inst) uint64 { return c.reg(RSI, in.AddrSize) }
func (c *Core) dest(in *decode.Inst) uint64   { return c.reg(RDI, in.AddrSize) }

func opMovs(c *Core, in *decode.Inst) {
	if c.repDone(in) {
		return
	}
	c.store(ES, c.dest(in), in.Size, c.load(in.Segment, c.source(in), in.Size))
	c.advance(in, RSI)
	c.advance(in, RDI)
	c.repNext(in)
}

func opCmps(c *Core, in *decode.Inst) {
	if c.repDone(in) {
		return
	}
	a := c.load(in.Segment, c.source(in), in.Size)
	c.sub(a, c.load(ES, c.dest(in), in.Size), 0, in.Size)
	c.advance(in, RSI)
	c.advance(in, RDI)
	c.repNextIf(in)
}

func opScas(c *Core, in *decode.Inst) {
	if c.repDone(in) {
		return
	}
	c.sub(c.reg(RAX, in.Size), c.load(ES, c.dest(in), in.Size), 0, in.Size)
	c.advance(in, RDI)
	c.repNextIf(in)
}

func opLods(c *Core, in *decode.Inst) {
	if c.repDone(in) {
		return
	}
	c.setReg(RAX, in.Size, c.load(in.Segment, c.source(in), in.Size))
	c.advance(in, RSI)
	c.repNext(in)
}

func opStos(c *Core, in *decode.Inst) {
	if c.repDone(in) {
		return
	}
	c.store(ES, c.dest(in), in.Size, c.reg(RAX, in.Size))
	c.advance(in, RDI)
	c.repNext(in)
}

// opIns checks the right to the port, then its destination before the port is
// read: reading a port twice would not be the same as reading it once.
func opIns(c *Core, in *decode.Inst) {
	if c.repDone(in) || !c.portAllowed(uint16(c.GPR[RDX]), in.Size) {
		return
	}
	if !c.portAllowed(uint16(c.GPR[RDX]), in.Size) {
		return
	}
	c.storeCheck(ES, c.dest(in), in.Size)
	if c.faulted() {
		return
	}
	c.store(ES, c.dest(in), in.Size, c.portIn(uint16(c.GPR[RDX]), in.Size))
	c.advance(in, RDI)
	c.repNext(in)
}

func opOuts(c *Core, in *decode.Inst) {
	if c.repDone(in) || !c.portAllowed(uint16(c.GPR[RDX]), in.Size) {
		return
	}
	if !c.portAllowed(uint16(c.GPR[RDX]), in.Size) {
		return
	}
	v := c.load(in.Segment, c.source(in), in.Size)
	if c.faulted() {
		return
	}
	c.portOut(uint16(c.GPR[RDX]), in.Size, v)
	c.advance(in, RSI)
	c.repNext(in)
}
