package cpu

import (
	"klpsim/cpu/decode"
	"klpsim/cpu/internal/softfloat"
)

// The transcendental x87 instructions (SDM vol. 1, sections 8.3.7 and 8.3.9).

// trigonometric wraps FSIN, FCOS and FPTAN: C2 says that the argument was out
// of range and stays. FPTAN pushes 1.0 as well.
func trigonometric(f func(e *softfloat.Env, x softfloat.F80) (softfloat.F80, bool), pushOne bool) handler {
	return x87(func(c *Core, in *decode.Inst) {
		c.FSW &^= fswC1 | fswC2
		if c.trigFault(pushOne) {
			return
		}
		e := c.x87Env()
		r, outside := f(&e, c.st(0))
		if outside {
			c.FSW |= fswC2
			return
		}
		if !c.x87Done(&e) {
			return
		}
		c.setST(0, r)
		if pushOne {
			c.pushSecond(&e, r, softfloat.One)
		}
	})
}

// trigFault is the stack check of the trigonometric instructions.
func (c *Core) trigFault(pushes bool) bool {
	empty := c.emptyST(0)
	if !empty && (!pushes || c.emptyST(7)) {
		return false
	}
	if c.stackFault(!empty) {
		c.setST(0, softfloat.Indefinite)
		if pushes {
			c.pushOver(softfloat.Indefinite)
		}
	}
	return true
}

// pushSecond pushes the second result; after a NaN or an invalid operation it
// is the same as the first.
func (c *Core) pushSecond(e *softfloat.Env, first, second softfloat.F80) {
	if first.Class() == softfloat.ClassNaN {
		second = first
	}
	c.pushOver(second)
}

func fsin(e *softfloat.Env, x softfloat.F80) (softfloat.F80, bool)  { return e.Sin(x) }
func fcos(e *softfloat.Env, x softfloat.F80) (softfloat.F80, bool)  { return e.Cos(x) }
func fptan(e *softfloat.Env, x softfloat.F80) (softfloat.F80, bool) { return e.Tan(x) }

// opFsincos replaces ST(0) by its sine and pushes its cosine.
func opFsincos(c *Core, in *decode.Inst) {
	c.FSW &^= fswC1 | fswC2
	if c.trigFault(true) {
		return
	}
	e := c.x87Env()
	x := c.st(0)
	sin, outside := e.Sin(x)
	if outside {
		c.FSW |= fswC2
		return
	}
	cos, _ := e.Cos(x)
	if c.x87Done(&e) {
		c.setST(0, sin)
		c.pushSecond(&e, sin, cos)
	}
}

func f2xm1(e *softfloat.Env, x softfloat.F80) softfloat.F80      { return e.Exp2m1(x) }
func fyl2x(e *softfloat.Env, x, y softfloat.F80) softfloat.F80   { return e.Log2(y, x) }
func fyl2xp1(e *softfloat.Env, x, y softfloat.F80) softfloat.F80 { return e.Log2p1(y, x) }
func fpatan(e *softfloat.Env, x, y softfloat.F80) softfloat.F80  { return e.Atan2(y, x) }
