package litmus

import "fmt"

// Arch is a test's architecture, which fixes the syntax of its code.
type Arch uint8

// The architectures.
const (
	X86   Arch = iota // Intel's operand order, 32-bit registers
	X8664             // AT&T's operand order
)

// String returns the name used in test files.
func (a Arch) String() string {
	if a == X8664 {
		return "X86_64"
	}
	return "X86"
}

// Pos is a place in a test file; Line and Col count from 1.
type Pos struct {
	File      string
	Line, Col int
}

// Error is a fault in a test file.
type Error struct {
	Pos Pos
	Msg string
}

// Error returns "file:line:col: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Pos.File, e.Pos.Line, e.Pos.Col, e.Msg)
}

// Type is the type of a variable or register: its size in bytes and whether it
// prints with a sign.
type Type struct {
	Size   uint8
	Signed bool
}

// Loc names something that holds a value: a variable (Thread < 0) or a
// register of a thread.
type Loc struct {
	Thread int
	Name   string
	Index  int // element of an array variable
}

// Value is a constant of a test: a number, or the address of a variable.
type Value struct {
	Num  int64
	Addr string // variable, when the value is its address
}

// Init is one entry of the initial state.
type Init struct {
	Loc    Loc
	Value  Value
	Values []Value // of an array; Value is unused then
	Type   Type
	Typed  bool // the entry states a type
	Pos    Pos
}

// Line is one line of a thread: a label, an instruction or both.
type Line struct {
	Label string
	Text  string
	Pos   Pos
}

// Quantifier says what a test asks about its final states.
type Quantifier uint8

// The quantifiers.
const (
	Exists Quantifier = iota
	NotExists
	ForAll
)

// String returns the keyword.
func (q Quantifier) String() string { return [...]string{"exists", "~exists", "forall"}[q] }

// Test is a parsed litmus test.
type Test struct {
	Arch      Arch
	Name      string
	Doc       string
	Meta      []Meta
	Init      []Init
	Threads   [][]Line
	Locations []Loc
	Filter    Cond // nil: every final state counts
	Quant     Quantifier
	Cond      Cond
	Pos       Pos
}

// Meta is a Key=Value line of a test's header.
type Meta struct{ Key, Value string }
