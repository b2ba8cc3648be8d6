package guest

import (
	"fmt"

	"klpsim/cpu"
	"klpsim/kernel/guest/layout"
)

// inUser says whether an address belongs to ring 3.
func inUser(va uint64) bool { return va < 1<<47 }

// start is where a task begins, and with which stack.
type start struct {
	rip, rsp uint64
	user     bool
	irqs     bool
}

// task fills in a task_struct and its kernel stack: the pt_regs of user mode if
// it will go there, its frames, then a pt_regs for the first switch-in and the
// frame that __switch_to takes it from.
func (b *builder) task(t *Task, at, stack uint64) error {
	top := stack + kernelStack
	set := func(field string, v uint64) { b.set(layout.Task, at, field, v) }
	set("flags", t.Flags)
	set("pid", uint64(t.PID))
	set("cpu", uint64(t.CPU))
	set("stack", stack)
	set("stack_top", top)
	set("pcpu", b.own("pcpu_%d", t.CPU))
	set("patch_state", uint64(t.PatchState))
	if t.Asleep {
		set("state", layout.TaskInterruptible)
	} else {
		set("on_rq", 1)
	}
	b.m.WritePhys(mustPhys(at+layout.Task.Offset("comm")), []byte(t.Comm))

	s, err := b.start(t, top)
	if err != nil {
		return err
	}
	if b.cfg.Bare {
		return nil // never switched to
	}
	regs := s.rsp &^ 0xf
	if s.user {
		regs = top
	}
	regs -= uint64(layout.PTRegs.Size)
	b.regs(regs, s)
	frame := regs - uint64(layout.Frame.Size)
	b.set(layout.Frame, frame, "ret", b.own("ret_from_fork"))
	set("sp", frame)
	return nil
}

// start works out where a task begins and lays its outer frames.
func (b *builder) start(t *Task, top uint64) (start, error) {
	what := fmt.Sprintf("task %d", t.PID)
	entry, err := b.symbol(t.Entry, what)
	if err != nil {
		return start{}, err
	}
	if inUser(entry) {
		if t.User != "" || len(t.Frames) > 0 {
			return start{}, fmt.Errorf("%w: %s starts in user mode and has kernel frames", ErrConfig, what)
		}
		return b.userStart(t, entry), nil
	}
	sp := top
	if t.User != "" {
		rip, err := b.symbol(t.User, what)
		if err != nil {
			return start{}, err
		}
		if !inUser(rip) {
			return start{}, fmt.Errorf("%w: %s: %q is not in section %s", ErrConfig, what, t.User, sectionUser)
		}
		sp -= uint64(layout.PTRegs.Size)
		b.regs(sp, b.userStart(t, rip))
	}
	for i := len(t.Frames) - 1; i >= 0; i-- {
		ret, err := b.symbol(t.Frames[i], what)
		if err != nil {
			return start{}, err
		}
		sp -= 8
		b.write(sp, ret, 8)
	}
	return start{rip: entry, rsp: sp, irqs: !t.IRQsOff}, nil
}

// userStart is a task's state in ring 3.
func (b *builder) userStart(t *Task, rip uint64) start {
	return start{rip: rip, rsp: b.own("user_stack_%d", t.PID) + userStack, user: true, irqs: true}
}

// flags is the RFLAGS that a task starts with.
func (s start) flags() uint64 {
	if s.irqs {
		return cpu.Flag1 | cpu.FlagIF
	}
	return cpu.Flag1
}

// regs writes a pt_regs that returns to s.
func (b *builder) regs(at uint64, s start) {
	set := func(field string, v uint64) { b.set(layout.PTRegs, at, field, v) }
	cs, ss := uint64(layout.KernelCS), uint64(layout.KernelDS)
	if s.user {
		cs, ss = layout.UserCS, layout.UserDS
	}
	set("rip", s.rip)
	set("cs", cs)
	set("eflags", s.flags())
	set("rsp", s.rsp)
	set("ss", ss)
}

// cores gives every core the registers of its current task.
func (b *builder) cores() error {
	for i := range b.cfg.cores() {
		c := b.m.Core(i)
		b.system(c, i)
		s, runs, err := b.coreStart(i)
		if err != nil {
			return err
		}
		b.enter(c, i, s)
		if !runs {
			c.Activity = cpu.Halted
		}
	}
	return nil
}

// coreStart is where a core starts; runs is false for a core that has nothing
// to do, which stands halted at the start of the code.
func (b *builder) coreStart(i int) (s start, runs bool, err error) {
	if t := b.runningTask(i); t != nil {
		s, err = b.start(t, b.own("stack_%d", t.PID)+kernelStack)
		return s, true, err
	}
	if !b.cfg.Bare {
		return start{rip: b.own("cpu_idle"), rsp: b.own("idle_stack_%d", i) + kernelStack, irqs: true}, true, nil
	}
	s = start{rip: KernelBase, rsp: b.own("df_stack_%d", i) + dfStack, irqs: true}
	for _, e := range b.cfg.Entries {
		if e.Core == i {
			s.rip, err = b.symbol(e.Symbol, fmt.Sprintf("entry of core %d", i))
			return s, true, err
		}
	}
	return s, false, nil
}

// enter sets what depends on where the core's task stands.
func (b *builder) enter(c *cpu.Core, i int, s start) {
	c.RIP, c.GPR[cpu.RSP], c.Flags = s.rip, s.rsp, s.flags()
	area := b.own("pcpu_%d", i)
	cs, ss := uint16(layout.KernelCS), uint16(layout.KernelDS)
	csAttr, ssAttr := uint16(accessKernelCode|flagsCode64<<12), uint16(accessKernelData|flagsData<<12)
	gs, other := area, uint64(0)
	if s.user {
		cs, ss = layout.UserCS, layout.UserDS
		csAttr, ssAttr = accessUserCode|flagsCode64<<12, accessUserData|flagsData<<12
		gs, other = 0, area
	}
	c.Seg[cpu.CS] = cpu.SegReg{Sel: cs, Limit: 0xffffffff, Attr: csAttr}
	c.Seg[cpu.SS] = cpu.SegReg{Sel: ss, Limit: 0xffffffff, Attr: ssAttr}
	for _, r := range []int{cpu.DS, cpu.ES, cpu.FS, cpu.GS} {
		c.Seg[r] = cpu.SegReg{}
	}
	c.Seg[cpu.GS].Base = gs
	c.KernelGSBase = other
	c.Activity = cpu.Running
}

// system sets the control, table and model-specific registers of a core.
func (b *builder) system(c *cpu.Core, i int) {
	c.CR0 = cpu.CR0PE | cpu.CR0MP | cpu.CR0ET | cpu.CR0NE | cpu.CR0WP | cpu.CR0AM | cpu.CR0PG
	c.CR3 = physTables
	c.CR4 = cpu.CR4PAE | cpu.CR4PGE | cpu.CR4OSFXSR | cpu.CR4OSXMMEXCPT
	c.EFER = cpu.EFERSCE | cpu.EFERLME | cpu.EFERLMA | cpu.EFERNXE
	c.GDTR = cpu.TableReg{Base: DirectBase + physGDT, Limit: gdtBytes - 1}
	c.IDTR = cpu.TableReg{Base: DirectBase + physIDT, Limit: 16*256 - 1}
	c.TR = cpu.SegReg{
		Sel:   uint16(layout.TSSSel + 16*i),
		Base:  b.own("pcpu_%d", i) + layout.PCPU.Offset("tss"),
		Limit: layout.TSSBytes - 1,
		Attr:  accessBusyTSS,
	}
	c.STAR = uint64(layout.KernelCS)<<32 | uint64(layout.UserDS-8)<<48
	c.SFMASK = cpu.FlagsStatus | cpu.FlagTF | cpu.FlagIF | cpu.FlagDF | cpu.FlagIOPL | cpu.FlagNT | cpu.FlagRF | cpu.FlagAC | cpu.FlagID
	if !b.cfg.Bare {
		c.LSTAR = b.own("entry_SYSCALL_64")
	}
	enableX2APIC(c)
}

// Bits of IA32_APIC_BASE and of the spurious-interrupt register (SDM vol. 3A,
// sections 10.4.4 and 10.9).
const (
	apicBase     = 0xfee00000
	apicGlobal   = 1 << 11
	apicX2       = 1 << 10
	apicBSP      = 1 << 8
	apicSoftware = 1 << 8
)

// enableX2APIC turns the local APIC on, with its registers as MSRs.
func enableX2APIC(c *cpu.Core) {
	c.APIC.Base = apicBase | apicGlobal | apicX2
	if c.ID() == 0 {
		c.APIC.Base |= apicBSP
	}
	c.APIC.SVR |= apicSoftware
}
