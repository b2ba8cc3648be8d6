package asm

import "debug/elf"

var symbolDirectives = map[string]directive{
	"globl":     func(a *assembler, at int) { a.eachSymbol(func(s *symbol) { s.global, s.local = true, false }) },
	"global":    func(a *assembler, at int) { a.eachSymbol(func(s *symbol) { s.global, s.local = true, false }) },
	"extern":    func(a *assembler, at int) { a.skipStatement() },
	"weak":      func(a *assembler, at int) { a.eachSymbol(func(s *symbol) { s.weak, s.global = true, true }) },
	"local":     func(a *assembler, at int) { a.eachSymbol(func(s *symbol) { s.local, s.global = true, false }) },
	"hidden":    func(a *assembler, at int) { a.eachSymbol(func(s *symbol) { s.vis = elf.STV_HIDDEN }) },
	"internal":  func(a *assembler, at int) { a.eachSymbol(func(s *symbol) { s.vis = elf.STV_INTERNAL }) },
	"protected": func(a *assembler, at int) { a.eachSymbol(func(s *symbol) { s.vis = elf.STV_PROTECTED }) },
	"type":      typeDirective,
	"size":      sizeDirective,
	"comm":      func(a *assembler, at int) { a.common(false, at) },
	"common":    func(a *assembler, at int) { a.common(false, at) },
	"lcomm":     func(a *assembler, at int) { a.common(true, at) },
	"set":       func(a *assembler, at int) { a.setDirective(setAny, at) },
	"equ":       func(a *assembler, at int) { a.setDirective(setAny, at) },
	"equiv":     func(a *assembler, at int) { a.setDirective(setOnce, at) },
	"eqv":       func(a *assembler, at int) { a.setDirective(setOnce, at) },
	"weakref":   weakref,
	"symver":    symver,
}

// eachSymbol applies f to every symbol of the statement's list.
func (a *assembler) eachSymbol(f func(*symbol)) {
	for {
		a.blanks()
		at := a.pos
		n := a.symbolName()
		if n == "" {
			a.errorAt(at, "expected a symbol name, found %s", a.describe(at))
			a.skipStatement()
			return
		}
		s := a.lookup([]byte(n))
		a.list(s)
		f(s)
		if !a.comma() {
			break
		}
	}
	a.endLine()
}

// symbolTypes are the names that .type takes, without '@', '%' or '#'.
var symbolTypes = map[string]elf.SymType{
	"function": elf.STT_FUNC, "STT_FUNC": elf.STT_FUNC,
	"object": elf.STT_OBJECT, "STT_OBJECT": elf.STT_OBJECT,
	"tls_object": elf.STT_TLS, "STT_TLS": elf.STT_TLS,
	"common": elf.STT_COMMON, "STT_COMMON": elf.STT_COMMON,
	"notype": elf.STT_NOTYPE, "STT_NOTYPE": elf.STT_NOTYPE,
	"gnu_indirect_function": sttIfunc, "STT_GNU_IFUNC": sttIfunc,
	"gnu_unique_object": elf.STT_OBJECT,
}

func typeDirective(a *assembler, at int) {
	a.blanks()
	where := a.pos
	n := a.symbolName()
	if n == "" {
		a.errorAt(where, "expected a symbol name, found %s", a.describe(where))
		return
	}
	s := a.lookup([]byte(n))
	a.comma()
	c := a.buf[a.pos]
	where = a.pos
	var word string
	switch {
	case c == '"':
		t, ok := a.quoted()
		if !ok {
			return
		}
		word = string(t)
	case c == '@' || c == '%' || c == '#':
		a.pos++
		word = string(a.name())
	default:
		word = string(a.name())
	}
	t, ok := symbolTypes[word]
	if !ok {
		a.errorAt(where, "unrecognized symbol type \"%s\"", word)
		return
	}
	s.typ = t
	s.forced = true
	a.list(s)
	s.unique = word == "gnu_unique_object"
	a.endLine()
}

func sizeDirective(a *assembler, at int) {
	a.blanks()
	where := a.pos
	n := a.symbolName()
	if n == "" {
		a.errorAt(where, "expected a symbol name, found %s", a.describe(where))
		return
	}
	if !a.comma() {
		a.errorAt(a.pos, "expected comma after name `%s' in .size directive", n)
		return
	}
	e, ok := a.expression()
	if !ok {
		return
	}
	s := a.lookup([]byte(n))
	s.size = &e
	s.forced = true
	a.list(s)
	a.endLine()
}

// common handles .comm and .lcomm NAME, SIZE[, ALIGN].
func (a *assembler) common(local bool, at int) {
	a.blanks()
	where := a.pos
	n := a.symbolName()
	if n == "" {
		a.errorAt(where, "expected a symbol name, found %s", a.describe(where))
		return
	}
	if !a.comma() {
		a.errorAt(a.pos, "expected comma after \"%s\"", n)
		return
	}
	size, ok := a.absolute()
	if !ok {
		return
	}
	if size < 0 {
		a.errorAt(where, "size (%d) of `%s' is negative", size, n)
		return
	}
	align := int64(0)
	if a.comma() {
		if align, ok = a.absolute(); !ok {
			return
		}
		if align != 0 && align&(align-1) != 0 {
			a.errorAt(at, "common alignment not a power of 2")
			return
		}
	}
	s := a.lookup([]byte(n))
	if s.kind == symCommon && s.off == size {
		return
	}
	if s.kind != symUndefined {
		a.errorAt(where, "symbol `%s' is already defined", n)
		return
	}
	if align == 0 {
		align = naturalAlign(size, local)
	}
	if local || s.local {
		a.localCommon(s, size, align)
	} else {
		s.kind, s.off, s.align, s.global = symCommon, size, uint64(align), true
	}
	s.typ, s.size = elf.STT_OBJECT, &expr{kind: exConst, n: size}
	s.forced = true
	a.list(s)
	a.endLine()
}

// naturalAlign is the alignment of a COMMON symbol that names none: the power
// of two not below its size, up to 16; .lcomm does not align.
func naturalAlign(size int64, local bool) int64 {
	if local {
		return 1
	}
	align := int64(1)
	for align < size && align < 16 {
		align *= 2
	}
	return align
}

// localCommon places a local symbol in .bss.
func (a *assembler) localCommon(s *symbol, size, align int64) {
	save, prev := a.cur, a.previous
	a.cur = a.section(".bss").subsection(1)
	a.alignTo(align, true, []byte{0}, 0)
	a.place0(s)
	a.fillFrag(constant(size), []byte{0}, a.pos)
	a.cur, a.previous = save, prev
}

// setMode tells the assignments apart.
type setMode uint8

const (
	setAny  setMode = iota // .set, =
	setOnce                // .equiv, ==
)

func (a *assembler) setDirective(mode setMode, at int) {
	a.blanks()
	where := a.pos
	n := a.symbolName()
	if n == "" {
		a.errorAt(where, "expected a symbol name, found %s", a.describe(where))
		return
	}
	if !a.comma() {
		a.errorAt(a.pos, "expected comma after \"%s\"", n)
		return
	}
	a.assign(n, mode, where)
}

// assignment handles "name = value" and "name == value"; the cursor is at '='.
func (a *assembler) assignment(name string, at int) {
	mode := setAny
	a.pos++
	if a.buf[a.pos] == '=' {
		mode = setOnce
		a.pos++
	}
	a.assign(name, mode, at)
}

// assign gives name the value of the expression at the cursor.
func (a *assembler) assign(name string, mode setMode, at int) {
	e, ok := a.expression()
	if !ok {
		return
	}
	if !a.endLine() {
		return
	}
	if name == "." {
		f := a.cur.closeFrag(fragOrg)
		f.val, f.fill, f.pos = e, []byte{0}, a.here()
		return
	}
	s := a.lookup([]byte(name))
	if s.kind != symUndefined && (mode == setOnce || !s.volatile) {
		a.errorAt(at, "symbol `%s' is already defined", name)
		return
	}
	if s.volatile && s.kind != symAbsolute {
		s = a.renew(s)
	}
	s.volatile = true
	s.pos = a.here()
	if n, ok := a.constantNow(&e); ok {
		s.kind, s.off = symAbsolute, n
		return
	}
	if e.kind == exSym && e.n == 0 && s.size == nil {
		s.size = e.add.size
		s.vis = max(s.vis, e.add.vis)
		if s.typ == elf.STT_NOTYPE {
			s.typ = e.add.typ
		}
	}
	if e.kind == exSym && e.add.kind == symDefined && e.mod == modNone {
		s.kind, s.sec, s.frag, s.off = symDefined, e.add.sec, e.add.frag, e.add.off+e.n
		return
	}
	s.kind, s.eq = symEquated, &e
}

// renew replaces a symbol that is set again: earlier references keep the old
// value, later ones see the new symbol.
func (a *assembler) renew(s *symbol) *symbol {
	n := &a.symChunk()[0]
	*n = *s
	n.kind, n.eq = symUndefined, nil
	a.symbols[s.name] = n
	if s.listed {
		a.order[s.order] = n
	}
	s.anonymous, s.listed = true, false
	return n
}

// weakref handles .weakref ALIAS, TARGET.
func weakref(a *assembler, at int) {
	a.blanks()
	alias := a.symbolName()
	if !a.comma() {
		a.errorAt(a.pos, "expected comma after \"%s\"", alias)
		return
	}
	target := a.symbolName()
	if alias == "" || target == "" {
		a.errorAt(at, "expected a symbol name")
		return
	}
	s := a.lookup([]byte(alias))
	if s.kind != symUndefined && !s.weakref {
		a.errorAt(at, "symbol `%s' is already defined", alias)
		return
	}
	t := a.lookup([]byte(target))
	s.kind, s.eq, s.weakref = symEquated, &expr{kind: exSym, add: t}, true
	a.weakrefs = append(a.weakrefs, t)
	a.endLine()
}

// symver handles .symver NAME, NAME2@[@[@]]VERSION[, VISIBILITY].
func symver(a *assembler, at int) {
	a.blanks()
	n := a.symbolName()
	if n == "" || !a.comma() {
		a.errorAt(at, "expected a symbol name and a version")
		return
	}
	start := a.pos
	for c := a.buf[a.pos]; class[c]&isName != 0 || c == '@'; c = a.buf[a.pos] {
		a.pos++
	}
	s := a.lookup([]byte(n))
	v := symVersion{name: string(a.buf[start:a.pos])}
	if a.comma() {
		where := a.pos
		switch string(a.name()) {
		case "local":
			s.local, s.global = true, false
		case "hidden":
			s.vis = elf.STV_HIDDEN
		case "remove":
			v.remove = true
		default:
			a.errorAt(where, "unknown .symver visibility %s", a.describe(where))
			return
		}
	}
	s.versions = append(s.versions, v)
	a.endLine()
}

// relocDirective handles .reloc OFFSET, TYPE[, EXPRESSION].
func relocDirective(a *assembler, at int) {
	a.blanks()
	off, ok := a.expression()
	if !ok {
		return
	}
	if !a.comma() {
		a.errorAt(a.pos, "expected comma after the offset of .reloc")
		return
	}
	where := a.pos
	name := string(a.name())
	typ, ok := relocByName(name)
	if !ok {
		a.errorAt(where, "unrecognized relocation type `%s'", name)
		return
	}
	v := constant(0)
	if a.comma() {
		if v, ok = a.expression(); !ok {
			return
		}
	}
	s := a.cur
	f := fixup{frag: -1, typ: typ, val: v, mod: v.mod, pos: a.here(), place: &off}
	s.fixups = append(s.fixups, f)
	a.endLine()
}

// relocByName finds a relocation type by its psABI name or BFD alias.
func relocByName(name string) (elf.R_X86_64, bool) {
	switch name {
	case "BFD_RELOC_NONE":
		return elf.R_X86_64_NONE, true
	case "BFD_RELOC_8":
		return elf.R_X86_64_8, true
	case "BFD_RELOC_16":
		return elf.R_X86_64_16, true
	case "BFD_RELOC_32":
		return elf.R_X86_64_32, true
	case "BFD_RELOC_64":
		return elf.R_X86_64_64, true
	}
	for t := elf.R_X86_64(0); t < 43; t++ {
		if t.String() == name {
			return t, true
		}
	}
	return 0, false
}
