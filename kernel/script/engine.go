package script

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/expr"
	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
)

// Engine executes commands on a session.
type Engine struct {
	S *session.Session

	// Batch makes the engine strict: see the package's invariants.
	Batch bool
	// Width is the width of diagrams, in columns.
	Width int
	// Draw renders the run so far; set by whoever knows diagrams.
	Draw func(t *session.Target, sched cpu.Schedule, opt DrawOptions) (string, error)
	// Read and Write reach files for source and save-script; nil refuses them.
	Read  func(name string) ([]byte, error)
	Write func(name string, text []byte) error

	out      io.Writer
	core     int
	policy   policy
	holding  []bool
	breaks   []*breakpoint
	injects  []*injection
	displays []display
	marks    []mark
	nextNum  int
	saved    []string // commands that changed something, for save-script
	last     string   // for repeating
	met      []expectation
	quit     bool
	depth    int
	xAt      uint64
}

// DrawOptions say what a diagram shows.
type DrawOptions struct {
	Format string // diagram, mermaid, svg, html, perfetto
	Width  int    // columns; 0: 72
	All    bool   // every instruction
	Stale  bool   // with the report of stale values
}

// expectation is what a script said about the checks at the run's end.
type expectation struct {
	pos      scenario.Pos
	violated []string // empty: every check holds
}

// New returns an engine on a session that prints to out.
func New(s *session.Session, out io.Writer) *Engine {
	return &Engine{S: s, out: out, holding: make([]bool, s.M.NumCores()), policy: policy{name: "rr", quantum: 1}, nextNum: 1}
}

// Quit says whether a quit command was executed.
func (e *Engine) Quit() bool { return e.quit }

// Core returns the selected core.
func (e *Engine) Core() int { return e.core }

// ErrExpect is wrapped by the error of an expectation that was not met.
var ErrExpect = errors.New("expectation missed")

// ErrNever is wrapped when an injection never fired.
var ErrNever = errors.New("the injection never fired")

// Exec executes one line. An empty line repeats the last command that can be
// repeated, at a prompt.
func (e *Engine) Exec(line scenario.Text) error {
	text := strings.TrimSpace(line.Text)
	if strings.HasPrefix(text, "#") {
		return nil
	}
	if text == "" {
		if e.Batch || e.last == "" {
			return nil
		}
		text = e.last
	}
	word, _, _ := strings.Cut(text, " ")
	name, format, _ := strings.Cut(word, "/")
	a := &args{e: e, pos: line.Pos, text: text, at: len(word), fmt: format}
	if a.pos.Col == 0 {
		a.pos.Col = 1
	}
	c, err := lookup(name)
	if err != nil {
		return a.wrap(0, err)
	}
	if format != "" && !c.Format {
		return a.errorf(len(name), "%s takes no format, found %q", c.Name, "/"+format)
	}
	e.last = ""
	if c.Repeat {
		e.last = text
	}
	if err := c.run(e, a); err != nil {
		return a.wrap(0, err)
	}
	if c.Saved {
		e.saved = append(e.saved, text)
	}
	return nil
}

// Script executes lines until one fails, then ends the run's expectations.
func (e *Engine) Script(lines []scenario.Text) error {
	for _, l := range lines {
		if err := e.Exec(l); err != nil {
			return err
		}
		if e.quit {
			return nil
		}
	}
	return nil
}

// Lines cuts a script file into lines for Script.
func Lines(file string, text []byte) []scenario.Text {
	var out []scenario.Text
	for i, l := range strings.Split(string(text), "\n") {
		trimmed := strings.TrimSpace(l)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		out = append(out, scenario.Text{Text: trimmed, Pos: scenario.Pos{File: file, Line: i + 1, Col: strings.Index(l, trimmed) + 1}})
	}
	return out
}

// Finish ends a batch run: the final checks are evaluated, and what the script
// expected and injected is checked. The error joins everything that was missed.
func (e *Engine) Finish() error {
	e.S.Finish()
	var errs []error
	for _, in := range e.injects {
		if in.fired == 0 {
			errs = append(errs, &Error{Pos: in.pos, Msg: fmt.Sprintf("inject %s: %v", in, ErrNever), Err: ErrNever})
		}
	}
	for _, x := range e.met {
		if msg := Missed(e.S, x.violated); msg != "" {
			errs = append(errs, &Error{Pos: x.pos, Msg: msg, Err: ErrExpect})
		}
	}
	return errors.Join(errs...)
}

// Missed compares the violated checks of a finished session with the expected
// ones, which others may join; the result says what differs, "" if nothing
// does. No names means that every check holds.
func Missed(s *session.Session, want []string) string {
	got := map[string]bool{}
	var names []string
	for _, v := range s.Violations() {
		got[v.Check.Name] = true
		names = append(names, v.Check.Name)
	}
	if len(want) == 0 {
		if len(names) > 0 {
			return "expected every check to hold, violated: " + strings.Join(names, ", ")
		}
		return ""
	}
	for _, w := range want {
		if !got[w] {
			return fmt.Sprintf("expected %s to be violated, but it holds", w)
		}
	}
	return ""
}

func (e *Engine) printf(format string, v ...any) { fmt.Fprintf(e.out, format, v...) }

// value evaluates an expression as the selected core sees it.
func (e *Engine) value(x *expr.Expr) (int64, error) { return x.Eval(e.S.Context(e.core)) }
