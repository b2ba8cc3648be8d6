package litmus

import (
	"strconv"
	"strings"
)

// Parse reads one litmus test; file names it in errors, which are of type *Error.
func Parse(file string, text []byte) (*Test, error) {
	s, err := newScanner(file, string(text))
	if err != nil {
		return nil, err
	}
	p := &parser{scanner: s, t: &Test{}}
	for _, part := range []func() error{p.header, p.init, p.code, p.question} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return p.t, p.check()
}

type parser struct {
	*scanner
	t *Test
}

// header reads the first line, the description and the Key=Value lines.
func (p *parser) header() error {
	p.space()
	at := p.off
	p.t.Pos = p.pos(at)
	arch, name, _ := strings.Cut(strings.TrimSpace(p.line()), " ")
	switch arch {
	case "X86":
		p.t.Arch = X86
	case "X86_64":
		p.t.Arch = X8664
	default:
		return p.errorAt(at, "architecture X86 or X86_64 expected, found %q", arch)
	}
	if p.t.Name = strings.TrimSpace(name); p.t.Name == "" {
		return p.errorAt(at, "the test has no name")
	}
	for p.space(); p.off < len(p.text); p.space() {
		if p.text[p.off] == '{' {
			return nil
		}
		p.headerLine()
	}
	return p.errorf("initial state in braces expected, found %s", p.here())
}

func (p *parser) headerLine() {
	start := p.off
	line := p.line()
	// A brace behind the description opens the initial state on the same line.
	if i := strings.IndexByte(line, '{'); i >= 0 && !strings.Contains(line, "=") {
		line, p.off = line[:i], start+i
	}
	line = strings.TrimSpace(line)
	if key, val, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, `"`) {
		p.t.Meta = append(p.t.Meta, Meta{strings.TrimSpace(key), strings.TrimSpace(val)})
		return
	}
	if p.t.Doc == "" {
		p.t.Doc = strings.Trim(line, `"`)
	}
}

// init reads the initial state.
func (p *parser) init() error {
	if err := p.expect("{"); err != nil {
		return err
	}
	for {
		for p.accept(";") {
		}
		if p.accept("}") {
			return nil
		}
		in, err := p.initItem()
		if err != nil {
			return err
		}
		p.t.Init = append(p.t.Init, in)
		if p.accept("}") {
			return nil
		}
		if err := p.expect(";"); err != nil {
			return err
		}
	}
}

// types are the type names of initial states.
var types = map[string]Type{
	"char": {1, true}, "int8_t": {1, true}, "uint8_t": {1, false},
	"short": {2, true}, "int16_t": {2, true}, "uint16_t": {2, false},
	"int": {4, true}, "int32_t": {4, true}, "uint32_t": {4, false},
	"long": {8, true}, "int64_t": {8, true}, "uint64_t": {8, false},
	"intptr_t": {8, true}, "uintptr_t": {8, false},
}

// initItem reads "[type] location [= value]".
func (p *parser) initItem() (Init, error) {
	p.space()
	in := Init{Pos: p.pos(p.off), Type: Type{4, true}}
	if t, ok := types[p.peekWord()]; ok {
		p.word()
		in.Type, in.Typed = t, true
		if p.accept("*") {
			in.Type = Type{8, false}
		}
	}
	loc, err := p.loc()
	if err != nil {
		return in, err
	}
	in.Loc = loc
	if loc.Thread < 0 && loc.Index > 0 && in.Typed { // "int t[2]" declares an array
		in.Values = make([]Value, loc.Index)
		in.Loc.Index = 0
	}
	if !p.accept("=") {
		return in, nil
	}
	if !p.accept("{") {
		in.Value, err = p.value()
		return in, err
	}
	in.Values = in.Values[:0]
	for !p.accept("}") {
		v, err := p.value()
		if err != nil {
			return in, err
		}
		in.Values = append(in.Values, v)
		if !p.accept(",") && !p.accept(";") {
			return in, p.expect("}")
		}
	}
	return in, nil
}

// loc reads a location: x, [x], t[1], [t[1]], *x, 0:EAX or P0:EAX.
func (p *parser) loc() (Loc, error) {
	if p.accept("[") {
		l, err := p.loc()
		if err != nil {
			return l, err
		}
		return l, p.expect("]")
	}
	p.accept("*")
	p.space()
	at := p.off
	w := strings.TrimPrefix(p.word(), "%")
	if w == "" {
		return Loc{}, p.errorAt(at, "variable or register expected, found %s", p.here())
	}
	if !p.accept(":") {
		if c := w[0]; '0' <= c && c <= '9' {
			return Loc{}, p.errorAt(at, "variable or register expected, found %q", w)
		}
		return p.element(Loc{Thread: -1, Name: w})
	}
	n, err := strconv.Atoi(strings.TrimPrefix(w, "P"))
	if err != nil || n < 0 || n > 63 {
		return Loc{}, p.errorAt(at, "bad thread number %q", w)
	}
	at = p.off
	name := strings.TrimPrefix(p.word(), "%")
	if _, ok := regByName(name); !ok {
		return Loc{}, p.errorAt(at, "%q is not a general register", name)
	}
	return Loc{Thread: n, Name: name}, nil
}

// element reads an index behind a variable's name.
func (p *parser) element(l Loc) (Loc, error) {
	if !strings.HasPrefix(p.text[p.off:], "[") {
		return l, nil
	}
	p.accept("[")
	at := p.off
	n, err := strconv.Atoi(p.word())
	if err != nil || n < 0 || n > 64 {
		return l, p.errorAt(at, "bad array index")
	}
	l.Index = n
	return l, p.expect("]")
}

// value reads a number or the address of a variable.
func (p *parser) value() (Value, error) {
	neg := p.accept("-")
	p.accept("&")
	p.space()
	at := p.off
	w := p.word()
	if w == "" {
		return Value{}, p.errorAt(at, "value expected, found %s", p.here())
	}
	if c := w[0]; c < '0' || c > '9' {
		return Value{Addr: w}, nil
	}
	u, err := strconv.ParseUint(w, 0, 64)
	if err != nil {
		return Value{}, p.errorAt(at, "bad number %q", w)
	}
	if neg {
		u = -u
	}
	return Value{Num: int64(u)}, nil
}

// questionWords start the part behind the code.
var questionWords = []string{"exists", "~exists", "~ exists", "forall", "locations", "filter", "final", "observed"}

func (p *parser) atQuestion() bool {
	off := p.off
	defer func() { p.off = off }()
	for _, w := range questionWords {
		if p.accept(w) {
			return true
		}
	}
	return false
}

// code reads the rows of the program.
func (p *parser) code() error {
	names, err := p.row()
	if err != nil {
		return err
	}
	for i, c := range names {
		name, _, _ := strings.Cut(c.Text, ":")
		if name != "P"+strconv.Itoa(i) {
			return &Error{c.Pos, "thread name P" + strconv.Itoa(i) + " expected, found " + strconv.Quote(c.Text)}
		}
	}
	p.t.Threads = make([][]Line, len(names))
	for !p.atQuestion() {
		p.space()
		at := p.off
		cells, err := p.row()
		if err != nil {
			return err
		}
		if len(cells) > len(names) {
			return p.errorAt(at, "%d columns in a test of %d threads", len(cells), len(names))
		}
		for i, c := range cells {
			if c.Text != "" || c.Label != "" {
				p.t.Threads[i] = append(p.t.Threads[i], c)
			}
		}
	}
	return nil
}

// row reads cells up to the next semicolon.
func (p *parser) row() ([]Line, error) {
	p.space()
	end := strings.IndexByte(p.text[p.off:], ';')
	if end < 0 {
		return nil, p.errorf("row of code ending in ';' or a condition expected, found %s", p.here())
	}
	var cells []Line
	at := p.off
	for _, cell := range strings.Split(p.text[p.off:p.off+end], "|") {
		text := strings.TrimSpace(cell)
		pos := p.pos(at + strings.Index(cell, text))
		label := ""
		if l, rest, ok := strings.Cut(text, ":"); ok && isLabel(l) && !isThreadName(l) {
			label, text = l, strings.TrimSpace(rest)
		}
		cells = append(cells, Line{label, text, pos})
		at += len(cell) + 1
	}
	p.off += end + 1
	return cells, nil
}

func isLabel(s string) bool {
	for i := range len(s) {
		if !isWord(s[i]) || s[i] == '%' {
			return false
		}
	}
	return s != "" && (s[0] < '0' || s[0] > '9')
}

func isThreadName(s string) bool {
	_, err := strconv.Atoi(strings.TrimPrefix(s, "P"))
	return s[0] == 'P' && err == nil
}

// question reads locations, filter and the condition.
func (p *parser) question() error {
	for {
		switch {
		case p.accept("locations"):
			if err := p.locations(); err != nil {
				return err
			}
		case p.accept("filter"):
			c, err := p.cond(precImplies)
			if err != nil {
				return err
			}
			p.t.Filter = c
		default:
			return p.quantified()
		}
	}
}

func (p *parser) locations() error {
	if err := p.expect("["); err != nil {
		return err
	}
	for !p.accept("]") {
		if _, ok := types[p.peekWord()]; ok {
			p.word()
		}
		l, err := p.loc()
		if err != nil {
			return err
		}
		p.t.Locations = append(p.t.Locations, l)
		if !p.accept(";") {
			return p.expect("]")
		}
	}
	return nil
}

func (p *parser) quantified() error {
	switch {
	case p.accept("exists"):
		p.t.Quant = Exists
	case p.accept("~exists"), p.accept("~ exists"):
		p.t.Quant = NotExists
	case p.accept("forall"):
		p.t.Quant = ForAll
	case len(p.t.Locations) > 0 && p.atEnd():
		p.t.Quant, p.t.Cond = ForAll, condTrue(true)
		return nil
	default:
		return p.errorf("exists, ~exists or forall expected, found %s", p.here())
	}
	c, err := p.cond(precImplies)
	if err != nil {
		return err
	}
	p.t.Cond = c
	p.accept(";")
	if !p.atEnd() && !p.accept("with") {
		return p.errorf("end of the test expected, found %s", p.here())
	}
	return nil
}

// atEnd reports whether nothing but blanks follows.
func (p *parser) atEnd() bool {
	p.space()
	return p.off >= len(p.text)
}

// cond reads a condition whose connectives bind at least as tightly as prec.
func (p *parser) cond(prec int) (Cond, error) {
	if prec == precNot {
		return p.condAtom()
	}
	c, err := p.cond(prec + 1)
	for err == nil && p.accept([...]string{"=>", `\/`, `/\`}[prec]) {
		var d Cond
		d, err = p.cond(prec + 1)
		c = condBinary{prec, c, d}
	}
	return c, err
}

func (p *parser) condAtom() (Cond, error) {
	switch {
	case p.accept("("):
		c, err := p.cond(precImplies)
		if err != nil {
			return nil, err
		}
		return c, p.expect(")")
	case p.accept("not"), p.accept("~"):
		c, err := p.condAtom()
		return condNot{c}, err
	case p.accept("true"):
		return condTrue(true), nil
	case p.accept("false"):
		return condTrue(false), nil
	}
	l, err := p.loc()
	if err != nil {
		return nil, err
	}
	not := false
	if !p.accept("==") && !p.accept("=") {
		if not = p.accept("!=") || p.accept("<>"); !not {
			return nil, p.errorf(`"=" expected, found %s`, p.here())
		}
	}
	return p.condRight(l, not)
}

// condRight reads the right side of a comparison: a constant, an address, or
// another register.
func (p *parser) condRight(l Loc, not bool) (Cond, error) {
	off := p.off
	if r, err := p.loc(); err == nil && (r.Thread >= 0 || strings.Contains(p.text[off:p.off], "[")) {
		var c Cond = condEqualLoc{l, r}
		if not {
			c = condNot{c}
		}
		return c, nil
	}
	p.off = off
	v, err := p.value()
	return condEqual{l, v, not}, err
}

// check verifies that every thread named exists.
func (p *parser) check() error {
	if len(p.t.Threads) > 8 {
		return &Error{p.t.Pos, "more than 8 threads"}
	}
	var bad error
	see := func(l Loc) {
		if l.Thread >= len(p.t.Threads) && bad == nil {
			bad = &Error{p.t.Pos, "there is no thread " + strconv.Itoa(l.Thread) + " for " + l.String()}
		}
	}
	for _, in := range p.t.Init {
		see(in.Loc)
	}
	for _, l := range p.t.Locations {
		see(l)
	}
	p.t.Cond.locs(see)
	if p.t.Filter != nil {
		p.t.Filter.locs(see)
	}
	return bad
}
