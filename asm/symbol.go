package asm

import "debug/elf"

// symKind says what a symbol's value is.
type symKind uint8

const (
	symUndefined symKind = iota
	symDefined           // an offset in a section
	symAbsolute          // a number
	symEquated           // an expression that is not a number (yet)
	symCommon            // COMMON: size and alignment
)

// symbol is a symbol of the source. Its value is off from the start of
// fragment frag of sec, a number, or an expression.
type symbol struct {
	name string
	kind symKind
	sec  *section
	frag int32
	off  int64 // offset in the fragment, number, or size of a COMMON symbol
	eq   *expr // value of an equated symbol

	global, weak, local bool // .globl, .weak, .local
	section             bool // section symbol
	used                bool // referred to by a relocation
	weakref             bool // used through .weakref only
	listed              bool // in assembler.order
	seen                bool // referred to, see touch
	anonymous           bool // expression symbol, never in the symbol table
	resolving           bool // guards against definitions that refer to themselves
	volatile            bool // set by .set or =, may be set again
	forced              bool // kept in the symbol table although local (.type, .size...)

	vis      elf.SymVis
	typ      elf.SymType
	unique   bool // STB_GNU_UNIQUE
	size     *expr
	align    uint64 // COMMON
	versions []symVersion
	order    int // order of creation
	pos      srcPos
}

// symVersion is one .symver of a symbol.
type symVersion struct {
	name   string
	remove bool
}

// lookup returns the symbol of that name, made if new, without entering it
// in the symbol table: see refer.
func (a *assembler) lookup(name []byte) *symbol {
	if s := a.symbols[string(name)]; s != nil {
		return s
	}
	s := &a.symChunk()[0]
	s.name = string(name)
	a.symbols[s.name] = s
	if !isLocalName(s.name) {
		a.list(s)
	}
	return s
}

// touch enters a local label in the symbol table's order when an instruction
// addresses it for the second time, or after its definition; other local labels are entered when a
// relocation turns out to need them. It is the order that GNU as has.
func (a *assembler) touch(e *expr) {
	if e.kind != exSym || e.add.listed || e.late {
		return
	}
	if e.add.kind == symUndefined && !e.add.seen && !a.reparsed {
		e.add.seen = true
		return
	}
	a.list(e.add)
}

// symChunk hands out symbols from blocks, to spare an allocation for each.
func (a *assembler) symChunk() []symbol {
	if len(a.symPool) == 0 {
		a.symPool = make([]symbol, 256)
	}
	c := a.symPool[:1]
	a.symPool = a.symPool[1:]
	return c
}

// list enters s in the order that the symbol table will have.
func (a *assembler) list(s *symbol) {
	if s.listed || s.anonymous {
		return
	}
	s.listed = true
	s.order = len(a.order)
	a.order = append(a.order, s)
}

// define makes s a label at the current place.
func (a *assembler) define(s *symbol, at int) bool {
	switch {
	case s.kind == symEquated && s.weakref:
		s.kind = symUndefined
	case s.kind != symUndefined:
		a.errorAt(at, "symbol `%s' is already defined", s.name)
		return false
	}
	a.place0(s)
	s.pos = a.here()
	return true
}

// place0 sets s to the current place.
func (a *assembler) place0(s *symbol) {
	sec := a.cur
	s.kind, s.sec = symDefined, sec
	s.frag, s.off = sec.fragNo(), sec.here()
	if sec.flags&elf.SHF_TLS != 0 && s.typ == elf.STT_NOTYPE {
		s.typ = elf.STT_TLS
	}
}

// tempSymbol makes an unnamed symbol at the current place.
func (a *assembler) tempSymbol() *symbol {
	s := &a.symChunk()[0]
	s.name, s.anonymous = ".", true
	a.place0(s)
	return s
}

// exprSymbol makes an unnamed symbol whose value is the expression.
func (a *assembler) exprSymbol(e expr) *symbol {
	s := &a.symChunk()[0]
	s.name, s.anonymous, s.kind, s.eq = "*expr*", true, symEquated, &e
	return s
}

// isLocalName reports whether a name is one that as keeps out of the symbol
// table: .L names, numeric and dollar labels.
func isLocalName(name string) bool {
	return len(name) >= 2 && name[0] == '.' && name[1] == 'L'
}

// isTemp reports whether the symbol is left out of the symbol table unless a
// relocation needs it.
func (s *symbol) isTemp() bool {
	if s.global || s.weak || s.forced {
		return false
	}
	if isLocalName(s.name) {
		return true
	}
	for i := 0; i < len(s.name); i++ {
		if s.name[i] == 1 || s.name[i] == 2 {
			return true
		}
	}
	return false
}

// external reports whether references to s must stay references to s, because
// the linker may find another definition.
func (s *symbol) external() bool {
	return s.global || s.weak || s.kind == symUndefined || s.kind == symCommon || s.unique
}

// needsPLT reports whether a branch to s is marked as one in its relocation:
// all are but those to symbols known to be local.
func (s *symbol) needsPLT() bool {
	return s.weak || s.global || s.kind == symUndefined || s.kind == symCommon
}
