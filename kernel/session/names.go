package session

import (
	"debug/elf"
	"fmt"
	"strings"

	"klpsim/asm"
	"klpsim/kernel/expr"
	"klpsim/kernel/guest"
	"klpsim/kernel/guest/layout"
	"klpsim/kernel/scenario"
)

// Names is what a target offers to expressions: the image's symbols, the
// guest's structures and constants, and what the scenario declares.
type Names struct {
	img    *asm.Image
	view   *guest.View
	cores  int
	consts map[string]int64
	types  map[string]*expr.Type // of symbols
	tags   map[string]*expr.Type // structs
	tasks  []expr.Task
}

var _ expr.Names = (*Names)(nil)

func newNames(s *scenario.Scenario, img *asm.Image, view *guest.View) (*Names, error) {
	n := &Names{img: img, view: view, cores: s.Cores, consts: map[string]int64{},
		types: map[string]*expr.Type{}, tags: map[string]*expr.Type{}}
	for _, c := range layout.Consts() {
		n.consts[c.Name] = c.Value
	}
	for _, st := range layout.Structs() {
		n.tags[st.Name] = &expr.Type{Name: "struct " + st.Name, Size: st.Size}
	}
	for _, st := range layout.Structs() {
		for _, f := range st.Fields {
			n.tags[st.Name].Fields = append(n.tags[st.Name].Fields,
				expr.Field{Name: f.Name, Off: f.Offset, Type: n.fieldType(f.Type)})
		}
	}
	for _, t := range view.Tasks() {
		n.tasks = append(n.tasks, expr.Task{Num: t.PID, Name: t.Comm, Addr: t.Addr, Idle: t.Idle})
	}
	return n, n.declare(s)
}

// constNames knows what can be said before an image exists: constants.
func constNames(s *scenario.Scenario) *Names {
	n := &Names{cores: s.Cores, consts: map[string]int64{}}
	for _, c := range layout.Consts() {
		n.consts[c.Name] = c.Value
	}
	for _, v := range s.Values {
		for _, d := range v.Names {
			n.consts[d.Name] = d.Value
		}
	}
	for _, d := range s.Defines {
		n.consts[d.Name] = d.Value
	}
	return n
}

// fieldType turns a layout's type into an expression's.
func (n *Names) fieldType(t layout.Type) *expr.Type {
	var e *expr.Type
	switch {
	case t.To != "":
		e = expr.PointerTo(n.tags[t.To])
	case t.Size == 1:
		e = expr.Int8
	case t.Size == 2:
		e = expr.Uint16
	case t.Size == 4 && t.Signed:
		e = expr.Int32
	case t.Size == 4:
		e = expr.Uint32
	default:
		e = expr.Uint64
	}
	if t.Count > 1 {
		return expr.ArrayOf(e, t.Count)
	}
	return e
}

// declare adds the scenario's enums, bits and types.
func (n *Names) declare(s *scenario.Scenario) error {
	var errs scenario.ErrorList
	values := map[string]*expr.Values{}
	for _, v := range s.Values {
		vs := &expr.Values{Name: v.Name, Bits: v.Bits, Names: map[int64]string{}}
		for _, d := range v.Names {
			if old, ok := n.consts[d.Name]; ok && old != d.Value {
				errs = append(errs, &scenario.Error{Pos: d.Pos, Msg: fmt.Sprintf("%s is %d already, not %d", d.Name, old, d.Value)})
			}
			n.consts[d.Name] = d.Value
			vs.Names[d.Value] = d.Name
		}
		values[v.Name] = vs
	}
	for _, d := range s.Defines {
		n.consts[d.Name] = d.Value
	}
	for _, t := range s.Types {
		if msg := n.declareType(t, values); msg != "" {
			errs = append(errs, &scenario.Error{Pos: t.Pos, Msg: msg})
		}
	}
	if errs != nil {
		return errs
	}
	return nil
}

// declareType notes one type line; the result says what is wrong with it.
func (n *Names) declareType(t scenario.Type, values map[string]*expr.Values) string {
	ct, _ := expr.NamedType(t.Type)
	if tag, ok := strings.CutPrefix(t.Type, "struct "); ok {
		if ct = n.tags[tag]; ct == nil {
			return fmt.Sprintf("no struct is called %q", tag)
		}
	}
	if t.Field == "" {
		if _, ok := n.img.Symbol(t.Symbol); !ok {
			return fmt.Sprintf("there is no symbol %q", t.Symbol)
		}
		if v := values[t.Values]; v != nil {
			ct = ct.With(v)
		}
		if t.Count > 0 {
			ct = expr.ArrayOf(ct, t.Count)
		}
		n.types[t.Symbol] = ct
		return ""
	}
	tag, ok := n.tags[t.Symbol]
	if !ok {
		return fmt.Sprintf("no struct is called %q", t.Symbol)
	}
	for i := range tag.Fields {
		f := &tag.Fields[i]
		if f.Name != t.Field {
			continue
		}
		if ct != nil && ct.Size != f.Type.Size {
			return fmt.Sprintf("%s.%s has %d bytes, %s has %d", t.Symbol, t.Field, f.Type.Size, t.Type, ct.Size)
		}
		if ct != nil {
			f.Type = ct
		}
		if v := values[t.Values]; v != nil {
			f.Type = f.Type.With(v)
		}
		return ""
	}
	return fmt.Sprintf("struct %s has no field %q", t.Symbol, t.Field)
}

// Symbol implements expr.Names.
func (n *Names) Symbol(name string) (uint64, *expr.Type, bool) {
	sym, ok := n.img.Symbol(name)
	if !ok {
		return 0, nil, false
	}
	if t, ok := n.types[name]; ok {
		return sym.Addr, t, true
	}
	if n.isCode(sym.Addr) {
		return sym.Addr, expr.Code, true
	}
	switch sym.Size {
	case 1:
		return sym.Addr, expr.Uint8, true
	case 2:
		return sym.Addr, expr.Uint16, true
	case 4:
		return sym.Addr, expr.Int32, true
	case 8:
		return sym.Addr, expr.Uint64, true
	}
	return sym.Addr, nil, true
}

// isCode says whether va lies in an executable segment of the image.
func (n *Names) isCode(va uint64) bool {
	for _, s := range n.img.Segments {
		if va >= s.Addr && va < s.Addr+s.Size {
			return s.Flags&elf.PF_X != 0
		}
	}
	return false
}

// FuncRange implements expr.Names: a function reaches to the next global
// symbol of its segment if it has no size of its own.
func (n *Names) FuncRange(name string) (lo, hi uint64, ok bool) {
	sym, found := n.img.Symbol(name)
	if !found || !n.isCode(sym.Addr) {
		return 0, 0, false
	}
	if sym.Size > 0 {
		return sym.Addr, sym.Addr + sym.Size, true
	}
	hi = ^uint64(0)
	for _, s := range n.img.Segments {
		if sym.Addr >= s.Addr && sym.Addr < s.Addr+s.Size {
			hi = s.Addr + s.Size
		}
	}
	for _, s := range n.img.Symbols() {
		if s.Addr > sym.Addr && s.Addr < hi {
			hi = s.Addr
		}
	}
	return sym.Addr, hi, true
}

// Const implements expr.Names.
func (n *Names) Const(name string) (int64, *expr.Type, bool) {
	v, ok := n.consts[name]
	return v, nil, ok
}

// Type implements expr.Names.
func (n *Names) Type(tag string) (*expr.Type, bool) {
	t, ok := n.tags[tag]
	return t, ok
}

// Tasks implements expr.Names.
func (n *Names) Tasks() []expr.Task { return n.tasks }

// Cores implements expr.Names.
func (n *Names) Cores() int { return n.cores }

// Current implements expr.Names.
func (n *Names) Current(core int) (uint64, bool) {
	return n.view.CurrentAddr(core), len(n.tasks) > 0
}

// PerCPU implements expr.Names: the variables are the fields of a per-CPU area.
func (n *Names) PerCPU(core int, name string) (uint64, *expr.Type, bool) {
	f, ok := n.tags[layout.PCPU.Name].Field(name)
	if !ok {
		return 0, nil, false
	}
	return n.view.PerCPU(core) + uint64(f.Off), f.Type, true
}

// Fixed implements expr.Names.
func (n *Names) Fixed(va uint64) (uint64, bool) { return n.view.Phys(va) }
