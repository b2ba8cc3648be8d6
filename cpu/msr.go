package cpu

// Model-specific registers (SDM vol. 4, table 2-2). Unknown ones raise #GP(0).
const (
	msrTSC          = 0x10
	msrPlatformID   = 0x17
	msrAPICBase     = 0x1b
	msrBIOSSign     = 0x8b
	msrSysenterCS   = 0x174
	msrSysenterESP  = 0x175
	msrSysenterEIP  = 0x176
	msrMiscEnable   = 0x1a0
	msrDebugCtl     = 0x1d9
	msrPAT          = 0x277
	msrX2APIC       = 0x800
	msrX2APICLast   = 0x83f
	msrEFER         = 0xc0000080
	msrSTAR         = 0xc0000081
	msrLSTAR        = 0xc0000082
	msrCSTAR        = 0xc0000083
	msrSFMASK       = 0xc0000084
	msrFSBase       = 0xc0000100
	msrGSBase       = 0xc0000101
	msrKernelGSBase = 0xc0000102
	msrTSCAux       = 0xc0000103
)

// msrKind says which values a plain register takes.
type msrKind uint8

const (
	msrAny msrKind = iota
	msrCanonical
	msr32
)

// plainMSR returns the field behind a register that is only storage.
func (c *Core) plainMSR(n uint32) (p *uint64, k msrKind) {
	switch n {
	case msrSysenterCS:
		return &c.SysenterCS, msr32
	case msrSysenterESP:
		return &c.SysenterESP, msrCanonical
	case msrSysenterEIP:
		return &c.SysenterEIP, msrCanonical
	case msrSTAR:
		return &c.STAR, msrAny
	case msrLSTAR:
		return &c.LSTAR, msrCanonical
	case msrCSTAR:
		return &c.CSTAR, msrCanonical
	case msrSFMASK:
		return &c.SFMASK, msr32
	case msrFSBase:
		return &c.Seg[FS].Base, msrCanonical
	case msrGSBase:
		return &c.Seg[GS].Base, msrCanonical
	case msrKernelGSBase:
		return &c.KernelGSBase, msrCanonical
	case msrTSCAux:
		return &c.TSCAux, msr32
	case msrMiscEnable:
		return &c.MiscEnable, msrAny
	}
	return nil, 0
}

// readMSR is RDMSR after its privilege check.
func (c *Core) readMSR(n uint32) uint64 {
	if p, _ := c.plainMSR(n); p != nil {
		return *p
	}
	switch n {
	case msrTSC:
		c.m.stick(StickyTime)
		return c.steps + c.TSCOffset
	case msrAPICBase:
		return c.APIC.Base
	case msrPlatformID, msrBIOSSign, msrDebugCtl:
		return 0
	case msrPAT:
		return c.PAT
	case msrEFER:
		return c.EFER
	}
	if n >= msrX2APIC && n <= msrX2APICLast && c.APIC.Base&apicX2 != 0 {
		if n != msrX2APIC+apicRegICRHigh && n != msrX2APIC+apicRegDFR {
			if v, ok := c.apicRead(n - msrX2APIC); ok {
				return v
			}
		}
	}
	c.raiseCode(VecGP, 0)
	return 0
}

// writeMSR is WRMSR after its privilege check; a reserved bit or an address
// that is not canonical raises #GP(0).
func (c *Core) writeMSR(n uint32, v uint64) {
	if c.fault.set {
		return
	}
	c.touchSys()
	var old uint64
	if p, k := c.plainMSR(n); p != nil {
		if k == msrCanonical && !canonical(v) || k == msr32 && v>>32 != 0 {
			c.raiseCode(VecGP, 0)
			return
		}
		old, *p = *p, v
	} else {
		c.writeSpecialMSR(n, v)
	}
	if !c.fault.set {
		c.event(Event{Kind: EvControl, VA: uint64(n) | 1<<32, Old: [2]uint64{old}, Value: [2]uint64{v}})
	}
}

func (c *Core) writeSpecialMSR(n uint32, v uint64) {
	switch n {
	case msrTSC:
		c.TSCOffset = v - c.steps
		return
	case msrAPICBase:
		c.setAPICBase(v)
		return
	case msrBIOSSign:
		return // software clears it before it asks for the microcode's revision by CPUID
	case msrDebugCtl:
		if v != 0 {
			c.raiseCode(VecGP, 0) // neither branch records nor branch steps
		}
		return
	case msrPAT:
		for i := range 8 {
			if t := v >> (8 * i) & 0xff; t > 7 || t == 2 || t == 3 {
				c.raiseCode(VecGP, 0)
				return
			}
		}
		c.PAT = v
		return
	case msrEFER:
		c.setEFER(v)
		return
	}
	if n >= msrX2APIC && n <= msrX2APICLast && c.APIC.Base&apicX2 != 0 && c.apicWriteX2(n-msrX2APIC, v) {
		return
	}
	c.raiseCode(VecGP, 0)
}

// setEFER writes EFER; LMA is the processor's own, and LME cannot change
// while paging is on.
func (c *Core) setEFER(v uint64) {
	const known = EFERSCE | EFERLME | EFERLMA | EFERNXE
	if v&^known != 0 || c.CR0&CR0PG != 0 && (v^c.EFER)&EFERLME != 0 {
		c.raiseCode(VecGP, 0)
		return
	}
	nx := (v ^ c.EFER) & EFERNXE
	c.EFER = v&^EFERLMA | c.EFER&EFERLMA
	if nx != 0 {
		c.tlbFlush(true)
	}
}
