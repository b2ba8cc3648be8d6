package asm

import (
	"debug/elf"
)

const (
	shfMergeStrings = elf.SHF_MERGE | elf.SHF_STRINGS
	shfExclude      = elf.SectionFlag(0x80000000)
	shfGnuRetain    = elf.SectionFlag(0x200000)
	shtUnwind       = elf.SectionType(0x70000001) // SHT_X86_64_UNWIND
)

var sectionDirectives = map[string]directive{
	"text":        func(a *assembler, at int) { a.standardSection(".text") },
	"data":        func(a *assembler, at int) { a.standardSection(".data") },
	"bss":         func(a *assembler, at int) { a.standardSection(".bss") },
	"section":     func(a *assembler, at int) { a.sectionDirective(false, at) },
	"pushsection": func(a *assembler, at int) { a.sectionDirective(true, at) },
	"popsection":  popSection,
	"previous":    previousSection,
	"subsection":  subsection,
}

// standardSection handles .text, .data and .bss [SUBSECTION].
func (a *assembler) standardSection(name string) {
	n := int64(0)
	if !a.atEnd() {
		var ok bool
		if n, ok = a.absolute(); !ok {
			return
		}
	}
	a.enter(a.section(name).subsection(n))
	a.endLine()
}

func popSection(a *assembler, at int) {
	if len(a.stack) == 0 {
		a.errorAt(at, ".popsection without corresponding .pushsection; ignored")
		return
	}
	top := a.stack[len(a.stack)-1]
	a.stack = a.stack[:len(a.stack)-1]
	a.cur, a.previous = top.cur, top.previous
	a.endLine()
}

func previousSection(a *assembler, at int) {
	a.cur, a.previous = a.previous, a.cur
	a.endLine()
}

func subsection(a *assembler, at int) {
	if n, ok := a.absolute(); ok {
		a.enter(a.cur.subsection(n))
		a.endLine()
	}
}

// sectionSpec is what a .section directive says.
type sectionSpec struct {
	name      string
	flags     elf.SectionFlag
	typ       elf.SectionType
	flagsSet  bool
	typeSet   bool
	entsize   int64
	group     string
	comdat    bool
	linked    string
	unique    int64
	sub       int64
	uniqueSet bool
	inherit   bool
}

// sectionDirective handles .section and .pushsection
// NAME[, SUBSECTION][, "FLAGS"[, @TYPE[, ARGUMENTS]]].
func (a *assembler) sectionDirective(push bool, at int) {
	var sp sectionSpec
	a.blanks()
	where := a.pos
	if sp.name = a.sectionName(); sp.name == "" {
		a.errorAt(where, "expected a section name, found %s", a.describe(where))
		return
	}
	if a.comma() {
		if push && a.buf[a.pos] != '"' {
			var ok bool
			if sp.sub, ok = a.absolute(); !ok {
				return
			}
			if a.comma() && !a.sectionFlags(&sp) {
				return
			}
		} else if !a.sectionFlags(&sp) {
			return
		}
	}
	if !a.endLine() {
		return
	}
	s := a.specifiedSection(&sp, at)
	if s == nil {
		return
	}
	if push {
		a.stack = append(a.stack, sectionPair{a.cur, a.previous})
	}
	a.enter(s.subsection(sp.sub))
}

// sectionName reads a section name, which may hold more than symbols do.
func (a *assembler) sectionName() string {
	if a.buf[a.pos] == '"' {
		s, _ := a.quoted()
		return string(s)
	}
	start := a.pos
	for {
		c := a.buf[a.pos]
		if class[c]&(isBlank|isStmtEnd) != 0 || c == ',' {
			break
		}
		a.pos++
	}
	return string(a.buf[start:a.pos])
}

// flagLetters are the letters of a section's flag string.
var flagLetters = map[byte]elf.SectionFlag{
	'a': elf.SHF_ALLOC, 'w': elf.SHF_WRITE, 'x': elf.SHF_EXECINSTR, 'e': shfExclude, 'o': elf.SHF_LINK_ORDER,
	'M': elf.SHF_MERGE, 'S': elf.SHF_STRINGS, 'G': elf.SHF_GROUP, 'T': elf.SHF_TLS, 'l': shfLarge, 'R': shfGnuRetain,
}

// sectionFlags reads the flag string and what follows it.
func (a *assembler) sectionFlags(sp *sectionSpec) bool {
	if a.atEnd() {
		return true
	}
	at := a.pos
	switch c := a.buf[a.pos]; {
	case c == '"':
		s, ok := a.quoted()
		if !ok {
			return false
		}
		sp.flagsSet = true
		if !a.flagString(sp, s, at) {
			return false
		}
	case c == '#':
		return true
	case c == '@' || c == '%':
		return a.sectionType(sp)
	default:
		a.errorAt(at, "expected section flags in quotes, found %s", a.describe(at))
		return false
	}
	if a.blanks() == ',' {
		a.pos++
		a.blanks()
		if a.buf[a.pos] != ',' && !a.sectionType(sp) {
			return false
		}
	}
	return a.sectionArguments(sp)
}

func (a *assembler) flagString(sp *sectionSpec, s []byte, at int) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if f, ok := flagLetters[c]; ok {
			sp.flags |= f
			continue
		}
		switch {
		case c == '?':
			sp.inherit = true
		case class[c]&isDigit != 0:
			n := uint64(0)
			if c == '0' && i+1 < len(s) && s[i+1] == 'x' {
				for i += 2; i < len(s) && isHex(s[i]); i++ {
					n = n<<4 | uint64(hexValue(s[i]))
				}
			} else {
				for ; i < len(s) && class[s[i]]&isDigit != 0; i++ {
					n = n*10 + uint64(s[i]-'0')
				}
			}
			i--
			sp.flags |= elf.SectionFlag(n)
		default:
			a.errorAt(at, "unknown section flag `%c': want a,e,o,w,x,l,M,S,G,T,R or ?", c)
			return false
		}
	}
	return true
}

// sectionTypes are the names that @TYPE takes.
var sectionTypes = map[string]elf.SectionType{
	"progbits": elf.SHT_PROGBITS, "nobits": elf.SHT_NOBITS, "note": elf.SHT_NOTE,
	"init_array": elf.SHT_INIT_ARRAY, "fini_array": elf.SHT_FINI_ARRAY, "preinit_array": elf.SHT_PREINIT_ARRAY,
	"unwind": shtUnwind, "llvm_addrsig": 0x6fff4c03,
}

func (a *assembler) sectionType(sp *sectionSpec) bool {
	at := a.pos
	var word string
	switch c := a.buf[a.pos]; {
	case c == '"':
		s, ok := a.quoted()
		if !ok {
			return false
		}
		word = string(s)
	case c == '@' || c == '%':
		a.pos++
		if class[a.buf[a.pos]]&isDigit != 0 {
			n, ok := a.absolute()
			sp.typ, sp.typeSet = elf.SectionType(n), true
			return ok
		}
		word = string(a.name())
	default:
		return true
	}
	t, ok := sectionTypes[word]
	if !ok {
		a.errorAt(at, "unrecognized section type `%s'", word)
		return false
	}
	sp.typ, sp.typeSet = t, true
	return true
}

// sectionArguments reads entry size, linked section, group and unique id.
func (a *assembler) sectionArguments(sp *sectionSpec) bool {
	if sp.flags&elf.SHF_MERGE != 0 {
		if a.blanks() != ',' {
			a.warnAt(a.pos, "entity size for SHF_MERGE not specified")
			sp.flags &^= elf.SHF_MERGE
		} else {
			a.pos++
			n, ok := a.absolute()
			if !ok {
				return false
			}
			if n <= 0 {
				a.warnAt(a.pos, "invalid merge entity size")
				n = 0
				sp.flags &^= elf.SHF_MERGE
			}
			sp.entsize = n
		}
	}
	if sp.flags&elf.SHF_LINK_ORDER != 0 && a.comma() {
		if class[a.buf[a.pos]]&isDigit != 0 {
			if _, ok := a.absolute(); !ok {
				return false
			}
		} else {
			sp.linked = a.symbolName()
		}
	}
	if sp.flags&elf.SHF_GROUP != 0 {
		if !a.comma() {
			a.warnAt(a.pos, "group name for SHF_GROUP not specified")
			sp.flags &^= elf.SHF_GROUP
		} else if sp.group = a.symbolName(); sp.group == "" {
			sp.group = a.sectionName()
		}
	}
	for a.comma() {
		at := a.pos
		switch w := string(a.name()); w {
		case "comdat":
			sp.comdat = true
		case "unique":
			if !a.comma() {
				a.errorAt(a.pos, "expected an id after `unique'")
				return false
			}
			n, ok := a.absolute()
			if !ok {
				return false
			}
			sp.unique, sp.uniqueSet = n, true
		default:
			a.errorAt(at, "unexpected %s in .section directive", a.describe(at))
			return false
		}
	}
	return true
}

// specifiedSection finds or makes the section that a directive describes.
func (a *assembler) specifiedSection(sp *sectionSpec, at int) *section {
	if sp.inherit {
		if g := a.cur.root().group; g != nil {
			sp.group, sp.comdat, sp.flags = g.signature, g.comdat, sp.flags|elf.SHF_GROUP
		}
	}
	for _, s := range a.sections {
		if s.name == sp.name && s.groupName() == sp.group && s.unique == sp.unique && s.uniqueSet == sp.uniqueSet && (sp.linked == "" || s.linked == sp.linked) {
			return a.respecify(s, sp, at)
		}
	}
	typ, flags, _ := impliedSection(sp.name)
	if sp.flagsSet {
		flags = sp.flags
	}
	if sp.typeSet {
		typ = sp.typ
	}
	s := newSection(sp.name, typ, flags)
	s.entsize, s.linked = uint64(sp.entsize), sp.linked
	s.unique, s.uniqueSet = sp.unique, sp.uniqueSet
	if sp.group != "" {
		a.joinGroup(s, sp)
	}
	a.addSection(s)
	return s
}

func (s *section) groupName() string {
	if s.group == nil {
		return ""
	}
	return s.group.signature
}

// respecify checks a directive that names an existing section.
func (a *assembler) respecify(s *section, sp *sectionSpec, at int) *section {
	const fixed = elf.SHF_WRITE | elf.SHF_ALLOC | elf.SHF_EXECINSTR | elf.SHF_MERGE | elf.SHF_STRINGS | elf.SHF_TLS
	if sp.flagsSet && (s.flags^sp.flags)&fixed != 0 {
		a.errorAt(at, "changed section attributes for %s", s.name)
		return nil
	}
	if sp.typeSet && sp.typ != s.typ && sp.typ != elf.SHT_PROGBITS {
		a.warnAt(at, "ignoring changed section type for %s", s.name)
	}
	if sp.flagsSet && sp.flags&elf.SHF_MERGE != 0 && uint64(sp.entsize) != s.entsize {
		a.errorAt(at, "changed section entity size for %s", s.name)
		return nil
	}
	return s
}

// joinGroup makes s a member of the group that the directive names.
func (a *assembler) joinGroup(s *section, sp *sectionSpec) {
	for _, g := range a.groups {
		if g.signature == sp.group {
			g.comdat = g.comdat || sp.comdat
			g.members = append(g.members, s)
			s.group = g
			return
		}
	}
	g := &group{signature: sp.group, comdat: sp.comdat, members: []*section{s}}
	a.groups = append(a.groups, g)
	s.group = g
}
