package diagram

import (
	"fmt"
	"strings"

	"klpsim/cpu"
	"klpsim/cpu/decode"
	"klpsim/kernel/guest"
	"klpsim/kernel/session"
	"klpsim/kernel/stale"
)

// Build replays a schedule and makes its picture.
func Build(t *session.Target, sched cpu.Schedule, opt Options) (*Picture, error) {
	b := newBuilder(t, opt)
	s, err := session.Play(t, sched, session.Observer{Step: b.step})
	if err != nil {
		return nil, err
	}
	b.finish(s)
	return b.pic, nil
}

// read is a read of shared memory that may turn out to matter.
type read struct {
	row   int // index in rows
	datum *session.Datum
	core  int
}

type builder struct {
	t       *session.Target
	opt     Options
	pic     *Picture
	track   *stale.Tracker
	used    int // uses of the tracker already told
	reads   []read
	writer  map[*session.Datum]map[int]bool // cores that wrote it
	touch   map[*session.Datum]map[int]bool // cores that touched it
	rows    []row
	opens   [][]open                // delivered and not returned, per core
	task    []int                   // current task, per core
	lastRd  map[[2]uint64][2]uint64 // by place and address: the value read, and changes then
	changes uint64                  // of declared data so far
}

// row is a Row that is still being judged.
type row struct {
	Row
	pc    uint64
	task  int
	keep  bool
	subs  []sub
	saved []*stale.Load // Switch: what the outgoing task carries
	slots []uint64      // where, physical addresses
}

// sub is one detail of a row: a read or a change of one datum.
type sub struct {
	text  string
	delta string // the change without the datum's name
	datum *session.Datum
	read  bool
}

// open is a handler that runs.
type open struct{ name string }

func newBuilder(t *session.Target, opt Options) *builder {
	s := t.Scenario
	n := t.Config.Cores
	b := &builder{t: t, opt: opt, track: stale.New(t), writer: map[*session.Datum]map[int]bool{}, touch: map[*session.Datum]map[int]bool{},
		opens: make([][]open, n), task: make([]int, n), lastRd: map[[2]uint64][2]uint64{}}
	b.pic = &Picture{Name: s.Name, Title: s.Title, Cores: n, Memory: t.Config.Memory.String(), Dead: -1}
	return b
}

// step turns one choice into rows.
func (b *builder) step(s *session.Step) {
	core := int(s.Choice.Core)
	if s.N == 1 {
		for i := range b.task {
			if t, ok := b.t.View.Current(s.Session.M, i); ok {
				b.task[i] = t.PID
			}
		}
		if s.HasTask {
			b.task[core] = s.Task.PID
		}
	}
	b.track.Step(s)
	first := len(b.rows)
	switch s.Choice.Kind {
	case cpu.Step, cpu.Hold:
		b.moved(s)
	case cpu.Drain:
		b.drained(s)
	default:
		b.pended(s)
	}
	b.stales(s, first)
	b.fails(s, first)
}

// add appends a row of the step's core.
func (b *builder) add(s *session.Step, kind RowKind, keep bool, text string) *row {
	core := int(s.Choice.Core)
	b.rows = append(b.rows, row{Row: Row{Step: s.N, Core: core, Kind: kind, Depth: len(b.opens[core]), Text: text},
		pc: s.Regs.RIP, task: b.task[core], keep: keep})
	return &b.rows[len(b.rows)-1]
}

// moved handles a step: a delivery, or an instruction.
func (b *builder) moved(s *session.Step) {
	core := int(s.Choice.Core)
	for i := range s.Events {
		if e := &s.Events[i]; e.Kind == cpu.EvExec && e.Flags&cpu.EvFault == 0 && s.Code != nil {
			b.executed(s)
		}
	}
	for i := range s.Events {
		e := &s.Events[i]
		switch e.Kind {
		case cpu.EvDeliver:
			b.delivered(s, e)
		case cpu.EvIret:
			b.returned(s)
		case cpu.EvPend:
			if e.Value[0] != ^uint64(0) && int(e.Core) != core {
				b.add(s, Note, true, fmt.Sprintf("sends IRQ %#02x to CPU%d", e.Vector, e.Core))
			}
		case cpu.EvShutdown:
			b.pic.Dead = core
			b.add(s, Note, true, "triple fault: the core shuts down")
		}
	}
	b.switched(s)
}

// text is the instruction as its author wrote it.
func (b *builder) text(s *session.Step) string {
	if src := b.t.Source(s.Regs.RIP); src != "" && src[0] >= 'a' && src[0] <= 'z' {
		return src
	}
	return b.t.Disassemble(s.Code, s.Regs.RIP)
}

// executed makes the row of an instruction, with what it did to memory.
func (b *builder) executed(s *session.Step) {
	core := int(s.Choice.Core)
	b.add(s, Exec, b.opt.All, b.text(s))
	at := len(b.rows) - 1
	for i := range s.Events {
		e := &s.Events[i]
		if e.Flags&cpu.EvWalk != 0 {
			continue
		}
		d, _, ok := b.t.Datum(e.PA)
		if !ok || d.Kind == session.Stack {
			continue
		}
		switch e.Kind {
		case cpu.EvRead:
			b.note(b.touch, d, core)
			b.read(s, e, d, at)
		case cpu.EvWrite:
			b.note(b.touch, d, core)
			if e.Flags&cpu.EvBuffered != 0 {
				delta := fmt.Sprintf("= %s stays in the store buffer", b.value(e.PA, int(e.Size), e.Value[0]))
				b.detail(at, sub{text: b.t.DataName(e.PA) + " " + delta, delta: delta, datum: d})
			}
		case cpu.EvCommit:
			b.note(b.touch, d, core)
			b.note(b.writer, d, core)
			b.change(e, d, at)
		}
	}
}

func (b *builder) note(m map[*session.Datum]map[int]bool, d *session.Datum, core int) {
	if m[d] == nil {
		m[d] = map[int]bool{}
	}
	m[d][core] = true
}

// change notes a change of memory at row at.
func (b *builder) change(e *cpu.Event, d *session.Datum, at int) {
	if e.Old == e.Value {
		return
	}
	if b.declared(d) {
		b.changes++
	}
	name := b.t.DataName(e.PA)
	if d.Type == nil || d.Type.Values == nil || !d.Type.Values.Bits {
		delta := fmt.Sprintf("%s -> %s", b.number(e.PA, int(e.Size), e.Old[0]), b.value(e.PA, int(e.Size), e.Value[0]))
		b.detail(at, sub{text: name + ": " + delta, delta: delta, datum: d})
		return
	}
	_, off, _ := b.t.Datum(e.PA)
	for _, delta := range bits(d, off, e) {
		b.detail(at, sub{text: d.Name + " " + delta, delta: delta, datum: d})
	}
}

func (b *builder) detail(at int, s sub) { b.rows[at].subs = append(b.rows[at].subs, s) }

// read notes a read; whether it is shown is decided at the end.
func (b *builder) read(s *session.Step, e *cpu.Event, d *session.Datum, at int) {
	key := [2]uint64{s.Regs.RIP<<8 | uint64(s.Choice.Core), e.PA}
	value := e.Value[0]
	old, again := b.lastRd[key]
	now := [2]uint64{value, b.changes}
	b.lastRd[key] = now
	if again && old == now && !b.opt.All {
		return // a loop that reads the same again while nothing changes
	}
	text := fmt.Sprintf("%s is ", b.t.DataName(e.PA))
	if a := s.Inst.Args[0]; a.Kind == decode.Reg && s.Inst.Op != decode.CMP && s.Inst.Op != decode.TEST {
		text = fmt.Sprintf("%s = ", regNames[a.N&15])
	}
	text += b.value(e.PA, int(e.Size), value) + forwarded(e)
	if s.Inst.Op == decode.CMP {
		text += map[bool]string{true: ": equal", false: ": not equal"}[s.Session.M.Core(int(s.Choice.Core)).Flags&cpu.FlagZF != 0]
	}
	b.detail(at, sub{text: text, datum: d, read: true})
	if s.Inst.Op != decode.TEST || d.Type == nil || d.Type.Values == nil || !d.Type.Values.Bits {
		b.reads = append(b.reads, read{at, d, int(s.Choice.Core)})
	}
}

var regNames = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

func forwarded(e *cpu.Event) string {
	if e.Flags&cpu.EvForwarded != 0 {
		return " (from its store buffer)"
	}
	return ""
}

// bits tells which named bits a change flipped.
func bits(d *session.Datum, off int, e *cpu.Event) []string {
	var out []string
	was, is := e.Old[0]<<(8*uint(off)), e.Value[0]<<(8*uint(off))
	for bit := range 64 {
		if (was^is)>>uint(bit)&1 == 0 {
			continue
		}
		name, ok := d.Type.Values.Names[int64(bit)]
		if !ok {
			name = fmt.Sprintf("bit %d", bit)
		}
		out = append(out, fmt.Sprintf("%s: %d -> %d", name, was>>uint(bit)&1, is>>uint(bit)&1))
	}
	return out
}

// value writes a value with its name; an address of a symbol by the symbol.
func (b *builder) value(pa uint64, size int, v uint64) string {
	if size == 8 && v > 1<<20 {
		if t, ok := b.t.View.TaskAt(v); ok && t.Addr == v {
			return fmt.Sprintf("task %d", t.PID)
		}
		if sym, off, ok := b.t.Image.SymbolAt(v); ok && off == 0 {
			return sym.Name
		}
	}
	return b.t.FormatValue(pa, size, v)
}

// number writes a value without its name.
func (b *builder) number(pa uint64, size int, v uint64) string {
	s := b.value(pa, size, v)
	if typ := b.t.ValueType(pa, size); typ != nil && typ.Values != nil {
		s, _, _ = strings.Cut(s, " ")
	}
	return s
}

// delivered opens an interrupt, NMI or exception.
func (b *builder) delivered(s *session.Step, e *cpu.Event) {
	core := int(s.Choice.Core)
	name := fmt.Sprintf("IRQ %#02x", e.Vector)
	switch {
	case e.Flags&cpu.EvNMI != 0:
		name = "NMI"
	case e.Flags&cpu.EvSoft != 0:
		name = fmt.Sprintf("INT %#02x", e.Vector)
	case e.Vector < 32:
		name = exceptionName(e.Vector)
	}
	r := b.add(s, Open, true, "<"+name+">")
	if d, off, ok := b.datumAt(e.VA); ok && (d.Kind != session.Stack || e.Flags&cpu.EvNMI != 0) {
		r.Sub = append(r.Sub, fmt.Sprintf("frame at %s+%#x (IST)", d.Name, off))
	}
	b.opens[core] = append(b.opens[core], open{name})
}

func (b *builder) datumAt(va uint64) (*session.Datum, int, bool) {
	pa, ok := b.t.View.Phys(va)
	if !ok {
		return nil, 0, false
	}
	return b.t.Datum(pa)
}

var exceptionNames = []string{"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "", "#TS", "#NP", "#SS", "#GP", "#PF", "", "#MF", "#AC", "#MC", "#XM"}

func exceptionName(v uint8) string {
	if int(v) < len(exceptionNames) && exceptionNames[v] != "" {
		return exceptionNames[v]
	}
	return fmt.Sprintf("exception %d", v)
}

// returned closes the innermost handler of the core.
func (b *builder) returned(s *session.Step) {
	core := int(s.Choice.Core)
	o := b.opens[core]
	if len(o) == 0 {
		return // a task's first return to user mode
	}
	name := o[len(o)-1].name
	b.opens[core] = o[:len(o)-1]
	word, _, _ := strings.Cut(name, " ")
	b.add(s, Close, true, "</"+word+">")
}

// switched notes that the core's current task is another one now.
func (b *builder) switched(s *session.Step) {
	core := int(s.Choice.Core)
	now, ok := b.t.View.Current(s.Session.M, core)
	if !ok || now.PID == b.task[core] {
		return
	}
	was := b.task[core]
	r := b.add(s, Switch, true, fmt.Sprintf("%s -> %s", b.taskName(was), b.taskName(now.PID)))
	if t, ok := b.t.View.Task(was); ok {
		b.carried(r, t)
	}
	b.task[core] = now.PID
}

func (b *builder) taskName(pid int) string {
	if pid < 0 {
		return "idle"
	}
	return fmt.Sprintf("task %d", pid)
}

// carried notes which values loaded from shared memory lie in the stack of a
// task that is switched out.
func (b *builder) carried(r *row, t guest.TaskRef) {
	lo, _ := b.t.View.Phys(t.Stack)
	for pa := lo; pa < lo+(t.Top-t.Stack); pa += 8 {
		for _, l := range b.track.Slot(pa) {
			if d, _, ok := b.t.Datum(l.PA); ok && b.declared(d) && l.Task == t.PID {
				r.saved, r.slots = append(r.saved, l), append(r.slots, pa)
			}
		}
	}
}

// drained makes the row of a buffered store that reaches memory.
func (b *builder) drained(s *session.Step) {
	core := int(s.Choice.Core)
	for i := range s.Events {
		e := &s.Events[i]
		d, _, ok := b.t.Datum(e.PA)
		if e.Kind != cpu.EvCommit || !ok || d.Kind == session.Stack {
			continue
		}
		b.note(b.touch, d, core)
		b.note(b.writer, d, core)
		b.add(s, Drain, b.opt.All, "store buffer drains")
		b.change(e, d, len(b.rows)-1)
	}
}

// pended notes an event from outside that cannot be delivered at once.
func (b *builder) pended(s *session.Step) {
	core := s.Session.M.Core(int(s.Choice.Core))
	what := fmt.Sprintf("IRQ %#02x", s.Choice.Vector)
	if s.Choice.Kind == cpu.NMI {
		what = "NMI"
	}
	b.pic.Injected = append(b.pic.Injected, fmt.Sprintf("%s at step %d", s.Choice, s.N))
	switch {
	case s.Choice.Kind == cpu.NMI && core.Blocked&cpu.BlockNMI != 0:
		b.add(s, Note, true, what+" pending: blocked until iretq")
	case s.Choice.Kind == cpu.IRQ && core.Flags&cpu.FlagIF == 0:
		b.add(s, Note, true, what+" pending: interrupts are off")
	case s.Choice.Kind != cpu.NMI && s.Choice.Kind != cpu.IRQ:
		b.add(s, Note, true, s.Choice.String())
	}
}

// stales marks the rows of this step that used a stale value.
func (b *builder) stales(s *session.Step, first int) {
	for ; b.used < len(b.track.Uses()); b.used++ {
		u := b.track.Uses()[b.used]
		d, _, ok := b.t.Datum(u.Load.PA)
		if !ok || !b.declared(d) || first >= len(b.rows) {
			continue
		}
		r := &b.rows[first]
		r.Mark = fmt.Sprintf("stale since step %d", u.Load.Over.Step)
		r.keep = r.keep || u.Kind == stale.Stored
		b.pic.Stale = append(b.pic.Stale, b.track.Report(u))
	}
}

// fails marks the step that violated a check.
func (b *builder) fails(s *session.Step, first int) {
	for _, v := range s.Violations {
		if first >= len(b.rows) {
			b.add(s, Note, true, s.Choice.String())
		}
		r := &b.rows[len(b.rows)-1]
		r.keep = true
		r.Fail = append(r.Fail, v.Check.Name)
	}
}

// declared says whether the scenario calls a datum shared.
func (b *builder) declared(d *session.Datum) bool {
	for _, s := range b.t.Scenario.Shared {
		name, field, isField := strings.Cut(s.Text, ".")
		switch {
		case d.Kind == session.TaskField && isField && name == "task_struct":
			if strings.HasPrefix(d.Name, field+"(") {
				return true
			}
		case d.Kind == session.CPUField && isField && name == "pcpu":
			if strings.HasPrefix(d.Name, field+"(") {
				return true
			}
		case d.Name == s.Text || !isField && strings.HasPrefix(d.Name, s.Text+"."):
			return true
		}
	}
	return len(b.t.Scenario.Shared) == 0 && d.Kind == session.Global && !d.Own
}

// shared says whether a datum is told about: it is declared or, if nothing is,
// touched by several cores.
func (b *builder) shared(d *session.Datum) bool {
	if len(b.t.Scenario.Shared) > 0 {
		return b.declared(d)
	}
	return d.Kind == session.Global && (len(b.touch[d]) > 1 || b.t.Config.Cores == 1)
}

func (b *builder) otherWriter(d *session.Datum, core int) bool {
	for c := range b.writer[d] {
		if c != core {
			return true
		}
	}
	return false
}
