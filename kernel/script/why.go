package script

import (
	"fmt"

	"klpsim/cpu"
	"klpsim/cpu/decode"
	"klpsim/kernel/expr"
	"klpsim/kernel/session"
	"klpsim/kernel/stale"
)

// origin is the last change of a place.
type origin struct {
	step, core, task int
	pc               uint64
	old, value       uint64
	drained          bool
	loads            []*stale.Load // where the value came from
}

// cmdWhy tells who wrote the value of a register or of an object in memory: at
// which step, and from which load. It replays the run.
func cmdWhy(e *Engine, a *args) error {
	at := a.at
	x, err := a.expression()
	if err != nil {
		return err
	}
	last, err := e.why(x)
	if err != nil {
		return a.wrap(at+1, err)
	}
	text, err := e.render(x, "")
	if err != nil {
		return a.wrap(at+1, err)
	}
	e.printf("%s = %s\n", x, text)
	if last == nil {
		e.printf("  as it was when the run began\n")
		return nil
	}
	e.printf("  written   step %d  cpu%d task %d  %s: %s\n", last.step, last.core, last.task, e.S.T.Where(last.pc), e.S.T.SourceOrText(last.pc))
	if last.drained {
		e.printf("            the store left the store buffer at that step\n")
	}
	for _, l := range last.loads {
		e.printf("  loaded    step %d  cpu%d task %d  %s, from %s = %s\n", l.Step, l.Core, l.Task, e.S.T.Where(l.PC),
			e.S.T.DataName(l.PA), e.S.T.FormatValue(l.PA, l.Size, l.Value))
		for _, pa := range l.Carried {
			e.printf("  carried   in %s\n", e.S.T.DataName(pa))
		}
		if l.Over != nil {
			e.printf("  meanwhile step %d  cpu%d task %d  %s overwrote it with %s\n", l.Over.Step, l.Over.Core, l.Over.Task,
				e.S.T.Where(l.Over.PC), e.S.T.FormatValue(l.PA, l.Size, l.Over.Value))
		}
	}
	return nil
}

// why replays the run and returns the last change of what x names.
func (e *Engine) why(x *expr.Expr) (*origin, error) {
	if r, core, ok := x.Register(); ok {
		if core < 0 {
			core = e.core
		}
		if r.Kind != expr.RegGPR {
			return nil, fmt.Errorf("%s: why knows general registers and memory", x)
		}
		return e.whyRegister(core, int(r.N))
	}
	va, ok := x.Addr(e.S.Context(e.core))
	pa, mapped := e.S.M.Translate(e.core, va, cpu.AccessRead)
	if !ok || !mapped {
		return nil, fmt.Errorf("%s is neither a register nor an object in memory", x)
	}
	return e.whyMemory(pa, max(x.Type().Size, 1))
}

func (e *Engine) whyRegister(core, reg int) (*origin, error) {
	k := stale.New(e.S.T)
	var last *origin
	_, err := session.Play(e.S.T, e.S.Schedule(), session.Observer{Step: func(s *session.Step) {
		k.Step(s)
		now := s.Session.M.Core(core).GPR[reg]
		if int(s.Choice.Core) != core || now == s.Regs.GPR[reg] && !writes(&s.Inst, reg) {
			return
		}
		last = &origin{step: s.N, core: core, task: taskOf(s), pc: s.Regs.RIP, old: s.Regs.GPR[reg], value: now, loads: k.Carries(core, reg)}
	}})
	return last, err
}

// writes says whether an instruction names a register as its destination.
func writes(in *decode.Inst, reg int) bool {
	return in.NArgs > 0 && in.Args[0].Kind == decode.Reg && int(in.Args[0].N) == reg && in.Op != decode.CMP && in.Op != decode.TEST && in.Op != decode.PUSH
}

func taskOf(s *session.Step) int {
	if !s.HasTask {
		return 0
	}
	return s.Task.PID
}

func (e *Engine) whyMemory(pa uint64, size int) (*origin, error) {
	k := stale.New(e.S.T)
	var last *origin
	_, err := session.Play(e.S.T, e.S.Schedule(), session.Observer{Step: func(s *session.Step) {
		for i := range s.Events {
			ev := &s.Events[i]
			if ev.Kind != cpu.EvCommit || ev.PA >= pa+uint64(size) || pa >= ev.PA+uint64(ev.Size) {
				continue
			}
			last = &origin{step: s.N, core: int(ev.Core), task: taskOf(s), pc: s.Regs.RIP, old: ev.Old[0], value: ev.Value[0],
				drained: ev.Flags&cpu.EvDrained != 0}
			if s.Inst.NArgs > 1 && s.Inst.Args[1].Kind == decode.Reg && !last.drained {
				last.loads = k.Carries(int(ev.Core), int(s.Inst.Args[1].N&15))
			}
		}
		k.Step(s)
	}})
	return last, err
}

// infoStale reports the stale values of the run so far that were stored.
func infoStale(e *Engine, _ *args) error {
	k := stale.New(e.S.T)
	if _, err := session.Play(e.S.T, e.S.Schedule(), k.Observer()); err != nil {
		return err
	}
	n := 0
	for _, u := range k.Uses() {
		e.printf("%s", k.Report(u))
		n++
	}
	if n == 0 {
		e.printf("no stale value was used\n")
	}
	return nil
}

// infoIDT tells the gates of the selected core's interrupt descriptor table
// (SDM vol. 3A, figure 6-8), runs of the same handler function once.
func infoIDT(e *Engine, _ *args) error {
	base := e.S.M.Core(e.core).IDTR.Base
	for v := range 256 {
		var b [16]byte
		if !e.S.M.ReadVirt(e.core, base+uint64(16*v), b[:]) {
			return nil
		}
		if b[5]&0x80 == 0 {
			continue
		}
		addr := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[6])<<16 | uint64(b[7])<<24
		for i := range 4 {
			addr |= uint64(b[8+i]) << (32 + 8*i)
		}
		ist := ""
		if b[4]&7 != 0 {
			ist = fmt.Sprintf("  IST%d", b[4]&7)
		}
		e.printf("%02x  %s%s\n", v, e.S.T.Where(addr), ist)
	}
	return nil
}
