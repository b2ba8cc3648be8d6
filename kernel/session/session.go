package session

import (
	"errors"
	"fmt"
	"slices"

	"klpsim/cpu"
	"klpsim/cpu/decode"
	"klpsim/kernel/expr"
	"klpsim/kernel/guest"
	"klpsim/kernel/scenario"
)

// ErrLimit is wrapped by Take when the run has reached its step limit.
var ErrLimit = errors.New("the run reached its step limit")

// checkpointEvery is the distance of checkpoints, in choices: what going back
// replays at most.
const checkpointEvery = 1 << 14

// Violation is a check found violated.
type Violation struct {
	Check *Check
	Step  int   // number of the choice that showed it; 0: the initial state
	Core  int   // the core of that choice
	Err   error // the check could not be evaluated
}

// Stand is where a core is between two choices.
type Stand struct {
	LastPC  uint64 // of the instruction that its last step executed
	Retired bool   // that step executed an instruction, and it did not fault
}

// Step is what an Observer is told about one choice. It is valid during the
// call only.
type Step struct {
	N          int // 1-based number of the choice in the schedule
	Choice     cpu.Choice
	Regs       cpu.Regs // of the choice's core, before it
	Due        cpu.DueEvent
	Code       []byte      // the instruction that was executed; nil if none was
	Inst       decode.Inst // the same, decoded
	Task       guest.TaskRef
	HasTask    bool // Task was current before the choice
	User       bool // the core was in user mode before the choice
	Events     []cpu.Event
	Violations []Violation
	Session    *Session
}

// Observer is told about every choice of a session. Either function may be nil.
type Observer struct {
	Step func(*Step)
	End  func(*Session)
}

// checkpoint is a state to go back to.
type checkpoint struct {
	n     int
	snap  *cpu.Snapshot
	viols int
	last  []Stand
}

// Session is one run of a target. It is not for concurrent use.
type Session struct {
	T     *Target
	M     *cpu.Machine
	sched cpu.Schedule
	limit int

	ctx      expr.Context
	viols    []Violation
	violated []bool // per check
	last     []Stand
	saves    []checkpoint
	obs      []Observer
	dead     int // core that is shut down, or -1
	pre      []Violation
	finished bool
}

// New starts a run of the target.
func (t *Target) New(obs ...Observer) (*Session, error) {
	m, err := t.Machine()
	if err != nil {
		return nil, err
	}
	m.SetRecording(true)
	s := &Session{T: t, M: m, limit: int(t.Scenario.Limit), dead: -1, obs: obs}
	s.ctx.State = State{m}
	for _, c := range t.Checks {
		s.ctx.Prev = append(s.ctx.Prev, make([]int64, c.Expr.NumPrev())...)
	}
	s.violated = make([]bool, len(t.Checks))
	s.last = make([]Stand, m.NumCores())
	s.saveState()
	s.savePrev()
	s.evaluate(scenario.Always, 0)
	return s, nil
}

// Len returns the number of choices taken.
func (s *Session) Len() int { return len(s.sched) }

// Schedule returns the choices taken. The caller must not change it.
func (s *Session) Schedule() cpu.Schedule { return s.sched }

// SetLimit replaces the scenario's step limit.
func (s *Session) SetLimit(n int) { s.limit = n }

// Violations returns what the checks found, in the order of finding.
func (s *Session) Violations() []Violation { return s.viols }

// Dead returns the core that is shut down by a triple fault, or -1.
func (s *Session) Dead() int { return s.dead }

// Stand says where a core is.
func (s *Session) Stand(core int) Stand { return s.last[core] }

// Context returns a context to evaluate expressions in, as core sees them.
// Its prev() values are those of the scenario's checks only.
func (s *Session) Context(core int) *expr.Context {
	return &expr.Context{State: s.ctx.State, Core: core}
}

// Take moves the machine by one choice and evaluates the checks. On error
// nothing has moved.
func (s *Session) Take(c cpu.Choice) error {
	if len(s.sched) >= s.limit {
		return fmt.Errorf("%w of %d choices", ErrLimit, s.limit)
	}
	if int(c.Core) >= s.M.NumCores() {
		return fmt.Errorf("%w: %d; the machine has %d", cpu.ErrCore, c.Core, s.M.NumCores())
	}
	s.savePrev()
	s.pre = s.pre[:0]
	if c.Kind <= cpu.Hold {
		s.checkPlaces(c)
	}
	var st *Step
	if len(s.obs) > 0 {
		st = s.describe(c)
	}
	if err := s.M.Take(c); err != nil {
		return fmt.Errorf("step %d, choice %s: %w", len(s.sched)+1, c, err)
	}
	s.sched = append(s.sched, c)
	before := len(s.viols)
	s.after(c)
	if st != nil {
		st.Events, st.Violations = s.M.Events(), s.viols[before:]
		s.tell(st)
	}
	if len(s.sched)%checkpointEvery == 0 {
		s.saveState()
	}
	return nil
}

// after brings what the session knows up to date with the choice just taken.
func (s *Session) after(c cpu.Choice) {
	n, core := len(s.sched), int(c.Core)
	for _, v := range s.pre {
		s.note(v.Check, n, core, v.Err)
	}
	if c.Kind <= cpu.Hold {
		s.last[core] = Stand{}
	}
	for i := range s.M.Events() {
		switch e := &s.M.Events()[i]; e.Kind {
		case cpu.EvExec:
			s.last[e.Core] = Stand{LastPC: e.RIP, Retired: e.Flags&cpu.EvFault == 0}
		case cpu.EvShutdown:
			s.dead = int(e.Core)
		}
	}
	s.ctx.Core = core
	s.evaluate(scenario.Always, core)
	for _, k := range s.T.Checks {
		if k.When == scenario.At && k.Place.After && s.Behind(core, k.Place) {
			s.check(k, n, core)
		}
	}
}

// Behind says whether core's last step retired the instruction of p.
func (s *Session) Behind(core int, p Place) bool {
	return s.last[core].Retired && s.last[core].LastPC == p.Addr
}

// At says whether core stands at the boundary that p names: its next step
// would execute the instruction there or, after, its last step did.
func (s *Session) At(core int, p Place) bool {
	if p.After {
		return s.Behind(core, p)
	}
	if s.M.Core(core).RIP != p.Addr || !s.M.CanStep(core) {
		return false
	}
	_, due, _ := s.M.Peek(core)
	return due.Kind == cpu.DueNone
}

// checkPlaces evaluates the checks at the instruction that is about to execute.
func (s *Session) checkPlaces(c cpu.Choice) {
	core := int(c.Core)
	s.ctx.Core = core
	for i, k := range s.T.Checks {
		if k.When != scenario.At || k.Place.After || s.violated[i] || !s.At(core, k.Place) {
			continue
		}
		if ok, err := s.holds(k); !ok {
			s.pre = append(s.pre, Violation{Check: k, Err: err})
		}
	}
}

// evaluate evaluates all checks of a kind.
func (s *Session) evaluate(w scenario.When, core int) {
	s.ctx.Core = core
	for i, k := range s.T.Checks {
		if k.When == w && !s.violated[i] {
			s.check(k, len(s.sched), core)
		}
	}
}

func (s *Session) check(k *Check, n, core int) {
	if ok, err := s.holds(k); !ok {
		s.note(k, n, core, err)
	}
}

func (s *Session) holds(k *Check) (bool, error) {
	all := s.ctx.Prev
	s.ctx.Prev = all[k.prev:]
	ok, err := k.Expr.Bool(&s.ctx)
	s.ctx.Prev = all
	return ok && err == nil, err
}

// note records a violation, the first of each check only.
func (s *Session) note(k *Check, n, core int, err error) {
	i := slices.Index(s.T.Checks, k)
	if s.violated[i] {
		return
	}
	s.violated[i] = true
	s.viols = append(s.viols, Violation{k, n, core, err})
}

func (s *Session) savePrev() {
	for i, k := range s.T.Checks {
		if n := k.Expr.NumPrev(); n > 0 && !s.violated[i] {
			k.Expr.SavePrev(&s.ctx, s.ctx.Prev[k.prev:k.prev+n])
		}
	}
}

// Finish evaluates the final checks and ends the observers' run. It is called
// once, when the run has ended.
func (s *Session) Finish() {
	if s.finished {
		return
	}
	s.finished = true
	s.evaluate(scenario.Final, 0)
	for _, o := range s.obs {
		if o.End != nil {
			o.End(s)
		}
	}
}

// describe gathers what an observer wants to know from before the choice.
func (s *Session) describe(c cpu.Choice) *Step {
	core := s.M.Core(int(c.Core))
	st := &Step{N: len(s.sched) + 1, Choice: c, Regs: core.Regs, Session: s, User: core.CPL() == 3}
	st.Task, st.HasTask = s.T.View.Current(s.M, int(c.Core))
	if c.Kind > cpu.Hold {
		return st
	}
	in, due, err := s.M.Peek(int(c.Core))
	st.Due = due
	if due.Kind == cpu.DueNone && err == nil {
		var b [15]byte
		n := int(in.Len)
		if s.M.ReadVirt(int(c.Core), core.RIP, b[:n]) {
			st.Code, st.Inst = b[:n], in
		}
	}
	return st
}

func (s *Session) tell(st *Step) {
	for _, o := range s.obs {
		if o.Step != nil {
			o.Step(st)
		}
	}
}

func (s *Session) saveState() {
	s.saves = append(s.saves, checkpoint{len(s.sched), s.M.Snapshot(), len(s.viols), slices.Clone(s.last)})
}

// Seek goes back to where n choices had been taken, and forgets the later
// ones. Sessions with observers cannot go back.
func (s *Session) Seek(n int) error {
	if n < 0 || n > len(s.sched) {
		return fmt.Errorf("there is no step %d; the run has %d", n, len(s.sched))
	}
	if len(s.obs) > 0 {
		panic("BUG: Seek with observers")
	}
	i := len(s.saves) - 1
	for s.saves[i].n > n {
		i--
	}
	k := s.saves[i]
	s.saves = s.saves[:i+1]
	again := slices.Clone(s.sched[k.n:n])
	s.M.Restore(k.snap)
	s.sched, s.viols, s.dead, s.finished = s.sched[:k.n], s.viols[:k.viols], -1, false
	copy(s.last, k.last)
	clear(s.violated)
	for _, v := range s.viols {
		s.violated[slices.Index(s.T.Checks, v.Check)] = true
	}
	for _, c := range again {
		if err := s.Take(c); err != nil {
			return fmt.Errorf("going back to step %d: %w", n, err)
		}
	}
	return nil
}

// Checkpoints returns how many checkpoints the session has to fork from.
func (s *Session) Checkpoints() int { return len(s.saves) }

// Fork returns a session of its own at checkpoint i, and the number of choices
// that the checkpoint comes before in s. It knows no violations.
func (s *Session) Fork(i int) (*Session, int, error) {
	f, err := s.T.New()
	if err != nil {
		return nil, 0, err
	}
	k := s.saves[i]
	f.M.Restore(k.snap)
	copy(f.last, k.last)
	f.limit = len(s.sched)
	return f, k.n, nil
}

// Play replays a schedule from the start under observers, and finishes it.
func Play(t *Target, sched cpu.Schedule, obs ...Observer) (*Session, error) {
	s, err := t.New(obs...)
	if err != nil {
		return nil, err
	}
	s.SetLimit(max(s.limit, len(sched)))
	for _, c := range sched {
		if err := s.Take(c); err != nil {
			return s, err
		}
	}
	s.Finish()
	return s, nil
}
