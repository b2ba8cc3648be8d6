package guest

import (
	"errors"
	"fmt"

	"klpsim/asm"
	"klpsim/cpu"
)

// Config says what Build makes. The zero value of a field means its default.
type Config struct {
	Machine cpu.Config // Cores and Memory matter; MemBytes defaults to what is needed

	// Bare leaves the kernel out: Sources are all the code there is. The
	// per-CPU areas, tasks and GS are there nevertheless, and a symbol
	// vector_xx (two hex digits) becomes the handler of that vector.
	Bare bool

	Sources []asm.Source                      // the program
	Objects []*asm.Object                     // more of the program, as compiled elsewhere
	Include func(name string) ([]byte, error) // further files for .include, after layout.inc and macros.inc
	Defines map[string]int64                  // assembler symbols that every source sees
	Tasks   []Task                            // in the order of the task list
	Entries []Entry                           // bare only: where cores without a running task start
	Init    []Init                            // values to start with
}

// Entry is where a core of a bare guest starts: in ring 0, interrupts on, on a
// stack of its own. A bare core with neither task nor entry is halted.
type Entry struct {
	Core   int
	Symbol string
}

// Task describes a task.
type Task struct {
	PID     int    // > 0 and unique
	Comm    string // at most 15 bytes
	CPU     int
	Running bool // current on its CPU when the run starts; otherwise queued there
	Asleep  bool // neither running nor queued, in TASK_INTERRUPTIBLE

	// Entry is the symbol at which the task starts, in ring 3 if its section is
	// the user one. User is the ring 3 symbol that a task which starts in the
	// kernel returns to, with its pt_regs at the top of the kernel stack.
	Entry string
	User  string

	// Frames are return addresses that lie on the kernel stack when the task
	// starts in the kernel, the innermost first.
	Frames []string

	IRQsOff    bool  // starts in the kernel with interrupts off
	PatchState int64 // KLP_UNDEFINED, KLP_UNPATCHED or KLP_PATCHED
	Flags      uint64
}

// Init sets a variable before the run starts: to the address of the symbol
// Address or, if that is empty, to Value.
type Init struct {
	Symbol  string
	Address string
	Value   int64
	Size    int // bytes: 1, 2, 4 or 8; 0 means 8 for an address, else 4
}

// ErrConfig is what every complaint about a Config wraps.
var ErrConfig = errors.New("bad guest configuration")

// check reports the first thing that is wrong with the configuration itself.
func (cfg *Config) check() error {
	n := cfg.cores()
	if n > maxCPUs {
		return fmt.Errorf("%w: %d cores, want at most %d", ErrConfig, n, maxCPUs)
	}
	for _, e := range cfg.Entries {
		if e.Core < 0 || e.Core >= n {
			return fmt.Errorf("%w: entry %q: core %d of %d", ErrConfig, e.Symbol, e.Core, n)
		}
		if !cfg.Bare {
			return fmt.Errorf("%w: entry %q of core %d: under a kernel, cores run tasks", ErrConfig, e.Symbol, e.Core)
		}
	}
	pids := map[int]bool{}
	current := map[int]int{}
	for _, t := range cfg.Tasks {
		switch {
		case t.PID <= 0:
			return fmt.Errorf("%w: task %d: a pid is positive", ErrConfig, t.PID)
		case pids[t.PID]:
			return fmt.Errorf("%w: task %d is there twice", ErrConfig, t.PID)
		case t.CPU < 0 || t.CPU >= n:
			return fmt.Errorf("%w: task %d: CPU %d of %d", ErrConfig, t.PID, t.CPU, n)
		case len(t.Comm) > 15:
			return fmt.Errorf("%w: task %d: the name %q is longer than 15 bytes", ErrConfig, t.PID, t.Comm)
		case t.Entry == "":
			return fmt.Errorf("%w: task %d has no entry", ErrConfig, t.PID)
		case t.Running && t.Asleep:
			return fmt.Errorf("%w: task %d both runs and sleeps", ErrConfig, t.PID)
		}
		if other, taken := current[t.CPU]; t.Running && taken {
			return fmt.Errorf("%w: tasks %d and %d both run on CPU %d", ErrConfig, other, t.PID, t.CPU)
		}
		if t.Running {
			current[t.CPU] = t.PID
		}
		pids[t.PID] = true
	}
	return nil
}

// cores is the number of cores with the default filled in.
func (cfg *Config) cores() int { return max(cfg.Machine.Cores, 1) }
