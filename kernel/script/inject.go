package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/expr"
	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
)

// injection is an event that strikes when a core comes to a place.
type injection struct {
	pos   scenario.Pos
	what  cpu.Choice // Core is the target; see to
	to    bool       // the target was named; else it is the arriving core
	place session.Place
	on    int        // which core's arrival counts; -1: any
	task  int        // which task's arrival counts; 0: any
	cond  *expr.Expr // nil: always
	nth   int        // the arrival that it strikes first, from 1
	every int        // then every so many; 0: once
	seen  int
	fired int
	at    []int // steps at which it fired
}

func (in *injection) String() string {
	s := strings.ToLower(kindWord(in.what))
	s += " at " + in.place.Text
	if in.on >= 0 {
		s += fmt.Sprintf(" on %d", in.on)
	}
	if in.task != 0 {
		s += fmt.Sprintf(" task %d", in.task)
	}
	if in.cond != nil {
		s += " when " + in.cond.String()
	}
	return s
}

func kindWord(c cpu.Choice) string {
	switch c.Kind {
	case cpu.IRQ:
		return fmt.Sprintf("irq %02x", c.Vector)
	case cpu.NMI:
		return "nmi"
	case cpu.INIT:
		return "init"
	case cpu.SIPI:
		return fmt.Sprintf("sipi %02x", c.Vector)
	}
	return "tick"
}

// cmdInject reads inject WHAT [to CPU] [at PLACE] [on CPU] [task N] [nth N] [every N] [when COND].
func cmdInject(e *Engine, a *args) error {
	in, err := a.injection()
	if err != nil {
		return err
	}
	if in.place.Text == "" {
		if !in.to {
			in.what.Core = uint8(e.core)
		}
		if _, err := e.take(in.what); err != nil {
			return err
		}
		e.stand()
		return nil
	}
	e.injects = append(e.injects, in)
	for core := range e.S.M.NumCores() {
		if err := e.strike(in, core); err != nil {
			return err
		}
	}
	return nil
}

var injectKinds = map[string]cpu.Kind{"irq": cpu.IRQ, "ipi": cpu.IRQ, "nmi": cpu.NMI, "init": cpu.INIT, "sipi": cpu.SIPI, "tick": cpu.Tick}

func (a *args) injection() (*injection, error) {
	w, at := a.word()
	kind, ok := injectKinds[w]
	if !ok {
		return nil, a.errorf(at, "expected irq VECTOR, nmi, init, sipi PAGE or tick, found %s", found(w))
	}
	in := &injection{pos: a.pos, what: cpu.Choice{Kind: kind}, on: -1, nth: 1}
	if kind == cpu.IRQ || kind == cpu.SIPI {
		w, at := a.word()
		v, err := strconv.ParseUint(strings.TrimPrefix(w, "0x"), 16, 8)
		if err != nil || kind == cpu.IRQ && v < 16 {
			return nil, a.errorf(at, "expected a vector in hexadecimal from 10 to ff, found %s", found(w))
		}
		in.what.Vector = uint8(v)
	}
	return in, a.injectionWords(in)
}

func (a *args) injectionWords(in *injection) error {
	placed := false
	for a.more() {
		w, at := a.word()
		var err error
		var core int
		switch w {
		case "to":
			core, err = a.core()
			in.what.Core, in.to = uint8(core), true
		case "at":
			in.place, err = a.place()
			placed = true
		case "on":
			in.on, err = a.core()
		case "task":
			in.task, err = a.number("a task", -1, 0, 1<<22)
		case "nth":
			in.nth, err = a.number("a number", -1, 1, 1<<30)
		case "every":
			in.every, err = a.number("a number", -1, 1, 1<<30)
		case "when", "if":
			in.cond, err = a.condition()
		default:
			return a.errorf(at, "expected to, at, on, task, nth, every or when, found %q", w)
		}
		if err != nil {
			return err
		}
		if !placed && w != "to" {
			return a.errorf(at, "%q goes with a place: inject ... at PLACE ...", w)
		}
	}
	return nil
}

// fire strikes with every injection that core's arrival where it is makes due.
func (e *Engine) fire(core int) error {
	for _, in := range e.injects {
		if err := e.strike(in, core); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) strike(in *injection, core int) error {
	switch {
	case in.fired > 0 && in.every == 0, in.on >= 0 && in.on != core:
		return nil
	case !e.S.At(core, in.place), !e.true(in.cond, core):
		return nil
	}
	if t, ok := e.S.T.View.Current(e.S.M, core); in.task != 0 && (!ok || t.PID != in.task) {
		return nil
	}
	in.seen++
	if in.seen < in.nth || in.every > 0 && (in.seen-in.nth)%in.every != 0 {
		return nil
	}
	c := in.what
	if !in.to {
		c.Core = uint8(core)
	}
	if err := e.S.Take(c); err != nil {
		return err
	}
	in.fired++
	in.at = append(in.at, e.S.Len())
	return nil
}

// true evaluates a condition on a core; a nil condition is true, and one that
// cannot be evaluated is not.
func (e *Engine) true(cond *expr.Expr, core int) bool {
	if cond == nil {
		return true
	}
	ok, err := cond.Bool(e.S.Context(core))
	return ok && err == nil
}

// rewind makes what the engine remembers fit a run that is n choices long.
func (e *Engine) rewind(n int) {
	for _, in := range e.injects {
		k := len(in.at)
		for k > 0 && in.at[k-1] > n {
			k--
		}
		in.at, in.fired = in.at[:k], k
		in.seen = min(in.seen, k)
	}
}

func cmdExpect(e *Engine, a *args) error {
	w := a.peek()
	switch w {
	case "holds":
		a.word()
		e.met = append(e.met, expectation{pos: a.pos})
		return a.done()
	case "violated":
		a.word()
		x := expectation{pos: a.pos}
		for a.more() {
			n, at := a.word()
			if !e.hasCheck(n) {
				return a.errorf(at, "no check is called %q", n)
			}
			x.violated = append(x.violated, n)
		}
		if x.violated == nil {
			return a.errorf(a.at, "expected the name of a check")
		}
		e.met = append(e.met, x)
		return nil
	}
	at := a.at
	x, err := a.condition()
	if err != nil {
		return err
	}
	ok, err := x.Bool(e.S.Context(e.core))
	if err != nil {
		return a.wrap(at, err)
	}
	if !ok {
		p := a.pos
		p.Col += at + 1
		return &Error{Pos: p, Msg: fmt.Sprintf("%v: %s is false at step %d", ErrExpect, x, e.S.Len()), Err: ErrExpect}
	}
	return nil
}

func (e *Engine) hasCheck(name string) bool {
	for _, c := range e.S.T.Checks {
		if c.Name == name {
			return true
		}
	}
	return false
}

// Missing says whether err is about an expectation or an injection that was
// missed, rather than about bad input.
func Missing(err error) bool { return errors.Is(err, ErrExpect) }
