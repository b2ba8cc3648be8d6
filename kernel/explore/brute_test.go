package explore

import (
	"maps"
	"slices"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
)

// brute is the reference: it enumerates every choice the machine has in every
// state, cheapest first. It shares with the search under test only the machine.
type brute struct {
	p      Problem
	b      Bounds
	finals map[string]bool
	best   Cost // of the cheapest violation of the first check
	found  bool
	states int
}

type bruteState struct {
	snap     *cpu.Snapshot
	cost     Cost
	last     int
	irq, nmi int
}

type bruteKey struct {
	hash           cpu.Hash
	last, irq, nmi int
}

// bruteLimit is the number of states up to which a program is worth comparing.
const bruteLimit = 30000

// newBrute runs the reference; it returns nil for a program that is too large.
func newBrute(t requireT, p Problem, b Bounds) *brute {
	r := &brute{p: p, b: b, finals: map[string]bool{}}
	m, err := p.New()
	require.NoError(t, err)
	m.SetRecording(true)
	eval := p.Checks[0].Start()
	queue := map[uint64][]bruteState{0: {{snap: m.Snapshot(), last: -1}}}
	seen := map[bruteKey]bool{}
	for len(queue) > 0 {
		cost := slices.Min(slices.Collect(maps.Keys(queue)))
		for len(queue[cost]) > 0 {
			s := queue[cost][0]
			queue[cost] = queue[cost][1:]
			m.Restore(s.snap)
			key := bruteKey{m.Hash(), s.last, s.irq, s.nmi}
			if seen[key] {
				continue
			}
			seen[key] = true
			r.states++
			if r.states > bruteLimit {
				return nil
			}
			r.visit(m, eval, s, func(n bruteState) {
				k := n.cost.pack()
				queue[k] = append(queue[k], n)
			})
		}
		delete(queue, cost)
	}
	return r
}

// visit takes every choice from s.
func (r *brute) visit(m *cpu.Machine, eval Evaluator, s bruteState, push func(bruteState)) {
	if !eval.Holds(m, cpu.Choice{}, nil) && (!r.found || s.cost.pack() < r.best.pack()) {
		r.found, r.best = true, s.cost
	}
	enabled := m.Enabled(nil)
	if len(enabled) == 0 {
		r.finals[string(r.p.Final(nil, m))] = true
	}
	choices := slices.Clone(enabled)
	for _, c := range enabled {
		if c.Kind == cpu.Step {
			choices = append(choices, cpu.Choice{Kind: cpu.Hold, Core: c.Core})
		}
	}
	for core := range m.NumCores() {
		if s.irq < r.b.IRQ {
			choices = append(choices, cpu.Choice{Kind: cpu.IRQ, Core: uint8(core), Vector: irqVec})
		}
		if s.nmi < r.b.NMI {
			choices = append(choices, cpu.Choice{Kind: cpu.NMI, Core: uint8(core)})
		}
	}
	for _, c := range choices {
		m.Restore(s.snap)
		if m.Take(c) != nil {
			continue // hold of an instruction that cannot be held
		}
		n := s
		n.cost.Steps++
		switch c.Kind {
		case cpu.IRQ:
			n.irq++
			n.cost.Injections++
		case cpu.NMI:
			n.nmi++
			n.cost.Injections++
		case cpu.Step, cpu.Hold:
			goesOn := slices.ContainsFunc(enabled, func(e cpu.Choice) bool {
				return int(e.Core) == s.last && (e.Kind == cpu.Step || m.Config().Memory == cpu.SC)
			})
			if s.last >= 0 && s.last != int(c.Core) && goesOn {
				n.cost.Preempt++
			}
			n.last = int(c.Core)
		}
		n.snap = m.Snapshot()
		push(n)
	}
}
