package asm

import (
	"bytes"
	"debug/elf"
	"sort"
)

// finishParsing reports what is left open at the end of the source.
func (a *assembler) finishParsing() {
	if a.dwarf.pending {
		a.emitRow()
	}
	a.prepareLines()
	a.finishCFI()
	for _, c := range a.conds {
		a.errorPos(c.pos, "end of file inside conditional")
	}
	for _, n := range sortedKeys(a.numeric) {
		if l := a.numeric[n]; l.next != nil {
			a.errorPos(l.next.pos, "local label `%d' (instance number %d of a fb label) is not defined", n, l.count)
		}
	}
}

func sortedKeys(m map[uint64]*numericLabel) []uint64 {
	keys := make([]uint64, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] })
	return keys
}

// absSymbol stands for address 0 in branches to a plain number.
func (a *assembler) absSymbol() *symbol {
	if a.abs == nil {
		a.abs = &symbol{name: "*ABS*", kind: symAbsolute, anonymous: true}
	}
	return a.abs
}

// outReloc is a relocation whose symbol is not numbered yet.
type outReloc struct {
	off    int64
	typ    elf.R_X86_64
	sym    *symbol
	addend int64
}

// finish relaxes, resolves the fixups and builds the object.
func (a *assembler) finish(name string) *Object {
	for _, s := range a.dwarf.order {
		a.relax(s)
	}
	a.finishLines()
	for _, s := range a.sections {
		if !a.hasRows(s) {
			a.relax(s)
		}
	}
	relocs := make([][]outReloc, len(a.sections))
	for i, s := range a.sections {
		if s.isBSS() {
			a.checkBSS(s)
			continue
		}
		if s.size < 0 || s.size > maxSection {
			a.errorPos(s.last().pos, "section `%s' is too large: %d bytes", s.name, s.size)
			continue
		}
		s.data = make([]byte, 0, s.size)
		for _, p := range s.parts() {
			a.convert(p, s)
		}
		for _, p := range s.parts() {
			relocs[i] = a.resolve(p, s, relocs[i])
		}
	}
	if a.failed {
		return nil
	}
	return a.build(name, relocs)
}

// checkBSS refuses contents in a section that has none.
func (a *assembler) checkBSS(s *section) {
	for _, p := range s.parts() {
		for _, c := range p.buf {
			if c != 0 {
				a.errorPos(srcPos{}, "non-zero contents in section `%s'", s.name)
				return
			}
		}
	}
}

// convert appends the bytes of p's fragments to root's data, with fixups for
// the branches that a relocation must complete.
func (a *assembler) convert(p, root *section) {
	for i := range p.frags {
		f := &p.frags[i]
		root.data = append(root.data, p.buf[f.start:f.end]...)
		switch f.kind {
		case fragJump:
			a.convertJump(p, root, int32(i), f)
		case fragAlign:
			n := int(f.size)
			if f.sub != 0 {
				root.data = appendNops(root.data, n, f.sub)
			} else {
				root.data = appendFill(root.data, f.fill, n)
			}
		case fragOrg, fragFill:
			a.convertFill(root, f)
		case fragLEB:
			t, ok := a.reduce(&f.val)
			if !ok || t.add != nil || t.sub != nil {
				a.errorPos(f.pos, "LEB128 number is not known at assembly time")
				t.n = 0
			}
			root.data = appendLEB(root.data, t.n, f.sub != 0, int(f.size))
		case fragCFA:
			root.data = appendAdvance(root.data, a.delta(f))
		}
	}
}

// appendFill pads with a pattern; the odd bytes in front of it are zeros.
func appendFill(dst, pattern []byte, n int) []byte {
	for n%len(pattern) != 0 {
		dst = append(dst, 0)
		n--
	}
	for ; n > 0; n -= len(pattern) {
		dst = append(dst, pattern...)
	}
	return dst
}

func (a *assembler) convertFill(root *section, f *frag) {
	n := f.size
	if n > maxSection {
		a.errorPos(f.pos, "section `%s' is too large", root.name)
		return
	}
	if f.kind == fragOrg {
		t, ok := a.reduce(&f.val)
		sec, v := root, int64(0)
		if ok && t.add != nil {
			sec, v, ok = a.location(t.add)
		}
		if !ok || t.sub != nil || sec != root {
			a.errorPos(f.pos, "invalid segment or symbol in .org")
			return
		}
		if v+t.n < f.addr+int64(f.end-f.start) {
			a.errorPos(f.pos, "attempt to move .org backwards")
			return
		}
	} else if _, ok := a.fillCount(f); !ok {
		a.errorPos(f.pos, "the repeat count is not known at assembly time")
		return
	}
	for ; n > 0 && n >= int64(len(f.fill)); n -= int64(len(f.fill)) {
		root.data = append(root.data, f.fill...)
	}
}

// convertJump writes a branch in the size that relaxation settled on.
func (a *assembler) convertJump(p, root *section, no int32, f *frag) {
	at := f.addr + int64(f.end-f.start)
	op := f.sub
	if f.size == 2 {
		t, _ := a.reduce(&f.val)
		d := t.n
		if t.add != nil {
			_, v, _ := a.location(t.add)
			d += v
		}
		root.data = append(root.data, op, byte(d-at-2))
		return
	}
	if op == 0xeb {
		root.data = append(root.data, 0xe9)
	} else {
		root.data = append(root.data, 0x0f, op+0x10)
	}
	size := uint8(4)
	if f.align == 2 {
		size = 2
	}
	x := fixup{frag: -2, off: int32(len(root.data)), size: size, pcrel: true, mod: f.val.mod, val: f.val, pos: f.pos}
	x.val.n -= int64(size)
	x.relaxed = f.max != 1
	if f.max == 1 && x.mod == modNone && size == 4 && f.align == 8 && f.val.add.needsPLT() {
		x.mod = modPLT
	}
	root.data = append(root.data, make([]byte, size)...)
	p.fixups = append(p.fixups, x)
}

// offset is where in the finished section a fixup's field is.
func (a *assembler) offset(p *section, f *fixup) int64 {
	switch f.frag {
	case -1:
		t, ok := a.reduce(f.place)
		if ok && t.sub == nil {
			if t.add == nil {
				return t.n
			}
			if sec, v, ok := a.location(t.add); ok && sec == p.root() {
				return v + t.n
			}
		}
		a.errorPos(f.pos, "bad offset of .reloc")
		return 0
	case -2:
		return int64(f.off)
	}
	g := &p.frags[f.frag]
	return g.addr + int64(f.off-g.start)
}

// resolve completes the fixups of p or turns them into relocations.
func (a *assembler) resolve(p, root *section, out []outReloc) []outReloc {
	for i := range p.fixups {
		f := &p.fixups[i]
		off := a.offset(p, f)
		t, ok := a.reduce(&f.val)
		if !ok {
			a.errorPos(f.pos, "invalid operands: the expression cannot be represented in an object file")
			continue
		}
		if f.mod.keepsSymbol() && f.val.kind == exSym && t.add == nil {
			t = terms{add: f.val.add, n: f.val.n} // the table's entry of a number
		}
		if r, ok := a.relocation(root, f, off, t); ok {
			out = append(out, r)
		}
	}
	return out
}

// relocation resolves one fixup, or returns the relocation that it needs.
func (a *assembler) relocation(root *section, f *fixup, off int64, t terms) (r outReloc, needed bool) {
	pcrel := f.pcrel
	if t.sub != nil { // x - place in this section is relative to the field
		sec, v, ok := a.location(t.sub)
		if !ok || sec != root || pcrel {
			a.errorPos(f.pos, "can't resolve `%s' - `%s'", a.termName(t.add), t.sub.name)
			return r, false
		}
		pcrel = true
		t.n += off - v
	}
	if t.add == nil && !pcrel && f.typ == 0 && f.mod == modNone {
		a.store(root, f, off, t.n)
		return r, false
	}
	if pcrel && f.typ == 0 && (f.mod == modNone || f.mod == modPLT) && t.add != nil && (f.relaxed || !t.add.external() && t.add.typ != sttIfunc) {
		if sec, v, ok := a.location(t.add); ok && sec == root {
			a.store(root, f, off, v+t.n-off)
			return r, false
		}
	}
	if f.mod == modPLT && t.add != nil && !t.add.needsPLT() {
		f.mod = modNone
	}
	typ, ok := relocType(f, t.add, pcrel)
	if !ok {
		a.errorPos(f.pos, "cannot represent relocation of %d bytes", f.size)
		return r, false
	}
	r = outReloc{off: off, typ: typ, sym: t.add, addend: t.n}
	a.anchor(&r, f, pcrel)
	return r, true
}

func (a *assembler) termName(s *symbol) string {
	if s == nil {
		return "{standard input}"
	}
	return s.name
}

// anchor replaces a local symbol of the relocation by its section's.
func (a *assembler) anchor(r *outReloc, f *fixup, pcrel bool) {
	s := r.sym
	if s == nil {
		return
	}
	if sec, v, ok := a.location(s); ok && !s.external() && !f.mod.keepsSymbol() && s.typ != sttIfunc {
		merge := sec.flags&elf.SHF_MERGE != 0 && (pcrel || r.addend != 0)
		if sec.flags&elf.SHF_TLS == 0 && !merge {
			r.sym = sec.sym
			r.addend += v
		}
	}
	r.sym.used = true
	if f.mod >= modTLSGD && f.mod <= modTLSCALL && !r.sym.section {
		r.sym.typ = elf.STT_TLS
	}
	if !r.sym.section {
		a.list(r.sym)
	}
}

// store writes a resolved value into its field.
func (a *assembler) store(root *section, f *fixup, off, v int64) {
	if f.size < 8 {
		lim := int64(1) << (8 * f.size)
		lo, hi := -lim/2, lim-1
		if f.pcrel || f.signed {
			hi = lim/2 - 1
		} else {
			lo = -lim
		}
		if v < lo || v > hi {
			a.errorPos(f.pos, "value of %d too large for field of %d bytes", v, f.size)
			return
		}
	}
	for i := int64(0); i < int64(f.size); i++ {
		root.data[off+i] = byte(v >> (8 * i))
	}
}

// build makes the object: sections, then symbols in ELF order.
func (a *assembler) build(name string, relocs [][]outReloc) *Object {
	o := &Object{Name: name, Files: a.files}
	secs := map[*section]*Section{}
	groups := map[*group]*Group{}
	for _, s := range a.sections {
		out := &Section{Name: s.name, Type: s.typ, Flags: s.flags, Align: s.align, EntSize: s.entsize,
			Data: s.data, Size: uint64(s.size)}
		if s.group != nil {
			if groups[s.group] == nil {
				groups[s.group] = &Group{Signature: s.group.signature, Comdat: s.group.comdat}
			}
			out.Group = groups[s.group]
		}
		out.Lines = a.lineTable(s)
		secs[s] = out
		o.Sections = append(o.Sections, out)
	}
	for _, s := range a.sections {
		if to := a.secByName[s.linked]; to != nil {
			secs[s].LinkTo = secs[to]
		}
	}
	syms := a.symbolTable(o, secs, groups)
	for i, s := range a.sections {
		for _, r := range relocs[i] {
			out := Reloc{Off: uint64(r.off), Type: r.typ, Addend: r.addend}
			if r.sym != nil && r.sym != a.abs {
				out.Sym = syms[r.sym]
			}
			secs[s].Relocs = append(secs[s].Relocs, out)
		}
	}
	return o
}

// symbolTable makes the object's symbols: file, sections that relocations
// need, other local ones, then global ones, each in order of appearance.
func (a *assembler) symbolTable(o *Object, secs map[*section]*Section, groups map[*group]*Group) map[*symbol]*Symbol {
	m := map[*symbol]*Symbol{}
	var global []*Symbol
	for _, f := range a.fileSym {
		o.Symbols = append(o.Symbols, &Symbol{Name: f, Abs: true, Type: elf.STT_FILE})
	}
	for _, s := range a.order {
		if s.anonymous || (s.section || s.isTemp()) && !s.used || s.weakref {
			continue
		}
		if s.section {
			m[s] = &Symbol{Section: secs[s.sec], Type: elf.STT_SECTION}
			o.Symbols = append(o.Symbols, m[s])
			continue
		}
		out := a.outSymbol(s, secs)
		m[s] = out
		if out.Bind == elf.STB_LOCAL {
			o.Symbols = append(o.Symbols, out)
		} else {
			global = append(global, out)
		}
	}
	for _, g := range a.groups {
		out := groups[g]
		if s := a.symbols[g.signature]; s != nil && m[s] != nil {
			out.symbol = m[s]
			continue
		}
		out.symbol = &Symbol{Name: g.signature, group: out}
		o.Symbols = append(o.Symbols, out.symbol)
	}
	o.firstGlobal = len(o.Symbols)
	o.Symbols = append(o.Symbols, global...)
	return m
}

// outSymbol converts one symbol.
func (a *assembler) outSymbol(s *symbol, secs map[*section]*Section) *Symbol {
	out := &Symbol{Name: s.name, Type: s.typ, Vis: s.vis}
	switch {
	case s.unique:
		out.Bind = elf.STB_LOOS
	case s.weak:
		out.Bind = elf.STB_WEAK
	case s.global || s.kind == symUndefined || s.kind == symCommon:
		out.Bind = elf.STB_GLOBAL
	}
	switch s.kind {
	case symAbsolute:
		out.Abs, out.Value = true, uint64(s.off)
	case symCommon:
		out.Common, out.Value = true, s.align
	case symDefined, symEquated:
		a.placeSymbol(out, s, secs)
	}
	if out.Section != nil && out.Section.Flags&elf.SHF_TLS != 0 && out.Type != elf.STT_FUNC {
		out.Type = elf.STT_TLS
	}
	if s.size != nil {
		t, ok := a.reduce(s.size)
		if !ok || t.add != nil || t.sub != nil {
			a.errorPos(s.pos, ".size expression for %s does not evaluate to a constant", s.name)
		}
		out.Size = uint64(t.n)
	}
	return out
}

func (a *assembler) placeSymbol(out *Symbol, s *symbol, secs map[*section]*Section) {
	if sec, v, ok := a.location(s); ok {
		out.Section, out.Value = secs[sec], uint64(v)
		return
	}
	t, ok := a.reduce(s.eq)
	switch {
	case !ok || t.sub != nil || t.add != nil && t.n != 0:
		a.errorPos(s.pos, "invalid value of symbol `%s'", s.name)
	case t.add == nil:
		out.Abs, out.Value = true, uint64(t.n)
	}
}

// lineTable converts the line marks of a section.
func (a *assembler) lineTable(root *section) []Line {
	var out []Line
	for _, p := range root.parts() {
		for i := range p.lines {
			m := &p.lines[i]
			f := &p.frags[m.frag]
			buf := a.bases[m.base]
			text := bytes.TrimSpace(buf[m.at:statementEnd(buf, int(m.at))])
			out = append(out, Line{Off: uint64(f.addr + int64(m.off-f.start)), File: m.file, Line: m.line, Text: string(text)})
		}
	}
	return out
}
