package cpu

import (
	"fmt"

	"klpsim/cpu/decode"
)

// What a core's step does is decided at instruction boundaries by one
// function, nextEvent, laid out as the manual's table of priorities among
// concurrent events (SDM vol. 3A, table 6-2):
//
//	 1  reset, machine check                     RESET is New; no machine checks
//	 2  trap on task switch                      no hardware task switches
//	 3  FLUSH, STOPCLK, SMI, INIT                INIT; a SIPI while waiting for one
//	 4  traps on the previous instruction        single step, data breakpoints
//	 5  nonmaskable interrupts
//	 6  maskable interrupts
//	 7  code breakpoint fault
//	 8  faults from fetching the next instruction   execute: fetch
//	 9  faults from decoding it                      execute: fetchSlow
//	10  faults on executing it                       execute: fail
//
// Items 8 to 10 cannot be seen without trying and belong to execute.

// DueKind is what a core's next step delivers instead of executing.
type DueKind uint8

// The kinds of due events, highest priority first.
const (
	DueNone DueKind = iota
	DueINIT
	DueSIPI
	DueDebug // #DB trap: single step or data breakpoint
	DueNMI
	DueIRQ
	DueBreak // #DB fault: instruction breakpoint
)

// DueEvent is the event that a core's next step delivers.
type DueEvent struct {
	Kind   DueKind
	Vector uint8 // DueIRQ: the vector
}

// String describes the event in a few words.
func (d DueEvent) String() string {
	switch d.Kind {
	case DueNone:
		return "none"
	case DueINIT:
		return "INIT"
	case DueSIPI:
		return "SIPI"
	case DueDebug:
		return "#DB trap"
	case DueNMI:
		return "NMI"
	case DueIRQ:
		return fmt.Sprintf("IRQ %#02x", d.Vector)
	}
	return "#DB instruction breakpoint"
}

const (
	debugDue uint64 = 1 << 63 // in PendDebug: a #DB trap is due
	dr6BS    uint64 = 1 << 14
	dr6BD    uint64 = 1 << 13
	dr6Fixed uint64 = 0xffff0ff0
)

// attention reports whether nextEvent could have anything to say.
func (c *Core) attention() bool {
	return c.Activity != Running || c.Pending != 0 || c.PendDebug != 0 || c.APIC.Requests != 0 || c.DR[7]&0xff != 0
}

// nextEvent returns the event of highest priority that can be delivered now.
func (c *Core) nextEvent() DueEvent {
	if c.Pending&PendINIT != 0 { // 3
		return DueEvent{Kind: DueINIT}
	}
	if c.Activity == WaitSIPI {
		if c.Pending&PendSIPI != 0 {
			return DueEvent{Kind: DueSIPI, Vector: uint8(c.SIPIPage)}
		}
		return DueEvent{}
	}
	if c.Activity == Shutdown {
		return DueEvent{}
	}
	movSS := c.Blocked&BlockMovSS != 0
	if c.PendDebug&debugDue != 0 && !movSS { // 4
		return DueEvent{Kind: DueDebug}
	}
	if c.Pending&PendNMI != 0 && c.Blocked&BlockNMI == 0 && !movSS { // 5
		return DueEvent{Kind: DueNMI}
	}
	if c.APIC.Requests != 0 && c.Flags&FlagIF != 0 && c.Blocked&BlockSTI == 0 && !movSS { // 6
		if v, ok := c.apicDeliverable(); ok {
			return DueEvent{Kind: DueIRQ, Vector: v}
		}
	}
	if c.Activity == Running && c.DR[7]&0xff != 0 && c.Flags&FlagRF == 0 && !movSS && c.codeBreak() != 0 { // 7
		return DueEvent{Kind: DueBreak}
	}
	return DueEvent{}
}

// deliverDue takes a due event off its queue and delivers it.
func (c *Core) deliverDue(due DueEvent) {
	c.touchSys()
	if c.Activity == Halted {
		c.Activity = Running
		c.event(Event{Kind: EvWake})
	}
	c.Blocked &^= BlockSTI
	switch due.Kind {
	case DueINIT:
		c.drainAll()
		c.reset(false)
	case DueSIPI:
		c.startUp()
	case DueDebug:
		dr6 := c.PendDebug &^ debugDue
		c.PendDebug = 0
		c.debugException(dr6)
	case DueNMI:
		c.Pending &^= PendNMI
		c.Blocked |= BlockNMI
		c.deliver(fault{set: true, vec: VecNMI, nmi: true, ext: true})
	case DueIRQ:
		c.apicAccept(due.Vector)
		c.deliver(fault{set: true, vec: due.Vector, intr: true, ext: true})
	case DueBreak:
		c.debugException(c.codeBreak())
	}
}

// debugException delivers #DB with the given DR6 bits.
func (c *Core) debugException(dr6 uint64) {
	c.touchSys()
	c.setDR6(dr6)
	c.deliver(fault{set: true, vec: VecDB})
}

// setDR6 adds bits to DR6 and clears DR7.GD, as a #DB's delivery does.
func (c *Core) setDR6(bits uint64) {
	c.DR[6] = c.DR[6]&^0xf | dr6Fixed | bits
	c.DR[7] &^= 1 << 13
}

// inject takes a choice that comes from outside the cores.
func (m *Machine) inject(c *Core, ch Choice) error {
	switch ch.Kind {
	case IRQ:
		if ch.Vector < 16 {
			return fmt.Errorf("%w: vector %#02x: the local APIC has 10 to ff", ErrChoice, ch.Vector)
		}
	case NMI, INIT, SIPI:
	case Tick:
		if !c.timerArmed() {
			return fmt.Errorf("%w: the APIC timer of core %d is not armed", ErrChoice, c.id)
		}
	default:
		return fmt.Errorf("%w: unknown kind %d", ErrChoice, ch.Kind)
	}
	m.begin(c, false)
	c.ip = c.RIP
	switch ch.Kind {
	case IRQ:
		c.pendIRQ(ch.Vector, false, ^uint64(0))
	case NMI:
		c.pendNMI(^uint64(0))
	case INIT:
		c.pendINIT(^uint64(0))
	case SIPI:
		c.pendSIPI(ch.Vector, ^uint64(0))
	case Tick:
		c.timerExpire()
	}
	m.end(c)
	return nil
}

// pendNMI makes an NMI pending; from is the sending core, or ^0.
func (c *Core) pendNMI(from uint64) {
	c.touchSys()
	c.Pending |= PendNMI
	c.event(Event{Kind: EvPend, Vector: VecNMI, Flags: EvNMI, Value: [2]uint64{from}})
}

func (c *Core) pendINIT(from uint64) {
	c.touchSys()
	if c.Activity != WaitSIPI {
		c.Pending |= PendINIT
	}
	c.event(Event{Kind: EvPend, Value: [2]uint64{from}})
}

// pendSIPI makes a start-up IPI pending; it is lost unless the core waits for one.
func (c *Core) pendSIPI(page uint8, from uint64) {
	c.touchSys()
	if c.Activity == WaitSIPI || c.Pending&PendINIT != 0 {
		c.Pending |= PendSIPI
		c.SIPIPage = uint64(page)
	}
	c.event(Event{Kind: EvPend, Vector: page, Value: [2]uint64{from}})
}

// startUp begins execution in real mode at the start-up page (SDM vol. 3A,
// section 8.4.3).
func (c *Core) startUp() {
	c.Pending &^= PendSIPI
	c.Activity = Running
	c.Seg[CS].Sel = uint16(c.SIPIPage) << 8
	c.Seg[CS].Base = c.SIPIPage << 12
	c.SIPIPage = 0
	c.RIP = 0
	c.event(Event{Kind: EvWake})
	c.derive()
}

// Peek returns what a step of core would do: the due event, or else the
// instruction that it would execute. It has no side effects. The error says
// why there is neither: a core that cannot step (ErrIdle), or bytes that do
// not decode or cannot be fetched (the step would raise an exception).
func (m *Machine) Peek(core int) (inst decode.Inst, due DueEvent, err error) {
	c := m.cores[core]
	c.derive()
	if c.attention() {
		due = c.nextEvent()
		if due.Kind == DueNone && c.Activity != Running {
			return inst, due, fmt.Errorf("%w: core %d is %s", ErrIdle, core, c.Activity)
		}
	}
	lin := c.codeLinear(c.RIP)
	pa, ok := m.Translate(core, lin, c.dataAccess(AccessExec))
	if !ok {
		return inst, due, fmt.Errorf("core %d: no code at %#x", core, lin)
	}
	if d := m.cached(pa, c.mode); d != nil {
		return d.in, due, nil
	}
	var b [15]byte
	n := min(15, 0x1000-lin&0xfff)
	m.mem.Read(pa, b[:n])
	if n < 15 {
		pa2, ok := m.Translate(core, c.wrap(lin+n), c.dataAccess(AccessExec))
		if ok {
			m.mem.Read(pa2, b[n:])
			n = 15
		}
	}
	inst, err = decode.Decode(b[:n], c.mode)
	if err != nil {
		err = fmt.Errorf("core %d at %#x: %w", core, c.RIP, err)
	}
	return inst, due, err
}

// Enabled appends to dst the steps and drains that are possible now, in the
// order of the cores. A step by Hold is possible where a step is, in
// memory=tso; injections are not listed.
func (m *Machine) Enabled(dst []Choice) []Choice {
	for i, c := range m.cores {
		held := len(c.sb.e) > 0
		if m.CanStep(i) {
			dst = append(dst, Choice{Kind: Step, Core: uint8(i)})
		}
		if held {
			dst = append(dst, Choice{Kind: Drain, Core: uint8(i)})
		}
	}
	return dst
}

// CanStep reports whether core can take a step: it is running, or an event
// is due that wakes it; and in memory=sc it holds no store.
func (m *Machine) CanStep(core int) bool {
	c := m.cores[core]
	if m.cfg.Memory == SC && len(c.sb.e) > 0 {
		return false
	}
	return c.Activity == Running || c.nextEvent().Kind != DueNone
}
