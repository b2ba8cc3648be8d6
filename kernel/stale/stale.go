package stale

import (
	"fmt"
	"slices"

	"klpsim/cpu"
	"klpsim/cpu/decode"
	"klpsim/kernel/session"
)

// Where is a moment and a place of a run.
type Where struct {
	Step int // 1-based number of the choice
	Core int
	Task int // its number; 0 if unknown
	PC   uint64
}

// Load is a value that was loaded from memory.
type Load struct {
	Where
	PA    uint64
	Size  int
	Value uint64
	Over  *Overwrite // the first that changed it, nil if none did
	// Carried are the places outside registers where the value was kept, in
	// order: physical addresses of stack slots.
	Carried []uint64
	Reg     uint8 // the general register that it was loaded into
	depth   int   // of interrupts, when loaded
}

// Overwrite is a store that changed what a load had read.
type Overwrite struct {
	Where
	Value uint64
}

// Kind says how a stale value was used.
type Kind uint8

// The kinds of uses.
const (
	Stored   Kind = iota // written to memory outside stacks
	Compared             // an operand of a comparison
)

func (k Kind) String() string { return [...]string{"stored", "compared"}[k] }

// Use is a use of a stale value.
type Use struct {
	Where
	Kind Kind
	Load *Load
	PA   uint64 // Stored: where to
}

// tags are the loads that a value comes from.
type tags []*Load

// maxTags bounds how many loads one value remembers; the oldest go first.
const maxTags = 4

// Tracker follows loads through a run.
type Tracker struct {
	t     *session.Target
	regs  [][16]tags
	slots map[uint64]tags    // stack slots, by physical address / 8
	live  map[uint64][]*Load // loads by physical address / 8, while not overwritten
	depth []int              // of interrupts, per core
	uses  []Use
	seen  map[[3]uint64]bool
}

// New returns a tracker for runs of t.
func New(t *session.Target) *Tracker {
	return &Tracker{t: t, regs: make([][16]tags, t.Config.Cores), slots: map[uint64]tags{}, live: map[uint64][]*Load{},
		depth: make([]int, t.Config.Cores), seen: map[[3]uint64]bool{}}
}

// Observer returns the functions to give a session.
func (k *Tracker) Observer() session.Observer { return session.Observer{Step: k.Step} }

// Uses returns the uses of stale values so far, in order; one for each load
// and place.
func (k *Tracker) Uses() []Use { return k.uses }

// Carries returns the loads that a general register of a core holds.
func (k *Tracker) Carries(core, reg int) []*Load { return k.regs[core][reg] }

// Slot returns the loads that the stack slot at pa holds.
func (k *Tracker) Slot(pa uint64) []*Load { return k.slots[pa/8] }

// Step is the observer's function. Others that ask the tracker about a step
// must be called before it.
func (k *Tracker) Step(s *session.Step) {
	core := int(s.Choice.Core)
	w := Where{Step: s.N, Core: core, PC: s.Regs.RIP}
	if s.HasTask {
		w.Task = s.Task.PID
	}
	if s.Code != nil && retired(s.Events, core) {
		k.instruction(s, w)
	}
	for i := range s.Events {
		e := &s.Events[i]
		switch e.Kind {
		case cpu.EvCommit:
			k.commit(e, w)
		case cpu.EvDeliver:
			k.depth[e.Core]++
		case cpu.EvIret:
			k.depth[e.Core] = max(0, k.depth[e.Core]-1)
		}
	}
}

func retired(evs []cpu.Event, core int) bool {
	for i := range evs {
		if evs[i].Kind == cpu.EvExec && int(evs[i].Core) == core {
			return evs[i].Flags&cpu.EvFault == 0
		}
	}
	return false
}

// commit marks the loads that a change of memory overwrites: those by others
// than who made the change.
func (k *Tracker) commit(e *cpu.Event, w Where) {
	if e.Old == e.Value {
		return
	}
	for q := e.PA / 8; q <= (e.PA+uint64(e.Size)-1)/8; q++ {
		keep := k.live[q][:0]
		for _, l := range k.live[q] {
			overlaps := l.PA < e.PA+uint64(e.Size) && e.PA < l.PA+uint64(l.Size)
			own := l.Core == int(e.Core) && l.Task == w.Task && l.depth == k.depth[e.Core]
			switch {
			case overlaps && !own && l.Over == nil:
				l.Over = &Overwrite{Where: w, Value: e.Value[0]}
			case !overlaps:
				keep = append(keep, l)
			}
		}
		k.live[q] = keep
	}
}

// access is what one instruction did to memory.
type access struct {
	read, write *cpu.Event
}

// instruction moves tags as the instruction moved values.
func (k *Tracker) instruction(s *session.Step, w Where) {
	var a access
	for i := range s.Events {
		e := &s.Events[i]
		if int(e.Core) != w.Core || e.Flags&(cpu.EvWalk|cpu.EvDrained) != 0 {
			continue
		}
		switch e.Kind {
		case cpu.EvRead:
			if a.read == nil {
				a.read = e
			}
		case cpu.EvWrite:
			a.write = e
		}
	}
	in := &s.Inst
	mem := k.loaded(a.read, w, in)
	src := k.sources(in, w.Core)
	switch in.Op {
	case decode.CMP, decode.TEST:
		k.use(Compared, join(src, mem), w, 0)
	case decode.MOV, decode.MOVZX, decode.MOVSX, decode.PUSH, decode.POP:
		k.move(in, a, join(src, mem), w)
	case decode.XCHG:
		k.exchange(in, a, mem, w)
	default:
		k.other(in, a, join(src, mem), w)
	}
}

// loaded returns the tags of what an instruction read: those of a stack slot,
// or a new load.
func (k *Tracker) loaded(e *cpu.Event, w Where, in *decode.Inst) tags {
	if e == nil {
		return nil
	}
	if d, _, ok := k.t.Datum(e.PA); ok && d.Kind == session.Stack {
		if in.Op != decode.POP && in.Base != cpu.RSP && w.Task != d.Task.PID {
			return nil // somebody looks at another's stack, as a stack checker does
		}
		return k.slots[e.PA/8]
	}
	l := &Load{Where: w, PA: e.PA, Size: int(e.Size), Value: e.Value[0], depth: k.depth[w.Core]}
	if in.NArgs > 0 && in.Args[0].Kind == decode.Reg {
		l.Reg = in.Args[0].N
	}
	for q := e.PA / 8; q <= (e.PA+uint64(e.Size)-1)/8; q++ {
		k.live[q] = append(k.live[q], l)
	}
	return tags{l}
}

func (k *Tracker) isStack(pa uint64) bool {
	d, _, ok := k.t.Datum(pa)
	return ok && d.Kind == session.Stack
}

// sources are the tags of the registers that an instruction reads as operands.
// The first operand is a source too, except of moves.
func (k *Tracker) sources(in *decode.Inst, core int) tags {
	var out tags
	for i := range in.NArgs {
		a := in.Args[i]
		moves := in.Op == decode.MOV || in.Op == decode.MOVZX || in.Op == decode.MOVSX || in.Op == decode.LEA || in.Op == decode.POP
		if a.Kind == decode.Reg && a.N < 16 && (i > 0 || !moves) {
			out = join(out, k.regs[core][a.N])
		}
	}
	if in.Op == decode.LEA {
		for _, r := range []uint8{in.Base, in.Index} {
			if r < 16 {
				out = join(out, k.regs[core][r])
			}
		}
	}
	return out
}

// move is a plain copy: to a register, or to memory.
func (k *Tracker) move(in *decode.Inst, a access, v tags, w Where) {
	if in.Op == decode.PUSH || a.write != nil {
		k.store(a.write, v, w)
		return
	}
	if in.NArgs > 0 && in.Args[0].Kind == decode.Reg && in.Args[0].N < 16 {
		k.regs[w.Core][in.Args[0].N] = v
	}
}

func (k *Tracker) exchange(in *decode.Inst, a access, mem tags, w Where) {
	r := &k.regs[w.Core]
	x, y := in.Args[0], in.Args[1]
	switch {
	case x.Kind == decode.Reg && y.Kind == decode.Reg:
		r[x.N&15], r[y.N&15] = r[y.N&15], r[x.N&15]
	case x.Kind == decode.Mem && y.Kind == decode.Reg:
		k.store(a.write, r[y.N&15], w)
		r[y.N&15] = mem
	case y.Kind == decode.Mem && x.Kind == decode.Reg:
		k.store(a.write, r[x.N&15], w)
		r[x.N&15] = mem
	}
}

// other covers arithmetic and whatever else writes its first operand.
func (k *Tracker) other(in *decode.Inst, a access, v tags, w Where) {
	same := in.NArgs == 2 && in.Args[0] == in.Args[1] && in.Args[0].Kind == decode.Reg
	if same && (in.Op == decode.XOR || in.Op == decode.SUB) {
		v = nil // the idiom for zero
	}
	if a.write != nil {
		k.store(a.write, v, w)
	}
	if in.NArgs > 0 && in.Args[0].Kind == decode.Reg && in.Args[0].N < 16 {
		k.regs[w.Core][in.Args[0].N] = v
	}
}

// store puts v into memory: a stack slot carries it, elsewhere it is used.
func (k *Tracker) store(e *cpu.Event, v tags, w Where) {
	if e == nil {
		return
	}
	if !k.isStack(e.PA) {
		k.use(Stored, v, w, e.PA)
		return
	}
	if len(v) == 0 {
		delete(k.slots, e.PA/8)
		return
	}
	k.slots[e.PA/8] = v
	for _, l := range v {
		if !slices.Contains(l.Carried, e.PA) {
			l.Carried = append(l.Carried, e.PA)
		}
	}
}

// use notes a use of every stale load in v. A comparison with the place that
// was just read again is how code finds out, so reads of its own are not stale.
func (k *Tracker) use(kind Kind, v tags, w Where, pa uint64) {
	for _, l := range v {
		key := [3]uint64{uint64(l.Step), l.PA, w.PC}
		if l.Over == nil || k.seen[key] {
			continue
		}
		k.seen[key] = true
		k.uses = append(k.uses, Use{Where: w, Kind: kind, Load: l, PA: pa})
	}
}

func join(a, b tags) tags {
	if len(a) == 0 {
		return b
	}
	out := slices.Clone(a)
	for _, l := range b {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	if len(out) > maxTags {
		out = out[len(out)-maxTags:]
	}
	return out
}

// Report tells one use in a few lines of at most width columns.
func (k *Tracker) Report(u Use) string {
	t, l := k.t, u.Load
	s := fmt.Sprintf("stale  %s = %s\n", t.DataName(l.PA), t.FormatValue(l.PA, l.Size, l.Value))
	s += fmt.Sprintf("  loaded       step %d  %s  %s into %%%s\n", l.Step, who(l.Where), t.Where(l.PC), regName(l.Reg))
	for _, pa := range l.Carried {
		s += fmt.Sprintf("  carried      in %s\n", t.DataName(pa))
	}
	s += fmt.Sprintf("  overwritten  step %d  %s  %s with %s\n", l.Over.Step, who(l.Over.Where), t.Where(l.Over.PC), t.FormatValue(l.PA, l.Size, l.Over.Value))
	s += fmt.Sprintf("  %-11s  step %d  %s  %s", u.Kind, u.Step, who(u.Where), t.Where(u.PC))
	if u.Kind == Stored {
		s += " to " + t.DataName(u.PA)
	}
	return s + "\n"
}

func who(w Where) string {
	if w.Task == 0 {
		return fmt.Sprintf("cpu%d", w.Core)
	}
	return fmt.Sprintf("cpu%d task %d", w.Core, w.Task)
}

var regNames = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

func regName(n uint8) string { return regNames[n&15] }
