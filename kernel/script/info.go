package script

import (
	"fmt"
	"math/bits"
	"strings"

	"klpsim/cpu"
)

// infos are the things that info tells about.
var infos []struct {
	name string
	help string
	run  func(*Engine, *args) error
}

func init() {
	infos = []struct {
		name string
		help string
		run  func(*Engine, *args) error
	}{
		{"registers", "the selected core's registers", infoRegisters},
		{"threads", "where every core stands", func(e *Engine, _ *args) error { e.printf("%s", e.Where()); return nil }},
		{"tasks", "all tasks: where they are, their flags", infoTasks},
		{"sb", "the store buffers", infoStoreBuffers},
		{"irq", "pending and blocked events of every core", infoEvents},
		{"apic", "the selected core's local APIC", infoAPIC},
		{"breakpoints", "breakpoints and watchpoints", infoBreaks},
		{"display", "the displays", func(e *Engine, _ *args) error { return cmdDisplay(e, &args{e: e}) }},
		{"injections", "what inject will do, and did", infoInjections},
		{"checks", "the checks and what they said", infoChecks},
		{"checkpoints", "the steps remembered by checkpoint", infoCheckpoints},
		{"locks", "locks that are held", infoLocks},
		{"schedule", "the choices so far", infoSchedule},
		{"symbol", "what an address is", infoSymbol},
		{"stale", "values that were used after they were overwritten", infoStale},
		{"idt", "the selected core's interrupt descriptor table", infoIDT},
	}
}

func infoHelp() string {
	return "tell about something:\nregisters threads tasks sb irq apic breakpoints display injections\nchecks checkpoints locks schedule stale idt symbol ADDRESS"
}

func cmdInfo(e *Engine, a *args) error {
	w, at := a.word()
	var match []int
	for i, n := range infos {
		if n.name == w {
			match = []int{i}
			break
		}
		if w != "" && strings.HasPrefix(n.name, w) {
			match = append(match, i)
		}
	}
	if len(match) != 1 {
		var all []string
		for _, n := range infos {
			all = append(all, n.name)
		}
		return a.errorf(at, "expected one of %s, found %s", strings.Join(all, ", "), found(w))
	}
	return infos[match[0]].run(e, a)
}

var regNames = []string{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// regIndex are the numbers of regNames in encodings.
var regIndex = []int{cpu.RAX, cpu.RBX, cpu.RCX, cpu.RDX, cpu.RSI, cpu.RDI, cpu.RBP, cpu.RSP, 8, 9, 10, 11, 12, 13, 14, 15}

func infoRegisters(e *Engine, a *args) error {
	if a.more() {
		x, err := a.expression()
		if err != nil {
			return err
		}
		text, err := e.render(x, "")
		if err == nil {
			e.printf("%s = %s\n", x, text)
		}
		return err
	}
	c := e.S.M.Core(e.core)
	for i, n := range regNames {
		v := c.GPR[regIndex[i]]
		e.printf("%-4s 0x%016x", n, v)
		if i%2 == 1 {
			e.printf("\n")
		} else {
			e.printf("    ")
		}
	}
	e.printf("rip  0x%016x  %s\n", c.RIP, e.S.T.Where(c.RIP))
	e.printf("rflags 0x%x [%s]  cpl %d\n", c.Flags, flagNames(c.Flags), c.CPL())
	e.printf("cs %04x ss %04x  gs base 0x%x  cr2 0x%x cr3 0x%x\n", c.Seg[cpu.CS].Sel, c.Seg[cpu.SS].Sel, c.Seg[cpu.GS].Base, c.CR2, c.CR3)
	return nil
}

func flagNames(f uint64) string {
	var n []string
	for _, x := range []struct {
		bit  uint64
		name string
	}{{cpu.FlagCF, "CF"}, {cpu.FlagPF, "PF"}, {cpu.FlagAF, "AF"}, {cpu.FlagZF, "ZF"}, {cpu.FlagSF, "SF"}, {cpu.FlagTF, "TF"}, {cpu.FlagIF, "IF"}, {cpu.FlagDF, "DF"}, {cpu.FlagOF, "OF"}} {
		if f&x.bit != 0 {
			n = append(n, x.name)
		}
	}
	return strings.Join(n, " ")
}

func infoTasks(e *Engine, a *args) error {
	v, m := e.S.T.View, e.S.M
	task, _ := e.S.T.Names.Type("task_struct")
	flags, _ := task.Field("flags")
	state, _ := task.Field("patch_state")
	for _, t := range v.Tasks() {
		st := v.Status(m, t)
		where := "sleeps"
		switch {
		case st.OnCPU:
			where = fmt.Sprintf("runs on cpu%d", t.CPU)
		case st.OnRQ:
			where = fmt.Sprintf("is queued on cpu%d", t.CPU)
		}
		e.printf("task %-4d %-15s %-17s flags %s  patch_state %s\n", t.PID, t.Comm, where, flags.Type.Format(int64(st.Flags)), state.Type.Format(st.PatchState))
		if slots, ok := v.Frame(m, t); ok {
			var regs []string
			for _, s := range slots {
				if s.Reg != "ret" {
					regs = append(regs, fmt.Sprintf("%s %#x", s.Reg, s.Value))
				}
			}
			e.printf("          saved: %s\n", strings.Join(regs, "  "))
		}
	}
	return nil
}

func infoStoreBuffers(e *Engine, a *args) error {
	for i := range e.S.M.NumCores() {
		sb := e.S.M.Core(i).StoreBuffer()
		e.printf("cpu%d: %d store(s)\n", i, len(sb))
		for k, s := range sb {
			e.printf("  %d  %s = %s (%d bytes)\n", k, e.S.T.DataName(s.PA), e.S.T.FormatValue(s.PA, int(s.Size), s.Value[0]), s.Size)
		}
	}
	return nil
}

func infoEvents(e *Engine, a *args) error {
	for i := range e.S.M.NumCores() {
		n := e.notes(i)
		if n == "" {
			n = "  nothing pending, nothing blocked"
		}
		e.printf("cpu%d:%s\n", i, n)
	}
	return nil
}

func infoAPIC(e *Engine, a *args) error {
	c := &e.S.M.Core(e.core).APIC
	e.printf("cpu%d: id %d  tpr %#x  svr %#x\n", e.core, c.ID, c.TPR, c.SVR)
	for _, r := range []struct {
		name string
		v    [4]uint64
	}{{"irr", c.IRR}, {"isr", c.ISR}, {"tmr", c.TMR}} {
		var vecs []string
		for i := len(r.v) - 1; i >= 0; i-- {
			for w := r.v[i]; w != 0; {
				b := 63 - bits.LeadingZeros64(w)
				w &^= 1 << b
				vecs = append(vecs, fmt.Sprintf("%#02x", i*irrBits+b))
			}
		}
		e.printf("  %s %s\n", r.name, strings.Join(append(vecs, "-")[:max(len(vecs), 1)], " "))
	}
	return nil
}

func infoBreaks(e *Engine, a *args) error {
	if len(e.breaks) == 0 {
		e.printf("no breakpoints\n")
	}
	for _, b := range e.breaks {
		what := "watch " + fmt.Sprint(b.watch)
		if b.watch == nil {
			what = e.describe(b.place)
		}
		e.printf("%d  %s", b.num, what)
		if b.on >= 0 {
			e.printf("  on cpu%d", b.on)
		}
		if b.task != 0 {
			e.printf("  task %d", b.task)
		}
		if b.cond != nil {
			e.printf("  if %s", b.cond)
		}
		e.printf("  hit %d time(s)", b.hits)
		if b.ignore > b.hits {
			e.printf(", ignores %d more", b.ignore-b.hits)
		}
		e.printf("\n")
	}
	return nil
}

func infoInjections(e *Engine, a *args) error {
	if len(e.injects) == 0 {
		e.printf("no injections\n")
	}
	for _, in := range e.injects {
		e.printf("%s: fired %d time(s) %v\n", in, in.fired, in.at)
	}
	return nil
}

func infoChecks(e *Engine, a *args) error {
	for _, c := range e.S.T.Checks {
		verdict := "holds so far"
		for _, v := range e.S.Violations() {
			if v.Check == c {
				verdict = fmt.Sprintf("VIOLATED at step %d", v.Step)
			}
		}
		e.printf("%-24s %s: %s\n", c.Name, c.When, verdict)
	}
	return nil
}

func infoCheckpoints(e *Engine, a *args) error {
	if len(e.marks) == 0 {
		e.printf("no checkpoints\n")
	}
	for _, m := range e.marks {
		e.printf("%d  step %d\n", m.num, m.n)
	}
	return nil
}

func infoLocks(e *Engine, a *args) error {
	locks := e.S.T.View.Locks(e.S.M, "klp_mutex")
	if len(locks) == 0 {
		e.printf("no lock is held\n")
	}
	for _, l := range locks {
		e.printf("%s %s\n", l.Name, l.Owner)
	}
	return nil
}

func infoSchedule(e *Engine, a *args) error {
	for _, l := range WrapSchedule(e.S.Schedule().String(), 72) {
		e.printf("%s\n", l)
	}
	return nil
}

func infoSymbol(e *Engine, a *args) error {
	x, err := a.expression()
	if err != nil {
		return err
	}
	va, err := e.addressOf(x)
	if err != nil {
		return err
	}
	e.printf("%#x is %s\n", va, e.S.T.Where(va))
	if pa, ok := e.S.M.Translate(e.core, va, cpu.AccessRead); ok {
		e.printf("  physical %#x, %s\n", pa, e.S.T.DataName(pa))
	}
	return nil
}
