package cpu

import "klpsim/cpu/decode"

// The decimal adjustments exist outside 64-bit mode only (SDM vol. 2, AAA..DAS).

// adjust is AAA and AAS: change adds or subtracts 0x106 if AL needs it, else 0.
// AF and CF tell which; OF, SF, ZF and PF (undefined) are those of the 16-bit
// sum, as on AMD's processors.
func (c *Core) adjust(change func(a, b, carry uint64, size uint8) uint64) {
	ax := c.reg(RAX, 2)
	var delta, f uint64
	if ax&0xf > 9 || c.Flags&FlagAF != 0 {
		delta, f = 0x106, FlagAF|FlagCF
	}
	c.setReg(RAX, 2, change(ax, delta, 0, 2)&0xff0f)
	c.setFlags(FlagAF|FlagCF, f)
}

func opAaa(c *Core, in *decode.Inst) { c.adjust(c.add) }

func opAas(c *Core, in *decode.Inst) { c.adjust(c.sub) }

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

// opAad sets the flags of the 8-bit addition; OF, AF and CF are undefined.
func opAad(c *Core, in *decode.Inst) {
	ax := c.reg(RAX, 2)
	c.setReg(RAX, 2, c.add(ax&0xff, ax>>8*uint64(uint8(in.Imm))&0xff, 0, 1))
}

// opDaa and opDas follow the manual's pseudo code; OF (undefined) is that of
// adding or subtracting the adjustment, as on AMD's processors.
func opDaa(c *Core, in *decode.Inst) {
	old := c.reg(RAX, 1)
	var adj, f uint64
	if old&0xf > 9 || c.Flags&FlagAF != 0 {
		adj, f = 6, FlagAF
	}
	if old > 0x99 || c.carry() != 0 {
		adj += 0x60
		f |= FlagCF
	}
	r := (old + adj) & 0xff
	c.setReg(RAX, 1, r)
	c.setFlags(FlagsStatus, f|flagsSZP(r, 1)|flagIf(FlagOF, msb((r^old)&(r^adj), 1)))
}

func opDas(c *Core, in *decode.Inst) {
	old := c.reg(RAX, 1)
	var adj, f uint64
	if old&0xf > 9 || c.Flags&FlagAF != 0 {
		adj, f = 6, FlagAF
		if old < 6 {
			f |= FlagCF
		}
	}
	if old > 0x99 || c.carry() != 0 {
		adj += 0x60
		f |= FlagCF
	}
	r := (old - adj) & 0xff
	c.setReg(RAX, 1, r)
	c.setFlags(FlagsStatus, f|flagsSZP(r, 1)|flagIf(FlagOF, msb((old^adj)&(old^r), 1)))
}

// opSalc sets AL to all copies of CF (undocumented by Intel, in every processor).
func opSalc(c *Core, in *decode.Inst) { c.setReg(RAX, 1, -c.carry()) }
