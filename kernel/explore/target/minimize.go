package target

import (
	"fmt"
	"slices"

	"klpsim/cpu"
	"klpsim/kernel/explore"
	"klpsim/kernel/session"
)

// Minimized is a failing schedule made smaller.
type Minimized struct {
	Check    string
	Before   explore.Cost
	After    explore.Cost
	Schedule cpu.Schedule
	// Needed says of each injection left, in order, whether the run without it
	// (and otherwise unchanged) no longer fails in the check.
	Needed []bool
}

// Minimize makes a failing schedule smaller while the run keeps failing in the
// same check: fewer injections, then fewer preemptive switches, then fewer
// choices. check names the check; "" takes the first that the schedule
// violates. The result is minimal in the sense that taking out any one piece
// more, or moving any one piece of a core's run up to an earlier one, makes the
// run hold; a search may still find a smaller run that is not part of this one.
func Minimize(t *session.Target, sch cpu.Schedule, check string) (*Minimized, error) {
	p := NewProblem(t, nil)
	if check == "" {
		var err error
		if check, err = firstViolated(p, sch); err != nil {
			return nil, err
		}
	}
	sch, ok := fails(p, check, sch)
	if !ok {
		return nil, fmt.Errorf("the schedule does not violate %s", check)
	}
	z := &minimizer{p: p, check: check, best: sch}
	res := &Minimized{Check: check, Before: z.cost(sch)}
	for before := -1; before != len(z.best); {
		before = len(z.best)
		z.dropInjections()
		z.dropPieces()
		z.joinPieces()
		z.try(plain(p, check, z.best))
	}
	res.Schedule, res.After = z.best, z.cost(z.best)
	for i, c := range z.best {
		if isInjection(c) {
			_, still := fails(p, check, slices.Delete(slices.Clone(z.best), i, i+1))
			res.Needed = append(res.Needed, !still)
		}
	}
	return res, nil
}

// firstViolated replays a schedule until a check fails.
func firstViolated(p explore.Problem, sch cpu.Schedule) (string, error) {
	_, first, err := explore.Replay(p, sch)
	if err != nil {
		return "", err
	}
	if first > 0 {
		sch = sch[:first]
	}
	violated, _, err := explore.Replay(p, sch)
	if err != nil {
		return "", err
	}
	if len(violated) == 0 {
		return "", fmt.Errorf("the schedule violates no check")
	}
	return violated[0], nil
}

func isInjection(c cpu.Choice) bool { return c.Kind >= cpu.IRQ }

// minimizer holds the smallest failing schedule so far.
type minimizer struct {
	p     explore.Problem
	check string
	best  cpu.Schedule
}

// cost counts a schedule as the explorer does, except that a switch counts
// whether or not the core left could have gone on.
func (z *minimizer) cost(sch cpu.Schedule) (c explore.Cost) {
	last := -1
	for _, ch := range sch {
		switch {
		case isInjection(ch):
			c.Injections++
		case ch.Kind != cpu.Drain:
			if last >= 0 && last != int(ch.Core) {
				c.Preempt++
			}
			last = int(ch.Core)
		}
	}
	c.Steps = len(sch)
	return c
}

// try replaces the best schedule if the given one fails too, for less.
func (z *minimizer) try(sch cpu.Schedule) bool {
	got, ok := fails(z.p, z.check, sch)
	if !ok || !less(z.cost(got), z.cost(z.best)) {
		return false
	}
	z.best = got
	return true
}

// less orders costs as the explorer does.
func less(a, b explore.Cost) bool {
	switch {
	case a.Injections != b.Injections:
		return a.Injections < b.Injections
	case a.Preempt != b.Preempt:
		return a.Preempt < b.Preempt
	}
	return a.Steps < b.Steps
}

// dropInjections tries the run without each injected event, alone and together
// with the steps that handled it.
func (z *minimizer) dropInjections() {
	for i := 0; i < len(z.best); i++ {
		if !isInjection(z.best[i]) {
			continue
		}
		if z.try(slices.Delete(slices.Clone(z.best), i, i+1)) || z.try(without(z.best, z.handling(i))) {
			i = -1
		}
	}
}

// without returns the schedule without the choices at the given places.
func without(sch cpu.Schedule, places []int) cpu.Schedule {
	var out cpu.Schedule
	for i, c := range sch {
		if !slices.Contains(places, i) {
			out = append(out, c)
		}
	}
	return out
}

// handling returns the places of an injection and of its core's choices from
// the delivery to the return to what was interrupted.
func (z *minimizer) handling(at int) []int {
	m, err := z.p.New()
	if err != nil {
		return []int{at}
	}
	m.SetRecording(true)
	places, core := []int{at}, z.best[at].Core
	back, inside := uint64(0), false
	for i, c := range z.best {
		if m.Take(c) != nil {
			return []int{at}
		}
		if i <= at || c.Core != core {
			continue
		}
		for _, e := range m.Events() {
			switch {
			case e.Kind == cpu.EvDeliver && !inside:
				back, inside = e.RIP, true
			case e.Kind == cpu.EvIret && inside && e.VA == back:
				return append(places, i)
			}
		}
		if inside {
			places = append(places, i)
		}
	}
	return places
}

// dropPieces takes pieces out: halves, then quarters, and so on to single
// choices (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing
// input", 2002).
func (z *minimizer) dropPieces() {
	for size := len(z.best) / 2; size >= 1; size /= 2 {
		for at := 0; at+size <= len(z.best); {
			if !z.try(slices.Delete(slices.Clone(z.best), at, at+size)) {
				at += size
			}
		}
	}
}

// joinPieces moves each core's stretches up to the stretch before of the same
// core, which saves switches.
func (z *minimizer) joinPieces() {
	for again := true; again; {
		again = false
		runs := stretches(z.best)
		for i := 1; i < len(runs) && !again; i++ {
			for j := i - 1; j >= 0 && !again; j-- {
				if runs[j].core == runs[i].core {
					again = z.try(moved(z.best, runs[i], runs[j].end))
					break
				}
			}
		}
	}
}

// stretch is a piece of a schedule in which one core runs.
type stretch struct{ core, start, end int }

// stretches cuts a schedule where the core changes.
func stretches(sch cpu.Schedule) []stretch {
	var out []stretch
	for i, c := range sch {
		if n := len(out); n > 0 && out[n-1].core == int(c.Core) {
			out[n-1].end = i + 1
			continue
		}
		out = append(out, stretch{int(c.Core), i, i + 1})
	}
	return out
}

// moved returns the schedule with a stretch moved up to position to.
func moved(sch cpu.Schedule, r stretch, to int) cpu.Schedule {
	out := slices.Clone(sch[:to])
	out = append(out, sch[r.start:r.end]...)
	out = append(out, sch[to:r.start]...)
	return append(out, sch[r.end:]...)
}
