package cpu

import "math/bits"

// The local APIC (SDM vol. 3A, chapter 10): fixed, NMI, INIT and start-up
// interrupts, priorities, the timer; as memory-mapped registers (xAPIC) and as
// MSRs (x2APIC). There is no I/O APIC: interrupts from outside are choices.
//
// The timer never fires by itself. Its count follows the core's own steps and
// can be read; that it reaches zero is the choice tick, so that an explorer
// can place it anywhere. A run policy that wants time to pass asks TimerLeft.

const (
	apicEnabled uint64 = 1 << 11 // in IA32_APIC_BASE
	apicX2      uint64 = 1 << 10
	apicBSP     uint64 = 1 << 8

	lvtMasked   uint64 = 1 << 16
	lvtPeriodic uint64 = 1 << 17
	svrEnabled  uint64 = 1 << 8
)

// The registers by number: MMIO offset / 16, and MSR 800h + number.
const (
	apicRegID       = 0x02
	apicRegVersion  = 0x03
	apicRegTPR      = 0x08
	apicRegPPR      = 0x0a
	apicRegEOI      = 0x0b
	apicRegLDR      = 0x0d
	apicRegDFR      = 0x0e
	apicRegSVR      = 0x0f
	apicRegISR      = 0x10
	apicRegTMR      = 0x18
	apicRegIRR      = 0x20
	apicRegESR      = 0x28
	apicRegICRLow   = 0x30
	apicRegICRHigh  = 0x31
	apicRegLVT      = 0x32 // timer, thermal, performance, LINT0, LINT1, error
	apicRegInit     = 0x38
	apicRegCurrent  = 0x39
	apicRegDivide   = 0x3e
	apicRegSelf     = 0x3f
	apicVersionReg  = 0x50014
	lvtTimer        = 0
	lvtError        = 5
	esrIllegalReg   = 1 << 7
	esrIllegalSend  = 1 << 5
	icrModeMask     = 7 << 8
	icrLogical      = 1 << 11
	icrLevelAssert  = 1 << 14
	icrTriggerLevel = 1 << 15
)

// APIC is the state of a local APIC. IRR, ISR and TMR are bitmaps by vector.
type APIC struct {
	Base           uint64 // IA32_APIC_BASE
	ID             uint64
	TPR, SVR, ESR  uint64
	LDR, DFR       uint64
	ICR            uint64
	LVT            [6]uint64
	IRR, ISR, TMR  [4]uint64
	Requests       uint64 // 1 when IRR is not empty
	TimerInit      uint64 // initial count; the timer is armed when not zero and Armed is set
	TimerDivide    uint64 // divide configuration register
	TimerArmed     uint64 // 1 while counting
	TimerStart     uint64 // the core's step count when counting began
	PendingESRBits uint64 // errors since ESR was last written
}

// resetAPIC returns the state of section 10.4.7.1.
func resetAPIC(id, base uint64) APIC {
	a := APIC{ID: id, Base: base, DFR: 0xffffffff, SVR: 0xff}
	for i := range a.LVT {
		a.LVT[i] = lvtMasked
	}
	return a
}

// highest returns the highest vector set in b, or 0.
func highest(b *[4]uint64) uint64 {
	for i := 3; i >= 0; i-- {
		if b[i] != 0 {
			return uint64(i*64 + 63 - bits.LeadingZeros64(b[i]))
		}
	}
	return 0
}

// ppr returns the processor priority (SDM vol. 3A, section 10.8.3.1).
func (a *APIC) ppr() uint64 {
	isr := highest(&a.ISR)
	if a.TPR>>4 >= isr>>4 {
		return a.TPR
	}
	return isr & 0xf0
}

// apicDeliverable returns the vector that the APIC would hand to the core now.
func (c *Core) apicDeliverable() (vec uint8, ok bool) {
	v := highest(&c.APIC.IRR)
	return uint8(v), v != 0 && v>>4 > c.APIC.ppr()>>4
}

// apicAccept moves vec from requested to in service.
func (c *Core) apicAccept(vec uint8) {
	c.touchSys()
	a := &c.APIC
	a.IRR[vec>>6] &^= 1 << (vec & 63)
	a.ISR[vec>>6] |= 1 << (vec & 63)
	a.Requests = btou(a.IRR != [4]uint64{})
}

func btou(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// pendIRQ makes vec pending; from is the sending core or ^0.
func (c *Core) pendIRQ(vec uint8, level bool, from uint64) {
	c.touchSys()
	c.APIC.IRR[vec>>6] |= 1 << (vec & 63)
	c.APIC.TMR[vec>>6] &^= 1 << (vec & 63)
	c.APIC.Requests = 1
	c.event(Event{Kind: EvPend, Vector: vec, Value: [2]uint64{from}})
}

// eoi ends the highest interrupt in service.
func (c *Core) eoi() {
	v := highest(&c.APIC.ISR)
	c.APIC.ISR[v>>6] &^= 1 << (v & 63)
}

// apicAt reports whether pa lies in the core's memory-mapped APIC.
func (c *Core) apicAt(pa uint64) bool {
	return pa&^0xfff == c.apicPage
}

// apicPageOf returns where the registers are mapped, or an address that no
// access has when they are not.
func (c *Core) apicPageOf() uint64 {
	if c.APIC.Base&(apicEnabled|apicX2) != apicEnabled {
		return ^uint64(0)
	}
	return c.APIC.Base & physMask
}

// setAPICBase writes IA32_APIC_BASE; the mode transitions are those of SDM
// vol. 3A, figure 10-27.
func (c *Core) setAPICBase(v uint64) {
	old := c.APIC.Base
	mode := v & (apicEnabled | apicX2)
	bad := v&^(physMask|apicEnabled|apicX2|apicBSP) != 0 || mode == apicX2 ||
		old&apicX2 != 0 && mode == apicEnabled ||
		old&apicEnabled == 0 && mode&apicX2 != 0
	if bad {
		c.raiseCode(VecGP, 0)
		return
	}
	c.touchSys()
	if old&apicEnabled != 0 && mode == 0 {
		c.APIC = resetAPIC(uint64(c.id), old) // section 10.4.3: initialization is lost
	}
	if old&apicX2 == 0 && mode&apicX2 != 0 {
		c.APIC.LDR = c.APIC.ID>>4<<16 | 1<<(c.APIC.ID&15)
	}
	c.APIC.Base = v&^apicBSP | old&apicBSP
	c.derive()
}

// apicMMIORead reads a memory-mapped register. Only aligned 4-byte reads are
// defined; others see the bytes of the same registers.
func (c *Core) apicMMIORead(pa uint64, size uint8) uint64 {
	v := uint64(0)
	if pa&15 < 4 {
		v, _ = c.apicRead(uint32(pa & 0xfff >> 4))
		if pa&0xfff>>4 == apicRegID {
			v <<= 24
		}
	}
	return v & 0xffffffff >> (pa & 3 * 8) & sizeMask(size)
}

// apicMMIOWrite writes a memory-mapped register; only aligned 4-byte writes
// have an effect (SDM vol. 3A, section 10.4.1).
func (c *Core) apicMMIOWrite(pa uint64, size uint8, v uint64) {
	if pa&15 != 0 || size != 4 {
		return
	}
	c.touchSys()
	switch n := uint32(pa & 0xfff >> 4); n {
	case apicRegID:
		c.APIC.ID = v >> 24
	case apicRegLDR:
		c.APIC.LDR = v & 0xff000000
	case apicRegDFR:
		c.APIC.DFR = v | 0x0fffffff
	case apicRegICRHigh:
		c.APIC.ICR = c.APIC.ICR&0xffffffff | v&0xff000000<<32
	case apicRegICRLow:
		c.APIC.ICR = c.APIC.ICR&^0xffffffff | v&^(1<<12)
		c.sendIPI(c.APIC.ICR, c.APIC.ICR>>56, 0xff)
	default:
		if !c.apicWrite(n, v) {
			c.apicError(esrIllegalReg)
		}
	}
}

// apicRead reads register n; ok is false for one that is not there or only written.
func (c *Core) apicRead(n uint32) (v uint64, ok bool) {
	a := &c.APIC
	switch {
	case n >= apicRegISR && n < apicRegISR+8:
		return bitmapWord(&a.ISR, n-apicRegISR), true
	case n >= apicRegTMR && n < apicRegTMR+8:
		return bitmapWord(&a.TMR, n-apicRegTMR), true
	case n >= apicRegIRR && n < apicRegIRR+8:
		return bitmapWord(&a.IRR, n-apicRegIRR), true
	case n >= apicRegLVT && n < apicRegLVT+6:
		return a.LVT[n-apicRegLVT], true
	}
	switch n {
	case apicRegID:
		return a.ID, true
	case apicRegVersion:
		return apicVersionReg, true
	case apicRegTPR:
		return a.TPR, true
	case apicRegPPR:
		return a.ppr(), true
	case apicRegLDR:
		return a.LDR, true
	case apicRegDFR:
		return a.DFR, true
	case apicRegSVR:
		return a.SVR, true
	case apicRegESR:
		return a.ESR, true
	case apicRegICRLow:
		if a.Base&apicX2 != 0 {
			return a.ICR, true
		}
		return a.ICR & 0xffffffff, true
	case apicRegICRHigh:
		return a.ICR >> 32, true
	case apicRegInit:
		return a.TimerInit, true
	case apicRegCurrent:
		return c.timerCount(), true
	case apicRegDivide:
		return a.TimerDivide, true
	}
	return 0, false
}

// bitmapWord returns 32-bit word i of a vector bitmap.
func bitmapWord(b *[4]uint64, i uint32) uint64 { return b[i/2] >> (i % 2 * 32) & 0xffffffff }

// apicWrite writes a register that both interfaces have; ok is false for one
// that is not there or read-only.
func (c *Core) apicWrite(n uint32, v uint64) (ok bool) {
	a := &c.APIC
	switch {
	case n == apicRegTPR:
		a.TPR = v & 0xff
	case n == apicRegEOI:
		c.eoi()
	case n == apicRegSVR:
		a.SVR = v & 0x1ff
		if v&svrEnabled == 0 {
			for i := range a.LVT {
				a.LVT[i] |= lvtMasked
			}
		}
	case n == apicRegESR:
		a.ESR, a.PendingESRBits = a.PendingESRBits, 0
	case n >= apicRegLVT && n < apicRegLVT+6:
		if a.SVR&svrEnabled == 0 {
			v |= lvtMasked
		}
		a.LVT[n-apicRegLVT] = v & 0x3f7ff &^ (1 << 12)
	case n == apicRegInit:
		a.TimerInit = v & 0xffffffff
		a.TimerStart = c.steps
		a.TimerArmed = btou(a.TimerInit != 0)
	case n == apicRegDivide:
		a.TimerDivide = v & 0xb
	default:
		return false
	}
	return true
}

// apicWriteX2 writes x2APIC register n; ok is false for #GP(0).
func (c *Core) apicWriteX2(n uint32, v uint64) (ok bool) {
	switch {
	case n == apicRegICRLow:
		c.APIC.ICR = v &^ (1 << 12)
		c.sendIPI(v, v>>32, 0xffffffff)
		return true
	case v>>32 != 0, (n == apicRegEOI || n == apicRegESR) && v != 0, n == apicRegTPR && v > 0xff:
		return false
	case n == apicRegSelf:
		c.sendIPI(v&0xff|1<<18, 0, 0xffffffff)
		return true
	}
	return c.apicWrite(n, v)
}

// apicError notes an error and raises the error interrupt if it is unmasked.
func (c *Core) apicError(bit uint64) {
	c.APIC.PendingESRBits |= bit
	if l := c.APIC.LVT[lvtError]; l&lvtMasked == 0 {
		c.pendIRQ(uint8(l), false, uint64(c.id))
	}
}

// sendIPI sends what the interrupt command says (SDM vol. 3A, section 10.6):
// to the cores whose APIC matches dest, or those of the shorthand.
func (c *Core) sendIPI(icr, dest, broadcast uint64) {
	for _, o := range c.m.cores {
		var hit bool
		switch icr >> 18 & 3 {
		case 1:
			hit = o == c
		case 2:
			hit = true
		case 3:
			hit = o != c
		default:
			hit = o.apicMatches(dest, broadcast, icr&icrLogical != 0)
		}
		if !hit {
			continue
		}
		c.sendTo(o, icr)
		if icr&icrModeMask == 1<<8 {
			return // lowest priority: one of them, the first
		}
	}
}

// apicMatches reports whether an IPI to dest reaches this core (SDM vol. 3A,
// section 10.6.2).
func (c *Core) apicMatches(dest, broadcast uint64, logical bool) bool {
	a := &c.APIC
	switch {
	case dest == broadcast:
		return true
	case !logical:
		return dest == a.ID
	case a.Base&apicX2 != 0:
		return dest>>16 == a.LDR>>16 && dest&a.LDR&0xffff != 0
	case a.DFR>>28 == 0: // cluster model
		return dest>>4 == a.LDR>>28 && dest&(a.LDR>>24)&0xf != 0
	}
	return dest&(a.LDR>>24) != 0
}

// sendTo delivers one interprocessor interrupt.
func (c *Core) sendTo(o *Core, icr uint64) {
	vec := uint8(icr)
	from := uint64(c.id)
	switch icr & icrModeMask >> 8 {
	case 0, 1:
		if vec < 16 {
			c.apicError(esrIllegalSend)
			return
		}
		if o.APIC.SVR&svrEnabled != 0 {
			o.pendIRQ(vec, false, from)
		}
	case 4:
		o.pendNMI(from)
	case 5:
		if icr&(icrTriggerLevel|icrLevelAssert) != icrTriggerLevel {
			o.pendINIT(from)
		}
	case 6:
		o.pendSIPI(vec, from)
	}
}

// divisor returns how many steps one count of the timer lasts.
func (a *APIC) divisor() uint64 {
	d := a.TimerDivide&3 | a.TimerDivide>>1&4
	return 1 << ((d + 1) & 7)
}

// timerCount returns the current count, which a program then has seen.
func (c *Core) timerCount() uint64 {
	if c.APIC.TimerArmed == 0 {
		return 0
	}
	c.m.stick(StickyTime)
	left, _ := c.timerLeft()
	return left / c.APIC.divisor()
}

func (c *Core) timerArmed() bool { return c.APIC.TimerArmed != 0 }

// timerLeft returns how many steps the count has left.
func (c *Core) timerLeft() (steps uint64, armed bool) {
	a := &c.APIC
	if a.TimerArmed == 0 {
		return 0, false
	}
	total, gone := a.TimerInit*a.divisor(), c.steps-a.TimerStart
	if gone >= total {
		return 0, true
	}
	return total - gone, true
}

// TimerLeft returns how many steps of core its APIC timer still counts, and
// whether it is armed at all. At 0 a run policy that lets time pass takes the
// choice tick.
func (m *Machine) TimerLeft(core int) (steps uint64, armed bool) {
	return m.cores[core].timerLeft()
}

// timerExpire is the choice tick: the count reaches zero.
func (c *Core) timerExpire() {
	c.touchSys()
	a := &c.APIC
	l := a.LVT[lvtTimer]
	if l&lvtPeriodic != 0 {
		a.TimerStart = c.steps
	} else {
		a.TimerArmed = 0
	}
	if l&lvtMasked == 0 && uint8(l) >= 16 {
		c.pendIRQ(uint8(l), false, ^uint64(0))
	}
}
