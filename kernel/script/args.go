package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"klpsim/kernel/expr"
	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
)

// Error is a bad command: its place, if it is from a file, and what is wrong.
type Error struct {
	scenario.Pos
	Msg string
	Err error // the cause, if another package found it
}

func (e *Error) Error() string {
	if e.File == "" {
		return e.Msg
	}
	return e.Pos.String() + ": " + e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// args reads the arguments of one command, knowing their columns.
type args struct {
	e    *Engine
	pos  scenario.Pos // of text[0]
	text string
	at   int
	fmt  string // what follows a / in the command's word, as in x/4gx
}

// errorf makes an error about the text at offset at.
func (a *args) errorf(at int, format string, v ...any) error {
	p := a.pos
	p.Col += at
	return &Error{Pos: p, Msg: fmt.Sprintf(format, v...)}
}

// wrap gives err the place of the text at offset at.
func (a *args) wrap(at int, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	p := a.pos
	p.Col += at
	return &Error{Pos: p, Msg: err.Error(), Err: err}
}

func (a *args) skip() {
	for a.at < len(a.text) && (a.text[a.at] == ' ' || a.text[a.at] == '\t') {
		a.at++
	}
}

func (a *args) more() bool {
	a.skip()
	return a.at < len(a.text)
}

// word returns the next word and its offset, "" at the end. A `...` is part of
// the word that it stands in.
func (a *args) word() (string, int) {
	a.skip()
	start, quoted := a.at, false
	for a.at < len(a.text) {
		c := a.text[a.at]
		if c == '`' {
			quoted = !quoted
		}
		if !quoted && (c == ' ' || c == '\t') {
			break
		}
		a.at++
	}
	return a.text[start:a.at], start
}

// peek returns the next word without taking it.
func (a *args) peek() string {
	at := a.at
	w, _ := a.word()
	a.at = at
	return w
}

// accept takes the next word if it is w.
func (a *args) accept(w string) bool {
	if a.peek() == w {
		a.word()
		return true
	}
	return false
}

// rest returns everything that is left, and its offset.
func (a *args) rest() (string, int) {
	a.skip()
	at := a.at
	a.at = len(a.text)
	return strings.TrimRight(a.text[at:], " \t"), at
}

// done fails if there is more than the command takes.
func (a *args) done() error {
	if !a.more() {
		return nil
	}
	w, at := a.word()
	return a.errorf(at, "unexpected %q", w)
}

// number reads an integer between lo and hi; at the end of the line it is def,
// unless def is below lo.
func (a *args) number(what string, def, lo, hi int) (int, error) {
	w, at := a.word()
	if w == "" && def >= lo {
		return def, nil
	}
	n, err := strconv.ParseInt(w, 0, 64)
	if err != nil || n < int64(lo) || n > int64(hi) {
		return 0, a.errorf(at, "expected %s from %d to %d, found %s", what, lo, hi, found(w))
	}
	return int(n), nil
}

func found(w string) string {
	if w == "" {
		return "the end of the line"
	}
	return strconv.Quote(w)
}

// core reads a core number; the selected core at the end of the line.
func (a *args) core() (int, error) {
	return a.number("a core", a.e.core, 0, a.e.S.M.NumCores()-1)
}

// place reads a place with its "before" or "after".
func (a *args) place() (session.Place, error) {
	w, at := a.word()
	if w == "" {
		return session.Place{}, a.errorf(at, "expected a place: a symbol, symbol+offset, *address, file:line or symbol:`instruction`")
	}
	switch a.peek() {
	case "after", "before":
		d, _ := a.word()
		w += " " + d
	}
	p, err := a.e.S.T.Place(w)
	return p, a.wrap(at, err)
}

// expression reads the rest of the line as an expression.
func (a *args) expression() (*expr.Expr, error) {
	text, at := a.rest()
	if text == "" {
		return nil, a.errorf(at, "expected an expression at the end of the line")
	}
	return a.compile(text, at)
}

// compile compiles a piece of the command's text, which begins at offset at.
func (a *args) compile(text string, at int) (*expr.Expr, error) {
	x, err := a.e.S.T.Compile(text, expr.Source{Col: a.pos.Col + at})
	var xe *expr.Error
	if errors.As(err, &xe) {
		p := a.pos
		p.Col = xe.Col
		return nil, &Error{Pos: p, Msg: xe.Msg, Err: err}
	}
	return x, err
}

// condition reads an expression that has a single value.
func (a *args) condition() (*expr.Expr, error) {
	at := a.at
	x, err := a.expression()
	if err != nil {
		return nil, err
	}
	if x.Type().Fields != nil {
		return nil, a.errorf(at, "a condition has a single value, this is a %s", x.Type().Name)
	}
	return x, nil
}
