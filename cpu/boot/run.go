package boot

import (
	"fmt"
	"io"
	"strings"

	"klpsim/cpu"
)

// Reason says why a run ended.
type Reason uint8

// The reasons.
const (
	Exited      Reason = iota // the guest wrote to the debug-exit port
	AllHalted                 // no core can ever step again
	TripleFault               // a core shut down
	StepLimit                 // the bound on steps was hit
)

// Result is how a run ended.
type Result struct {
	Reason Reason
	Status int    // of Exited: the process exit status, 2n+1
	Core   int    // of TripleFault: which one
	Steps  uint64 // taken by all cores together
}

// Runner gives the cores of a machine turns, round-robin, which is what makes
// a run without a schedule deterministic.
//
// Time is counted in steps. A running core's APIC timer follows its own
// steps; a halted core's counts on by a quantum for each round. When every
// core waits, the timer that has least to go fires at once.
type Runner struct {
	Quantum  uint64    // steps of a turn; 0 means DefaultQuantum
	MaxSteps uint64    // bound on the steps of all cores together; 0: none
	Serial   io.Writer // gets what the guest sends to the serial port, as it comes

	m       *cpu.Machine
	steps   uint64
	printed int      // bytes of the machine's serial output that have been written
	slept   []uint64 // per core: steps that a halted core's timer has waited
}

// DefaultQuantum is the length of a turn in steps.
const DefaultQuantum = 1000

// Run runs the machine to its end. The error is of the host: an instruction
// that klpsim does not execute, or the serial writer's.
func (r *Runner) Run(m *cpu.Machine) (Result, error) {
	r.m, r.steps, r.printed = m, 0, len(m.Serial())
	r.slept = make([]uint64, m.NumCores())
	if r.Quantum == 0 {
		r.Quantum = DefaultQuantum
	}
	for {
		moved := false
		for i := range m.NumCores() {
			done, err := r.turn(i)
			if err != nil {
				return Result{}, err
			}
			moved = moved || done > 0
			if res, ended := r.ended(i); ended {
				return res, nil
			}
		}
		ticked, err := r.time(moved)
		if err != nil {
			return Result{}, err
		}
		if !moved && !ticked {
			return Result{Reason: AllHalted, Steps: r.steps}, nil
		}
	}
}

// ended reports whether the run is over after a turn of a core.
func (r *Runner) ended(core int) (Result, bool) {
	res := Result{Steps: r.steps, Core: core}
	status, exited := r.m.ExitStatus()
	switch {
	case exited:
		res.Reason, res.Status = Exited, status
	case r.m.Core(core).Activity == cpu.Shutdown:
		res.Reason = TripleFault
	case r.MaxSteps != 0 && r.steps >= r.MaxSteps:
		res.Reason = StepLimit
	default:
		return res, false
	}
	return res, true
}

// turn lets a core take steps until its quantum, its timer or the run's bound
// is used up, it halts, or the guest exits. It returns how many it took.
func (r *Runner) turn(core int) (done uint64, err error) {
	n := r.Quantum
	if r.MaxSteps != 0 {
		n = min(n, r.MaxSteps-r.steps)
	}
	if left, armed := r.m.TimerLeft(core); armed && left != 0 {
		n = min(n, left)
	}
	done, _, err = r.m.Run(core, n)
	r.steps += done
	if done > 0 {
		r.slept[core] = 0
	}
	if perr := r.print(); err == nil {
		err = perr
	}
	return done, err
}

// print writes what the serial port has sent since the last time.
func (r *Runner) print() error {
	out := r.m.Serial()[r.printed:]
	if len(out) == 0 || r.Serial == nil {
		return nil
	}
	r.printed += len(out)
	if _, err := r.Serial.Write(out); err != nil {
		return fmt.Errorf("writing the serial output: %w", err)
	}
	return nil
}

// time lets the timers that are due fire. When no core has moved, the nearest
// one fires; ticked is false if there is none that could wake a core.
func (r *Runner) time(moved bool) (ticked bool, err error) {
	nearest, least := -1, uint64(0)
	for i := range r.m.NumCores() {
		left, armed := r.m.TimerLeft(i)
		if !armed {
			continue
		}
		if moved && r.m.Core(i).Activity == cpu.Halted {
			r.slept[i] += r.Quantum
		}
		left -= min(left, r.slept[i])
		if moved && left == 0 {
			if err := r.tick(i); err != nil {
				return false, err
			}
			ticked = true
			continue
		}
		if nearest < 0 || left < least {
			nearest, least = i, left
		}
	}
	if moved || nearest < 0 {
		return ticked, nil
	}
	for i := range r.slept { // the others have waited as long
		r.slept[i] += least
	}
	if err := r.tick(nearest); err != nil {
		return false, err
	}
	return r.wakeable(), nil
}

// tick lets a core's timer fire.
func (r *Runner) tick(core int) error {
	r.slept[core] = 0
	return r.m.Take(cpu.Choice{Kind: cpu.Tick, Core: uint8(core)})
}

// wakeable reports whether the machine is worth another round when all cores
// wait: one of them can step now, or a one-shot timer is still armed. Periodic
// timers that wake nobody the first time never will.
func (r *Runner) wakeable() bool {
	const periodic = 1 << 17 // in the timer's LVT entry, SDM vol. 3A, section 10.5.1
	for i := range r.m.NumCores() {
		if r.m.CanStep(i) {
			return true
		}
		a := &r.m.Core(i).APIC
		if _, armed := r.m.TimerLeft(i); armed && a.LVT[0]&periodic == 0 {
			return true
		}
	}
	return false
}

// Describe returns the state of every core, a line each: what it does, where,
// and in which mode.
func Describe(m *cpu.Machine) string {
	var w strings.Builder
	for i := range m.NumCores() {
		c := m.Core(i)
		fmt.Fprintf(&w, "cpu%d %s at %04x:%x, rsp %x, flags %x, cr0 %x, cr2 %x, cr3 %x\n",
			i, c.Activity, c.Seg[cpu.CS].Sel, c.RIP, c.GPR[cpu.RSP], c.Regs.Flags, c.CR0, c.CR2, c.CR3)
	}
	return w.String()
}
