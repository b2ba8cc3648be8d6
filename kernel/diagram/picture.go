package diagram

import (
	"klpsim/cpu"
	"klpsim/kernel/session"
)

// RowKind says what a row shows.
type RowKind uint8

// The kinds of rows.
const (
	Exec   RowKind = iota // an instruction
	Open                  // an interrupt, NMI or exception is delivered
	Close                 // its handler returns
	Switch                // the core turns to another task
	Head                  // the function and task of the rows below
	Note                  // something else, such as an event that stays pending
	Drain                 // a buffered store reaches memory
	Many                  // the same change to several tasks, the first one's step
)

// Row is one happening on one core.
type Row struct {
	Step  int // 1-based number of the choice; 0: none of its own
	Core  int
	Kind  RowKind
	Depth int      // of interrupts
	Text  string   // ASCII
	Sub   []string // details, below the text
	Mark  string   // what stands out about it, such as a stale store
	Fail  []string // names of checks that this step showed violated
}

// Verdict is what became of one check.
type Verdict struct {
	Name  string
	Title string
	Step  int // 0 with Violated: the initial state
	Core  int
	Violated,
	Final bool
	Err string
}

// Picture is a run as rows.
type Picture struct {
	Name     string
	Title    string
	Cores    int
	Memory   string
	Rows     []Row
	Verdicts []Verdict
	Schedule cpu.Schedule
	Injected []string // what came from outside, such as "irq0:ec at step 42"
	Replay   string   // arguments of klpsim run behind the scenario's name, but for --schedule
	Stale    []string // reports of stale values
	Notes    []string // further lines for the bottom
	Dead     int      // a core that shut down; -1: none
	Steps    []session.Violation
}

// Options say what a picture shows.
type Options struct {
	All   bool // every instruction
	Stale bool // the reports of stale values
}
