package explore

import (
	"fmt"
	"slices"

	"klpsim/cpu"
	"klpsim/cpu/mem"
)

// maxMacro caps the length of a macro-step: an endless loop of invisible
// instructions becomes states that are found again.
const maxMacro = 512

// worker expands states on a machine of its own.
type worker struct {
	s        *searcher
	m        *cpu.Machine
	base     *cpu.Base
	evals    []Evaluator
	enabled  []cpu.Choice
	exactKey []byte
	scratch  []byte
	out      *block

	// The state being expanded.
	from  nodeRef
	entry entry
	cost  uint64
	live  uint32 // cores that can go on, as bits
	last  cpu.Choice

	alone    bool // the state being expanded is one core's alone
	watching bool // the problem has Watch
	local    bool // some check may be broken by any step
}

// block is a run of states of one level, and what expanding them found.
type block struct {
	cost    uint64
	group   uint8
	bucket  *bucket
	entries []entry

	found      [groups][]candidate
	arena      []byte
	keys       []byte
	claims     []claim
	violations []found
	finals     map[string]uint64
	ends       []nodeRef
	edges      uint64
	choices    uint64
	cutSteps   bool
	sticky     cpu.Sticky
}

// candidate is a successor that was not visited at its cost or below when the
// level began.
type candidate struct {
	hash     cpu.Hash
	cost     uint64
	from     nodeRef
	by       edge
	last     uint8
	irq, nmi uint8
	state    [2]int // in the block's arena
	key      [2]int // in the block's keys
	index    uint32 // node, once merged
}

// found is a violated question.
type found struct {
	question int
	cost     uint64
	from     nodeRef
	by       edge
}

// questions behind the checks
const (
	askDeadlock = iota
	askShutdown
)

func newWorker(s *searcher) (*worker, error) {
	m, err := s.prob.New()
	if err != nil {
		return nil, err
	}
	m.SetSticky(s.own.sticky)
	m.SetJournal(true)
	m.SetRecording(true)
	w := &worker{s: s, m: m, base: m.NewBase()}
	w.watching = len(s.prob.Watch) > 0
	for _, c := range s.prob.Checks {
		w.evals = append(w.evals, c.Start())
		w.local = w.local || c.Local
	}
	return w, nil
}

// load puts the machine into a saved state; nil is the initial one.
func (w *worker) load(state []byte) { w.m.LoadDelta(w.base, state) }

// key returns the hash under which the machine's state is visited: the exact
// state, what is left of the budgets, and the last core when it matters.
func (w *worker) key(last, irq, nmi uint8) cpu.Hash {
	if w.s.opts.Exact {
		w.exactKey = append(w.m.AppendExact(w.exactKey[:0], w.base), w.lastInKey(last), irq, nmi)
	}
	return keyWith(w.m.Hash(), w.lastInKey(last), irq, nmi)
}

func (w *worker) lastInKey(last uint8) uint8 {
	if w.s.opts.Minimal {
		return last
	}
	return 0
}

func keyWith(h cpu.Hash, last, irq, nmi uint8) cpu.Hash {
	const place = 1 << 60 // no address, no register
	return cpu.Hash(mem.Hash(h).Add(mem.Mix(place, uint64(last)<<16|uint64(irq)<<8|uint64(nmi))))
}

// expandBlock expands every state of a block.
func (w *worker) expandBlock(b *block) error {
	w.out = b
	for i := range b.entries {
		w.entry = b.entries[i]
		w.from = nodeRef{w.entry.node, b.group}
		if w.s.groups[b.group].at(w.entry.node).cost() != b.cost {
			continue // found again at less cost since it was queued
		}
		w.cost = b.cost
		w.load(b.bucket.state(&w.entry))
		w.before(cpu.Choice{})
		if err := w.expand(); err != nil {
			return w.fail(err)
		}
	}
	return nil
}

// fail adds to a host error how to get there.
func (w *worker) fail(err error) error {
	ex := w.s.example(violation{from: w.from, by: noEdge})
	return fmt.Errorf("after schedule %s: %w", ex.Schedule, err)
}

// expand takes every edge out of the current state.
func (w *worker) expand() error {
	w.enabled = w.m.Enabled(w.enabled[:0])
	w.live = 0
	for _, c := range w.enabled {
		// Under SC a core whose store is held goes on by draining it.
		if c.Kind == cpu.Step || w.m.Config().Memory == cpu.SC {
			w.live |= 1 << c.Core
		}
	}
	if len(w.enabled) == 0 {
		w.terminal()
	}
	choices := slices.Clone(w.enabled)
	if w.alone = w.isAlone(choices); w.alone {
		choices = choices[:1]
	}
	for _, c := range choices {
		var err error
		switch c.Kind {
		case cpu.Step:
			err = w.run(c.Core)
		case cpu.Drain:
			err = w.drain(c.Core)
		}
		if err != nil {
			return err
		}
	}
	return w.inject()
}

// isAlone reports whether all choices are one core's and will stay so: every
// other core has stopped for good, and nothing may be injected. Nobody is left
// to see when this core does what, so that any one order will do: its steps
// first, then its drains. With checks the order matters to them.
func (w *worker) isAlone(choices []cpu.Choice) bool {
	if len(choices) == 0 || len(w.evals) > 0 || w.s.opts.NoMacro || w.s.bounds.IRQ+w.s.bounds.NMI > 0 {
		return false
	}
	for _, c := range choices {
		if c.Core != choices[0].Core {
			return false
		}
	}
	for i := range w.m.NumCores() {
		if c := w.m.Core(i); i != int(choices[0].Core) && (c.Activity != cpu.Halted || c.Flags&cpu.FlagIF != 0) {
			return false
		}
	}
	return true
}

// terminal records a state in which no core can go on.
func (w *worker) terminal() {
	b := w.out
	b.ends = append(b.ends, w.from)
	p := &w.s.prob
	if p.Final != nil {
		w.scratch = p.Final(w.scratch[:0], w.m)
		if b.finals == nil {
			b.finals = map[string]uint64{}
		}
		b.finals[string(w.scratch)]++
	}
	for i, e := range w.evals {
		if p.Checks[i].Final && !e.Holds(w.m, cpu.Choice{}, nil) {
			b.violations = append(b.violations, found{i, w.cost, w.from, noEdge})
		}
	}
	if p.Done != nil && !p.Done(w.m) {
		b.violations = append(b.violations, found{len(p.Checks) + askDeadlock, w.cost, w.from, noEdge})
	}
}

// take takes one choice, evaluates the checks and returns what it showed to others.
func (w *worker) take(c cpu.Choice) (effect, error) {
	rip := w.m.Core(int(c.Core)).RIP
	if w.local || w.watching && inRanges(w.s.prob.Watch, rip) {
		w.before(c)
	}
	if err := w.m.Take(c); err != nil {
		return effect{}, err
	}
	w.out.choices++
	w.out.sticky |= w.m.Sticky()
	eff := w.classify(c.Core)
	eff.visible = eff.visible && !w.alone
	eff.holdable = eff.holdable && !w.alone
	if w.watching && c.Kind <= cpu.Hold {
		eff.visible = eff.visible || inRanges(w.s.prob.Watch, rip) || inRanges(w.s.prob.Watch, w.m.Core(int(c.Core)).RIP)
	}
	w.last = c
	return eff, nil
}

// before tells the checks that a choice is about to be taken. An invisible
// choice changes nothing that a check looks at, unless it is local or watches
// code, so that most choices need no word: what was said when the state was
// loaded still holds.
func (w *worker) before(c cpu.Choice) {
	for i, e := range w.evals {
		if !w.s.prob.Checks[i].Final {
			e.Before(w.m, c)
		}
	}
}

func inRanges(rs []Range, a uint64) bool {
	for _, r := range rs {
		if r.Lo <= a && a < r.Hi {
			return true
		}
	}
	return false
}

// judge reports the violated checks after a choice that completes an edge of
// the given cost.
func (w *worker) judge(eff effect, cost uint64, by edge) {
	if !eff.visible && !w.local {
		return
	}
	events := w.m.Events()
	for i, e := range w.evals {
		if !w.s.prob.Checks[i].Final && !e.Holds(w.m, w.last, events) {
			w.out.violations = append(w.out.violations, found{i, cost, w.from, by})
		}
	}
	if eff.shutdown {
		w.out.violations = append(w.out.violations, found{len(w.evals) + askShutdown, cost, w.from, by})
	}
}

// macro is a macro-step under way.
type macro struct {
	core uint8
	base uint64 // cost before its first choice
	n    uint64 // choices taken
	held uint64 // choices since a store was held, that one included; 0: none was
}

// edge names what has been taken so far.
func (x *macro) edge() edge {
	if x.held > 0 {
		return edge{cpu.Hold, x.core, uint8(x.held - 1)}
	}
	return edge{kind: cpu.Step, core: x.core}
}

// run makes core's macro-steps: its invisible instructions up to and including
// the first one that others can see or that an injection must come before. A
// store that can be seen ends one macro-step; held, it cannot be seen and is
// part of another one, unless switches count: then when it is issued matters.
func (w *worker) run(core uint8) error {
	x := macro{core: core, base: w.cost + w.switchCost(core)}
	defer w.undo(&x.n)
	for kind := cpu.Step; ; kind = cpu.Step {
		if w.tooLong(x.base + x.n + 1) {
			return nil
		}
		eff, stop, err := w.advance(&x, kind)
		if err != nil {
			return err
		}
		for stop {
			if eff.drained && !w.s.opts.Minimal && !w.s.opts.NoMacro {
				return nil // drains of their own lead to the same state
			}
			w.emit(x.base+x.n, x.edge(), core, 0, 0)
			if !eff.holdable {
				return nil
			}
			w.m.Undo()
			x.n--
			if eff, stop, err = w.advance(&x, cpu.Hold); err != nil {
				return err
			}
			eff.holdable = false
		}
	}
}

// advance takes a macro-step's next choice; stop says that it ends there.
func (w *worker) advance(x *macro, kind cpu.Kind) (eff effect, stop bool, err error) {
	const maxHeld = 255 // an edge has 8 bits for it
	open := w.interruptible(x.core)
	before := w.glance(x.core, open)
	if eff, err = w.take(cpu.Choice{Kind: kind, Core: x.core}); err != nil {
		return eff, true, err
	}
	x.n++
	if kind == cpu.Hold || x.held > 0 {
		x.held++
	}
	w.judge(eff, x.base+x.n, x.edge())
	o := &w.s.opts
	switch {
	case eff.visible, o.NoMacro, x.n >= maxMacro, x.held >= maxHeld, kind == cpu.Hold && o.Minimal, !w.canStep(x.core):
		stop = true
	case w.interruptible(x.core):
		stop = !eff.mergeable || !open || !o.Merge || before != w.glance(x.core, open)
	}
	return eff, stop, nil
}

// drain moves the oldest store of a core to memory, and those behind it that
// no other core can see.
func (w *worker) drain(core uint8) error {
	n := uint64(0)
	defer w.undo(&n)
	by := edge{kind: cpu.Drain, core: core}
	if w.tooLong(w.cost + 1) {
		return nil
	}
	eff, err := w.take(cpu.Choice{Kind: cpu.Drain, Core: core})
	if err != nil {
		return err
	}
	n++
	w.judge(eff, w.cost+n, by)
	w.emit(w.cost+n, by, w.entry.last, 0, 0)
	return nil
}

// undo takes back n choices.
func (w *worker) undo(n *uint64) {
	for range *n {
		w.m.Undo()
	}
}

func (w *worker) canStep(core uint8) bool {
	w.enabled = w.m.Enabled(w.enabled[:0])
	return slices.Contains(w.enabled, cpu.Choice{Kind: cpu.Step, Core: core})
}

// tooLong reports, and notes, that a cost is beyond the bounds on choices.
func (w *worker) tooLong(cost uint64) bool {
	steps := cost & maxSteps
	if b := w.s.bounds.Steps; steps == maxSteps || b > 0 && steps > uint64(b) {
		w.out.cutSteps = true
		return true
	}
	return false
}

// switchCost is the packed cost of letting core run next: a preemptive switch
// leaves a core that could have gone on.
func (w *worker) switchCost(core uint8) uint64 {
	last := w.entry.last
	if !w.s.opts.Minimal && w.s.bounds.Preempt < 0 || last == noCore || last == core || w.live&(1<<last) == 0 {
		return 0
	}
	return 1 << 24
}

// emit records the machine's state as a successor unless it is visited already.
func (w *worker) emit(cost uint64, by edge, last uint8, irq, nmi uint8) {
	b := w.out
	if p := w.s.bounds.Preempt; p >= 0 && cost>>24&0xff > uint64(p) {
		return
	}
	b.edges++
	irq += w.entry.irq
	nmi += w.entry.nmi
	h := w.key(last, irq, nmi)
	if w.dominated(last, irq, nmi) {
		return
	}
	g := groupOf(h)
	if n, i := w.s.groups[g].find(h, w.exactKey); n != nil && n.cost() <= cost {
		if w.s.opts.Edges {
			b.found[g] = append(b.found[g], candidate{hash: h, cost: cost, from: w.from, by: by, index: i})
		}
		return
	}
	c := candidate{hash: h, cost: cost, from: w.from, by: by, last: last, irq: irq, nmi: nmi}
	c.state[0] = len(b.arena)
	b.arena = w.m.AppendDelta(b.arena, w.base)
	c.state[1] = len(b.arena)
	if w.s.opts.Exact {
		c.key[0] = len(b.keys)
		b.keys = append(b.keys, w.exactKey...)
		c.key[1] = len(b.keys)
	}
	b.found[g] = append(b.found[g], c)
}

// dominated reports whether the same machine state was visited with less of
// the injection budget spent: whatever can follow here followed there, for
// less. Bounds on switches and choices are spent differently on the two ways,
// so with them nothing is dominated.
func (w *worker) dominated(last, irq, nmi uint8) bool {
	if irq == 0 && nmi == 0 || w.s.bounds.Preempt >= 0 || w.s.bounds.Steps > 0 || w.s.opts.Exact {
		return false
	}
	h := w.m.Hash()
	for i := range irq + 1 {
		for n := range nmi + 1 {
			if i == irq && n == nmi {
				continue
			}
			k := keyWith(h, w.lastInKey(last), i, n)
			if x, _ := w.s.groups[groupOf(k)].find(k, nil); x != nil {
				return true
			}
		}
	}
	return false
}
