package cpu

import "klpsim/cpu/decode"

// Delivery of interrupts and exceptions through the IDT (SDM vol. 3A, chapter
// 6; vol. 2A, INT n). Delivery is a small transaction: when it faults itself,
// nothing of it stays, and the double-fault table (table 6-5) decides what is
// delivered instead; a fault while delivering #DF shuts the core down.

// deliver delivers f and whatever its delivery raises in turn.
func (c *Core) deliver(f fault) {
	c.drainAll()
	if f.vec == VecPF && !f.intr && !f.soft {
		c.touchSys()
		c.CR2 = f.cr2
	}
	for {
		regs, sys := c.Regs, c.Sys
		if f.soft {
			regs = c.saved // a fault on the way restarts INT n
		}
		c.fault = fault{}
		c.deliverOnce(f)
		if !c.fault.set {
			c.retireFrame()
			return
		}
		second := c.fault
		c.fault = fault{}
		c.pend = c.pend[:0]
		c.Regs = regs
		if c.touched&touchSys != 0 {
			c.Sys = sys
		}
		if f.trap { // a software interrupt that its gate refuses is a fault of the INT
			c.RIP = c.ip
		}
		c.derive()
		if second.vec == VecPF {
			c.touchSys()
			c.CR2 = second.cr2
		}
		next, dead := combine(f, second)
		if dead {
			c.touchSys()
			c.Activity = Shutdown
			c.event(Event{Kind: EvShutdown, Vector: f.vec})
			return
		}
		f = next
	}
}

// retireFrame commits the pushed frame: the buffer is empty, memory changes now.
func (c *Core) retireFrame() {
	c.locked = false
	c.retire(false)
}

// contributory reports whether vec is one of the contributory exceptions.
func contributory(vec uint8) bool {
	return vec == VecDE || vec >= VecTS && vec <= VecGP
}

// combine is table 6-5 of SDM vol. 3A: what to deliver when delivering first
// raised second; dead is a triple fault.
func combine(first, second fault) (next fault, dead bool) {
	if first.intr || first.nmi || first.soft {
		return second, false
	}
	df := fault{set: true, vec: VecDF, hasCode: true, ext: true}
	switch {
	case first.vec == VecDF && (contributory(second.vec) || second.vec == VecPF):
		return fault{}, true
	case contributory(first.vec) && contributory(second.vec):
		return df, false
	case first.vec == VecPF && (contributory(second.vec) || second.vec == VecPF):
		return df, false
	}
	return second, false
}

// deliverOnce makes one attempt; it leaves c.fault set when that fails.
func (c *Core) deliverOnce(f fault) {
	rip := c.RIP
	var frame uint64
	switch {
	case c.EFER&EFERLMA != 0:
		c.deliverLong(f)
	case c.CR0&CR0PE != 0:
		c.deliverProtected(f)
	default:
		c.deliverReal(f)
	}
	if c.fault.set {
		return
	}
	if c.m.rec {
		frame = c.GPR[RSP] + c.segBase(SS)
		e := Event{Kind: EvDeliver, Vector: f.vec, Code: f.code, RIP: rip, VA: frame}
		if f.nmi {
			e.Flags |= EvNMI
		}
		if f.soft {
			e.Flags |= EvSoft
		}
		c.event(e)
	}
	if f.vec == VecDB {
		c.touchSys()
		c.DR[7] &^= 1 << 13
	}
}

// extBit is the EXT bit of error codes raised while delivering f.
func (f *fault) extBit() uint32 {
	if f.soft {
		return 0
	}
	return 1
}

// frameFlags returns the RFLAGS image to push: faults set RF so that an
// instruction breakpoint does not hit again; the #DB of an instruction
// breakpoint itself leaves that to its handler (SDM vol. 3B, section 17.3.1.1).
func (c *Core) frameFlags(f *fault) uint64 {
	fl := c.Flags
	isFault := !f.intr && !f.nmi && !f.soft && !f.trap && (f.vec != VecDB || f.gd)
	if isFault && f.vec != VecBP && f.vec != VecOF {
		fl |= FlagRF
	}
	return fl
}

// gateError raises vec with the error code of IDT entry f.vec.
func (c *Core) gateError(vec uint8, f *fault) {
	c.raiseCode(vec, uint32(f.vec)*8+2+f.extBit())
}

// longGate reads the gate of f's vector from the IDT and checks it.
func (c *Core) longGate(f *fault) (lo, hi uint64, ok bool) {
	at := uint64(f.vec) * 16
	if at+15 > c.IDTR.Limit {
		c.gateError(VecGP, f)
		return 0, 0, false
	}
	lo = c.readSys(c.IDTR.Base+at, 8)
	hi = c.readSys(c.IDTR.Base+at+8, 8)
	typ := lo >> 40 & 0x1f
	switch {
	case c.fault.set:
	case typ != 0xe && typ != 0xf:
		c.gateError(VecGP, f)
	case f.soft && lo>>45&3 < uint64(c.cpl):
		c.gateError(VecGP, f)
	case lo>>47&1 == 0:
		c.gateError(VecNP, f)
	}
	return lo, hi, !c.fault.set
}

// deliverLong is delivery in IA-32e mode (SDM vol. 3A, section 6.14).
func (c *Core) deliverLong(f fault) {
	c.touchSys()
	lo, hi, ok := c.longGate(&f)
	if !ok {
		return
	}
	target := lo&0xffff | lo>>32&0xffff0000 | hi<<32
	cs, ok := c.gateCode(uint16(lo>>16), &f, true)
	if !ok {
		return
	}
	newCPL := c.cpl
	if cs.Attr&AttrConforming == 0 {
		newCPL = cs.DPL()
	}
	rsp := c.GPR[RSP]
	ist := lo >> 32 & 7
	switch {
	case ist != 0:
		rsp = c.tssStack64(28+8*ist, &f)
	case newCPL < c.cpl:
		rsp = c.tssStack64(4+8*uint64(newCPL), &f)
	}
	if c.fault.set {
		return
	}
	if !canonical(target) {
		c.raiseCode(VecGP, f.extBit())
		return
	}
	c.pushFrame64(rsp&^15, &f)
	if c.fault.set {
		return
	}
	if newCPL < c.cpl {
		c.Seg[SS] = SegReg{Sel: uint16(newCPL), Attr: AttrP | AttrS | AttrWrite | AttrAccessed | uint16(newCPL)<<5 | AttrDB | AttrG, Limit: 0xffffffff}
	}
	cs.Sel = cs.Sel&^3 | uint16(newCPL)
	c.Seg[CS] = cs
	c.RIP = target
	c.enterHandlerFlags(lo>>40&0x1f == 0xe)
	c.derive()
}

// enterHandlerFlags clears what entering a handler clears.
func (c *Core) enterHandlerFlags(interruptGate bool) {
	c.Flags &^= FlagTF | FlagNT | FlagRF | FlagVM
	if interruptGate {
		c.Flags &^= FlagIF
	}
}

// pushFrame64 pushes the 64-bit frame below rsp, which is aligned, and moves RSP there.
func (c *Core) pushFrame64(rsp uint64, f *fault) {
	frame := [6]uint64{uint64(c.Seg[SS].Sel), c.GPR[RSP], c.frameFlags(f), uint64(c.Seg[CS].Sel), c.RIP, uint64(f.code)}
	n := 5
	if f.hasCode {
		n = 6
	}
	if end := rsp - 8*uint64(n); !canonical(end) || !canonical(rsp-1) {
		c.raiseCode(VecSS, f.extBit())
		return
	}
	for _, v := range frame[:n] {
		rsp -= 8
		c.writeSys(rsp, 8, v)
	}
	c.GPR[RSP] = rsp
}

// gateCode loads the code segment that a gate names for delivery: present
// code, not less privileged than the interrupted program; 64-bit in long mode.
func (c *Core) gateCode(sel uint16, f *fault, long bool) (SegReg, bool) {
	ext := f.extBit()
	if sel&^3 == 0 {
		c.raiseCode(VecGP, ext)
		return SegReg{}, false
	}
	code := uint32(sel&^3) + ext
	d, ok := c.fetchDescriptor(sel)
	if c.fault.set {
		return SegReg{}, false
	}
	s := unpackDescriptor(sel, d)
	switch {
	case !ok, s.Attr&(AttrS|AttrCode) != AttrS|AttrCode, s.DPL() > c.cpl:
		c.raiseCode(VecGP, code)
		return SegReg{}, false
	case long && s.Attr&(AttrL|AttrDB) != AttrL:
		c.raiseCode(VecGP, code)
		return SegReg{}, false
	case s.Attr&AttrP == 0:
		c.raiseCode(VecNP, code)
		return SegReg{}, false
	}
	c.setAccessed(sel, &s)
	return s, !c.fault.set
}

// tssStack64 reads a stack pointer from the 64-bit TSS at offset off.
func (c *Core) tssStack64(off uint64, f *fault) uint64 {
	if off+7 > uint64(c.TR.Limit) {
		c.raiseCode(VecTS, uint32(c.TR.Sel&^3)+f.extBit())
		return 0
	}
	rsp := c.readSys(c.TR.Base+off, 8)
	if !canonical(rsp) && !c.fault.set {
		c.raiseCode(VecSS, f.extBit())
	}
	return rsp
}

// deliverReal is delivery in real-address mode through the vector table (SDM
// vol. 3A, section 20.1.4).
func (c *Core) deliverReal(f fault) {
	c.touchSys()
	at := uint64(f.vec) * 4
	if at+3 > c.IDTR.Limit {
		c.raise(VecGP)
		return
	}
	v := c.readSys(c.IDTR.Base+at, 4)
	c.push(2, c.frameFlags(&f)&^FlagRF)
	c.push(2, uint64(c.Seg[CS].Sel))
	c.push(2, c.RIP)
	if c.fault.set {
		return
	}
	c.Flags &^= FlagIF | FlagTF | FlagAC | FlagRF
	c.Seg[CS].Sel = uint16(v >> 16)
	c.Seg[CS].Base = v >> 16 << 4
	c.RIP = v & 0xffff
	c.derive()
}

// deliverProtected is delivery in protected mode through interrupt and trap
// gates of 16 and 32 bits (SDM vol. 3A, section 6.12). Task gates raise #GP:
// hardware task switching is not modelled.
func (c *Core) deliverProtected(f fault) {
	c.touchSys()
	at := uint64(f.vec) * 8
	if at+7 > c.IDTR.Limit {
		c.gateError(VecGP, &f)
		return
	}
	d := c.readSys(c.IDTR.Base+at, 8)
	if c.fault.set {
		return
	}
	typ := d >> 40 & 0x1f
	switch {
	case typ&^8 != 6 && typ&^8 != 7:
		c.gateError(VecGP, &f)
		return
	case f.soft && d>>45&3 < uint64(c.cpl):
		c.gateError(VecGP, &f)
		return
	case d>>47&1 == 0:
		c.gateError(VecNP, &f)
		return
	}
	size, target := uint8(2), d&0xffff
	if typ&8 != 0 {
		size, target = 4, d&0xffff|d>>32&0xffff0000
	}
	cs, ok := c.gateCode(uint16(d>>16), &f, false)
	if !ok {
		return
	}
	if target > uint64(cs.Limit) {
		c.raiseCode(VecGP, f.extBit())
		return
	}
	c.enterProtected(f, cs, target, size)
	if c.fault.set {
		return
	}
	c.enterHandlerFlags(typ&1 == 0)
	c.derive()
}

// enterProtected switches stacks if needed and pushes the frame.
func (c *Core) enterProtected(f fault, cs SegReg, target uint64, size uint8) {
	newCPL := c.cpl
	if cs.Attr&AttrConforming == 0 {
		newCPL = cs.DPL()
	}
	oldSS, oldSP, flags := c.Seg[SS].Sel, c.GPR[RSP], c.frameFlags(&f)
	oldCS, oldIP := c.Seg[CS].Sel, c.RIP
	switched := newCPL < c.cpl
	if switched {
		ss, sp, ok := c.tssStack32(newCPL, f.extBit())
		if !ok {
			return
		}
		c.Seg[SS] = ss
		c.setSP(c.stackSizeOf(&ss), sp)
		c.cpl = newCPL
	}
	if switched {
		c.push(size, uint64(oldSS))
		c.push(size, oldSP)
	}
	c.push(size, flags)
	c.push(size, uint64(oldCS))
	c.push(size, oldIP)
	if f.hasCode {
		c.push(size, uint64(f.code))
	}
	cs.Sel = cs.Sel&^3 | uint16(newCPL)
	c.Seg[CS] = cs
	c.RIP = target
}

// stackSizeOf returns the stack pointer's width with SS being s.
func (c *Core) stackSizeOf(s *SegReg) uint8 {
	switch {
	case c.mode == decode.Mode64:
		return 8
	case s.Attr&AttrDB != 0:
		return 4
	}
	return 2
}

// tssStack32 reads SS:ESP for privilege level cpl from a 32- or 16-bit TSS
// and checks it (SDM vol. 2A, INT n, INTER-PRIVILEGE-LEVEL-INTERRUPT).
func (c *Core) tssStack32(cpl uint8, ext uint32) (ss SegReg, sp uint64, ok bool) {
	var sel uint16
	off := uint64(cpl)*8 + 4
	size := uint8(4)
	if c.TR.Attr&0xf&^2 == 1 { // 16-bit TSS
		off, size = uint64(cpl)*4+2, 2
	}
	if off+2*uint64(size)-1 > uint64(c.TR.Limit) {
		c.raiseCode(VecTS, uint32(c.TR.Sel&^3)+ext)
		return
	}
	sp = c.readSys(c.TR.Base+off, size)
	sel = uint16(c.readSys(c.TR.Base+off+uint64(size), 2))
	if c.fault.set {
		return
	}
	code := uint32(sel&^3) + ext
	d, found := c.fetchDescriptor(sel)
	ss = unpackDescriptor(sel, d)
	switch {
	case c.fault.set:
		return
	case sel&^3 == 0:
		c.raiseCode(VecTS, ext)
		return
	case !found, uint8(sel&3) != cpl, ss.DPL() != cpl,
		ss.Attr&(AttrS|AttrCode|AttrWrite) != AttrS|AttrWrite:
		c.raiseCode(VecTS, code)
		return
	case ss.Attr&AttrP == 0:
		c.raiseCode(VecSS, code)
		return
	}
	c.setAccessed(sel, &ss)
	return ss, sp, !c.fault.set
}
