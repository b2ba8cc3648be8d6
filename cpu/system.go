package cpu

import "klpsim/cpu/decode"

// Transfers of control that change privilege or segments: far jumps, calls
// and returns, IRET, SYSCALL and SYSENTER with their returns, software
// interrupts. Each follows the operation section of its page in SDM vol. 2.

// softInt is INT n, INT3 and INTO: a trap through the IDT whose gate must be
// callable from the current privilege level.
func (c *Core) softInt(vec uint8) {
	if !c.fault.set {
		c.fault = fault{set: true, trap: true, soft: true, vec: vec}
	}
}

// icebp is INT1: a #DB trap without the gate's privilege check.
func (c *Core) icebp() {
	if !c.fault.set {
		c.fault = fault{set: true, trap: true, vec: VecDB}
	}
}

// checkCode checks a code segment for a far JMP or CALL to it directly; on
// success s.Sel has the current privilege level as RPL.
func (c *Core) checkCode(sel uint16, s *SegReg) {
	code := uint32(sel &^ 3)
	switch {
	case c.EFER&EFERLMA != 0 && s.Attr&(AttrL|AttrDB) == AttrL|AttrDB:
		c.raiseCode(VecGP, code)
	case s.Attr&AttrConforming != 0 && s.DPL() > c.cpl:
		c.raiseCode(VecGP, code)
	case s.Attr&AttrConforming == 0 && (uint8(sel&3) > c.cpl || s.DPL() != c.cpl):
		c.raiseCode(VecGP, code)
	case s.Attr&AttrP == 0:
		c.raiseCode(VecNP, code)
	}
	s.Sel = sel&^3 | uint16(c.cpl)
}

// farSegment reads the descriptor that a far JMP or CALL names. It returns a
// code segment to go to, or the raw descriptor of a call gate.
func (c *Core) farSegment(sel uint16) (s SegReg, gate uint64) {
	if sel&^3 == 0 {
		c.raiseCode(VecGP, 0)
		return
	}
	d, ok := c.fetchDescriptor(sel)
	if c.fault.set {
		return
	}
	s = unpackDescriptor(sel, d)
	switch {
	case !ok:
		c.raiseCode(VecGP, uint32(sel&^3))
	case s.Attr&(AttrS|AttrCode) == AttrS|AttrCode:
		c.checkCode(sel, &s)
		if !c.fault.set {
			c.setAccessed(sel, &s)
		}
	case s.Attr&(AttrS|0xf) == 12:
		return s, d
	default:
		c.raiseCode(VecGP, uint32(sel&^3))
	}
	return s, 0
}

// farGo makes off in code segment s the next instruction.
func (c *Core) farGo(s SegReg, off uint64) {
	if s.Attr&AttrL != 0 && c.EFER&EFERLMA != 0 {
		if !canonical(off) {
			c.raiseCode(VecGP, 0)
		}
	} else if off > uint64(s.Limit) {
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	c.setSeg(CS, s)
	c.RIP = off
}

// farJump is JMP ptr16:off; size is the operand size in bytes.
func (c *Core) farJump(sel uint16, off uint64, size uint8) {
	off &= sizeMask(size)
	if c.realMode() {
		s := c.Seg[CS]
		s.Sel, s.Base = sel, uint64(sel)<<4
		c.farGo(s, off)
		return
	}
	s, gate := c.farSegment(sel)
	if gate == 0 {
		c.farGo(s, off)
		return
	}
	if s, off, _, ok := c.callGate(sel, gate); ok {
		if s.Attr&AttrConforming == 0 && s.DPL() != c.cpl {
			c.raiseCode(VecGP, uint32(s.Sel&^3))
			return
		}
		s.Sel = s.Sel&^3 | uint16(c.cpl)
		c.farGo(s, off)
	}
}

// callGate checks a call gate and the code segment behind it, and returns the
// segment, the offset and the gate's operand size in bytes.
func (c *Core) callGate(sel uint16, gate uint64) (s SegReg, off uint64, size uint8, ok bool) {
	dpl := uint8(gate>>45) & 3
	switch {
	case dpl < c.cpl || uint8(sel&3) > dpl:
		c.raiseCode(VecGP, uint32(sel&^3))
	case gate>>47&1 == 0:
		c.raiseCode(VecNP, uint32(sel&^3))
	}
	off, size = gate&0xffff|gate>>32&0xffff0000, 4
	long := c.EFER&EFERLMA != 0
	if long {
		size = 8
		lin, inside := c.descriptorAt(sel, 16)
		hi := uint64(0)
		if inside {
			hi = c.readSys(lin+8, 8)
		}
		if !inside || hi>>40&0x1f != 0 {
			c.raiseCode(VecGP, uint32(sel&^3))
		}
		off |= hi << 32
	}
	csel := uint16(gate >> 16)
	if csel&^3 == 0 {
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	d, found := c.fetchDescriptor(csel)
	s = unpackDescriptor(csel, d)
	code := uint32(csel &^ 3)
	switch {
	case !found, s.Attr&(AttrS|AttrCode) != AttrS|AttrCode, s.DPL() > c.cpl,
		long && s.Attr&(AttrL|AttrDB) != AttrL:
		c.raiseCode(VecGP, code)
	case s.Attr&AttrP == 0:
		c.raiseCode(VecNP, code)
	}
	return s, off, size, !c.fault.set
}

// farCall is CALL ptr16:off, directly or through a call gate.
func (c *Core) farCall(sel uint16, off uint64, size uint8) {
	off &= sizeMask(size)
	if c.realMode() {
		c.push(size, uint64(c.Seg[CS].Sel))
		c.push(size, c.RIP)
		s := c.Seg[CS]
		s.Sel, s.Base = sel, uint64(sel)<<4
		c.farGo(s, off)
		return
	}
	s, gate := c.farSegment(sel)
	if c.fault.set {
		return
	}
	if gate == 0 {
		c.push(size, uint64(c.Seg[CS].Sel))
		c.push(size, c.RIP)
		c.farGo(s, off)
		return
	}
	s, off, size, ok := c.callGate(sel, gate)
	if !ok {
		return
	}
	if s.Attr&AttrConforming == 0 && s.DPL() < c.cpl {
		c.gateCallInner(s, off, size, gate)
		return
	}
	s.Sel = s.Sel&^3 | uint16(c.cpl)
	c.push(size, uint64(c.Seg[CS].Sel))
	c.push(size, c.RIP)
	c.farGo(s, off)
}

// gateCallInner calls through a gate to more privilege on that level's stack.
func (c *Core) gateCallInner(s SegReg, off uint64, size uint8, gate uint64) {
	newCPL := s.DPL()
	oldSS, oldSP := c.Seg[SS], c.GPR[RSP]
	oldCS, oldIP := c.Seg[CS].Sel, c.RIP
	params := []uint64{}
	if size == 8 {
		f := fault{soft: true}
		rsp := c.tssStack64(4+8*uint64(newCPL), &f)
		if c.fault.set {
			return
		}
		c.setSeg(SS, SegReg{Sel: uint16(newCPL), Limit: 0xffffffff,
			Attr: AttrP | AttrS | AttrWrite | AttrAccessed | uint16(newCPL)<<5 | AttrDB | AttrG})
		c.GPR[RSP] = rsp
	} else {
		for i := gate >> 32 & 0x1f; i > 0; i-- {
			params = append(params, c.load(SS, oldSP+4*(i-1), 4))
		}
		ss, sp, ok := c.tssStack32(newCPL, 0)
		if !ok {
			return
		}
		c.setSeg(SS, ss)
		c.setSP(c.stackSizeOf(&ss), sp)
	}
	s.Sel = s.Sel&^3 | uint16(newCPL)
	c.setSeg(CS, s)
	c.push(size, uint64(oldSS.Sel))
	c.push(size, oldSP)
	for _, p := range params {
		c.push(4, p)
	}
	c.push(size, uint64(oldCS))
	c.push(size, oldIP)
	c.farGo(s, off)
}

// farRet is RETF: size is the operand size, pop the bytes of parameters to release.
func (c *Core) farRet(size uint8, pop uint16) {
	off := c.pop(size)
	sel := uint16(c.pop(size))
	if c.fault.set {
		return
	}
	if c.realMode() {
		s := c.Seg[CS]
		s.Sel, s.Base = sel, uint64(sel)<<4
		c.release(pop)
		c.farGo(s, off)
		return
	}
	s, ok := c.returnCode(sel)
	if !ok {
		return
	}
	outer := uint8(sel&3) > c.cpl
	c.release(pop)
	if !outer {
		c.farGo(s, off)
		return
	}
	sp := c.pop(size)
	ss := uint16(c.pop(size))
	c.returnOuter(s, off, ss, sp)
	c.release(pop)
}

// release drops n bytes of parameters from the stack.
func (c *Core) release(n uint16) {
	w := c.stackSize()
	c.setSP(w, (c.GPR[RSP]+uint64(n))&sizeMask(w))
}

// returnCode checks the code segment that RETF or IRET returns to.
func (c *Core) returnCode(sel uint16) (s SegReg, ok bool) {
	if sel&^3 == 0 {
		c.raiseCode(VecGP, 0)
		return s, false
	}
	d, found := c.fetchDescriptor(sel)
	if c.fault.set {
		return s, false
	}
	s = unpackDescriptor(sel, d)
	rpl := uint8(sel & 3)
	code := uint32(sel &^ 3)
	switch {
	case !found, s.Attr&(AttrS|AttrCode) != AttrS|AttrCode, rpl < c.cpl,
		s.Attr&AttrConforming != 0 && s.DPL() > rpl,
		s.Attr&AttrConforming == 0 && s.DPL() != rpl,
		c.EFER&EFERLMA != 0 && s.Attr&(AttrL|AttrDB) == AttrL|AttrDB:
		c.raiseCode(VecGP, code)
	case s.Attr&AttrP == 0:
		c.raiseCode(VecNP, code)
	}
	if !c.fault.set {
		c.setAccessed(sel, &s)
	}
	return s, !c.fault.set
}

// returnSS checks the stack segment of a return to privilege level rpl.
func (c *Core) returnSS(sel uint16, rpl uint8, to64 bool) (s SegReg, ok bool) {
	if sel&^3 == 0 {
		if to64 && rpl != 3 && uint8(sel&3) == rpl {
			return SegReg{Sel: sel, Attr: uint16(rpl) << 5}, true
		}
		c.raiseCode(VecGP, 0)
		return s, false
	}
	d, found := c.fetchDescriptor(sel)
	if c.fault.set {
		return s, false
	}
	s = unpackDescriptor(sel, d)
	code := uint32(sel &^ 3)
	switch {
	case !found, uint8(sel&3) != rpl, s.DPL() != rpl, s.Attr&(AttrS|AttrCode|AttrWrite) != AttrS|AttrWrite:
		c.raiseCode(VecGP, code)
	case s.Attr&AttrP == 0:
		c.raiseCode(VecSS, code)
	}
	if !c.fault.set {
		c.setAccessed(sel, &s)
	}
	return s, !c.fault.set
}

// returnOuter goes to code segment s at off with stack ss:sp, dropping data
// segments that the outer level may not have (SDM vol. 2B, RET).
func (c *Core) returnOuter(s SegReg, off uint64, ss uint16, sp uint64) {
	rpl := uint8(s.Sel & 3)
	to64 := s.Attr&AttrL != 0 && c.EFER&EFERLMA != 0
	stack, ok := c.returnSS(ss, rpl, to64)
	if !ok {
		return
	}
	outer := rpl > c.cpl
	c.farGo(s, off)
	if c.fault.set {
		return
	}
	c.setSeg(SS, stack)
	if to64 {
		c.GPR[RSP] = sp
	} else {
		c.setSP(c.stackSizeOf(&stack), sp)
	}
	if !outer {
		return
	}
	for _, seg := range [...]uint8{ES, FS, GS, DS} {
		r := &c.Seg[seg]
		if r.DPL() < rpl && r.Attr&(AttrCode|AttrConforming) != AttrCode|AttrConforming {
			*r = SegReg{}
		}
	}
}

// iret is IRET, IRETD and IRETQ by size 2, 4 and 8 (SDM vol. 2A). Whatever
// comes of it, NMIs are no longer blocked (vol. 3A, section 6.7.1).
func (c *Core) iret(size uint8) {
	c.unblockNMI = true
	if c.CR0&CR0PE == 0 {
		c.iretReal(size)
		return
	}
	if c.Flags&FlagNT != 0 || c.Flags&FlagVM != 0 {
		// A nested task cannot be returned to: no hardware task switches.
		c.raiseCode(VecGP, 0)
		return
	}
	long := c.mode == decode.Mode64
	rip := c.pop(size)
	cs := uint16(c.pop(size))
	flags := c.pop(size)
	var sp uint64
	var ss uint16
	if c.fault.set {
		return
	}
	if long {
		sp = c.pop(size)
		ss = uint16(c.pop(size))
	}
	if c.EFER&EFERLMA == 0 && size == 4 && flags&FlagVM != 0 && c.cpl == 0 {
		// Virtual-8086 mode is not announced (CR4.VME) and not modelled.
		c.raiseCode(VecGP, 0)
		return
	}
	s, ok := c.returnCode(cs)
	if !ok {
		return
	}
	cpl := c.cpl
	switch {
	case long:
		c.returnOuter(s, rip, ss, sp)
	case uint8(cs&3) > c.cpl:
		sp = c.pop(size)
		ss = uint16(c.pop(size))
		c.returnOuter(s, rip, ss, sp)
	default:
		c.farGo(s, rip)
	}
	c.iretDone(flags, size, cpl)
}

// iretDone loads the flags as privilege level cpl may, and ends NMI blocking.
func (c *Core) iretDone(v uint64, size, cpl uint8) {
	if c.fault.set {
		return
	}
	mask := FlagsStatus | FlagTF | FlagDF | FlagNT
	if size > 2 {
		mask |= FlagRF | FlagAC | FlagID
	}
	if c.CR0&CR0PE == 0 || cpl <= uint8(c.Flags>>12&3) {
		mask |= FlagIF
	}
	if cpl == 0 {
		mask |= FlagIOPL
		if size > 2 {
			mask |= FlagVIF | FlagVIP
		}
	}
	c.Flags = c.Flags&^mask | v&mask | Flag1
	c.keepRF = size > 2
	c.endNMI()
	c.derive()
	c.event(Event{Kind: EvIret, VA: c.RIP})
}

// endNMI ends NMI blocking.
func (c *Core) endNMI() {
	c.unblockNMI = false
	if c.Blocked&BlockNMI != 0 {
		c.touchSys()
		c.Blocked &^= BlockNMI
	}
}

func (c *Core) iretReal(size uint8) {
	rip := c.pop(size)
	sel := uint16(c.pop(size))
	flags := c.pop(size)
	s := c.Seg[CS]
	s.Sel, s.Base = sel, uint64(sel)<<4
	c.farGo(s, rip)
	c.iretDone(flags, size, 0)
}

// flatCode and flatStack are the segments that SYSCALL and its kin load
// without looking at a table.
func flatCode(sel uint16, dpl uint16, attr uint16) SegReg {
	return SegReg{Sel: sel, Limit: 0xffffffff, Attr: AttrP | AttrS | AttrCode | AttrRead | AttrAccessed | AttrG | dpl<<5 | attr}
}

func flatStack(sel uint16, dpl uint16) SegReg {
	return SegReg{Sel: sel, Limit: 0xffffffff, Attr: AttrP | AttrS | AttrWrite | AttrAccessed | AttrG | AttrDB | dpl<<5}
}

// syscall is SYSCALL: 64-bit mode only, as on Intel's processors.
func (c *Core) syscall() {
	if c.mode != decode.Mode64 || c.EFER&EFERSCE == 0 {
		c.raise(VecUD)
		return
	}
	c.touchSys()
	c.GPR[RCX] = c.RIP
	c.GPR[R11] = c.Flags &^ FlagRF
	c.RIP = c.LSTAR
	c.Flags = c.Flags&^(c.SFMASK|FlagRF) | Flag1
	c.noTrap = c.Flags&FlagTF == 0
	sel := uint16(c.STAR>>32) &^ 3
	c.Seg[CS] = flatCode(sel, 0, AttrL)
	c.Seg[SS] = flatStack(sel+8, 0)
	c.derive()
}

// sysret is SYSRET; size 8 is REX.W, back to 64-bit mode.
func (c *Core) sysret(size uint8) {
	switch {
	case c.mode != decode.Mode64 || c.EFER&EFERSCE == 0:
		c.raise(VecUD)
	case c.cpl != 0, size == 8 && !canonical(c.GPR[RCX]):
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	c.touchSys()
	sel := uint16(c.STAR>>48) | 3
	if size == 8 {
		c.RIP = c.GPR[RCX]
		c.Seg[CS] = flatCode(sel+16|3, 3, AttrL)
	} else {
		c.RIP = c.GPR[RCX] & 0xffffffff
		c.Seg[CS] = flatCode(sel, 3, AttrDB)
	}
	c.Seg[SS] = flatStack(uint16(c.STAR>>48)+8|3, 3)
	c.Flags = c.GPR[R11]&0x3c7fd7 | Flag1
	c.derive()
}

// sysenter is SYSENTER.
func (c *Core) sysenter() {
	if c.CR0&CR0PE == 0 || c.SysenterCS&0xfffc == 0 {
		c.raiseCode(VecGP, 0)
		return
	}
	c.touchSys()
	sel := uint16(c.SysenterCS) &^ 3
	c.Flags &^= FlagVM | FlagIF
	if c.EFER&EFERLMA != 0 {
		c.Seg[CS] = flatCode(sel, 0, AttrL)
		c.RIP, c.GPR[RSP] = c.SysenterEIP, c.SysenterESP
	} else {
		c.Seg[CS] = flatCode(sel, 0, AttrDB)
		c.RIP, c.GPR[RSP] = c.SysenterEIP&0xffffffff, c.SysenterESP&0xffffffff
	}
	c.Seg[SS] = flatStack(sel+8, 0)
	c.derive()
}

// sysexit is SYSEXIT; size 8 is REX.W, back to 64-bit mode.
func (c *Core) sysexit(size uint8) {
	rip, rsp := c.GPR[RDX], c.GPR[RCX]
	switch {
	case c.CR0&CR0PE == 0, c.SysenterCS&0xfffc == 0, c.cpl != 0,
		size == 8 && (!canonical(rip) || !canonical(rsp)):
		c.raiseCode(VecGP, 0)
		return
	}
	c.touchSys()
	sel := uint16(c.SysenterCS) &^ 3
	if size == 8 {
		c.Seg[CS] = flatCode(sel+32|3, 3, AttrL)
		c.Seg[SS] = flatStack(sel+40|3, 3)
		c.RIP, c.GPR[RSP] = rip, rsp
	} else {
		c.Seg[CS] = flatCode(sel+16|3, 3, AttrDB)
		c.Seg[SS] = flatStack(sel+24|3, 3)
		c.RIP, c.GPR[RSP] = rip&0xffffffff, rsp&0xffffffff
	}
	c.derive()
}
