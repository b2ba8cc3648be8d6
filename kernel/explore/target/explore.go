package target

import (
	"context"
	"fmt"
	"slices"

	"klpsim/cpu"
	"klpsim/kernel/explore"
	"klpsim/kernel/session"
)

// Outcome is what exploring a scenario gave.
type Outcome struct {
	Scenario string
	Memory   cpu.MemoryModel
	Buffer   int // store buffer entries a core
	Pressure Pressure
	Report   *explore.Report // of the search that answered
	Checks   []CheckResult
}

// CheckResult is the answer for a check, with what its counterexample tells.
type CheckResult struct {
	explore.Result
	// Preempt says whether the counterexample is minimal in preemptive
	// switches and choices too; Result.Example.Minimal speaks of injections.
	Preempt bool
	// IRQs and NMIs are the injections of the counterexample. They are
	// necessary: no run within the bounds with fewer violates the check.
	IRQs, NMIs int
}

// Explore answers every check of a target (or those named) under pressure.
func Explore(ctx context.Context, t *session.Target, names []string, pr Pressure, o explore.Options) (*Outcome, error) {
	bounds, err := pr.Bounds(t)
	if err != nil {
		return nil, err
	}
	p := NewProblem(t, names)
	rep, err := explore.Search(ctx, p, bounds, o)
	if err != nil {
		return nil, err
	}
	out := &Outcome{Scenario: t.Scenario.Name, Memory: t.Config.Memory, Buffer: t.Config.StoreBuffer, Pressure: pr, Report: rep}
	for _, r := range append(slices.Clone(rep.Checks), rep.Deadlock, rep.Shutdown) {
		out.Checks = append(out.Checks, CheckResult{Result: r})
	}
	if o.Edges {
		out.Checks = append(out.Checks, CheckResult{Result: rep.Livelock})
	}
	if err := out.minimise(ctx, t, bounds, o); err != nil {
		return nil, err
	}
	return out, out.replay(p)
}

// minimise searches again for the violated checks, now counting switches.
func (out *Outcome) minimise(ctx context.Context, t *session.Target, b explore.Bounds, o explore.Options) error {
	var names []string
	most := 0
	for _, c := range out.Checks {
		if c.Answer == explore.Sometimes && isCheck(t, c.Name) {
			names = append(names, c.Name)
			most = max(most, c.Example.Cost.Injections)
		}
	}
	if names == nil {
		return nil
	}
	const patience = 4 // times the states that answering took
	b.IRQ, b.NMI = min(b.IRQ, most), min(b.NMI, most)
	o.Minimal, o.KeepGoing, o.Edges = true, false, false
	o.Save, o.Resume = nil, nil
	if limit := patience*out.Report.States + 100_000; o.MaxStates == 0 || o.MaxStates > limit {
		o.MaxStates = limit
	}
	rep, err := explore.Search(ctx, NewProblem(t, names), b, o)
	if err != nil {
		return err
	}
	for _, r := range rep.Checks {
		i := slices.IndexFunc(out.Checks, func(c CheckResult) bool { return c.Name == r.Name })
		if r.Answer == explore.Sometimes && r.Example.Minimal {
			out.Checks[i].Result, out.Checks[i].Preempt = r, true
		}
	}
	return nil
}

func isCheck(t *session.Target, name string) bool {
	return slices.ContainsFunc(t.Checks, func(c *session.Check) bool { return c.Name == name })
}

// replay makes every counterexample plain, takes it again by plain steps, and
// counts its injections.
func (out *Outcome) replay(p explore.Problem) error {
	for i := range out.Checks {
		c := &out.Checks[i]
		if c.Example == nil {
			continue
		}
		if slices.ContainsFunc(p.Checks, func(k explore.Check) bool { return k.Name == c.Name }) {
			c.Example.Schedule = plain(p, c.Name, c.Example.Schedule)
			c.Example.Cost.Steps = len(c.Example.Schedule)
		}
		violated, _, err := explore.Replay(p, c.Example.Schedule)
		if err != nil {
			return fmt.Errorf("BUG: the counterexample of %s cannot be replayed: %w", c.Name, err)
		}
		known := slices.ContainsFunc(p.Checks, func(k explore.Check) bool { return k.Name == c.Name })
		if known && len(c.Example.Schedule) > 0 && !slices.Contains(violated, c.Name) {
			panic("BUG: the counterexample of " + c.Name + " does not violate it when replayed")
		}
		for _, ch := range c.Example.Schedule {
			switch ch.Kind {
			case cpu.IRQ:
				c.IRQs++
			case cpu.NMI:
				c.NMIs++
			}
		}
	}
	return nil
}

// Answer sums the checks up: Sometimes if any is, else Inconclusive if any is.
func (out *Outcome) Answer() explore.Answer {
	sum := explore.Never
	for _, c := range out.Checks {
		switch {
		case c.Answer == explore.Sometimes:
			return explore.Sometimes
		case c.Answer == explore.Inconclusive:
			sum = explore.Inconclusive
		}
	}
	return sum
}
