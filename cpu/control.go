package cpu

import "klpsim/cpu/decode"

// Control, debug and flag registers, and the state after reset.

// reset puts the core into its state after power-up or INIT (SDM vol. 3A,
// table 9-1). INIT keeps the floating-point registers, the caches, most MSRs
// and the APIC's ID; every core but the first then waits for a start-up IPI.
func (c *Core) reset(powerUp bool) {
	if !powerUp {
		c.touchSys()
	}
	id, base, old := uint64(c.id), c.APIC.Base, c.Sys
	c.Regs = Regs{RIP: 0xfff0, Flags: Flag1}
	c.GPR[RDX] = cpuSignature
	c.Sys = Sys{CR0: CR0ET, DR: [8]uint64{6: dr6Fixed, 7: 0x400}}
	if powerUp {
		c.CR0 |= CR0CD | CR0NW
		c.FP = FP{FCW: 0x40, MXCSR: 0x1f80, FTW: 0xff}
		c.PAT = 0x0007040600070406
		c.MiscEnable = 1 // fast strings
		base = 0xfee00000 | apicEnabled
		if c.id == 0 {
			base |= apicBSP
		}
	} else {
		c.CR0 |= old.CR0 & (CR0CD | CR0NW)
		c.keepMSRs(&old)
		c.tlbFlush(true)
	}
	for i := range c.Seg {
		c.Seg[i] = SegReg{Limit: 0xffff, Attr: AttrP | AttrS | AttrWrite | AttrAccessed}
	}
	c.Seg[CS].Sel, c.Seg[CS].Base = 0xf000, 0xffff0000
	c.Seg[CS].Attr |= AttrCode
	c.GDTR.Limit, c.IDTR.Limit = 0xffff, 0xffff
	c.LDTR = SegReg{Limit: 0xffff, Attr: AttrP | 2}
	c.TR = SegReg{Limit: 0xffff, Attr: AttrP | 11}
	c.APIC = resetAPIC(id, base)
	if base&apicBSP == 0 {
		c.Activity = WaitSIPI
	}
	c.derive()
}

// keepMSRs puts back what INIT does not touch.
func (c *Core) keepMSRs(old *Sys) {
	c.STAR, c.LSTAR, c.CSTAR, c.SFMASK = old.STAR, old.LSTAR, old.CSTAR, old.SFMASK
	c.KernelGSBase, c.PAT, c.TSCAux, c.TSCOffset, c.MiscEnable =
		old.KernelGSBase, old.PAT, old.TSCAux, old.TSCOffset, old.MiscEnable
	c.SysenterCS, c.SysenterESP, c.SysenterEIP = old.SysenterCS, old.SysenterESP, old.SysenterEIP
	c.Pending = old.Pending &^ (PendINIT | PendNMI)
	c.SIPIPage = old.SIPIPage
}

// getCR reads control register n; #UD for one that is not there.
func (c *Core) getCR(n uint8) uint64 {
	switch n {
	case 0:
		return c.CR0
	case 2:
		return c.CR2
	case 3:
		return c.CR3
	case 4:
		return c.CR4
	case 8:
		return c.APIC.TPR >> 4
	}
	c.raise(VecUD)
	return 0
}

// setCR is MOV to control register n (SDM vol. 2B, MOV-Control registers).
func (c *Core) setCR(n uint8, v uint64) {
	if c.fault.set {
		return
	}
	old := c.getCR(n)
	switch n {
	case 0:
		c.setCR0(v)
	case 2:
		c.touchSys()
		c.CR2 = v
	case 3:
		if v>>physBits != 0 {
			c.raiseCode(VecGP, 0)
			return
		}
		c.touchSys()
		c.CR3 = v
		c.tlbFlush(false)
	case 4:
		c.setCR4(v)
	case 8:
		if v&^15 != 0 {
			c.raiseCode(VecGP, 0)
			return
		}
		c.touchSys()
		c.APIC.TPR = v << 4
	}
	if !c.fault.set {
		c.event(Event{Kind: EvControl, VA: uint64(n), Old: [2]uint64{old}, Value: [2]uint64{v}})
		c.derive()
	}
}

const cr0Known = CR0PE | CR0MP | CR0EM | CR0TS | CR0ET | CR0NE | CR0WP | CR0AM | CR0NW | CR0CD | CR0PG

// setCR0 checks and writes CR0; turning paging on with EFER.LME set enters
// IA-32e mode (SDM vol. 3A, section 9.8.5).
func (c *Core) setCR0(v uint64) {
	long := c.EFER&EFERLME != 0
	switch {
	case v>>32 != 0,
		v&CR0PG != 0 && v&CR0PE == 0,
		v&CR0NW != 0 && v&CR0CD == 0,
		v&CR0PG != 0 && c.CR0&CR0PG == 0 && long && (c.CR4&CR4PAE == 0 || c.Seg[CS].Attr&AttrL != 0),
		v&CR0PG == 0 && c.mode == decode.Mode64:
		c.raiseCode(VecGP, 0)
		return
	}
	c.touchSys()
	old := c.CR0
	c.CR0 = v&cr0Known | CR0ET
	if v&CR0PG != 0 && long {
		c.EFER |= EFERLMA
	} else {
		c.EFER &^= EFERLMA
	}
	if (old^c.CR0)&(CR0PG|CR0WP|CR0PE) != 0 {
		c.tlbFlush(true)
	}
}

const cr4Known = CR4TSD | CR4DE | CR4PSE | CR4PAE | CR4PGE | CR4PCE | CR4OSFXSR | CR4OSXMMEXCPT | CR4FSGSBASE | CR4SMEP

// setCR4 checks and writes CR4; bits of features that CPUID does not announce
// are reserved.
func (c *Core) setCR4(v uint64) {
	if v&^cr4Known != 0 || c.EFER&EFERLMA != 0 && v&CR4PAE == 0 {
		c.raiseCode(VecGP, 0)
		return
	}
	c.touchSys()
	old := c.CR4
	c.CR4 = v
	if (old^v)&(CR4PGE|CR4PAE|CR4PSE|CR4SMEP) != 0 {
		c.tlbFlush(true)
	}
}

// getDR reads debug register n; DR4 and DR5 are DR6 and DR7, or #UD with CR4.DE.
func (c *Core) getDR(n uint8) uint64 {
	if n = c.debugReg(n); c.fault.set {
		return 0
	}
	return c.DR[n]
}

// setDR is MOV to debug register n.
func (c *Core) setDR(n uint8, v uint64) {
	if n = c.debugReg(n); c.fault.set {
		return
	}
	if n >= 6 && v>>32 != 0 {
		c.raiseCode(VecGP, 0)
		return
	}
	c.touchSys()
	old := c.DR[n]
	switch n {
	case 6:
		v = v&0xe00f | dr6Fixed
	case 7:
		v = v&0xffff2bff | 0x400
	}
	c.DR[n] = v
	c.event(Event{Kind: EvControl, VA: 0x100 + uint64(n), Old: [2]uint64{old}, Value: [2]uint64{v}})
}

// debugReg resolves the aliases and raises #UD, or #DB for general detect.
func (c *Core) debugReg(n uint8) uint8 {
	switch {
	case n > 7, (n == 4 || n == 5) && c.CR4&CR4DE != 0:
		c.raise(VecUD)
	case c.DR[7]&(1<<13) != 0 && !c.fault.set:
		c.touchSys()
		c.raise(VecDB)
		c.fault.dr6 = dr6BD
		c.fault.gd = true
	}
	if n == 4 || n == 5 {
		n += 2
	}
	return n & 7
}

// Breakpoint conditions in DR7 (SDM vol. 3B, section 17.2.4).
const (
	bpExec  = 0
	bpWrite = 1
	bpIO    = 2
	bpRW    = 3
)

// breakpoint returns the linear range and condition of breakpoint i, and
// whether it is enabled.
func (c *Core) breakpoint(i uint) (lin, size uint64, cond uint64, on bool) {
	if c.DR[7]>>(2*i)&3 == 0 {
		return 0, 0, 0, false
	}
	size = [4]uint64{1, 2, 8, 4}[c.DR[7]>>(18+4*i)&3]
	return c.DR[i] &^ (size - 1), size, c.DR[7] >> (16 + 4*i) & 3, true
}

// codeBreak returns the DR6 bits of instruction breakpoints at RIP.
func (c *Core) codeBreak() (bits uint64) {
	lin := c.codeLinear(c.RIP)
	for i := range uint(4) {
		if at, _, cond, on := c.breakpoint(i); on && cond == bpExec && at == lin {
			bits |= 1 << i
		}
	}
	return bits
}

// matchData notes data breakpoints that an access hits; they trap after the instruction.
func (c *Core) matchData(lin, size uint64, write bool) {
	for i := range uint(4) {
		at, n, cond, on := c.breakpoint(i)
		if !on || cond != bpRW && (cond != bpWrite || !write) {
			continue
		}
		if lin < at+n && at < lin+size {
			c.dbHit |= 1 << i
		}
	}
}

// setIF is STI and CLI (SDM vol. 2A and 2B; protected-mode virtual interrupts
// are not announced). STI begins the interrupt shadow when IF was clear.
func (c *Core) setIF(on bool) {
	if c.CR0&CR0PE != 0 && uint64(c.cpl) > c.Flags>>12&3 {
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	switch {
	case !on:
		c.Flags &^= FlagIF
	case c.Flags&FlagIF == 0:
		c.Flags |= FlagIF
		c.touchSys()
		c.Blocked |= BlockSTI
	}
}

// popFlags loads RFLAGS from v as POPF of size bytes does (SDM vol. 2B).
func (c *Core) popFlags(v uint64, size uint8) {
	if c.fault.set {
		return
	}
	mask := FlagsStatus | FlagTF | FlagDF | FlagNT
	if size > 2 {
		mask |= FlagAC | FlagID
	}
	if uint64(c.cpl) <= c.Flags>>12&3 || c.CR0&CR0PE == 0 {
		mask |= FlagIF
	}
	if c.cpl == 0 {
		mask |= FlagIOPL
	}
	c.Flags = c.Flags&^(mask|FlagRF) | v&mask | Flag1
}

// halt is HLT.
func (c *Core) halt() {
	if c.fault.set {
		return
	}
	c.touchSys()
	c.Activity = Halted
	c.event(Event{Kind: EvHalt})
}

// invlpg drops the translations of linear address va.
func (c *Core) invlpg(va uint64) {
	if !c.fault.set && canonical(va) {
		c.tlbFlushPage(va)
	}
}

// rdtsc reads the time-stamp counter: the number of steps the core has taken.
func (c *Core) rdtsc() uint64 {
	if c.CR4&CR4TSD != 0 && c.cpl != 0 {
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return 0
	}
	c.m.stick(StickyTime)
	return c.steps + c.TSCOffset
}

// checkX87 raises what an x87 instruction that waits must raise first.
func (c *Core) checkX87() {
	if c.CR0&(CR0EM|CR0TS) != 0 {
		c.raise(VecNM)
		return
	}
	c.checkMF()
}

// checkX87NoWait is checkX87 for the FN forms, which do not wait.
func (c *Core) checkX87NoWait() {
	if c.CR0&(CR0EM|CR0TS) != 0 {
		c.raise(VecNM)
	}
}

// checkWait is FWAIT.
func (c *Core) checkWait() {
	if c.CR0&(CR0MP|CR0TS) == CR0MP|CR0TS {
		c.raise(VecNM)
		return
	}
	c.checkMF()
}

// checkMF raises #MF for a pending unmasked x87 exception.
func (c *Core) checkMF() {
	if c.FSW&0x80 != 0 {
		c.raise(VecMF)
	}
}

// checkMMX raises what an MMX instruction must raise first.
func (c *Core) checkMMX() {
	switch {
	case c.CR0&CR0EM != 0:
		c.raise(VecUD)
	case c.CR0&CR0TS != 0:
		c.raise(VecNM)
	default:
		c.checkMF()
	}
}

// checkSSE raises what an SSE instruction must raise first.
func (c *Core) checkSSE() {
	switch {
	case c.CR0&CR0EM != 0 || c.CR4&CR4OSFXSR == 0:
		c.raise(VecUD)
	case c.CR0&CR0TS != 0:
		c.raise(VecNM)
	}
}

// setMXCSR loads MXCSR; reserved bits raise #GP(0).
func (c *Core) setMXCSR(v uint32) {
	if v>>16 != 0 {
		c.raiseCode(VecGP, 0)
	}
	if c.fault.set {
		return
	}
	c.touchFP()
	c.MXCSR = v
}
