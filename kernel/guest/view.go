package guest

import (
	"encoding/binary"
	"fmt"

	"klpsim/asm"
	"klpsim/cpu"
	"klpsim/kernel/guest/layout"
)

// TaskRef is a task as the configuration made it; nothing here changes in a run.
type TaskRef struct {
	PID   int    // -1-cpu for the idle task of a CPU
	Comm  string // name
	CPU   int
	Addr  uint64 // of its task_struct
	Stack uint64 // lowest address of its kernel stack
	Top   uint64 // one past the highest
	Idle  bool
}

// View reads what the guest kernel's memory says. It holds no state of a run,
// so one View serves every machine that was built from the same Config.
type View struct {
	img   *asm.Image
	bare  bool
	tasks []TaskRef
	areas []uint64 // per-CPU areas
}

// newView records where Build put things.
func newView(cfg *Config, img *asm.Image) *View {
	v := &View{img: img, bare: cfg.Bare}
	ref := func(t Task, name, stack string) {
		base := mustSymbol(img, stack)
		v.tasks = append(v.tasks, TaskRef{PID: t.PID, Comm: t.Comm, CPU: t.CPU, Addr: mustSymbol(img, name),
			Stack: base, Top: base + kernelStack, Idle: t.PID < 0})
	}
	for _, t := range cfg.Tasks {
		ref(t, fmt.Sprintf("task_%d", t.PID), fmt.Sprintf("stack_%d", t.PID))
	}
	for i := range cfg.cores() {
		v.areas = append(v.areas, mustSymbol(img, fmt.Sprintf("pcpu_%d", i)))
		if !cfg.Bare {
			idle := Task{PID: -1 - i, Comm: fmt.Sprintf("swapper/%d", i), CPU: i}
			ref(idle, fmt.Sprintf("idle_%d", i), fmt.Sprintf("idle_stack_%d", i))
		}
	}
	return v
}

// Tasks lists the tasks in the order of the task list, then the idle tasks.
func (v *View) Tasks() []TaskRef { return v.tasks }

// Task finds a task by its number.
func (v *View) Task(pid int) (TaskRef, bool) {
	for _, t := range v.tasks {
		if t.PID == pid {
			return t, true
		}
	}
	return TaskRef{}, false
}

// TaskAt finds the task whose task_struct or kernel stack contains va.
func (v *View) TaskAt(va uint64) (TaskRef, bool) {
	for _, t := range v.tasks {
		if va >= t.Addr && va < t.Addr+uint64(layout.Task.Size) || va >= t.Stack && va < t.Top {
			return t, true
		}
	}
	return TaskRef{}, false
}

// PerCPU is the address of a CPU's own area.
func (v *View) PerCPU(cpu int) uint64 { return v.areas[cpu] }

// CurrentAddr is the address of the variable that points to the running task.
func (v *View) CurrentAddr(cpu int) uint64 {
	return v.areas[cpu] + layout.PCPU.Offset("current")
}

// Current is the task that a CPU runs, as its memory says.
func (v *View) Current(m *cpu.Machine, core int) (TaskRef, bool) {
	return v.taskPointer(m, v.CurrentAddr(core))
}

// Status is what a task_struct says.
type Status struct {
	Flags      uint64 // TIF_ bits
	State      int64
	PatchState int64
	OnCPU      bool
	OnRQ       bool
}

// Status reads a task's state.
func (v *View) Status(m *cpu.Machine, t TaskRef) Status {
	get := func(field string) uint64 { return v.read(m, layout.Task, t.Addr, field) }
	return Status{Flags: get("flags"), State: int64(get("state")), PatchState: int64(get("patch_state")),
		OnCPU: get("on_cpu") != 0, OnRQ: get("on_rq") != 0}
}

// Queue lists the tasks on a CPU's run queue, the next one first.
func (v *View) Queue(m *cpu.Machine, core int) []TaskRef {
	var q []TaskRef
	at := v.areas[core] + layout.PCPU.Offset("rq_head")
	for len(q) <= len(v.tasks) {
		t, ok := v.taskPointer(m, at)
		if !ok {
			break
		}
		q = append(q, t)
		at = t.Addr + layout.Task.Offset("rq_next")
	}
	return q
}

// Lock is a lock that somebody holds.
type Lock struct {
	Name  string // its symbol, or "rq_lock CPU n"
	Owner string // who holds it, if the lock says so
}

// Locks lists the locks of the kernel, and the named mutexes, that are held.
func (v *View) Locks(m *cpu.Machine, mutexes ...string) []Lock {
	var held []Lock
	for i, area := range v.areas {
		if v.read(m, layout.PCPU, area, "rq_lock") != 0 {
			held = append(held, Lock{Name: fmt.Sprintf("rq_lock CPU %d", i)})
		}
	}
	if s, ok := v.img.Symbol("tasklist_lock"); ok {
		if n := int32(v.load(m, s.Addr, 4)); n > 0 {
			held = append(held, Lock{Name: "tasklist_lock", Owner: fmt.Sprintf("%d reading", n)})
		} else if n < 0 {
			held = append(held, Lock{Name: "tasklist_lock", Owner: "a writer"})
		}
	}
	for _, name := range mutexes {
		if s, ok := v.img.Symbol(name); ok {
			if t, ok := v.taskPointer(m, s.Addr+layout.Mutex.Offset("owner")); ok {
				held = append(held, Lock{Name: name, Owner: fmt.Sprintf("task %d", t.PID)})
			}
		}
	}
	return held
}

// Slot is a register of a switched-out task in its saved frame.
type Slot struct {
	Reg   string
	Addr  uint64 // where it lies
	Off   uint64 // from the task's saved stack pointer
	Value uint64
}

// Frame returns the callee-saved registers that __switch_to left on the stack
// of a task, and the address it will return to; ok is false while it runs, and
// in bare programs.
func (v *View) Frame(m *cpu.Machine, t TaskRef) (slots []Slot, ok bool) {
	if v.bare || v.read(m, layout.Task, t.Addr, "on_cpu") != 0 {
		return nil, false
	}
	sp := v.read(m, layout.Task, t.Addr, "sp")
	if sp < t.Stack || sp+uint64(layout.Frame.Size) > t.Top {
		return nil, false
	}
	for _, f := range layout.Frame.Fields {
		off := uint64(f.Offset)
		slots = append(slots, Slot{Reg: f.Name, Addr: sp + off, Off: off, Value: v.load(m, sp+off, 8)})
	}
	return slots, true
}

// Place is what an address means in the guest's data.
type Place struct {
	Struct string // "task_struct" or "pcpu"
	Field  layout.Field
	Task   TaskRef // of a task_struct
	CPU    int     // of a per-CPU area
}

// String is the place as a person writes it: patch_state(123), rq_nr(CPU 0).
func (p Place) String() string {
	if p.Struct == layout.Task.Name {
		if p.Task.Idle {
			return fmt.Sprintf("%s(idle %d)", p.Field.Name, p.Task.CPU)
		}
		return fmt.Sprintf("%s(%d)", p.Field.Name, p.Task.PID)
	}
	return fmt.Sprintf("%s(CPU %d)", p.Field.Name, p.CPU)
}

// Place names the field of a task_struct or of a per-CPU area at va.
func (v *View) Place(va uint64) (Place, bool) {
	for _, t := range v.tasks {
		if f, ok := fieldAt(layout.Task, t.Addr, va); ok {
			return Place{Struct: layout.Task.Name, Field: f, Task: t}, true
		}
	}
	for i, area := range v.areas {
		if f, ok := fieldAt(layout.PCPU, area, va); ok {
			return Place{Struct: layout.PCPU.Name, Field: f, CPU: i}, true
		}
	}
	return Place{}, false
}

// fieldAt finds the field at va of a structure that lies at base.
func fieldAt(s *layout.Struct, base, va uint64) (layout.Field, bool) {
	if va < base || va >= base+uint64(s.Size) {
		return layout.Field{}, false
	}
	return s.At(int(va - base))
}

// taskPointer follows a pointer to a task.
func (v *View) taskPointer(m *cpu.Machine, va uint64) (TaskRef, bool) {
	at := v.load(m, va, 8)
	for _, t := range v.tasks {
		if t.Addr == at {
			return t, true
		}
	}
	return TaskRef{}, false
}

// read loads a field, sign-extended if it is signed.
func (v *View) read(m *cpu.Machine, s *layout.Struct, va uint64, field string) uint64 {
	f, ok := s.Field(field)
	if !ok {
		panic(fmt.Sprintf("BUG: struct %s has no field %q", s.Name, field))
	}
	x := v.load(m, va+uint64(f.Offset), f.Type.Size)
	if f.Type.Signed && f.Type.Size == 4 {
		x = uint64(int64(int32(x)))
	}
	return x
}

// load reads size bytes of memory at va.
func (v *View) load(m *cpu.Machine, va uint64, size int) uint64 {
	var buf [8]byte
	m.ReadPhys(mustPhys(va), buf[:size])
	return binary.LittleEndian.Uint64(buf[:])
}

// Phys is the physical address behind va, in mappings that no guest changes.
func (v *View) Phys(va uint64) (pa uint64, ok bool) { return phys(va) }
