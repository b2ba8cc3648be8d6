package target

import (
	"errors"
	"slices"

	"klpsim/cpu"
	"klpsim/kernel/explore"
)

// plain rewrites a failing schedule so that no store waits in a store buffer
// without need: each hold becomes a step if the run still fails in the same
// check, and drains that find nothing to drain go.
func plain(p explore.Problem, check string, sch cpu.Schedule) cpu.Schedule {
	for i := 0; i < len(sch); i++ {
		if sch[i].Kind != cpu.Hold {
			continue
		}
		try := slices.Clone(sch)
		try[i].Kind = cpu.Step
		if got, ok := fails(p, check, try); ok && len(got) <= len(sch) {
			sch = got
		}
	}
	return sch
}

// fails replays a schedule up to the first choice that violates the check, or
// to its end if the check is a final one; choices that are not possible are
// left out. It returns the choices that were taken.
func fails(p explore.Problem, check string, sch cpu.Schedule) (taken cpu.Schedule, ok bool) {
	m, err := p.New()
	if err != nil {
		return nil, false
	}
	m.SetRecording(true)
	n := slices.IndexFunc(p.Checks, func(c explore.Check) bool { return c.Name == check })
	if n < 0 {
		return nil, false
	}
	k := p.Checks[n]
	eval := k.Start()
	for _, c := range sch {
		if !k.Final {
			eval.Before(m, c)
		}
		switch err := m.Take(c); {
		case errors.Is(err, cpu.ErrDrain), errors.Is(err, cpu.ErrIdle), errors.Is(err, cpu.ErrHold):
			continue
		case err != nil:
			return nil, false
		}
		taken = append(taken, c)
		if !k.Final && !eval.Holds(m, c, m.Events()) {
			return taken, true
		}
	}
	return taken, k.Final && len(m.Enabled(nil)) == 0 && !eval.Holds(m, cpu.Choice{}, nil)
}
