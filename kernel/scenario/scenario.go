package scenario

import (
	"fmt"
	"strings"
)

// Pos is a place in a text, line and column from 1.
type Pos struct {
	File      string
	Line, Col int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Error is one problem of a scenario file.
type Error struct {
	Pos
	Msg string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// ErrorList is every problem found, in the order of the text.
type ErrorList []*Error

func (l ErrorList) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems one by one.
func (l ErrorList) Unwrap() []error {
	out := make([]error, len(l))
	for i, e := range l {
		out[i] = e
	}
	return out
}

// Text is a piece of a file that is read later, with where it begins.
type Text struct {
	Text string
	Pos
}

// Scenario is a parsed file.
type Scenario struct {
	Name  string
	Title string
	About []string
	File  string

	Cores       int
	Memory      string // "tso" or "sc"
	StoreBuffer int    // entries; 0: the machine's default
	Bare        bool

	Defines []Define
	Code    []Code
	Tasks   []Task
	Entries []Entry
	Init    []Init
	Values  []Values
	Types   []Type
	Shared  []Text
	Checks  []Check
	Script  []Text // one command each
	Expect  Expect
	Limit   uint64 // steps; DefaultLimit if the file does not say
	Explore Explore
}

// DefaultLimit is the number of choices after which a run is cut off as
// inconclusive if its scenario does not set one.
const DefaultLimit = 100_000

// Define is a symbol that every assembly source sees.
type Define struct {
	Name  string
	Value int64
	Pos
}

// Code is one assembly source.
type Code struct {
	Name string // as positions show it
	Text []byte
	Line int // of the first line of Text in the file Name, from 1
	Pos      // of the load line
}

// Task is a task of the guest, or of a bare machine.
type Task struct {
	PID     int
	Comm    string
	CPU     int
	Running bool
	Asleep  bool
	IRQsOff bool
	Entry   string
	User    string
	Frames  []string
	State   Text // patch_state, an expression; empty: not given
	Flags   Text // an expression; empty: none
	Pos
}

// Entry is the start of a bare core.
type Entry struct {
	Core   int
	Symbol string
	Pos
}

// Init is one initial value, of a symbol or of a register.
type Init struct {
	Symbol  string
	Reg     string // without %, if it is a register's
	Core    int
	Size    int    // bytes; 0: what the symbol's type says
	Address string // the value is this symbol's address
	Value   Text   // else an expression
	Pos
}

// Values is an enum or bits line.
type Values struct {
	Name  string
	Bits  bool
	Names []Define
	Pos
}

// Type says how to read a symbol, or the field of a struct.
type Type struct {
	Symbol string // or the tag of the struct
	Field  string // "" for a symbol
	Type   string // C type; "" to keep the field's own
	Values string // name of an enum or bits line; may be ""
	Count  int    // elements of an array; 0 for none
	Pos
}

// When says when a check is evaluated.
type When uint8

// The kinds of checks.
const (
	Always When = iota // after every choice
	At                 // before an instruction at a place executes
	Final              // when the run has ended
)

func (w When) String() string { return [...]string{"always", "at", "final"}[w] }

// Check is a named condition that must hold.
type Check struct {
	Name  string
	Title string
	When  When
	Place Text
	Expr  Text
	Pos
}

// Expect is what a run of the scenario's own script must show.
type Expect struct {
	Given    bool
	Violated []Text // names of checks; empty: every check holds
}

// Explore bounds what the explorer may add to a run.
type Explore struct {
	IRQs, NMIs int      // how many of each may strike
	Preempt    int      // preemptive switches between cores; -1: any number
	Steps      int      // choices per run; 0: no bound
	Vectors    []uint8  // of interrupts
	Cores      []int    // which cores are struck; empty: all
	In         []string // functions in which they may strike; empty: anywhere
}
