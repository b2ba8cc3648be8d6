package explore

import "klpsim/cpu"

// An injection is offered where it would be delivered by the core's next step,
// and that step is taken with it. Offering it earlier would add nothing: a
// pending event that is blocked shows itself to no one until it is delivered,
// so that making it pending later, when the block is gone, gives the same run.

// inject takes every injection edge out of the current state.
func (w *worker) inject() error {
	b := &w.s.bounds
	if int(w.entry.irq) >= b.IRQ && int(w.entry.nmi) >= b.NMI {
		return nil
	}
	for i := range w.m.NumCores() {
		core := uint8(i)
		if !w.mayStrike(core) {
			continue
		}
		if int(w.entry.irq) < b.IRQ && w.m.Core(i).Flags&cpu.FlagIF != 0 {
			for _, v := range b.Vectors {
				if err := w.deliver(edge{cpu.IRQ, core, v}, 1, 0); err != nil {
					return err
				}
			}
		}
		if int(w.entry.nmi) < b.NMI {
			if err := w.deliver(edge{cpu.NMI, core, 0}, 0, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// deliver makes an event pending and takes the step that delivers it; if the
// step does something else the edge does not exist.
func (w *worker) deliver(by edge, irq, nmi uint8) error {
	cost := w.cost + 1<<32 + w.switchCost(by.core) + 2
	if w.tooLong(cost) {
		return nil
	}
	n := uint64(0)
	defer w.undo(&n)
	if err := w.m.Take(cpu.Choice{Kind: by.kind, Core: by.core, Vector: by.vector}); err != nil {
		return err
	}
	n++
	if !w.canStep(by.core) {
		return nil
	}
	eff, err := w.take(cpu.Choice{Kind: cpu.Step, Core: by.core})
	if err != nil {
		return err
	}
	n++
	if !delivered(w.m.Events(), by) {
		return nil
	}
	w.judge(eff, cost, by)
	w.emit(cost, by, by.core, irq, nmi)
	return nil
}

// delivered reports whether the events say that the injected event was delivered.
func delivered(events []cpu.Event, by edge) bool {
	for i := range events {
		e := &events[i]
		if e.Kind == cpu.EvDeliver && e.Core == by.core {
			if by.kind == cpu.NMI {
				return e.Flags&cpu.EvNMI != 0
			}
			return e.Flags&(cpu.EvNMI|cpu.EvSoft) == 0 && e.Vector == by.vector
		}
	}
	return false
}

// mayStrike reports whether the bounds allow an injection at the core's
// present place.
func (w *worker) mayStrike(core uint8) bool {
	if !w.s.strike[core] {
		return false
	}
	c := w.m.Core(int(core))
	if c.Activity != cpu.Running && c.Activity != cpu.Halted {
		return false
	}
	return len(w.s.bounds.Code) == 0 || inRanges(w.s.bounds.Code, c.RIP)
}

// interruptible reports whether an event from outside may be delivered at the
// core's present boundary, which then has to be a state of its own: an
// injection that the budget still allows, or an interrupt that another core sends.
func (w *worker) interruptible(core uint8) bool {
	c := w.m.Core(int(core))
	open := c.Flags&cpu.FlagIF != 0
	if open && w.s.own.agents[core] {
		return true
	}
	b := &w.s.bounds
	irq := open && int(w.entry.irq) < b.IRQ
	nmi := c.Blocked&cpu.BlockNMI == 0 && int(w.entry.nmi) < b.NMI
	return (irq || nmi) && w.mayStrike(core)
}

// posture is what the delivery of an event depends on besides memory.
type posture struct {
	rsp, flags uint64
	cs, ss     uint16
}

// glance returns a core's posture. Two different ones on both sides of an
// instruction keep the boundaries apart; it matters only where something may
// be delivered.
func (w *worker) glance(core uint8, matters bool) posture {
	if !matters || !w.s.opts.Merge {
		return posture{}
	}
	c := w.m.Core(int(core))
	const control = ^(cpu.FlagsStatus | cpu.FlagDF)
	return posture{rsp: c.GPR[cpu.RSP], flags: c.Flags & control, cs: c.Seg[cpu.CS].Sel, ss: c.Seg[cpu.SS].Sel}
}
