package session

import (
	"math/rand"

	"klpsim/cpu"
)

// Policy produces the choices of a plain run.
type Policy interface {
	// Next returns the next choice; ok is false when nothing can move.
	Next(s *Session) (c cpu.Choice, ok bool)
}

// OneCore steps one core only.
type OneCore int

// Next implements Policy.
func (p OneCore) Next(s *Session) (cpu.Choice, bool) {
	return step(s, int(p))
}

// step returns a step of core, or the drain that memory=sc demands first.
func step(s *Session, core int) (cpu.Choice, bool) {
	if s.M.CanStep(core) {
		return cpu.Choice{Kind: cpu.Step, Core: uint8(core)}, true
	}
	if s.T.Config.Memory == cpu.SC && len(s.M.Core(core).StoreBuffer()) > 0 {
		return cpu.Choice{Kind: cpu.Drain, Core: uint8(core)}, true
	}
	return cpu.Choice{}, false
}

// RoundRobin steps the cores in turn, Quantum steps each; what a core holds
// in its store buffer is drained when nobody can step.
type RoundRobin struct {
	Quantum int
	core    int
	done    int
}

// Next implements Policy.
func (p *RoundRobin) Next(s *Session) (cpu.Choice, bool) {
	if p.done >= max(p.Quantum, 1) {
		p.core, p.done = p.core+1, 0
	}
	n := s.M.NumCores()
	for i := range n {
		core := (p.core + i) % n
		if c, ok := step(s, core); ok {
			if core != p.core {
				p.core, p.done = core, 0
			}
			p.done++
			return c, true
		}
	}
	return drain(s)
}

// drain returns a drain of the first core that holds a store.
func drain(s *Session) (cpu.Choice, bool) {
	for i := range s.M.NumCores() {
		if len(s.M.Core(i).StoreBuffer()) > 0 {
			return cpu.Choice{Kind: cpu.Drain, Core: uint8(i)}, true
		}
	}
	return cpu.Choice{}, false
}

// Random takes any possible choice, holding back half of the stores where the
// memory model allows it; the same seed gives the same run.
type Random struct {
	rng *rand.Rand
	buf []cpu.Choice
}

// NewRandom returns the policy for a seed.
func NewRandom(seed int64) *Random { return &Random{rng: rand.New(rand.NewSource(seed))} }

// Next implements Policy.
func (p *Random) Next(s *Session) (cpu.Choice, bool) {
	p.buf = s.M.Enabled(p.buf[:0])
	if len(p.buf) == 0 {
		return cpu.Choice{}, false
	}
	c := p.buf[p.rng.Intn(len(p.buf))]
	if c.Kind == cpu.Step && s.T.Config.Memory == cpu.TSO && p.rng.Intn(2) == 0 {
		c.Kind = cpu.Hold
	}
	return c, true
}
