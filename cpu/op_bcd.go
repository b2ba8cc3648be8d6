package cpu

import "klpsim/cpu/decode"

// The decimal adjustments exist outside 64-bit mode only (SDM vol. 2, AAA..DAS).

// setAH writes AH.
func (c *Core) setAH(v uint64) { c.GPR[RAX] = c.GPR[RAX]&^0xff00 | v&0xff<<8 }

// adjust is AAA (sign +1) and AAS (sign -1). OF (undefined) is cleared; SF, ZF
// and PF (undefined) follow AL.
func (c *Core) adjust(delta uint64) {
	ax := c.reg(RAX, 2)
	var f uint64
	if ax&0xf > 9 || c.Flags&FlagAF != 0 {
		ax += delta
		f = FlagAF | FlagCF
	}
	c.setReg(RAX, 2, ax&0xff0f)
	c.setFlags(FlagsStatus, f|flagsSZP(ax&0xf, 1))
}

func opAaa(c *Core, in *decode.Inst) { c.adjust(0x106) }

// opAas subtracts 0x106.
func opAas(c *Core, in *decode.Inst) { c.adjust(^uint64(0x105)) }

// opAam raises #DE for a base of zero.
func opAam(c *Core, in *decode.Inst) {
	base, al := uint64(uint8(in.Imm)), c.reg(RAX, 1)
	if base == 0 {
		c.raise(VecDE)
		return
	}
	c.setReg(RAX, 2, al/base<<8|al%base)
	c.logic(al%base, 1)
}

func opAad(c *Core, in *decode.Inst) {
	ax := c.reg(RAX, 2)
	c.setReg(RAX, 2, (ax>>8*uint64(uint8(in.Imm))+ax)&0xff)
	c.logic(c.reg(RAX, 1), 1)
}

// opDaa and opDas follow the manual's pseudo code; OF (undefined) is cleared.
func opDaa(c *Core, in *decode.Inst) {
	old, al := c.reg(RAX, 1), c.reg(RAX, 1)
	var f uint64
	if old&0xf > 9 || c.Flags&FlagAF != 0 {
		al += 6
		f |= FlagAF
	}
	if old > 0x99 || c.carry() != 0 {
		al += 0x60
		f |= FlagCF
	}
	c.setReg(RAX, 1, al)
	c.setFlags(FlagsStatus, f|flagsSZP(al, 1))
}

func opDas(c *Core, in *decode.Inst) {
	old, al := c.reg(RAX, 1), c.reg(RAX, 1)
	var f uint64
	if old&0xf > 9 || c.Flags&FlagAF != 0 {
		al -= 6
		f |= FlagAF
		if old < 6 {
			f |= FlagCF
		}
	}
	if old > 0x99 || c.carry() != 0 {
		al -= 0x60
		f |= FlagCF
	}
	c.setReg(RAX, 1, al)
	c.setFlags(FlagsStatus, f|flagsSZP(al, 1))
}

// opSalc sets AL to all copies of CF (undocumented by Intel, in every processor).
func opSalc(c *Core, in *decode.Inst) { c.setReg(RAX, 1, -c.carry()) }
