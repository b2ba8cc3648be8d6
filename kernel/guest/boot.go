package guest

import (
	"encoding/binary"
	"fmt"

	"klpsim/asm"
	"klpsim/cpu"
	"klpsim/kernel/guest/layout"
)

// Boot is a machine at the start of a run.
type Boot struct {
	Machine *cpu.Machine
	Image   *asm.Image
	View    *View
}

// Build assembles and links the guest, and crafts the state in which every core
// is as if its first task had been running for a while.
func Build(cfg Config) (*Boot, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	img, err := link(&cfg)
	if err != nil {
		return nil, err
	}
	mc := cfg.Machine
	if mc.MemBytes == 0 {
		mc.MemBytes = memBytes
	}
	m, err := cpu.New(mc)
	if err != nil {
		return nil, err
	}
	b := &builder{cfg: &cfg, m: m, img: img, view: newView(&cfg, img)}
	for _, step := range []func() error{b.load, b.descriptors, b.perCPU, b.tasks, b.init, b.cores} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return &Boot{Machine: m, Image: img, View: b.view}, nil
}

// builder crafts a machine's initial state.
type builder struct {
	cfg  *Config
	m    *cpu.Machine
	img  *asm.Image
	view *View
}

// symbol returns the address of a symbol that the configuration names.
func (b *builder) symbol(name, what string) (uint64, error) {
	s, ok := b.img.Symbol(name)
	if !ok {
		return 0, fmt.Errorf("%w: %s: there is no symbol %q", ErrConfig, what, name)
	}
	return s.Addr, nil
}

// own returns the address of a symbol that Build itself made.
func (b *builder) own(format string, args ...any) uint64 {
	return mustSymbol(b.img, fmt.Sprintf(format, args...))
}

// set writes a field of the structure at va.
func (b *builder) set(s *layout.Struct, va uint64, field string, v uint64) {
	f, ok := s.Field(field)
	if !ok {
		panic(fmt.Sprintf("BUG: struct %s has no field %q", s.Name, field))
	}
	b.write(va+uint64(f.Offset), v, f.Type.Size)
}

// write stores the low size bytes of v at va.
func (b *builder) write(va, v uint64, size int) {
	var buf [8]byte
	binary.LittleEndian.PutUint64(buf[:], v)
	b.m.WritePhys(mustPhys(va), buf[:size])
}

// load copies the image into memory and maps it.
func (b *builder) load() error {
	p := newMapper(b.m)
	for _, seg := range placed(b.img) {
		b.m.WritePhys(seg.pa, seg.Data)
		if seg.flags == 0 {
			continue // lies in the direct map
		}
		if err := p.pages(seg.Addr, seg.pa, seg.Size, seg.flags); err != nil {
			return err
		}
	}
	return p.large(DirectBase, 0, pteWrite|pteNX|pteGlobal)
}

// descriptors writes GDT and IDT.
func (b *builder) descriptors() error {
	var tss []uint64
	for i := range b.cfg.cores() {
		tss = append(tss, b.own("pcpu_%d", i)+layout.PCPU.Offset("tss"))
	}
	writeGDT(b.m, tss)
	if !b.cfg.Bare {
		exc, irq := b.own("exc_stubs"), b.own("irq_stubs")
		for v := range 256 {
			switch {
			case v == 2:
				gate(b.m, v, b.own("asm_exc_nmi"), 1, 0)
			case v == 8:
				gate(b.m, v, exc+16*8, 2, 0)
			case v < 32:
				gate(b.m, v, exc+uint64(16*v), 0, 0)
			default:
				gate(b.m, v, irq+uint64(16*(v-32)), 0, 0)
			}
		}
	}
	for v := range 256 {
		if s, ok := b.img.Symbol(fmt.Sprintf("vector_%02x", v)); ok {
			ist := uint64(0)
			if v == 2 {
				ist = 1
			}
			gate(b.m, v, s.Addr, ist, 0)
		}
	}
	return nil
}

// perCPU fills in the per-CPU areas and makes the idle tasks.
func (b *builder) perCPU() error {
	for i := range b.cfg.cores() {
		area := b.own("pcpu_%d", i)
		set := func(field string, v uint64) { b.set(layout.PCPU, area, field, v) }
		set("self", area)
		set("cpu", uint64(i))
		set("tss_ist1", b.own("nmi_stack_%d", i)+nmiStack)
		set("tss_ist2", b.own("df_stack_%d", i)+dfStack)
		b.write(area+layout.PCPU.Offset("tss")+102, layout.TSSBytes, 2) // no I/O map
		if b.cfg.Bare {
			continue
		}
		idle := Task{Comm: fmt.Sprintf("swapper/%d", i), CPU: i, Entry: "cpu_idle"}
		idle.PatchState = b.idleState()
		set("idle", b.own("idle_%d", i))
		if err := b.task(&idle, b.own("idle_%d", i), b.own("idle_stack_%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// idleState is the patch state that idle tasks start with: the first task's.
func (b *builder) idleState() int64 {
	if len(b.cfg.Tasks) == 0 {
		return layout.KlpUndefined
	}
	return b.cfg.Tasks[0].PatchState
}

// tasks fills in the tasks, the task list, the run queues and who is current.
func (b *builder) tasks() error {
	queue := make([][]uint64, b.cfg.cores())
	for i := range b.cfg.Tasks {
		t := &b.cfg.Tasks[i]
		at := b.own("task_%d", t.PID)
		if err := b.task(t, at, b.own("stack_%d", t.PID)); err != nil {
			return err
		}
		if i+1 < len(b.cfg.Tasks) {
			b.set(layout.Task, at, "next", b.own("task_%d", b.cfg.Tasks[i+1].PID))
		}
		area := b.own("pcpu_%d", t.CPU)
		if t.Entry == "kworker_thread" {
			b.set(layout.PCPU, area, "kworker", at)
		}
		switch {
		case t.Running:
			b.setCurrent(area, at)
		case !t.Asleep:
			queue[t.CPU] = append(queue[t.CPU], at)
		}
	}
	for i, q := range queue {
		area := b.own("pcpu_%d", i)
		b.enqueue(area, q)
		if b.runningTask(i) == nil && !b.cfg.Bare {
			b.setCurrent(area, b.own("idle_%d", i))
		}
	}
	return nil
}

// setCurrent makes the task at va the one that runs on the CPU of area.
func (b *builder) setCurrent(area, va uint64) {
	top := b.view.read(b.m, layout.Task, va, "stack_top")
	b.set(layout.PCPU, area, "current", va)
	b.set(layout.PCPU, area, "top_of_stack", top)
	b.set(layout.PCPU, area, "tss_sp0", top)
	b.set(layout.Task, va, "on_cpu", 1)
}

// enqueue fills in a run queue.
func (b *builder) enqueue(area uint64, tasks []uint64) {
	b.set(layout.PCPU, area, "rq_nr", uint64(len(tasks)))
	for i, at := range tasks {
		if i == 0 {
			b.set(layout.PCPU, area, "rq_head", at)
		}
		if i+1 < len(tasks) {
			b.set(layout.Task, at, "rq_next", tasks[i+1])
		}
		b.set(layout.PCPU, area, "rq_tail", at)
	}
}

// runningTask returns the task that is current on a CPU, nil for idle.
func (b *builder) runningTask(cpu int) *Task {
	for i := range b.cfg.Tasks {
		if t := &b.cfg.Tasks[i]; t.Running && t.CPU == cpu {
			return t
		}
	}
	return nil
}

// init applies the configuration's initial values.
func (b *builder) init() error {
	for _, in := range b.cfg.Init {
		at, err := b.symbol(in.Symbol, "initial value")
		if err != nil {
			return err
		}
		v, size := uint64(in.Value), in.Size
		if in.Address != "" {
			if v, err = b.symbol(in.Address, "initial value of "+in.Symbol); err != nil {
				return err
			}
		}
		switch {
		case size == 0 && in.Address != "":
			size = 8
		case size == 0:
			size = 4
		case size != 1 && size != 2 && size != 4 && size != 8:
			return fmt.Errorf("%w: initial value of %s: size %d", ErrConfig, in.Symbol, size)
		}
		if _, ok := phys(at + uint64(size) - 1); !ok {
			return fmt.Errorf("%w: initial value of %s: %#x is no memory", ErrConfig, in.Symbol, at)
		}
		b.write(at, v, size)
	}
	return nil
}
