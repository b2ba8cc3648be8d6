package litmus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"klpsim/asm"
	"klpsim/cpu"
	"klpsim/kernel/bare"
)

// varSpace is the distance between variables: a cache line each.
const varSpace = 64

// variable is a shared variable, or an array of them.
type variable struct {
	name string
	addr uint64
	typ  Type
	n    int // elements
	init []Value
	read bool // typ was declared
}

// program is a test made ready to run.
type program struct {
	test  *Test
	vars  []*variable
	byNam map[string]*variable
	code  [][]byte
}

// compile lays out the variables and assembles the threads.
func compile(t *Test) (*program, error) {
	p := &program{test: t, byNam: map[string]*variable{}}
	p.declare()
	for i, lines := range t.Threads {
		code, err := p.assemble(i, lines)
		if err != nil {
			return nil, err
		}
		p.code = append(p.code, code)
	}
	p.infer()
	return p, nil
}

// declare finds the variables: those of the initial state, of the question,
// and those that only the code names.
func (p *program) declare() {
	for _, in := range p.test.Init {
		if in.Loc.Thread >= 0 {
			p.value(in.Value)
			continue
		}
		v := p.variable(in.Loc.Name)
		if in.Typed {
			v.typ, v.read = in.Type, true
		}
		vals := in.Values
		if vals == nil {
			vals = []Value{in.Value}
		}
		for len(v.init) < in.Loc.Index+len(vals) {
			v.init = append(v.init, Value{})
		}
		copy(v.init[in.Loc.Index:], vals)
		v.n = max(v.n, len(v.init))
		for _, val := range vals {
			p.value(val)
		}
	}
	see := func(l Loc) {
		if l.Thread < 0 {
			v := p.variable(l.Name)
			v.n = max(v.n, l.Index+1)
		}
	}
	p.test.Cond.locs(see)
	for _, l := range p.test.Locations {
		see(l)
	}
	for _, lines := range p.test.Threads {
		for _, l := range lines {
			p.mentioned(l.Text)
		}
	}
}

// mentioned declares the variables that an instruction names in brackets, in
// parentheses or as an immediate.
func (p *program) mentioned(text string) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("[](), $+*", r) })
	for i, f := range fields {
		_, isReg := regByName(f)
		opened := strings.Contains(text, "["+f) || strings.Contains(text, "("+f) || strings.Contains(text, "$"+f)
		if i > 0 && !isReg && isLabel(f) && opened {
			p.variable(f)
		}
	}
}

// value declares the variable whose address a value is.
func (p *program) value(v Value) {
	if v.Addr != "" {
		p.variable(v.Addr)
	}
}

// variable returns the variable of a name, making it if it is new.
func (p *program) variable(name string) *variable {
	v := p.byNam[name]
	if v == nil {
		v = &variable{name: name, typ: Type{4, true}, n: 1}
		v.addr = bare.DataBase + uint64(len(p.vars))*8*varSpace
		p.byNam[name] = v
		p.vars = append(p.vars, v)
	}
	return v
}

// assemble translates and assembles thread i, with a HLT behind it.
func (p *program) assemble(i int, lines []Line) ([]byte, error) {
	tr := &translator{
		arch: p.test.Arch,
		addr: func(name string) (uint64, bool) {
			v := p.byNam[name]
			if v == nil {
				return 0, false
			}
			return v.addr, true
		},
		size: func(name string) uint8 {
			if v := p.byNam[name]; v != nil && v.read {
				return v.typ.Size
			}
			return 0
		},
	}
	text, err := tr.thread(lines)
	if err != nil {
		return nil, err
	}
	src := strings.Join(text, "\n") + "\n" + endLabel + ":\nhlt\n"
	obj, err := asm.Assemble(asm.Source{Name: p.test.Pos.File, Text: []byte(src)}, asm.Options{})
	if err != nil {
		return nil, asmError(err, lines)
	}
	img, err := asm.Link([]*asm.Object{obj}, asm.Layout{Segments: []asm.SegmentRule{
		{Name: "text", Addr: bare.CodeAddr(i), Sections: []string{".text"}},
	}})
	if err != nil {
		return nil, &Error{p.test.Pos, fmt.Sprintf("thread %d: %v", i, err)}
	}
	for _, seg := range img.Segments {
		if len(seg.Data) > 0 {
			return seg.Data, nil
		}
	}
	return nil, errors.New("BUG: a litmus thread assembled to nothing")
}

// asmError points an assembler's error, of which two lines are one of the
// thread's, at the line of the test.
func asmError(err error, lines []Line) error {
	var e *asm.Error
	if errors.As(err, &e) && e.Line >= 1 && e.Line <= 2*len(lines) {
		l := lines[(e.Line-1)/2]
		return &Error{l.Pos, fmt.Sprintf("%s: %s", l.Text, e.Msg)}
	}
	return err
}

// infer gives variables without a declared type the width of what they are
// compared with only when that needs more than an int.
func (p *program) infer() {
	for _, v := range p.vars {
		if v.read {
			continue
		}
		for _, val := range v.init {
			if val.Addr != "" {
				v.typ = Type{8, true}
			}
		}
	}
}

// machine returns a machine in the test's initial state.
func (p *program) machine(model cpu.MemoryModel, buffer int) (*cpu.Machine, error) {
	m, err := bare.New(cpu.Config{Cores: len(p.code), Memory: model, StoreBuffer: buffer})
	if err != nil {
		return nil, err
	}
	for i, code := range p.code {
		m.WritePhys(bare.CodeAddr(i), code)
	}
	for _, v := range p.vars {
		for i, val := range v.init {
			m.WritePhys(v.addr+uint64(i)*uint64(v.typ.Size), p.bytes(val, v.typ.Size))
		}
	}
	for _, in := range p.test.Init {
		if in.Loc.Thread < 0 {
			continue
		}
		r, _ := regByName(in.Loc.Name)
		m.Core(in.Loc.Thread).GPR[r.n] = uint64(p.number(in.Value)) & (^uint64(0) >> (64 - 8*uint(r.size)))
	}
	return m, nil
}

func (p *program) bytes(v Value, size uint8) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(p.number(v)))[:size]
}

// number returns a constant's value; addresses are those of the layout.
func (p *program) number(v Value) int64 {
	if v.Addr == "" {
		return v.Num
	}
	return int64(p.byNam[v.Addr].addr)
}

// typeOf returns the type in which a location is read and printed.
func (p *program) typeOf(l Loc) Type {
	if l.Thread < 0 {
		return p.byNam[l.Name].typ
	}
	for _, in := range p.test.Init {
		if in.Typed && in.Loc == l {
			return in.Type
		}
	}
	r, _ := regByName(l.Name)
	return Type{r.size, true}
}

// read returns what a location holds in a final state.
func (p *program) read(m *cpu.Machine, l Loc) int64 {
	t := p.typeOf(l)
	if l.Thread < 0 {
		var b [8]byte
		v := p.byNam[l.Name]
		m.ReadPhys(v.addr+uint64(l.Index)*uint64(t.Size), b[:t.Size])
		return t.cut(int64(binary.LittleEndian.Uint64(b[:])))
	}
	r, _ := regByName(l.Name)
	x := m.Core(l.Thread).GPR[r.n]
	if r.high {
		x >>= 8
	}
	return t.cut(int64(x))
}
