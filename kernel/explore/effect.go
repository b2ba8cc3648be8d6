package explore

import (
	"slices"

	"klpsim/cpu"
)

// effect is what one choice showed to the rest of the machine.
type effect struct {
	visible   bool // another core, or a check, can tell whether it has happened
	holdable  bool // its store could have stayed in the buffer
	mergeable bool // it commutes with any transparent handler run before or after it
	drained   bool // a step drained a store that others can see
	shutdown  bool // a core shut down
}

// classify reads the events of the last choice.
func (w *worker) classify(core uint8) effect {
	eff := effect{mergeable: true}
	var loaded, stored uint64 // places read and directly written, for read-modify-writes
	locked, direct := false, false
	for i := range w.m.Events() {
		e := &w.m.Events()[i]
		switch e.Kind {
		case cpu.EvExec:
			eff.visible = eff.visible || w.fetched(core, e)
			eff.mergeable = eff.mergeable && e.Flags&cpu.EvFault == 0
		case cpu.EvRead:
			vis := w.touch(core, e, false)
			eff.visible = eff.visible || vis
			eff.mergeable = eff.mergeable && w.constant(e.PA)
			loaded = e.PA + 1
		case cpu.EvWrite:
			eff.mergeable = false
			if e.Flags&cpu.EvBuffered != 0 {
				w.touch(core, e, true)
			}
		case cpu.EvCommit:
			eff.mergeable = false
			if w.touch(core, e, true) {
				eff.visible = true
				switch {
				case e.Flags&cpu.EvDrained != 0:
					eff.drained = true
				case e.Flags&cpu.EvWalk == 0:
					direct, stored = true, e.PA+1
				}
			}
			locked = locked || e.Flags&cpu.EvLocked != 0
		case cpu.EvPend:
			w.pended(core, e)
			eff.visible, eff.mergeable = true, false
		case cpu.EvShutdown:
			eff.shutdown, eff.visible, eff.mergeable = true, true, false
		case cpu.EvIn, cpu.EvOut:
			eff.visible, eff.mergeable = true, false
		default: // deliveries, IRET, HLT, control registers: the core's own affair
			eff.mergeable = false
		}
	}
	if direct && !locked {
		tso := w.m.Config().Memory == cpu.TSO
		eff.holdable = tso || loaded == stored
	}
	return eff
}

// fetched classifies the fetch of an instruction: code is memory that cores
// read, and somebody may write it. An instruction on two pages counts as
// visible, as only its first page is known.
func (w *worker) fetched(core uint8, e *cpu.Event) (visible bool) {
	if e.Size == 0 {
		return false // it faulted before it was fetched
	}
	return w.touch(core, e, false) || e.PA&(1<<pageShift-1)+uint64(e.Size) > 1<<pageShift
}

// touch classifies a memory access and notes what it tells about its words.
func (w *worker) touch(core uint8, e *cpu.Event, write bool) (visible bool) {
	own := w.s.own
	if own.allShared {
		return true
	}
	for pa := e.PA &^ 7; pa < e.PA+uint64(e.Size); pa += 8 {
		c := own.class(pa)
		if c == shared {
			visible = true
		} else if c.join(core, write) != c {
			w.claim(claim{pa: pa, core: core, write: write})
		}
	}
	return visible
}

// claim notes a claim once for a block.
func (w *worker) claim(c claim) {
	if !slices.Contains(w.out.claims, c) {
		w.out.claims = append(w.out.claims, c)
	}
}

// pended notes that a core was sent an interrupt by another one.
func (w *worker) pended(core uint8, e *cpu.Event) {
	if e.Value[0] != ^uint64(0) && e.Value[0] != uint64(e.Core) && !w.s.own.agents[e.Core] {
		w.claim(claim{core: e.Core, async: true})
	}
}

// constant reports whether nobody is known to have written the word at pa.
func (w *worker) constant(pa uint64) bool {
	c := w.s.own.class(pa)
	return c != shared && c&^coreBits != ownedBy
}
