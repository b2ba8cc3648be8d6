package cpu

import (
	"klpsim/cpu/decode"
	"klpsim/cpu/internal/softfloat"
)

// x87 loads, stores, exchanges and constants (SDM vol. 1, section 8.3.2).

// opFld loads from a register or memory; 80-bit values come as they are.
func opFld(c *Core, in *decode.Inst) {
	a := &in.Args[0]
	if a.Kind == decode.ST {
		if c.emptyST(a.N) {
			if c.stackFault(false) {
				c.pushOver(softfloat.Indefinite)
			}
			return
		}
		c.pushClean(c.st(a.N))
		return
	}
	if a.Size == 10 {
		if v := c.load80(in); !c.faulted() {
			c.pushClean(v)
		}
		return
	}
	v := c.arg(in, 0)
	if c.faulted() {
		return
	}
	if !c.emptyST(7) {
		c.pushST(softfloat.Indefinite)
		return
	}
	e := c.x87Env()
	var r softfloat.F80
	if a.Size == 4 {
		r = e.Load32(uint32(v))
	} else {
		r = e.Load64(v)
	}
	if c.x87Done(&e); e.Unmasked()&softfloat.IE == 0 {
		c.pushST(r) // a denormal is loaded even if that exception is unmasked
	}
}

// pushClean pushes with C1 clear unless the stack overflows.
func (c *Core) pushClean(v softfloat.F80) {
	c.FSW &^= fswC1
	c.pushST(v)
}

func opFild(c *Core, in *decode.Inst) {
	v := c.arg(in, 0)
	if !c.faulted() {
		c.pushClean(softfloat.FromInt80(int64(signExtend(v, in.Args[0].Size))))
	}
}

func opFbld(c *Core, in *decode.Inst) {
	if v := c.load80(in); !c.faulted() {
		c.pushClean(softfloat.FromBCD(v.Sig, v.SE))
	}
}

// constant pushes one of the constants, which are rounded as the control word
// says: nearest, and the value below and above it that is not.
func constant(nearest, down, up uint64, se uint16) handler {
	return x87(func(c *Core, in *decode.Inst) {
		sig := [4]uint64{nearest, down, up, down}[c.FCW>>10&3]
		c.pushClean(softfloat.F80{Sig: sig, SE: se})
	})
}

// opFst stores ST(0) to memory as single or double, or to a register; FSTP
// pops, and stores 80 bits too.
func opFst(pop bool) handler {
	return x87(func(c *Core, in *decode.Inst) {
		a := &in.Args[0]
		c.FSW &^= fswC1
		empty := c.emptyST(0)
		if empty && !c.stackFault(false) {
			c.checkStore(in)
			return
		}
		v := c.st(0)
		if empty {
			v = softfloat.Indefinite
		}
		switch {
		case a.Kind == decode.ST:
			c.setST(a.N, v)
		case a.Size == 10:
			c.store80(in, v)
		default:
			if !c.storeFloat(in, v, empty) {
				return
			}
		}
		if pop {
			c.popST()
		}
	})
}

// checkStore raises what a store to the memory operand would: it is found even
// when an unmasked exception keeps the result back.
func (c *Core) checkStore(in *decode.Inst) {
	if a := &in.Args[0]; a.Kind == decode.Mem {
		c.storeCheck(in.Segment, c.ea(in), min(a.Size, 8))
		if a.Size == 10 {
			c.storeCheck(in.Segment, c.wrap(c.ea(in)+8), 2)
		}
	}
}

// storeFloat rounds to the width of the memory operand and stores. With an
// unmasked overflow or underflow there is no result either (SDM vol. 1, 8.5.4).
func (c *Core) storeFloat(in *decode.Inst, v softfloat.F80, empty bool) bool {
	e := c.x87Env()
	var r uint64
	if in.Args[0].Size == 4 {
		r = uint64(e.Store32(v))
	} else {
		r = e.Store64(v)
	}
	if e.Unmasked()&(softfloat.OE|softfloat.UE) != 0 {
		e.Flags &^= softfloat.PE // of a result that does not exist
	}
	if !empty && (!c.x87Done(&e) || e.Unmasked()&^softfloat.PE != 0) {
		c.checkStore(in)
		return false
	}
	c.setArg(in, 0, r)
	return true
}

// opFist stores ST(0) as an integer.
func opFist(pop, truncate bool) handler {
	return x87(func(c *Core, in *decode.Inst) {
		width := 8 * uint(in.Args[0].Size)
		c.FSW &^= fswC1
		if c.emptyST(0) {
			if !c.stackFault(false) {
				c.checkStore(in)
				return
			}
			c.setArg(in, 0, 1<<(width-1))
		} else {
			e := c.x87Env()
			r := e.ToInt80(c.st(0), width, truncate)
			if !c.x87Done(&e) {
				c.checkStore(in)
				return
			}
			c.setArg(in, 0, r)
		}
		if pop {
			c.popST()
		}
	})
}

// opFbstp stores ST(0) as packed decimal and pops.
func opFbstp(c *Core, in *decode.Inst) {
	c.FSW &^= fswC1
	v := softfloat.Indefinite
	if c.emptyST(0) {
		if !c.stackFault(false) {
			c.checkStore(in)
			return
		}
	} else {
		v = c.st(0)
	}
	e := c.x87Env()
	digits, top := e.ToBCD(v)
	if !c.emptyST(0) && !c.x87Done(&e) {
		c.checkStore(in)
		return
	}
	c.store80(in, softfloat.F80{Sig: digits, SE: top})
	c.popST()
}

// opFxch swaps; empty registers become the indefinite if that is masked.
func opFxch(c *Core, in *decode.Inst) {
	i := in.Args[0].N
	c.FSW &^= fswC1
	a, b := c.st(0), c.st(i)
	if c.emptyST(0) || c.emptyST(i) {
		if !c.stackFault(false) {
			return
		}
		if c.emptyST(0) {
			a = softfloat.Indefinite
		}
		if c.emptyST(i) {
			b = softfloat.Indefinite
		}
	}
	c.setST(0, b)
	c.setST(i, a)
}

// fcmov moves ST(i) to ST(0) if a condition of Jcc's numbering holds.
func fcmov(cond uint8) handler {
	return x87(func(c *Core, in *decode.Inst) {
		i := in.Args[1].N
		if c.emptyST(0) || c.emptyST(i) {
			c.storeOrFault(0, false)
			return
		}
		if c.cond(cond) {
			c.setST(0, c.st(i))
		}
	})
}

func opFincstp(c *Core, in *decode.Inst) {
	c.FSW &^= fswC1
	c.moveTop(1)
}

func opFdecstp(c *Core, in *decode.Inst) {
	c.FSW &^= fswC1
	c.moveTop(7)
}

func opFfree(c *Core, in *decode.Inst) {
	c.FSW &^= fswC1
	c.FTW &^= 1 << c.stIndex(in.Args[0].N)
}

// opFfreep is FFREE with a pop, an alias that all processors have.
func opFfreep(c *Core, in *decode.Inst) {
	opFfree(c, in)
	c.popST()
}

func opFnop(c *Core, in *decode.Inst) {}
