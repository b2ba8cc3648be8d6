package script

import (
	"fmt"
	"strconv"
	"strings"

	"klpsim/cpu"
	"klpsim/cpu/decode"
	"klpsim/kernel/expr"
	"klpsim/kernel/session"
)

// breakpoint stops a run at a place; with what set, it is a watchpoint.
type breakpoint struct {
	num    int
	place  session.Place
	watch  *expr.Expr // of a watchpoint
	pa     uint64
	size   int
	reads  bool
	writes bool
	temp   bool
	cond   *expr.Expr
	on     int // core; -1: any
	task   int // 0: any
	ignore int // stops to pass over
	hits   int
}

func isCall(in decode.Inst) bool { return in.Op == decode.CALL }

// returned says whether core's last step executed a return.
func (e *Engine) returned(core int) bool {
	for _, ev := range e.S.M.Events() {
		if ev.Kind == cpu.EvExec && int(ev.Core) == core {
			text := e.S.T.Instruction(ev.RIP)
			return strings.HasPrefix(text, "ret") || strings.HasPrefix(text, "iret") || strings.HasPrefix(text, "sysret")
		}
	}
	return false
}

func cmdBreak(e *Engine, a *args) error { return e.setBreak(a, false) }

func cmdTBreak(e *Engine, a *args) error { return e.setBreak(a, true) }

func (e *Engine) setBreak(a *args, temp bool) error {
	b := &breakpoint{on: -1, temp: temp}
	var err error
	if b.place, err = a.place(); err != nil {
		return err
	}
	if err := a.limits(b); err != nil {
		return err
	}
	e.add(b)
	e.printf("breakpoint %d at %s\n", b.num, e.describe(b.place))
	return nil
}

func (e *Engine) add(b *breakpoint) {
	b.num = e.nextNum
	e.nextNum++
	e.breaks = append(e.breaks, b)
}

// limits reads [on CPU] [task N] [ignore N] [if COND].
func (a *args) limits(b *breakpoint) error {
	for a.more() {
		w, at := a.word()
		var err error
		switch w {
		case "on":
			b.on, err = a.core()
		case "task":
			b.task, err = a.number("a task", -1, 1, 1<<22)
		case "ignore":
			b.ignore, err = a.number("a number", -1, 0, 1<<30)
		case "if", "when":
			b.cond, err = a.condition()
		default:
			err = a.errorf(at, "expected on, task, ignore or if, found %q", w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// optionalCondition reads [if COND].
func (a *args) optionalCondition() (*expr.Expr, error) {
	if !a.more() {
		return nil, nil
	}
	w, at := a.word()
	if w != "if" && w != "when" {
		return nil, a.errorf(at, "expected \"if CONDITION\", found %q", w)
	}
	return a.condition()
}

// breakAt returns the breakpoint that stops core where it is.
func (e *Engine) breakAt(core int) *breakpoint {
	for _, b := range e.breaks {
		if b.watch == nil && e.S.At(core, b.place) && e.counts(b, core) {
			return b
		}
	}
	return nil
}

// counts applies a breakpoint's limits to a stop by core.
func (e *Engine) counts(b *breakpoint, core int) bool {
	if b.on >= 0 && b.on != core || !e.true(b.cond, core) {
		return false
	}
	if t, ok := e.S.T.View.Current(e.S.M, core); b.task != 0 && (!ok || t.PID != b.task) {
		return false
	}
	b.hits++
	if b.hits <= b.ignore {
		return false
	}
	if b.temp {
		e.drop(b.num)
	}
	return true
}

func (e *Engine) drop(num int) bool {
	for i, b := range e.breaks {
		if b.num == num {
			e.breaks = append(e.breaks[:i:i], e.breaks[i+1:]...)
			return true
		}
	}
	return false
}

func cmdWatch(e *Engine, a *args) error  { return e.setWatch(a, false, true) }
func cmdRWatch(e *Engine, a *args) error { return e.setWatch(a, true, false) }
func cmdAWatch(e *Engine, a *args) error { return e.setWatch(a, true, true) }

func (e *Engine) setWatch(a *args, reads, writes bool) error {
	w, at := a.word()
	if w == "" {
		return a.errorf(at, "expected an object in memory, as in watch klp_target_state")
	}
	x, err := a.compile(w, at)
	if err != nil {
		return err
	}
	va, ok := x.Addr(e.S.Context(e.core))
	pa, mapped := e.S.M.Translate(e.core, va, cpu.AccessRead)
	if !ok || !mapped {
		return a.errorf(at, "%s is not an object in memory", w)
	}
	b := &breakpoint{on: -1, watch: x, pa: pa, size: max(x.Type().Size, 1), reads: reads, writes: writes}
	if err := a.limits(b); err != nil {
		return err
	}
	e.add(b)
	e.printf("watchpoint %d: %s\n", b.num, x)
	return nil
}

// watch says which watchpoint the choice just taken hit.
func (e *Engine) watch(c cpu.Choice) stop {
	for _, b := range e.breaks {
		if b.watch == nil {
			continue
		}
		if ev := e.touches(b); ev != nil && e.counts(b, int(ev.Core)) {
			return stop{reason: e.watchText(b, ev), core: int(ev.Core)}
		}
	}
	return stop{}
}

// touches returns the event of the last choice that a watchpoint is about.
func (e *Engine) touches(b *breakpoint) *cpu.Event {
	evs := e.S.M.Events()
	for i := range evs {
		ev := &evs[i]
		hit := ev.PA < b.pa+uint64(b.size) && b.pa < ev.PA+uint64(ev.Size)
		if hit && (b.reads && ev.Kind == cpu.EvRead || b.writes && ev.Kind == cpu.EvCommit) {
			return ev
		}
	}
	return nil
}

func (e *Engine) watchText(b *breakpoint, ev *cpu.Event) string {
	name := e.S.T.DataName(ev.PA)
	by := fmt.Sprintf("core %d at %s", ev.Core, e.S.T.Where(ev.RIP))
	if ev.Kind == cpu.EvRead {
		return fmt.Sprintf("watchpoint %d: %s read by %s: %s", b.num, name, by, e.S.T.FormatValue(ev.PA, int(ev.Size), ev.Value[0]))
	}
	return fmt.Sprintf("watchpoint %d: %s written by %s: %s -> %s", b.num, name, by,
		e.S.T.FormatValue(ev.PA, int(ev.Size), ev.Old[0]), e.S.T.FormatValue(ev.PA, int(ev.Size), ev.Value[0]))
}

func cmdDelete(e *Engine, a *args) error {
	if !a.more() {
		e.breaks = nil
		return nil
	}
	for a.more() {
		w, at := a.word()
		n, err := strconv.Atoi(w)
		if err != nil || !e.drop(n) {
			return a.errorf(at, "there is no breakpoint %s", w)
		}
	}
	return nil
}

// describe tells a place: where it is and what stands there.
func (e *Engine) describe(p session.Place) string {
	s := fmt.Sprintf("%s: %s", e.S.T.Where(p.Addr), e.S.T.SourceOrText(p.Addr))
	if p.After {
		s = "after " + s
	}
	return s
}

// lastStop finds the last step before limit at which a breakpoint or
// watchpoint stops; -1 if there is none. It replays the run from checkpoint to
// checkpoint, the last one first.
func (e *Engine) lastStop(limit int) (step int, why string, err error) {
	end := limit
	for i := e.S.Checkpoints() - 1; i >= 0; i-- {
		s, from, err := e.S.Fork(i)
		if err != nil {
			return -1, "", err
		}
		shadow := *e
		shadow.S, step = s, -1
		for n := from; n < end-1; n++ {
			c := e.S.Schedule()[n]
			if err := s.Take(c); err != nil {
				return -1, "", err
			}
			if text := shadow.wouldStop(c); text != "" {
				step, why = n+1, text
			}
		}
		if step >= 0 {
			return step, why, nil
		}
		end = from + 1
	}
	return -1, "", nil
}

// wouldStop says what stops after the last choice, without counting hits.
func (e *Engine) wouldStop(c cpu.Choice) string {
	for _, b := range e.breaks {
		core := int(c.Core)
		if b.watch != nil {
			if ev := e.touches(b); ev != nil && (b.on < 0 || b.on == int(ev.Core)) && e.true(b.cond, int(ev.Core)) {
				return e.watchText(b, ev)
			}
			continue
		}
		if c.Kind <= cpu.Hold && e.S.At(core, b.place) && (b.on < 0 || b.on == core) && e.true(b.cond, core) {
			return fmt.Sprintf("breakpoint %d", b.num)
		}
	}
	return ""
}
