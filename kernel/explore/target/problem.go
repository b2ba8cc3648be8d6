package target

import (
	"regexp"
	"slices"

	"klpsim/cpu"
	"klpsim/kernel/explore"
	"klpsim/kernel/expr"
	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
)

// NewProblem turns a scenario's target into a problem whose checks are the
// target's, in order; names picks some of them, nil takes all.
func NewProblem(t *session.Target, names []string) explore.Problem {
	p := explore.Problem{New: t.Machine}
	if t.Scenario.Bare {
		p.Done = allStopped
	}
	for _, k := range t.Checks {
		if names != nil && !slices.Contains(names, k.Name) {
			continue
		}
		ranges, exact := k.Expr.Footprint()
		for _, r := range ranges {
			p.Shared = append(p.Shared, explore.PhysRange{Addr: r.PA, Size: uint64(r.Size)})
		}
		c := explore.Check{Name: k.Name, Final: k.When == scenario.Final}
		c.Start = func() explore.Evaluator { return newEvaluator(k) }
		if k.When == scenario.At {
			p.Watch = append(p.Watch, explore.Range{Lo: k.Place.Addr, Hi: k.Place.Addr + 1})
		}
		if !exact && !c.Final {
			code, ok := codeRanges(t, k.Expr.String())
			p.Watch = append(p.Watch, code...)
			c.Local = !ok
		}
		p.Checks = append(p.Checks, c)
	}
	return p
}

// allStopped reports whether every core has stopped for good: halted with
// interrupts off.
func allStopped(m *cpu.Machine) bool {
	for i := range m.NumCores() {
		if c := m.Core(i); c.Activity != cpu.Halted || c.Flags&cpu.FlagIF != 0 {
			return false
		}
	}
	return true
}

var (
	ripWord  = regexp.MustCompile(`%rip(@\w+)?`)
	register = regexp.MustCompile(`%\w+`)
	word     = regexp.MustCompile(`[A-Za-z_.]\w*`)
)

// codeRanges returns the functions that a check compares %rip with. ok is
// false if the check looks at anything else that is not memory at fixed places.
func codeRanges(t *session.Target, text string) (out []explore.Range, ok bool) {
	rest := ripWord.ReplaceAllString(text, "")
	if rest == text || register.MatchString(rest) {
		return nil, false
	}
	for _, w := range word.FindAllString(rest, -1) {
		if lo, hi, ok := t.Names.FuncRange(w); ok {
			out = append(out, explore.Range{Lo: lo, Hi: hi})
		}
	}
	return out, len(out) > 0
}

// evaluator evaluates one check of a scenario along a run, as a session does.
type evaluator struct {
	check *session.Check
	ctx   expr.Context
	at    bool // the choice is a step of a core that stands at the check's place
	held  bool // what the check said there
}

func newEvaluator(k *session.Check) *evaluator {
	return &evaluator{check: k, ctx: expr.Context{Prev: make([]int64, k.Expr.NumPrev())}}
}

// Before implements explore.Evaluator.
func (e *evaluator) Before(m *cpu.Machine, c cpu.Choice) {
	e.ctx.State, e.ctx.Core = session.State{M: m}, int(c.Core)
	if e.check.When == scenario.At && !e.check.Place.After {
		e.at = c.Kind <= cpu.Hold && m.Core(int(c.Core)).RIP == e.check.Place.Addr
		e.held = !e.at || e.holds()
		return
	}
	if e.check.Expr.NumPrev() > 0 {
		e.check.Expr.SavePrev(&e.ctx, e.ctx.Prev)
	}
}

// Holds implements explore.Evaluator.
func (e *evaluator) Holds(m *cpu.Machine, c cpu.Choice, events []cpu.Event) bool {
	e.ctx.State, e.ctx.Core = session.State{M: m}, int(c.Core)
	switch {
	case e.check.When != scenario.At:
		return e.holds()
	case e.check.Place.After:
		return !e.retired(events, c) || e.holds()
	}
	return !e.at || e.held || !e.executed(events)
}

// holds evaluates the expression; one that has no value does not hold.
func (e *evaluator) holds() bool {
	ok, err := e.check.Expr.Bool(&e.ctx)
	return ok && err == nil
}

// executed reports whether the instruction at the check's place was executed.
func (e *evaluator) executed(events []cpu.Event) bool {
	for i := range events {
		if events[i].Kind == cpu.EvExec {
			return events[i].RIP == e.check.Place.Addr
		}
	}
	return false
}

// retired reports whether it was, and did not fault.
func (e *evaluator) retired(events []cpu.Event, c cpu.Choice) bool {
	for i := range events {
		if x := &events[i]; x.Kind == cpu.EvExec {
			return x.Core == c.Core && x.RIP == e.check.Place.Addr && x.Flags&cpu.EvFault == 0
		}
	}
	return false
}
