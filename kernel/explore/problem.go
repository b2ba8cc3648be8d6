package explore

import (
	"io"
	"time"

	"klpsim/cpu"
)

// Problem is what is explored: a machine in its initial state and the
// questions about its runs.
type Problem struct {
	// New returns a machine in the initial state. It is called once for each
	// worker and for each replay, possibly at the same time.
	New func() (*cpu.Machine, error)

	Checks []Check

	// Shared are physical ranges whose writes are always visible although no
	// instruction of another core touches them: what the checks read.
	Shared []PhysRange

	// Watch are ranges of code: that a core enters, leaves or executes an
	// instruction in one of them is always visible, because a check looks at it.
	Watch []Range

	// Done tells whether a state in which no core can go on is an orderly end;
	// if it is not the state is a deadlock. nil: every end is orderly.
	Done func(*cpu.Machine) bool

	// Final, if set, is called in every terminal state, on the goroutine of
	// the worker that reached it; the bytes it appends to dst stand for the
	// state in Report.Finals.
	Final func(dst []byte, m *cpu.Machine) []byte
}

// Check is a condition that every state of every run must satisfy.
type Check struct {
	Name string
	// Start returns an evaluator of the check for the use of one goroutine.
	Start func() Evaluator
	// Final checks are evaluated in terminal states only.
	Final bool
	// Local says that the check looks at more than the words of Problem.Shared
	// and the code of Problem.Watch (registers, say), so that any step may
	// break it. It turns macro-steps off.
	Local bool
}

// Evaluator evaluates a check along a run.
type Evaluator interface {
	// Before is called before choice c is taken, Holds after it, with what it
	// did. Together they must depend on nothing else. For the initial state,
	// and for final checks, Holds is called with the zero choice and no events.
	Before(m *cpu.Machine, c cpu.Choice)
	Holds(m *cpu.Machine, c cpu.Choice, events []cpu.Event) bool
}

// PhysRange is a range of physical addresses, in bytes.
type PhysRange struct{ Addr, Size uint64 }

// Bounds say how much may happen in a run besides the cores' own steps.
type Bounds struct {
	IRQ     int     // interrupts injected in a run, over all cores
	Vectors []uint8 // which vectors
	NMI     int     // NMIs injected in a run
	Cores   []int   // cores that injections may strike; nil: all
	Code    []Range // where they may strike, by the address of the next instruction; nil: everywhere

	Preempt int // preemptive switches between cores in a run; negative: no bound
	Steps   int // choices in a run; 0: no bound
}

// Range is a half-open range of linear addresses.
type Range struct{ Lo, Hi uint64 }

// Options say how to search. The zero value searches with macro-steps, one
// worker and no limits.
type Options struct {
	Workers int

	// Minimal makes counterexamples minimal in preemptive switches and choices
	// too: the core that ran last becomes part of the state, and holding a
	// store a step that others can come behind. Without it they are minimal in
	// injections only.
	Minimal bool

	NoMacro bool // every instruction boundary is a state of its own
	// Merge takes two injection points for one when only instructions lie
	// between them that commute with every transparent handler. It is sound
	// for handlers that save and restore the interrupted registers without
	// looking at them.
	Merge bool

	Exact bool // compare whole states, not hashes

	KeepGoing bool // go on after every check is violated, until exhausted
	Edges     bool // record edges for the livelock verdict

	MaxStates uint64 // 0: no limit
	MaxMemory uint64 // bytes for states and frontier, 0: no limit
	MaxTime   time.Duration
	Progress  func(Progress) // called between levels, not more often than four times a second

	// Save, if set, opens a place for a checkpoint; it is called every
	// SaveEvery, and when a limit or the context ends the search. Resume, if
	// set, is a checkpoint to go on from: of the same problem, bounds and
	// options, or the search refuses it.
	Save      func() (io.WriteCloser, error)
	SaveEvery time.Duration
	Resume    io.Reader
}

// Progress is a look at a running search.
type Progress struct {
	States, Frontier, Edges uint64
	Cost                    Cost
	Elapsed                 time.Duration
	Bytes                   uint64
	Violated                int
}

// Cost orders runs: injections first, then preemptive switches (when
// Options.Minimal), then choices.
type Cost struct {
	Injections int
	Preempt    int
	Steps      int
}

// pack makes a cost comparable as one number. Injections and switches beyond
// 255 and steps beyond 2^24-1 do not occur: the search stops there.
func (c Cost) pack() uint64 {
	return uint64(c.Injections)<<32 | uint64(c.Preempt)<<24 | uint64(c.Steps)
}

const (
	maxInjections = 255
	maxPreempt    = 255
	maxSteps      = 1<<24 - 1
)

func unpackCost(k uint64) Cost {
	return Cost{int(k >> 32 & 0xff), int(k >> 24 & 0xff), int(k & 0xffffff)}
}

// Answer is what is known about a check.
type Answer uint8

// The answers.
const (
	Never        Answer = iota // every run within the bounds was covered, none violates the check
	Sometimes                  // a run violates it
	Inconclusive               // a limit was hit before an answer
)

// String returns the word that reports use.
func (a Answer) String() string {
	return [...]string{"Never", "Sometimes", "Inconclusive"}[a]
}

// Counterexample is a run that violates a check.
type Counterexample struct {
	Schedule cpu.Schedule
	Cost     Cost
	// Minimal says that no run within the bounds with fewer injections
	// violates the check; with Options.Minimal, none with fewer preemptive
	// switches, then choices either.
	Minimal bool
}

// Result is the answer for one question.
type Result struct {
	Name    string
	Answer  Answer
	Example *Counterexample // with Sometimes
}

// Report is the outcome of a search.
type Report struct {
	Checks   []Result
	Deadlock Result // of Problem.Done
	Shutdown Result // a core shut down by a triple fault
	Livelock Result // with Options.Edges: a state from which no end can be reached

	Finals map[string]uint64 // terminal states by their Final bytes, with the number of states

	States    uint64 // distinct states
	Edges     uint64 // transitions between them
	Terminals uint64
	Choices   uint64 // choices taken, those inside transitions included
	Restarts  int    // searches started again because an assumption of a reduction fell
	Complete  bool   // everything within the bounds was covered
	Stopped   string // why not: "memory", "states", "time", "interrupted", "steps"
	Deepest   Cost
	Bytes     uint64 // memory of the visited set
	Shared    int    // words of memory found to be shared between cores
}
