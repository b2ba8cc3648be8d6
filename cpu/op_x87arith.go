package cpu

import (
	"klpsim/cpu/decode"
	"klpsim/cpu/internal/softfloat"
)

// x87 arithmetic and comparison (SDM vol. 1, sections 8.3.3 to 8.3.6).

// fpuOp describes a row of arithmetic: which operation, its operands the
// other way round, an integer in memory, and whether it pops.
type fpuOp struct {
	op       softfloat.Op
	reversed bool
	integer  bool
	pop      bool
}

// farith makes the handler of an arithmetic row.
func farith(f fpuOp) handler {
	return x87(func(c *Core, in *decode.Inst) {
		dst, src := uint8(0), in.Args[1].N
		memory := in.Args[0].Kind == decode.Mem
		var operand softfloat.Operand
		if memory {
			if operand = c.memOperand(in, f.integer); c.faulted() {
				return
			}
		} else {
			dst = in.Args[0].N
			operand = softfloat.Extended(c.st(src))
		}
		if c.emptyST(dst) || !memory && c.emptyST(src) {
			c.storeOrFault(dst, f.pop)
			return
		}
		e := c.x87Env()
		r := e.ArithWith(f.op, c.st(dst), operand, f.reversed)
		c.result(&e, dst, r, f.pop)
	})
}

// storeOrFault is a stack underflow of an operation with a register result.
func (c *Core) storeOrFault(dst uint8, pop bool) {
	if c.stackFault(false) {
		c.setST(dst, softfloat.Indefinite)
		if pop {
			c.popST()
		}
	}
}

// result ends an operation: ST(dst) = r, then a pop.
func (c *Core) result(e *softfloat.Env, dst uint8, r softfloat.F80, pop bool) {
	if c.x87Done(e) {
		c.setST(dst, r)
		if pop {
			c.popST()
		}
	}
}

// funary wraps an operation on ST(0) alone.
func funary(f func(e *softfloat.Env, x softfloat.F80) softfloat.F80) handler {
	return x87(func(c *Core, in *decode.Inst) {
		if c.emptyST(0) {
			c.storeOrFault(0, false)
			return
		}
		e := c.x87Env()
		r := f(&e, c.st(0))
		c.result(&e, 0, r, false)
	})
}

func fsqrt(e *softfloat.Env, x softfloat.F80) softfloat.F80   { return e.Sqrt80(x) }
func frndint(e *softfloat.Env, x softfloat.F80) softfloat.F80 { return e.RoundInt80(x) }

func fabs(_ *softfloat.Env, x softfloat.F80) softfloat.F80 {
	x.SE &^= 0x8000
	return x
}

func fchs(_ *softfloat.Env, x softfloat.F80) softfloat.F80 {
	x.SE ^= 0x8000
	return x
}

// fbinary wraps an operation of ST(0) and ST(1) with the result in ST(0), or,
// popping, in what becomes ST(0).
func fbinary(pop bool, f func(e *softfloat.Env, x, y softfloat.F80) softfloat.F80) handler {
	return x87(func(c *Core, in *decode.Inst) {
		dst := uint8(0)
		if pop {
			dst = 1
		}
		if c.emptyST(0) || c.emptyST(1) {
			c.storeOrFault(dst, pop)
			return
		}
		e := c.x87Env()
		r := f(&e, c.st(0), c.st(1))
		c.result(&e, dst, r, pop)
	})
}

func fscale(e *softfloat.Env, x, y softfloat.F80) softfloat.F80 { return e.Scale(x, y) }

// opFprem is FPREM and FPREM1: C2 says that the reduction is not complete, C0,
// C3 and C1 are the quotient's bits 2, 1 and 0.
func opFprem(nearest bool) handler {
	return x87(func(c *Core, in *decode.Inst) {
		c.FSW &^= fswC2
		if c.emptyST(0) || c.emptyST(1) {
			c.storeOrFault(0, false)
			return
		}
		e := c.x87Env()
		r, q, outcome := e.Remainder(c.st(0), c.st(1), nearest)
		c.result(&e, 0, r, false)
		switch {
		case outcome == softfloat.NoQuotient || e.Unmasked()&softfloat.Pre != 0:
		case outcome == softfloat.Partial:
			c.FSW = c.FSW&^fswCC | fswC2
		default:
			c.FSW &^= fswCC
			c.FSW |= uint16(q>>2&1)*fswC0 | uint16(q>>1&1)*fswC3 | uint16(q&1)*fswC1
		}
	})
}

// opFxtract: ST(0) becomes the exponent, then the significand is pushed.
func opFxtract(c *Core, in *decode.Inst) {
	c.FSW &^= fswC1
	switch {
	case c.emptyST(0):
		if c.stackFault(false) {
			c.setST(0, softfloat.Indefinite)
			c.pushOver(softfloat.Indefinite)
		}
		return
	case !c.emptyST(7):
		if c.stackFault(true) {
			c.setST(0, softfloat.Indefinite)
			c.pushOver(softfloat.Indefinite)
		}
		return
	}
	e := c.x87Env()
	exponent, significand := e.Extract(c.st(0))
	if c.x87Done(&e) {
		c.setST(0, exponent)
		c.pushST(significand)
	}
}

// relationCC are the condition codes of a comparison (SDM vol. 1, table 8-6).
var relationCC = [...]uint16{
	softfloat.Less:      fswC0,
	softfloat.Equal:     fswC3,
	softfloat.Greater:   0,
	softfloat.Unordered: fswC3 | fswC2 | fswC0,
}

// comparison describes a row of comparisons.
type comparison struct {
	quiet   bool
	integer bool
	pops    uint8
	toFlags bool // the result goes to RFLAGS
	zero    bool // with +0.0 (FTST)
}

// fcompare makes the handler of a comparison.
func fcompare(f comparison) handler {
	return x87(func(c *Core, in *decode.Inst) {
		var y softfloat.Operand
		other := uint8(1)
		switch {
		case f.zero:
			other, y = 0, softfloat.Extended(softfloat.F80{})
		case in.Args[0].Kind == decode.Mem:
			other = 0
			if y = c.memOperand(in, f.integer); c.faulted() {
				return
			}
		default:
			if in.NArgs > 0 {
				other = in.Args[in.NArgs-1].N
			}
			y = softfloat.Extended(c.st(other))
		}
		if c.emptyST(0) || c.emptyST(other) {
			c.compared(f, softfloat.Unordered, c.stackFault(false))
			return
		}
		e := c.x87Env()
		r := e.CompareWith(c.st(0), y, !f.quiet)
		c1 := c.FSW & fswC1
		masked := c.x87Done(&e)
		c.compared(f, r, masked)
		if f.toFlags {
			c.FSW |= c1 // left alone; the condition codes are not this form's result
		}
	})
}

// compared sets the condition codes or flags, whether the exceptions are masked
// or not, and pops if they are.
func (c *Core) compared(f comparison, r softfloat.Relation, masked bool) {
	if f.toFlags {
		c.setFlags(FlagsStatus, relationFlags[r])
	} else {
		c.FSW = c.FSW&^fswCC | relationCC[r]
	}
	if !masked {
		return
	}
	for range f.pops {
		c.popST()
	}
}

// opFxam classifies ST(0); C1 is its sign, of an empty register too.
func opFxam(c *Core, in *decode.Inst) {
	class := softfloat.ClassEmpty
	if !c.emptyST(0) {
		class = c.st(0).Class()
	}
	c.FSW &^= fswCC
	c.FSW |= uint16(class&1)*fswC0 | uint16(class>>1&1)*fswC2 | uint16(class>>2&1)*fswC3
	if c.st(0).Neg() {
		c.FSW |= fswC1
	}
}
