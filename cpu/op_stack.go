package cpu

import "klpsim/cpu/decode"

// opPush reads its operand before the stack pointer moves.
func opPush(c *Core, in *decode.Inst) { c.push(in.Size, c.arg(in, 0)) }

// opPop addresses a memory destination with the stack pointer already moved,
// and a popped stack pointer keeps the popped value (SDM vol. 2, POP).
func opPop(c *Core, in *decode.Inst) { c.setArg(in, 0, c.pop(in.Size)) }

// opPushseg pushes a selector, zero-extended.
func opPushseg(c *Core, in *decode.Inst) { c.push(in.Size, c.arg(in, 0)) }

func opPopseg(c *Core, in *decode.Inst) {
	seg := in.Args[0].N
	c.loadSeg(seg, uint16(c.pop(in.Size)))
	if seg == SS {
		c.movSSShadow()
	}
}

// opPusha stores AX, CX, DX, BX, the old SP, BP, SI, DI.
func opPusha(c *Core, in *decode.Inst) {
	sp := c.reg(RSP, in.Size)
	for n := uint8(RAX); n <= RDI; n++ {
		v := c.reg(n, in.Size)
		if n == RSP {
			v = sp
		}
		c.push(in.Size, v)
	}
}

// opPopa undoes PUSHA but throws the stored SP away.
func opPopa(c *Core, in *decode.Inst) {
	for n := uint8(RDI); n <= RDI; n-- {
		if v := c.pop(in.Size); n != RSP {
			c.setReg(n, in.Size, v)
		}
	}
}

// opPushf hides VM and RF (SDM vol. 2, PUSHF). In virtual-8086 mode it needs
// IOPL 3.
func opPushf(c *Core, in *decode.Inst) {
	if c.Flags&FlagVM != 0 && c.Flags&FlagIOPL != FlagIOPL {
		c.raiseCode(VecGP, 0)
	}
	c.push(in.Size, c.Flags&^(FlagVM|FlagRF))
}

func opPopf(c *Core, in *decode.Inst) { c.popFlags(c.pop(in.Size), in.Size) }

// opEnter builds a frame with in.Imm bytes of locals and Imm2 mod 32 display
// entries (SDM vol. 2, ENTER). The stack must be writable down to the new
// stack pointer.
func opEnter(c *Core, in *decode.Inst) {
	level, w := in.Imm2%32, c.stackSize()
	c.push(in.Size, c.reg(RBP, in.Size))
	frame := c.reg(RSP, w)
	bp := c.reg(RBP, w)
	for i := uint16(1); i < level; i++ {
		bp = (bp - uint64(in.Size)) & sizeMask(w)
		c.push(in.Size, c.load(SS, bp, in.Size))
	}
	if level > 0 {
		c.push(in.Size, frame)
	}
	sp := (c.reg(RSP, w) - uint64(uint16(in.Imm))) & sizeMask(w)
	c.storeCheck(SS, sp, in.Size)
	c.setSP(w, sp)
	c.setReg(RBP, in.Size, frame)
}

func opLeave(c *Core, in *decode.Inst) {
	w := c.stackSize()
	c.setSP(w, c.reg(RBP, w))
	c.setReg(RBP, in.Size, c.pop(in.Size))
}
