package session

import (
	"fmt"
	"sort"
	"strings"

	"klpsim/kernel/expr"
	"klpsim/kernel/guest"
	"klpsim/kernel/guest/layout"
)

// DatumKind says what a piece of the guest's memory is.
type DatumKind uint8

// The kinds of data.
const (
	Global    DatumKind = iota // a symbol of the image, or a field of one
	TaskField                  // a field of a task_struct
	CPUField                   // a field of a per-CPU area
	Stack                      // a task's kernel stack, or another stack
)

// Datum is a named piece of the guest's memory.
type Datum struct {
	Name string // as a person writes it: klp_target_state, patch_state(123), stack(123)
	Expr string // the expression that reads it; "" for stacks
	Kind DatumKind
	PA   uint64
	Size int        // bytes
	Type *expr.Type // how to read it; nil if unknown
	Task guest.TaskRef
	Core int  // of a per-CPU field
	Own  bool // the guest's bookkeeping, which no scenario wrote
}

// dataTable lists all named data in the order of their physical addresses.
func (t *Target) dataTable() []Datum {
	var out []Datum
	covered := map[uint64]bool{} // addresses that are named by what they are
	add := func(va uint64, d Datum) {
		if pa, ok := t.View.Phys(va); ok && d.Size > 0 {
			d.PA = pa
			out = append(out, d)
		}
	}
	task, _ := t.Names.Type(layout.Task.Name)
	for _, r := range t.View.Tasks() {
		covered[r.Addr], covered[r.Stack] = true, true
		name := fmt.Sprint(r.PID)
		if r.Idle {
			name = fmt.Sprintf("idle %d", r.CPU)
		}
		for _, f := range task.Fields {
			add(r.Addr+uint64(f.Off), Datum{Name: fmt.Sprintf("%s(%s)", f.Name, name), Kind: TaskField, Size: f.Type.Size,
				Type: f.Type, Task: r, Expr: fmt.Sprintf("task(%d).%s", r.PID, f.Name)})
		}
		add(r.Stack, Datum{Name: fmt.Sprintf("stack(%s)", name), Kind: Stack, Size: int(r.Top - r.Stack), Task: r})
	}
	pcpu, _ := t.Names.Type(layout.PCPU.Name)
	for core := range t.Names.Cores() {
		area := t.View.PerCPU(core)
		covered[area] = true
		for _, f := range pcpu.Fields {
			add(area+uint64(f.Off), Datum{Name: fmt.Sprintf("%s(CPU %d)", f.Name, core), Kind: CPUField, Size: f.Type.Size,
				Type: f.Type, Core: core, Expr: fmt.Sprintf("per_cpu(%s, %d)", f.Name, core)})
		}
	}
	t.addSymbols(covered, add)
	sort.SliceStable(out, func(i, j int) bool { return out[i].PA < out[j].PA })
	return out
}

// addSymbols adds the data symbols of the image; one without a size reaches to
// the next symbol.
func (t *Target) addSymbols(covered map[uint64]bool, add func(uint64, Datum)) {
	syms := t.Image.Symbols()
	for i, s := range syms {
		if covered[s.Addr] || t.Names.isCode(s.Addr) || i+1 < len(syms) && syms[i+1].Addr == s.Addr && s.Size == 0 {
			continue
		}
		size := s.Size
		if size == 0 && i+1 < len(syms) {
			size = syms[i+1].Addr - s.Addr
		}
		size = min(size, 1<<16)
		_, typ, _ := t.Names.Symbol(s.Name)
		d := Datum{Name: s.Name, Expr: s.Name, Kind: Global, Size: int(size), Type: typ, Own: s.Object == "config.s"}
		if strings.Contains(s.Name, "_stack_") { // nmi_stack_0 and the like, of package guest
			d.Kind, d.Expr = Stack, ""
		}
		if typ != nil && typ.Size > 0 && typ.Fields == nil {
			d.Size = typ.Size
		}
		if typ == nil || typ.Fields == nil {
			add(s.Addr, d)
			continue
		}
		for _, f := range typ.Fields {
			add(s.Addr+uint64(f.Off), Datum{Name: s.Name + "." + f.Name, Expr: s.Name + "." + f.Name, Kind: Global, Size: f.Type.Size, Type: f.Type})
		}
	}
}

// Datum returns the named piece of memory that contains pa, and the offset of
// pa in it.
func (t *Target) Datum(pa uint64) (d *Datum, off int, ok bool) {
	i := sort.Search(len(t.data), func(i int) bool { return t.data[i].PA > pa }) - 1
	for ; i >= 0; i-- {
		d = &t.data[i]
		if pa < d.PA+uint64(d.Size) {
			return d, int(pa - d.PA), true
		}
		if pa-d.PA > 1<<16 {
			break
		}
	}
	return nil, 0, false
}

// DataName names the memory at pa: patch_state(123), stack(123)+0x7d8, or the
// physical address.
func (t *Target) DataName(pa uint64) string {
	d, off, ok := t.Datum(pa)
	switch {
	case !ok:
		return fmt.Sprintf("phys %#x", pa)
	case off == 0:
		return d.Name
	case d.Type != nil && d.Type.Count > 0 && d.Type.Elem.Size > 0 && off%d.Type.Elem.Size == 0:
		return fmt.Sprintf("%s[%d]", d.Name, off/d.Type.Elem.Size)
	}
	return fmt.Sprintf("%s+%#x", d.Name, off)
}

// FormatValue writes the size-byte value v found at pa as a person reads it.
func (t *Target) FormatValue(pa uint64, size int, v uint64) string {
	typ := t.ValueType(pa, size)
	if typ == nil {
		return fmt.Sprintf("%#x", v)
	}
	if typ.Size < 8 && typ.Signed {
		shift := 64 - 8*uint(typ.Size)
		return typ.Format(int64(v<<shift) >> shift)
	}
	return typ.Format(int64(v))
}

// ValueType returns the type of the size bytes at pa, nil if not known.
func (t *Target) ValueType(pa uint64, size int) *expr.Type {
	d, off, ok := t.Datum(pa)
	if !ok || d.Type == nil {
		return nil
	}
	typ := d.Type
	if typ.Count > 0 {
		typ = typ.Elem
		off %= max(typ.Size, 1)
	}
	if off != 0 || typ.Size != size || typ.Fields != nil {
		return nil
	}
	return typ
}

// Data returns all named pieces of memory in the order of their addresses. The
// caller must not change it.
func (t *Target) Data() []Datum { return t.data }
