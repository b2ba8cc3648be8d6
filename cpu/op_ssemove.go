package cpu

import "klpsim/cpu/decode"

// Moves and shuffles of vector registers (SDM vol. 2, MOV..., UNPCK...).

// moveVec is a move of 16 bytes between XMM registers and memory.
func moveVec(aligned bool) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		v := c.xarg(in, 1, aligned)
		if in.Args[0].Kind == decode.Mem {
			c.store128(in.Segment, c.ea(in), v, aligned)
		} else {
			c.setVec(in, v)
		}
	})
}

// moveScalar is MOVSS (size 4) and MOVSD (size 8): from memory the rest of the
// register is cleared, between registers it is kept.
func moveScalar(size uint8) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		x := c.xarg(in, 1, false)[0]
		switch {
		case in.Args[0].Kind == decode.Mem:
			c.store(in.Segment, c.ea(in), size, x)
		case in.Args[1].Kind == decode.Mem:
			c.setVec(in, vec{x & sizeMask(size)})
		default:
			c.setVec(in, put(c.xmm(in.Args[0].N), 0, 8*uint(size), x))
		}
	})
}

// moveHalf moves 8 bytes between memory and half n of an XMM register.
func moveHalf(n int) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		if in.Args[0].Kind == decode.Mem {
			c.store(in.Segment, c.ea(in), 8, c.xmm(in.Args[1].N)[n])
			return
		}
		v := c.xmm(in.Args[0].N)
		v[n] = c.load(in.Segment, c.ea(in), 8)
		c.setVec(in, v)
	})
}

func opMovhlps(c *Core, in *decode.Inst) {
	c.setVec(in, vec{c.xmm(in.Args[1].N)[1], c.xmm(in.Args[0].N)[1]})
}

func opMovlhps(c *Core, in *decode.Inst) {
	c.setVec(in, vec{c.xmm(in.Args[0].N)[0], c.xmm(in.Args[1].N)[0]})
}

// opMovd is MOVD and MOVQ: between a vector register, a general register and
// memory, and between vector registers; what is above the value is cleared.
func opMovd(c *Core, in *decode.Inst) {
	if !c.enterSIMD(in) {
		return
	}
	v := c.xarg(in, 1, false)
	if a := &in.Args[0]; a.Kind == decode.XMM || a.Kind == decode.MM {
		if in.Args[1].Kind == decode.Reg {
			v[0] &= sizeMask(in.Args[1].Size)
		}
		c.setVec(in, vec{v[0]})
		return
	}
	c.setArg(in, 0, v[0])
}

// opMovq2dq and opMovdq2q move between MMX and XMM registers.
func opMovq2dq(c *Core, in *decode.Inst) {
	c.checkSSE()
	if c.enterMMX() {
		c.setXMM(in.Args[0].N, vec{c.FPR[in.Args[1].N&7].Mant})
	}
}

func opMovdq2q(c *Core, in *decode.Inst) {
	c.checkSSE()
	if c.enterMMX() {
		c.setMM(in.Args[0].N, c.xmm(in.Args[1].N)[0])
	}
}

// opMovntq stores an MMX register past the caches, which here is a store.
func opMovntq(c *Core, in *decode.Inst) {
	if c.enterSIMD(in) {
		c.store(in.Segment, c.ea(in), 8, c.xarg(in, 1, false)[0])
	}
}

// opMaskmov stores the bytes whose mask has its top bit set at DS:rDI
// (SDM vol. 2, MASKMOVDQU and MASKMOVQ).
func opMaskmov(c *Core, in *decode.Inst) {
	if !c.enterSIMD(in) {
		return
	}
	v, mask := c.xarg(in, 0, false), c.xarg(in, 1, false)
	n := uint64(16)
	if isMMX(in) {
		n = 8
	}
	off := c.reg(RDI, in.AddrSize)
	for i := range n {
		if byteAt(mask, int(i)) >= 0x80 {
			c.store(in.Segment, (off+i)&sizeMask(in.AddrSize), 1, uint64(byteAt(v, int(i))))
		}
	}
}

func opMovddup(c *Core, in *decode.Inst) {
	x := c.xarg(in, 1, false)[0]
	c.setVec(in, vec{x, x})
}

func opMovshdup(c *Core, in *decode.Inst) {
	v := c.xarg(in, 1, true)
	c.setVec(in, dwords(dwordAt(v, 1), dwordAt(v, 1), dwordAt(v, 3), dwordAt(v, 3)))
}

func opMovsldup(c *Core, in *decode.Inst) {
	v := c.xarg(in, 1, true)
	c.setVec(in, dwords(dwordAt(v, 0), dwordAt(v, 0), dwordAt(v, 2), dwordAt(v, 2)))
}

// opMovmsk collects the sign bits of w-bit lanes in a general register.
func opMovmsk(w uint) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		v := c.xmm(in.Args[1].N)
		c.setReg(in.Args[0].N, 8, signBits(v[0], w)|signBits(v[1], w)<<(64/w))
	})
}

// opInsertps: SDM vol. 2, INSERTPS; imm bits 7-6 pick the source element of a
// register, 5-4 the place, 3-0 what is cleared.
func opInsertps(c *Core, in *decode.Inst) {
	imm := uint8(in.Imm)
	var x uint64
	if in.Args[1].Kind == decode.Mem {
		x = c.load(in.Segment, c.ea(in), 4)
	} else {
		x = uint64(dwordAt(c.xmm(in.Args[1].N), int(imm>>6)))
	}
	v := put(c.xmm(in.Args[0].N), uint(imm>>4&3), 32, x)
	for i := range uint(4) {
		if imm>>i&1 != 0 {
			v = put(v, i, 32, 0)
		}
	}
	c.setVec(in, v)
}

// opLdmxcsr and opStmxcsr: SDM vol. 2.
func opLdmxcsr(c *Core, in *decode.Inst) {
	if v := uint32(c.arg(in, 0)); !c.faulted() {
		c.setMXCSR(v)
	}
}

func opStmxcsr(c *Core, in *decode.Inst) { c.setArg(in, 0, uint64(c.MXCSR)) }
