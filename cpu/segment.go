package cpu

import "klpsim/cpu/decode"

// Segment registers and descriptors (SDM vol. 3A, chapters 3 and 5).

// unpackDescriptor turns the 8 bytes of a descriptor into a segment register.
func unpackDescriptor(sel uint16, d uint64) SegReg {
	s := SegReg{
		Sel:   sel,
		Base:  d>>16&0xffffff | d>>32&0xff000000,
		Limit: uint32(d&0xffff | d>>32&0xf0000),
		Attr:  uint16(d>>40&0xff | d>>40&0xf000),
	}
	if s.Attr&AttrG != 0 {
		s.Limit = s.Limit<<12 | 0xfff
	}
	return s
}

// descriptorAt returns the linear address of sel's descriptor; ok is false
// when it (size bytes) is not inside its table.
func (c *Core) descriptorAt(sel uint16, size uint64) (lin uint64, ok bool) {
	base, limit := c.GDTR.Base, c.GDTR.Limit
	if sel&4 != 0 {
		if c.LDTR.Attr&AttrP == 0 {
			return 0, false
		}
		base, limit = c.LDTR.Base, uint64(c.LDTR.Limit)
	}
	off := uint64(sel &^ 7)
	return base + off, off+size-1 <= limit
}

// fetchDescriptor reads sel's descriptor; ok is false when it is not inside
// its table. A page fault is raised as such.
func (c *Core) fetchDescriptor(sel uint16) (d uint64, ok bool) {
	lin, ok := c.descriptorAt(sel, 8)
	if !ok {
		return 0, false
	}
	return c.readSys(lin, 8), true
}

// readDescriptor reads a descriptor for LAR, LSL, VERR and VERW; ok is false
// when the selector is null or outside its table.
func (c *Core) readDescriptor(sel uint16) (d uint64, ok bool) {
	if sel&^3 == 0 {
		return 0, false
	}
	return c.fetchDescriptor(sel)
}

// setAccessed sets the accessed bit of a code or data descriptor in memory
// and in s when it is clear.
func (c *Core) setAccessed(sel uint16, s *SegReg) {
	if s.Attr&AttrAccessed != 0 {
		return
	}
	s.Attr |= AttrAccessed
	if lin, ok := c.descriptorAt(sel, 8); ok {
		b := c.readSys(lin+5, 1)
		c.writeSys(lin+5, 1, b|AttrAccessed)
	}
}

// setSeg writes a segment register.
func (c *Core) setSeg(seg uint8, s SegReg) {
	if c.fault.set {
		return
	}
	c.touchSys()
	c.Seg[seg] = s
	c.derive()
}

// realMode reports whether segment registers load as base = selector * 16.
func (c *Core) realMode() bool { return c.CR0&CR0PE == 0 || c.Flags&FlagVM != 0 }

// loadSeg loads segment register seg (not CS) with sel as MOV and POP do
// (SDM vol. 2B, MOV, "Loading a segment register").
func (c *Core) loadSeg(seg uint8, sel uint16) {
	if c.fault.set {
		return
	}
	if c.realMode() {
		s := c.Seg[seg]
		s.Sel, s.Base = sel, uint64(sel)<<4
		c.setSeg(seg, s)
		return
	}
	if sel&^3 == 0 {
		c.loadNull(seg, sel)
		return
	}
	d, ok := c.fetchDescriptor(sel)
	if c.fault.set {
		return
	}
	s := unpackDescriptor(sel, d)
	code := uint32(sel &^ 3)
	rpl := uint8(sel & 3)
	notPresent := VecNP
	switch {
	case !ok || s.Attr&AttrS == 0:
		c.raiseCode(VecGP, code)
	case seg == SS:
		notPresent = VecSS
		if rpl != c.cpl || s.DPL() != c.cpl || s.Attr&(AttrCode|AttrWrite) != AttrWrite {
			c.raiseCode(VecGP, code)
		}
	case s.Attr&AttrCode != 0 && s.Attr&AttrRead == 0:
		c.raiseCode(VecGP, code)
	case s.Attr&(AttrCode|AttrConforming) != AttrCode|AttrConforming && (rpl > s.DPL() || c.cpl > s.DPL()):
		c.raiseCode(VecGP, code)
	}
	if s.Attr&AttrP == 0 {
		c.raiseCode(notPresent, code)
	}
	if c.fault.set {
		return
	}
	c.setAccessed(sel, &s)
	c.setSeg(seg, s)
}

// loadNull loads a null selector: an error for SS except in 64-bit mode below
// CPL 3, else a segment that faults when used outside 64-bit mode.
func (c *Core) loadNull(seg uint8, sel uint16) {
	if seg == SS && (c.mode != decode.Mode64 || c.cpl == 3 || uint8(sel&3) != c.cpl) {
		c.raiseCode(VecGP, 0)
		return
	}
	s := SegReg{Sel: sel}
	if seg == SS {
		s.Attr = uint16(c.cpl) << 5
	}
	c.setSeg(seg, s)
}

// movSSShadow begins the interrupt shadow of MOV SS and POP SS; of two in a
// row only the first is sure to have one (SDM vol. 3A, section 6.8.3).
func (c *Core) movSSShadow() {
	if c.fault.set || c.Blocked&BlockMovSS != 0 {
		return
	}
	c.touchSys()
	c.Blocked |= BlockMovSS
}

// loadLDT is LLDT.
func (c *Core) loadLDT(sel uint16) {
	if sel&^3 == 0 {
		if !c.fault.set {
			c.touchSys()
			c.LDTR = SegReg{Sel: sel}
		}
		return
	}
	s, _, ok := c.systemDescriptor(sel)
	if !ok {
		return
	}
	switch {
	case s.Attr&(AttrS|0xf) != 2:
		c.raiseCode(VecGP, uint32(sel&^3))
		return
	case s.Attr&AttrP == 0:
		c.raiseCode(VecNP, uint32(sel&^3))
		return
	}
	c.touchSys()
	c.LDTR = s
}

// loadTR is LTR: the task-state segment must be available and becomes busy.
func (c *Core) loadTR(sel uint16) {
	if sel&^3 == 0 {
		c.raiseCode(VecGP, 0)
		return
	}
	s, lin, ok := c.systemDescriptor(sel)
	if !ok {
		return
	}
	typ := s.Attr & (AttrS | 0xf)
	switch {
	case typ != 9 && (typ != 1 || c.EFER&EFERLMA != 0):
		c.raiseCode(VecGP, uint32(sel&^3))
		return
	case s.Attr&AttrP == 0:
		c.raiseCode(VecNP, uint32(sel&^3))
		return
	}
	s.Attr |= 2
	c.writeSys(lin+5, 1, uint64(s.Attr&0xff))
	if c.fault.set {
		return
	}
	c.touchSys()
	c.TR = s
}

// systemDescriptor reads an LDT or TSS descriptor from the GDT: 16 bytes in
// IA-32e mode (SDM vol. 3A, section 7.2.3).
func (c *Core) systemDescriptor(sel uint16) (s SegReg, lin uint64, ok bool) {
	size := uint64(8)
	if c.EFER&EFERLMA != 0 {
		size = 16
	}
	lin, ok = c.descriptorAt(sel, size)
	if !ok || sel&4 != 0 {
		c.raiseCode(VecGP, uint32(sel&^3))
		return s, 0, false
	}
	s = unpackDescriptor(sel, c.readSys(lin, 8))
	if size == 16 {
		hi := c.readSys(lin+8, 8)
		s.Base |= hi << 32
		if hi>>40&0x1f != 0 || !canonical(s.Base) {
			c.raiseCode(VecGP, uint32(sel&^3))
		}
	}
	return s, lin, !c.fault.set
}

// loadGDT is LGDT; base is cut to what the operand size gives.
func (c *Core) loadGDT(base uint64, limit uint16) {
	c.setTable(&c.GDTR, base, limit)
}

// loadIDT is LIDT.
func (c *Core) loadIDT(base uint64, limit uint16) {
	c.setTable(&c.IDTR, base, limit)
}

func (c *Core) setTable(t *TableReg, base uint64, limit uint16) {
	if c.mode == decode.Mode64 && !canonical(base) {
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	c.touchSys()
	*t = TableReg{Base: base, Limit: uint64(limit)}
}

// setFSGSBase writes the base of FS or GS (WRFSBASE, WRGSBASE).
func (c *Core) setFSGSBase(seg uint8, v uint64) {
	if c.CR4&CR4FSGSBASE == 0 || c.mode != decode.Mode64 {
		c.raise(VecUD)
	} else if !canonical(v) {
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	c.touchSys()
	c.Seg[seg].Base = v
}

// swapgs exchanges the GS base with IA32_KERNEL_GS_BASE.
func (c *Core) swapgs() {
	switch {
	case c.mode != decode.Mode64:
		c.raise(VecUD)
	case c.cpl != 0:
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	c.touchSys()
	c.Seg[GS].Base, c.KernelGSBase = c.KernelGSBase, c.Seg[GS].Base
}
