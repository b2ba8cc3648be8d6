package cpu

import "klpsim/cpu/decode"

// Instructions that ask about a descriptor without loading it: LAR, LSL, VERR,
// VERW and ARPL (SDM vol. 3A, section 5.10).

// bits of the upper half of a descriptor (SDM vol. 3A, figure 3-8)
const (
	descS          = 1 << 44
	descCode       = 1 << 43
	descConforming = 1 << 42 // code
	descRW         = 1 << 41 // code: readable; data: writable
	descG          = 1 << 55
)

// visible reports whether a descriptor's privilege lets the current code see
// it: conforming code always, others by max(CPL, RPL) <= DPL.
func (c *Core) visible(d uint64, sel uint16) bool {
	if d&descS != 0 && d&descCode != 0 && d&descConforming != 0 {
		return true
	}
	dpl := uint8(d>>45) & 3
	return c.cpl <= dpl && uint8(sel&3) <= dpl
}

// systemTypes have one bit for each system descriptor type that LAR and LSL
// accept; in IA-32e mode the 16-bit ones and the 32-bit gates are gone.
const (
	larTypes     = 1<<1 | 1<<2 | 1<<3 | 1<<4 | 1<<5 | 1<<9 | 1<<11 | 1<<12
	larTypesLong = 1<<2 | 1<<9 | 1<<11 | 1<<12
	lslTypes     = 1<<1 | 1<<2 | 1<<3 | 1<<9 | 1<<11
	lslTypesLong = 1<<2 | 1<<9 | 1<<11
)

// query finds the descriptor of a selector operand for LAR and LSL.
func (c *Core) query(in *decode.Inst, types, typesLong uint32) (d uint64, ok bool) {
	c.protected()
	sel := uint16(c.arg(in, 1))
	if c.faulted() {
		return 0, false
	}
	d, ok = c.readDescriptor(sel)
	if !ok || !c.visible(d, sel) {
		return 0, false
	}
	if c.EFER&EFERLMA != 0 {
		types = typesLong
	}
	return d, d&descS != 0 || types>>(d>>40&15)&1 != 0
}

// opLar gives the access rights, bits 8-23 of the upper half.
func opLar(c *Core, in *decode.Inst) {
	d, ok := c.query(in, larTypes, larTypesLong)
	if ok {
		c.setArg(in, 0, d>>32&0xffff00)
	}
	c.setZF(ok)
}

// opLsl gives the limit in bytes.
func opLsl(c *Core, in *decode.Inst) {
	d, ok := c.query(in, lslTypes, lslTypesLong)
	if ok {
		limit := d&0xffff | d>>32&0xf0000
		if d&descG != 0 {
			limit = limit<<12 | 0xfff
		}
		c.setArg(in, 0, limit)
	}
	c.setZF(ok)
}

func (c *Core) setZF(on bool) {
	if on {
		c.setFlags(FlagZF, FlagZF)
	} else {
		c.setFlags(FlagZF, 0)
	}
}

// verify is VERR and VERW: pass tells for a code or data segment whether it
// can be read, or written.
func (c *Core) verify(in *decode.Inst, pass func(d uint64) bool) {
	c.protected()
	sel := uint16(c.arg(in, 0))
	if c.faulted() {
		return
	}
	d, ok := c.readDescriptor(sel)
	c.setZF(ok && d&descS != 0 && c.visible(d, sel) && pass(d))
}

func opVerr(c *Core, in *decode.Inst) {
	c.verify(in, func(d uint64) bool { return d&descCode == 0 || d&descRW != 0 })
}

func opVerw(c *Core, in *decode.Inst) {
	c.verify(in, func(d uint64) bool { return d&descCode == 0 && d&descRW != 0 })
}

// opArpl raises the RPL of operand 0 to that of operand 1, and writes only
// then.
func opArpl(c *Core, in *decode.Inst) {
	c.protected()
	a, b := c.arg(in, 0), c.arg(in, 1)
	low := a&3 < b&3
	if low {
		c.setArg(in, 0, a&^3|b&3)
	}
	c.setZF(low)
}
