package cpu

import (
	"klpsim/cpu/decode"
	"klpsim/cpu/internal/softfloat"
)

// The x87 unit: its register stack, its exceptions and the shapes that its
// instructions share (SDM vol. 1, chapter 8). The operations themselves are in
// op_x87arith.go and its neighbours.
//
// FIP and FDP are kept for every instruction that is not a control one; FOP
// stays zero, as on processors that keep it for unmasked exceptions only.

// The fields of the x87 status word (SDM vol. 1, section 8.1.3).
const (
	fswSF  uint16 = 1 << 6
	fswES  uint16 = 1 << 7
	fswC0  uint16 = 1 << 8
	fswC1  uint16 = 1 << 9
	fswC2  uint16 = 1 << 10
	fswTop uint16 = 7 << 11
	fswC3  uint16 = 1 << 14
	fswB   uint16 = 1 << 15

	fswCC = fswC0 | fswC1 | fswC2 | fswC3
)

// x87 wraps a non-control instruction: the unit must be available and no
// exception pending; afterwards the pointers tell of it.
func x87(h handler) handler {
	return func(c *Core, in *decode.Inst) {
		c.checkX87()
		if c.faulted() {
			return
		}
		c.touchFP()
		h(c, in)
		c.FIP = c.ip
		if in.Args[0].Kind == decode.Mem {
			c.FDP = c.ea(in)
		}
	}
}

// x87Env is the environment that the control word describes (SDM vol. 1, 8.1.5).
func (c *Core) x87Env() softfloat.Env {
	return softfloat.Env{
		Round:  softfloat.Rounding(c.FCW >> 10 & 3),
		Masked: softfloat.Flags(c.FCW) & softfloat.All,
		Prec:   [4]uint8{24, 64, 53, 64}[c.FCW>>8&3],
	}
}

// stIndex is the physical register of ST(i).
func (c *Core) stIndex(i uint8) uint8 { return (uint8(c.FSW>>11) + i) & 7 }

func (c *Core) emptyST(i uint8) bool { return c.FTW>>c.stIndex(i)&1 == 0 }

func (c *Core) st(i uint8) softfloat.F80 {
	r := &c.FPR[c.stIndex(i)]
	return softfloat.F80{Sig: r.Mant, SE: uint16(r.Exp)}
}

// setST writes ST(i) and marks it valid.
func (c *Core) setST(i uint8, v softfloat.F80) {
	n := c.stIndex(i)
	c.FPR[n] = Float80{Mant: v.Sig, Exp: uint64(v.SE)}
	c.FTW |= 1 << n
}

// popST marks ST(0) empty and moves the top up.
func (c *Core) popST() {
	c.FTW &^= 1 << c.stIndex(0)
	c.moveTop(1)
}

// moveTop adds n to the top of stack.
func (c *Core) moveTop(n uint16) { c.FSW = c.FSW&^fswTop | (c.FSW+n<<11)&fswTop }

// pushST pushes v; a full stack is an overflow, and pushes the indefinite if
// that is masked. It reports whether anything was pushed.
func (c *Core) pushST(v softfloat.F80) bool {
	if !c.emptyST(7) {
		if !c.stackFault(true) {
			return false
		}
		v = softfloat.Indefinite
	}
	c.pushOver(v)
	return true
}

// pushOver pushes whether there is room or not.
func (c *Core) pushOver(v softfloat.F80) {
	c.moveTop(7)
	c.setST(0, v)
}

// stackFault is the stack exception, #IS (SDM vol. 1, 8.5.1.1). It reports
// whether it is masked.
func (c *Core) stackFault(overflow bool) bool {
	c.FSW |= uint16(softfloat.IE) | fswSF
	c.FSW &^= fswC1
	if overflow {
		c.FSW |= fswC1
	}
	c.summary()
	return c.FCW&uint16(softfloat.IE) != 0
}

// summary recomputes ES and B from flags and masks.
func (c *Core) summary() {
	c.FSW &^= fswES | fswB
	if c.FSW&^c.FCW&uint16(softfloat.All) != 0 {
		c.FSW |= fswES | fswB
	}
}

// x87Done records an operation's exceptions and the direction of rounding. It
// reports whether the operation gives a result: not with an unmasked
// exception that precedes it.
func (c *Core) x87Done(e *softfloat.Env) bool {
	pre := e.Unmasked()&softfloat.Pre != 0
	if pre {
		e.Flags &= softfloat.Pre
	}
	c.FSW = c.FSW&^fswC1 | uint16(e.Flags)
	if e.RoundUp && e.Flags&softfloat.PE != 0 {
		c.FSW |= fswC1
	}
	c.summary()
	return !pre
}

// memOperand loads the memory operand of arithmetic: a single, double or, for
// integer forms, a word or doubleword.
func (c *Core) memOperand(in *decode.Inst, integer bool) softfloat.Operand {
	size := in.Args[0].Size
	v := c.arg(in, 0)
	switch {
	case integer:
		return softfloat.Integer(int64(signExtend(v, size)))
	case size == 4:
		return softfloat.Single(uint32(v))
	}
	return softfloat.Double(v)
}

// load80 and store80 move 10 bytes.
func (c *Core) load80(in *decode.Inst) softfloat.F80 {
	off := c.ea(in)
	m := c.load(in.Segment, off, 8)
	return softfloat.F80{Sig: m, SE: uint16(c.load(in.Segment, c.wrap(off+8), 2))}
}

func (c *Core) store80(in *decode.Inst, v softfloat.F80) {
	off := c.ea(in)
	c.store(in.Segment, off, 8, v.Sig)
	c.store(in.Segment, c.wrap(off+8), 2, uint64(v.SE))
}
