package explore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand"

	"klpsim/cpu"
)

// Strategy is a way to pick runs at random, for what is too large to search.
type Strategy uint8

// The strategies.
const (
	// Uniform picks every choice at random among those enabled.
	Uniform Strategy = iota
	// PCT runs the agent of the highest priority, agents being cores and their
	// store buffers, and lowers the running one's at a few random places. A
	// failure that depends on Depth orderings is met in each run with a chance
	// of at least 1 / (agents * Length^(Depth-1)) (Burckhardt, Kothari,
	// Musuvathi, Nagarakatte: "A randomized scheduler with probabilistic
	// guarantees of finding bugs", ASPLOS 2010).
	PCT
)

// Sample says which random runs to take.
type Sample struct {
	Strategy Strategy
	Runs     int
	Seed     int64
	Length   int // choices of a run at most
	Depth    int // for PCT: orderings that the failure depends on, at least 1
	// Shard and Shards divide the runs: this sample takes those whose number
	// is Shard modulo Shards. Reports of all shards merge to that of the whole.
	Shard, Shards int
}

// Found is a violated check of a sample.
type Found struct {
	Check    string
	Run      int // the least number of a run that violated it, from 0
	Runs     int // how many runs did
	Schedule cpu.Schedule
}

// SampleReport is the outcome of a sample.
type SampleReport struct {
	Runs    int // taken
	Ended   int // that came to an end within the length
	Choices uint64
	Found   []Found // by check, in the problem's order; checks not violated are left out
	// Chance is PCT's lower bound on the chance that the whole sample would
	// have met a failure of the given depth; 0 with other strategies.
	Chance float64
	Agents int
}

// RandomRuns takes a sample of p's runs within b. A run depends on the seed
// and its number alone.
func RandomRuns(ctx context.Context, p Problem, b Bounds, s Sample) (*SampleReport, error) {
	if s.Runs < 1 || s.Length < 1 || s.Shards < 1 || s.Shard < 0 || s.Shard >= s.Shards || s.Strategy == PCT && s.Depth < 1 {
		return nil, errors.New("a sample needs runs, a length, a shard below the number of shards and, for PCT, a depth")
	}
	m, err := p.New()
	if err != nil {
		return nil, err
	}
	m.SetRecording(true)
	w := &walker{p: p, b: b, s: s, m: m, start: m.Snapshot(), rep: &SampleReport{Agents: 2 * m.NumCores()}}
	w.first = make([]*Found, len(p.Checks))
	for n := s.Shard; n < s.Runs && ctx.Err() == nil; n += s.Shards {
		if err := w.run(n); err != nil {
			return nil, fmt.Errorf("random run %d: %w", n, err)
		}
	}
	for _, f := range w.first {
		if f != nil {
			w.rep.Found = append(w.rep.Found, *f)
		}
	}
	if s.Strategy == PCT {
		one := 1 / (float64(w.rep.Agents) * math.Pow(float64(s.Length), float64(s.Depth-1)))
		w.rep.Chance = 1 - math.Pow(1-one, float64(w.rep.Runs))
	}
	return w.rep, nil
}

// Merge adds the report of another shard of the same sample.
func (r *SampleReport) Merge(o *SampleReport) {
	r.Runs += o.Runs
	r.Ended += o.Ended
	r.Choices += o.Choices
	r.Chance = 1 - (1-r.Chance)*(1-o.Chance)
	for _, f := range o.Found {
		r.add(f)
	}
}

func (r *SampleReport) add(f Found) {
	for i := range r.Found {
		if g := &r.Found[i]; g.Check == f.Check {
			runs := g.Runs + f.Runs
			if f.Run < g.Run {
				*g = f
			}
			g.Runs = runs
			return
		}
	}
	r.Found = append(r.Found, f)
}

// walker takes random runs on one machine.
type walker struct {
	p     Problem
	b     Bounds
	s     Sample
	m     *cpu.Machine
	start *cpu.Snapshot
	rep   *SampleReport
	first []*Found

	rng      *rand.Rand
	evals    []Evaluator
	violated []bool
	sched    cpu.Schedule
	priority []int // by agent: core, then buffer
	lowered  int
	changes  map[int]bool
	strikes  map[int]cpu.Choice
}

// run takes run number n.
func (w *walker) run(n int) error {
	w.m.Restore(w.start)
	w.rng = rand.New(rand.NewSource(w.s.Seed*1_000_003 + int64(n)))
	w.sched = w.sched[:0]
	w.violated = make([]bool, len(w.p.Checks))
	w.evals = w.evals[:0]
	for _, c := range w.p.Checks {
		w.evals = append(w.evals, c.Start())
	}
	w.plan()
	w.rep.Runs++
	var enabled []cpu.Choice
	for len(w.sched) < w.s.Length {
		enabled = w.m.Enabled(enabled[:0])
		strike, struck := w.strikes[len(w.sched)]
		if len(enabled) == 0 && !struck {
			w.rep.Ended++
			w.end(n)
			return nil
		}
		c := strike
		if !struck {
			c = w.pick(enabled)
		}
		if err := w.take(n, c); err != nil {
			return err
		}
	}
	return nil
}

// plan draws a run's priorities, change points and injections.
func (w *walker) plan() {
	w.priority = w.rng.Perm(2 * w.m.NumCores())
	w.lowered = 0
	w.changes = map[int]bool{}
	for range w.s.Depth - 1 {
		w.changes[w.rng.Intn(w.s.Length)] = true
	}
	w.strikes = map[int]cpu.Choice{}
	cores := w.b.Cores
	if cores == nil {
		for i := range w.m.NumCores() {
			cores = append(cores, i)
		}
	}
	for i := range w.b.IRQ + w.b.NMI {
		c := cpu.Choice{Kind: cpu.NMI, Core: uint8(cores[w.rng.Intn(len(cores))])}
		if i < w.b.IRQ {
			c.Kind, c.Vector = cpu.IRQ, w.b.Vectors[w.rng.Intn(len(w.b.Vectors))]
		}
		w.strikes[w.rng.Intn(w.s.Length)] = c
	}
}

// pick chooses among the enabled steps and drains. A step that stores is held
// half of the time, so that stores are delayed.
func (w *walker) pick(enabled []cpu.Choice) cpu.Choice {
	c := enabled[w.rng.Intn(len(enabled))]
	if w.s.Strategy == PCT {
		c = w.highest(enabled)
		if w.changes[len(w.sched)] {
			w.lowered--
			w.priority[w.agent(c)] = w.lowered
			c = w.highest(enabled)
		}
	}
	if c.Kind == cpu.Step && w.m.Config().Memory == cpu.TSO && w.rng.Intn(2) == 0 {
		c.Kind = cpu.Hold
	}
	return c
}

// agent numbers the core or the store buffer that a choice is of.
func (w *walker) agent(c cpu.Choice) int {
	if c.Kind == cpu.Drain {
		return w.m.NumCores() + int(c.Core)
	}
	return int(c.Core)
}

func (w *walker) highest(enabled []cpu.Choice) cpu.Choice {
	best := enabled[0]
	for _, c := range enabled[1:] {
		if w.priority[w.agent(c)] > w.priority[w.agent(best)] {
			best = c
		}
	}
	return best
}

// take takes a choice and evaluates the checks.
func (w *walker) take(n int, c cpu.Choice) error {
	for i, e := range w.evals {
		if !w.p.Checks[i].Final {
			e.Before(w.m, c)
		}
	}
	if err := w.m.Take(c); err != nil {
		return err
	}
	w.rep.Choices++
	w.sched = append(w.sched, c)
	for i, e := range w.evals {
		if !w.p.Checks[i].Final && !w.violated[i] && !e.Holds(w.m, c, w.m.Events()) {
			w.note(n, i)
		}
	}
	return nil
}

// end evaluates the final checks.
func (w *walker) end(n int) {
	for i, e := range w.evals {
		if w.p.Checks[i].Final && !e.Holds(w.m, cpu.Choice{}, nil) {
			w.note(n, i)
		}
	}
}

// note records that run n violates a check.
func (w *walker) note(n, check int) {
	w.violated[check] = true
	if f := w.first[check]; f != nil {
		f.Runs++
		return
	}
	w.first[check] = &Found{w.p.Checks[check].Name, n, 1, append(cpu.Schedule(nil), w.sched...)}
}
