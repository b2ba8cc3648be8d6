package script

import (
	"errors"
	"fmt"

	"klpsim/cpu"
	"klpsim/kernel/session"
)

// policy is how "c" interleaves the cores.
type policy struct {
	name    string // rr, one, random
	quantum int
	seed    int64
}

func (p policy) make(e *Engine) session.Policy {
	switch p.name {
	case "one":
		return session.OneCore(e.core)
	case "random":
		return session.NewRandom(p.seed)
	}
	return &session.RoundRobin{Quantum: p.quantum}
}

func (p policy) String() string {
	switch p.name {
	case "rr":
		return fmt.Sprintf("round-robin, %d step(s) each", p.quantum)
	case "random":
		return fmt.Sprintf("random, seed %d", p.seed)
	}
	return "the selected core only"
}

// stop is why a run came back.
type stop struct {
	reason string // for people; "" if the run did what it was asked
	core   int    // where to look
	idle   bool   // nothing could move
}

// take takes one choice, fires the injections that it makes due, and says
// whether something asked to stop there.
func (e *Engine) take(c cpu.Choice) (stop, error) {
	if c.Kind == cpu.Step && e.holding[c.Core] {
		c.Kind = cpu.Hold
	}
	before := len(e.S.Violations())
	err := e.S.Take(c)
	if errors.Is(err, cpu.ErrHold) && c.Kind == cpu.Hold {
		c.Kind = cpu.Step // memory=sc holds nothing but an unlocked read-modify-write
		err = e.S.Take(c)
	}
	if err != nil {
		return stop{}, err
	}
	st := e.watch(c)
	if c.Kind <= cpu.Hold {
		if err := e.fire(int(c.Core)); err != nil {
			return stop{}, err
		}
		if b := e.breakAt(int(c.Core)); b != nil && st.reason == "" {
			st = stop{reason: fmt.Sprintf("breakpoint %d", b.num), core: int(c.Core)}
		}
	}
	if v := e.S.Violations(); len(v) > before && !e.Batch {
		st = stop{reason: "check " + v[before].Check.Name + " is violated", core: int(c.Core)}
	}
	if e.S.Dead() >= 0 {
		st = stop{reason: fmt.Sprintf("core %d shut down after a triple fault", e.S.Dead()), core: e.S.Dead()}
	}
	return st, nil
}

// run takes choices of a policy until reached says so after one, at most n of
// them, or until something else stops it.
func (e *Engine) run(p session.Policy, n int, reached func(c cpu.Choice) bool) (stop, error) {
	for range n {
		c, ok := p.Next(e.S)
		if !ok {
			return stop{reason: "nothing can move: every core is idle", core: e.core, idle: true}, nil
		}
		st, err := e.take(c)
		if err != nil || st.reason != "" {
			return st, err
		}
		if reached != nil && reached(c) {
			return stop{core: int(c.Core)}, nil
		}
	}
	return stop{core: e.core}, nil
}

// forever is a number of choices that no run reaches before its limit.
const forever = 1 << 62

// shown prints why a run stopped and where its core stands.
func (e *Engine) shown(st stop) {
	if st.reason != "" {
		e.printf("%s\n", st.reason)
	}
	if st.core != e.core && st.core < e.S.M.NumCores() {
		e.core = st.core
	}
	e.stand()
}

func cmdStep(e *Engine, a *args) error {
	n, err := a.number("a number of steps", 1, 1, 1<<30)
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	st, err := e.run(session.OneCore(e.core), n, nil)
	return e.ended(a, st, err)
}

// ended shows where a run stopped. A run of one core that could not go on is
// an error in batch mode: the script meant it to.
func (e *Engine) ended(a *args, st stop, err error) error {
	if err != nil {
		return err
	}
	if st.idle && e.Batch {
		return a.errorf(0, "core %d cannot go on: it is %s and nothing is due", e.core, e.activity(e.core))
	}
	e.shown(st)
	return nil
}

func cmdNext(e *Engine, a *args) error {
	n, err := a.number("a number of instructions", 1, 1, 1<<30)
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	for range n {
		st, err := e.next()
		if err != nil || st.reason != "" {
			return e.ended(a, st, err)
		}
	}
	e.stand()
	return nil
}

// next steps the selected core over one instruction; a call runs to its
// return, an interrupt to its end.
func (e *Engine) next() (stop, error) {
	core := e.S.M.Core(e.core)
	in, due, err := e.S.M.Peek(e.core)
	sp, back := core.GPR[cpu.RSP], core.RIP
	if due.Kind == cpu.DueNone && (err != nil || !isCall(in)) {
		return e.run(session.OneCore(e.core), 1, nil)
	}
	if due.Kind == cpu.DueNone {
		back += uint64(in.Len)
	}
	first := true
	return e.run(session.OneCore(e.core), forever, func(cpu.Choice) bool {
		if first && due.Kind == cpu.DueNone {
			first = false
			return core.RIP == back
		}
		return core.RIP == back && core.GPR[cpu.RSP] == sp
	})
}

func cmdContinue(e *Engine, a *args) error {
	if err := a.done(); err != nil {
		return err
	}
	st, err := e.run(e.policy.make(e), forever, nil)
	if err != nil {
		return err
	}
	e.shown(st)
	return nil
}

func cmdUntil(e *Engine, a *args) error {
	p, err := a.place()
	if err != nil {
		return err
	}
	cond, err := a.optionalCondition()
	if err != nil {
		return err
	}
	core := e.core
	st, err := e.run(session.OneCore(core), forever, func(c cpu.Choice) bool {
		return int(c.Core) == core && e.S.At(core, p) && e.true(cond, core)
	})
	if err == nil && st.idle {
		return a.errorf(0, "core %d never reached %s: it is %s and nothing is due", core, p.Text, e.activity(core))
	}
	return e.ended(a, st, err)
}

func cmdFinish(e *Engine, a *args) error {
	if err := a.done(); err != nil {
		return err
	}
	core, sp := e.S.M.Core(e.core), e.S.M.Core(e.core).GPR[cpu.RSP]
	ret := false
	st, err := e.run(session.OneCore(e.core), forever, func(cpu.Choice) bool {
		ret = core.GPR[cpu.RSP] > sp && e.returned(e.core)
		return ret
	})
	return e.ended(a, st, err)
}

func cmdTake(e *Engine, a *args) error {
	text, at := a.rest()
	sched, err := cpu.ParseSchedule(text, e.S.M.NumCores())
	var se *cpu.ScheduleError
	if errors.As(err, &se) {
		return a.errorf(at+se.Col-1, "%q: %s", se.Text, se.Msg)
	}
	if len(sched) == 0 {
		return a.errorf(at, "expected a schedule, as in 0*12 irq0:ec 1*3")
	}
	for _, c := range sched {
		if st, err := e.take(c); err != nil {
			return err
		} else if st.reason != "" && !e.Batch {
			e.shown(st)
			return nil
		}
	}
	e.stand()
	return nil
}

func cmdCPU(e *Engine, a *args) error {
	if !a.more() {
		e.stand()
		return nil
	}
	n, err := a.core()
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	e.core = n
	e.stand()
	return nil
}

func cmdDrain(e *Engine, a *args) error {
	n, err := a.number("a number of stores", 1, 1, 1<<20)
	if a.fmt == "" && err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	for range n {
		if _, err := e.take(cpu.Choice{Kind: cpu.Drain, Core: uint8(e.core)}); err != nil {
			return err
		}
	}
	e.stand()
	return nil
}

func cmdHold(e *Engine, a *args) error {
	n, err := a.core()
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	e.holding[n] = true
	e.printf("core %d keeps its stores in the store buffer\n", n)
	return nil
}

func cmdRelease(e *Engine, a *args) error {
	n, err := a.core()
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	e.holding[n] = false
	for len(e.S.M.Core(n).StoreBuffer()) > 0 {
		if _, err := e.take(cpu.Choice{Kind: cpu.Drain, Core: uint8(n)}); err != nil {
			return err
		}
	}
	e.printf("core %d's stores go to memory\n", n)
	return nil
}

func cmdSched(e *Engine, a *args) error {
	w, at := a.word()
	switch w {
	case "":
		e.printf("%s\n", e.policy)
		return nil
	case "one":
		e.policy = policy{name: "one"}
	case "rr":
		q, err := a.number("a quantum", 1, 1, 1<<30)
		if err != nil {
			return err
		}
		e.policy = policy{name: "rr", quantum: q}
	case "random":
		seed, err := a.number("a seed", 1, 0, 1<<31)
		if err != nil {
			return err
		}
		e.policy = policy{name: "random", seed: int64(seed)}
	default:
		return a.errorf(at, "expected rr [quantum], one or random [seed], found %q", w)
	}
	return a.done()
}

// cmdReverse goes back N steps of the selected core.
func cmdReverse(e *Engine, a *args) error {
	n, err := a.number("a number of steps", 1, 1, 1<<30)
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	sched, i := e.S.Schedule(), e.S.Len()
	for i > 0 && n > 0 {
		i--
		if c := sched[i]; int(c.Core) == e.core && c.Kind <= cpu.Hold {
			n--
		}
	}
	if n > 0 {
		e.printf("the run begins here\n")
	}
	return e.seek(i)
}

func (e *Engine) seek(n int) error {
	if err := e.S.Seek(n); err != nil {
		return err
	}
	e.rewind(n)
	e.stand()
	return nil
}

func cmdGoto(e *Engine, a *args) error {
	n, err := a.number("a step", -1, 0, e.S.Len())
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	return e.seek(n)
}

// cmdReverseContinue goes back to the last place where a breakpoint or a
// watchpoint stopped, or would have.
func cmdReverseContinue(e *Engine, a *args) error {
	if err := a.done(); err != nil {
		return err
	}
	n, why, err := e.lastStop(e.S.Len())
	if err != nil {
		return err
	}
	if n < 0 {
		e.printf("the run begins here\n")
		n = 0
	} else {
		e.printf("%s\n", why)
	}
	return e.seek(n)
}

// mark is a place in the run to come back to.
type mark struct{ num, n int }

func cmdCheckpoint(e *Engine, a *args) error {
	if err := a.done(); err != nil {
		return err
	}
	e.marks = append(e.marks, mark{len(e.marks) + 1, e.S.Len()})
	e.printf("checkpoint %d at step %d\n", len(e.marks), e.S.Len())
	return nil
}

func cmdRestart(e *Engine, a *args) error {
	if !a.more() {
		return e.seek(0)
	}
	n, err := a.number("a checkpoint", -1, 1, len(e.marks))
	if err != nil {
		return err
	}
	if m := e.marks[n-1]; m.n <= e.S.Len() {
		return e.seek(m.n)
	}
	return a.errorf(0, "checkpoint %d was at step %d, which the run has not reached again", n, e.marks[n-1].n)
}

// cmdReverseNext goes back to before the last instruction of the selected core
// at this depth of the stack: over what calls and interrupts did.
func cmdReverseNext(e *Engine, a *args) error {
	if err := a.done(); err != nil {
		return err
	}
	core, sp, back := e.core, e.S.M.Core(e.core).GPR[cpu.RSP], 0
	_, err := session.Play(e.S.T, e.S.Schedule(), session.Observer{Step: func(s *session.Step) {
		if int(s.Choice.Core) == core && s.Choice.Kind <= cpu.Hold && s.Due.Kind == cpu.DueNone && s.Regs.GPR[cpu.RSP] >= sp {
			back = s.N - 1
		}
	}})
	if err != nil {
		return err
	}
	return e.seek(back)
}

// cmdTask selects the core that runs a task, or tells where the task waits.
func cmdTask(e *Engine, a *args) error {
	at := a.at
	n, err := a.number("a task", -1<<22, -16, 1<<22)
	if err == nil {
		err = a.done()
	}
	if err != nil {
		return err
	}
	_, ok := e.S.T.View.Task(n)
	if !ok {
		return a.errorf(at+1, "there is no task %d", n)
	}
	for i := range e.S.M.NumCores() {
		if now, ok := e.S.T.View.Current(e.S.M, i); ok && now.PID == n {
			e.core = i
			e.stand()
			return nil
		}
	}
	e.printf("task %d is switched out\n", n)
	return cmdBacktrace(e, &args{e: e, pos: a.pos, text: fmt.Sprintf("task %d", n)})
}

// cmdSet changes a setting.
func cmdSet(e *Engine, a *args) error {
	w, at := a.word()
	if w != "width" {
		return a.errorf(at, "expected width N, found %s", found(w))
	}
	n, err := a.number("a width", -1, 40, 1000)
	if err == nil {
		err = a.done()
	}
	if err == nil {
		e.Width = n
	}
	return err
}
