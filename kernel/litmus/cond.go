package litmus

import (
	"fmt"
	"strconv"
)

// Cond is a condition over final states.
type Cond interface {
	// holds evaluates the condition; value returns what a location holds.
	holds(value func(Loc) int64, addr func(string) int64, typ func(Loc) Type) bool
	// locs calls f for every location named, in order.
	locs(f func(Loc))
	// text renders the condition with the given binding strength of its context.
	text(prec int) string
}

// The connectives, from the loosest.
const (
	precImplies = iota
	precOr
	precAnd
	precNot
)

type condTrue bool

type condEqual struct {
	loc Loc
	val Value
	not bool
}

type condEqualLoc struct{ a, b Loc }

type condNot struct{ c Cond }

type condBinary struct {
	op   int // precImplies, precOr, precAnd
	a, b Cond
}

func (c condTrue) holds(func(Loc) int64, func(string) int64, func(Loc) Type) bool { return bool(c) }
func (condTrue) locs(func(Loc))                                                   {}
func (c condTrue) text(int) string                                                { return strconv.FormatBool(bool(c)) }

func (c condEqual) holds(value func(Loc) int64, addr func(string) int64, typ func(Loc) Type) bool {
	want := c.val.Num
	if c.val.Addr != "" {
		want = addr(c.val.Addr)
	}
	return (value(c.loc) == typ(c.loc).cut(want)) != c.not
}

func (c condEqual) locs(f func(Loc)) { f(c.loc) }

func (c condEqual) text(int) string {
	op := "="
	if c.not {
		op = "!="
	}
	return c.loc.condText() + op + c.val.String()
}

func (c condEqualLoc) holds(value func(Loc) int64, _ func(string) int64, _ func(Loc) Type) bool {
	return value(c.a) == value(c.b)
}

func (c condEqualLoc) locs(f func(Loc)) { f(c.a); f(c.b) }

func (c condEqualLoc) text(int) string { return c.a.condText() + "=" + c.b.condText() }

func (c condNot) holds(value func(Loc) int64, addr func(string) int64, typ func(Loc) Type) bool {
	return !c.c.holds(value, addr, typ)
}

func (c condNot) locs(f func(Loc)) { c.c.locs(f) }

func (c condNot) text(int) string { return "not (" + c.c.text(precImplies) + ")" }

func (c condBinary) holds(value func(Loc) int64, addr func(string) int64, typ func(Loc) Type) bool {
	a := c.a.holds(value, addr, typ)
	b := c.b.holds(value, addr, typ)
	switch c.op {
	case precAnd:
		return a && b
	case precOr:
		return a || b
	}
	return !a || b
}

func (c condBinary) locs(f func(Loc)) { c.a.locs(f); c.b.locs(f) }

func (c condBinary) text(prec int) string {
	op := [...]string{" => ", ` \/ `, ` /\ `}[c.op]
	s := c.a.text(c.op) + op + c.b.text(c.op)
	if prec > c.op {
		return "(" + s + ")"
	}
	return s
}

// condText renders a location as conditions do: variables in brackets.
func (l Loc) condText() string {
	if l.Thread < 0 {
		return "[" + l.String() + "]"
	}
	return l.String()
}

// String renders a location as reports do.
func (l Loc) String() string {
	switch {
	case l.Thread >= 0:
		return fmt.Sprintf("%d:%s", l.Thread, l.Name)
	case l.Index > 0:
		return fmt.Sprintf("%s[%d]", l.Name, l.Index)
	}
	return l.Name
}

// String renders a constant.
func (v Value) String() string {
	if v.Addr != "" {
		return v.Addr
	}
	return strconv.FormatInt(v.Num, 10)
}

// cut reduces v to the type: its low bytes, sign-extended when signed.
func (t Type) cut(v int64) int64 {
	shift := 64 - 8*uint(t.Size)
	if t.Signed {
		return v << shift >> shift
	}
	return int64(uint64(v) << shift >> shift)
}

// format prints a value of the type.
func (t Type) format(v int64) string {
	if t.Signed {
		return strconv.FormatInt(v, 10)
	}
	return strconv.FormatUint(uint64(v), 10)
}
