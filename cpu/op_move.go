package cpu

import (
	"math/bits"

	"klpsim/cpu/decode"
)

func opMov(c *Core, in *decode.Inst) { c.setArg(in, 0, c.arg(in, 1)) }

// opMovzx relies on arg reading zero-extended.
func opMovzx(c *Core, in *decode.Inst) { c.setArg(in, 0, c.arg(in, 1)) }

// opMovsx is MOVSX and MOVSXD.
func opMovsx(c *Core, in *decode.Inst) {
	c.setArg(in, 0, signExtend(c.arg(in, 1), in.Args[1].Size))
}

func opMovbe(c *Core, in *decode.Inst) {
	c.setArg(in, 0, bits.ReverseBytes64(c.arg(in, 1))>>(64-8*uint(in.Size)))
}

func opLea(c *Core, in *decode.Inst) { c.setArg(in, 0, c.ea(in)) }

// opXchg writes memory before the register that may address it.
func opXchg(c *Core, in *decode.Inst) {
	m, r := 0, 1
	if in.Args[1].Kind == decode.Mem {
		m, r = 1, 0
	}
	a, b := c.rmwArg(in, m), c.arg(in, r)
	c.setArg(in, m, b)
	c.setArg(in, r, a)
}

// opBswap of a 16-bit register is undefined; it clears it, as processors do.
func opBswap(c *Core, in *decode.Inst) {
	if in.Size == 2 {
		c.setArg(in, 0, 0)
		return
	}
	c.setArg(in, 0, bits.ReverseBytes64(c.arg(in, 0))>>(64-8*uint(in.Size)))
}

func opXlat(c *Core, in *decode.Inst) {
	off := (c.GPR[RBX] + c.reg(RAX, 1)) & sizeMask(in.AddrSize)
	c.setReg(RAX, 1, c.load(in.Segment, off, 1))
}

// opCmov reads its source in any case and, with a 32-bit operand, clears the
// upper half of the destination in any case (SDM vol. 2, CMOVcc).
func opCmov(c *Core, in *decode.Inst) {
	v := c.arg(in, 1)
	if !c.cond(in.Cond) {
		v = c.arg(in, 0)
	}
	c.setArg(in, 0, v)
}

func opSet(c *Core, in *decode.Inst) {
	var v uint64
	if c.cond(in.Cond) {
		v = 1
	}
	c.setArg(in, 0, v)
}

// cond evaluates condition code cc (SDM vol. 1, appendix B).
func (c *Core) cond(cc uint8) bool {
	f := c.Flags
	var r bool
	switch cc >> 1 {
	case 0:
		r = f&FlagOF != 0
	case 1:
		r = f&FlagCF != 0
	case 2:
		r = f&FlagZF != 0
	case 3:
		r = f&(FlagCF|FlagZF) != 0
	case 4:
		r = f&FlagSF != 0
	case 5:
		r = f&FlagPF != 0
	case 6:
		r = signNotOverflow(f)
	case 7:
		r = f&FlagZF != 0 || signNotOverflow(f)
	}
	return r != (cc&1 != 0)
}

// signNotOverflow reports SF != OF.
func signNotOverflow(f uint64) bool { return (f&FlagSF != 0) != (f&FlagOF != 0) }

// ahFlags are the flags that LAHF and SAHF move.
const ahFlags = FlagSF | FlagZF | FlagAF | FlagPF | FlagCF

func opLahf(c *Core, in *decode.Inst) {
	c.GPR[RAX] = c.GPR[RAX]&^0xff00 | (c.Flags&ahFlags|Flag1)<<8
}

func opSahf(c *Core, in *decode.Inst) { c.setFlags(ahFlags, c.GPR[RAX]>>8) }
