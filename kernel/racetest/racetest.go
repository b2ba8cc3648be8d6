package racetest

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/diagram"
	"klpsim/kernel/expr"
	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
)

// Lab is a scenario made ready to run.
type Lab struct{ t *session.Target }

// New builds the scenario that text describes; loaded and included files are
// bundled ones. The error lists every problem of the text.
func New(text string) (*Lab, error) {
	s, err := scenario.Parse("scenario", []byte(text), session.Bundle())
	if err != nil {
		return nil, err
	}
	t, err := session.Build(s, session.Options{})
	if err != nil {
		return nil, err
	}
	return &Lab{t}, nil
}

// Open builds a bundled scenario, or one in a file.
func Open(name string) (*Lab, error) {
	t, err := session.Load(name, session.Options{})
	if err != nil {
		return nil, err
	}
	return &Lab{t}, nil
}

// Result is the end of a run.
type Result struct {
	t *session.Target
	s *session.Session
}

// Run executes commands of the prompt, one each, on a fresh machine. Without
// commands it executes the scenario's own. The error is that of the first
// command that failed; a violated check is no error.
func (l *Lab) Run(commands ...string) (*Result, error) {
	s, err := l.t.New()
	if err != nil {
		return nil, err
	}
	e := script.New(s, io.Discard)
	e.Batch = true
	lines := l.t.Scenario.Script
	if len(commands) > 0 {
		lines = script.Lines("commands", []byte(strings.Join(commands, "\n")))
	}
	if err := e.Script(lines); err != nil {
		return nil, err
	}
	if err := e.Finish(); err != nil && !errors.Is(err, script.ErrExpect) {
		return nil, err
	}
	return &Result{l.t, s}, nil
}

// Replay takes the choices of a schedule, such as "0*12 irq0:ec 1*3".
func (l *Lab) Replay(schedule string) (*Result, error) {
	sched, err := cpu.ParseSchedule(schedule, l.t.Config.Cores)
	if err != nil {
		return nil, err
	}
	s, err := session.Play(l.t, sched)
	if err != nil {
		return nil, err
	}
	return &Result{l.t, s}, nil
}

// Violated returns the names of the checks that were violated, in order.
func (r *Result) Violated() []string {
	var out []string
	for _, v := range r.s.Violations() {
		out = append(out, v.Check.Name)
	}
	return out
}

// Value evaluates an expression in the run's last state, as core 0 sees it.
func (r *Result) Value(expression string) (int64, error) {
	x, err := r.t.Compile(expression, expr.Source{})
	if err != nil {
		return 0, err
	}
	return x.Eval(r.s.Context(0))
}

// Schedule returns the run's schedule, for Replay or klpsim run --schedule.
func (r *Result) Schedule() string { return r.s.Schedule().String() }

// Diagram draws the run, at most width columns wide.
func (r *Result) Diagram(width int) (string, error) {
	p, err := diagram.Build(r.t, r.s.Schedule(), diagram.Options{})
	if err != nil {
		return "", err
	}
	return p.Text(width), nil
}

// Point is one injection point of a sweep.
type Point = script.SweepRow

// Sweep runs core 0 to every instruction boundary of a function in turn,
// executes the command inject there (such as "inject irq 20"), then the others.
func (l *Lab) Sweep(function, inject string, then ...string) ([]Point, error) {
	if !strings.HasPrefix(inject, "inject ") {
		return nil, fmt.Errorf("%q: expected an inject command", inject)
	}
	commands := append([]string{"until " + function, inject}, then...)
	return script.Sweep(l.t, script.Lines("commands", []byte(strings.Join(commands, "\n"))), function)
}
