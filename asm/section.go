package asm

import "debug/elf"

// section is a section under construction: one buffer of fixed bytes, cut
// into fragments by the places whose size is not known yet.
type section struct {
	name      string
	typ       elf.SectionType
	flags     elf.SectionFlag
	entsize   uint64
	align     uint64 // alignment, a power of two
	group     *group
	unique    int64 // .section ..., unique, ID
	uniqueSet bool
	linked    string // name of the section that an SHF_LINK_ORDER section belongs to

	buf    []byte
	frags  []frag
	fixups []fixup
	lines  []lineMark

	fde    *fde       // open .cfi_startproc
	subs   []*section // subsections in number order; nil unless .subsection was used
	subNum int64
	parent *section
	sym    *symbol // section symbol
	size   int64   // after relaxation
	data   []byte  // after relaxation
}

// group is a COMDAT section group.
type group struct {
	signature string
	comdat    bool
	members   []*section
}

// fragKind says what follows the fixed bytes of a fragment.
type fragKind uint8

const (
	fragPlain fragKind = iota // nothing
	fragJump                  // a branch that may be short or long
	fragAlign                 // padding to an alignment
	fragOrg                   // padding up to an offset
	fragFill                  // a repeated value, the count not known yet (or large)
	fragLEB                   // a LEB128 number of label differences
	fragCFA                   // a DW_CFA_advance_loc of the right width
	fragLine                  // a line-table advance of line and address
)

// frag is a run of fixed bytes, section.buf[start:end], and what follows it.
type frag struct {
	start, end int32
	addr       int64 // offset of the fixed bytes in the section, set by relaxation
	size       int64 // bytes of the variable part, current estimate
	kind       fragKind
	sub        uint8 // fragJump: form and state; fragAlign: code mode; fragLEB: signed
	region     int32 // alignment region, see relax.go
	pass       int32 // relaxation pass that placed it last
	val        expr  // fragJump: target; fragOrg, fragFill: where to, how often; fragLEB: number
	max        int64 // fragAlign: most bytes to insert, 0 = any; fragLine: line delta
	align      int64 // fragAlign: alignment in bytes
	fill       []byte
	pos        srcPos
}

// fixup is a place in the fixed bytes that waits for an expression's value.
type fixup struct {
	frag    int32
	off     int32 // offset in section.buf
	size    uint8
	pcrel   bool
	relaxed bool // a branch that relaxation found to stay in its section
	signed  bool // absolute 32-bit field that the processor sign-extends
	mod     relocMod
	typ     elf.R_X86_64 // explicit relocation type (.reloc), or 0
	place   *expr        // .reloc: where
	val     expr
	pos     srcPos
}

// lineMark notes which source line made the bytes at an offset of the buffer.
type lineMark struct {
	frag int32
	off  int32 // offset in section.buf
	file int32
	line int32
	base int32 // index in assembler.bases
	at   int32 // offset of the statement in that buffer
}

func (s *section) isCode() bool  { return s.flags&elf.SHF_EXECINSTR != 0 }
func (s *section) isBSS() bool   { return s.typ == elf.SHT_NOBITS }
func (s *section) last() *frag   { return &s.frags[len(s.frags)-1] }
func (s *section) fragNo() int32 { return int32(len(s.frags) - 1) }

// here is the offset of the next byte from the start of the last fragment.
func (s *section) here() int64 { return int64(len(s.buf)) - int64(s.last().start) }

// closeFrag ends the last fragment with a variable part and opens a new one.
func (s *section) closeFrag(kind fragKind) *frag {
	n := int32(len(s.buf))
	f := s.last()
	f.end, f.kind = n, kind
	s.frags = append(s.frags, frag{start: n, end: n})
	return &s.frags[len(s.frags)-2]
}

// newSection makes a section with its section symbol, unlisted.
func newSection(name string, typ elf.SectionType, flags elf.SectionFlag) *section {
	s := &section{name: name, typ: typ, flags: flags, align: 1, frags: make([]frag, 1, 8)}
	s.sym = &symbol{name: name, sec: s, kind: symDefined, section: true}
	return s
}

// knownSections are the types and flags that section names imply (gABI,
// "Special Sections", and GNU as).
var knownSections = []struct {
	name   string
	prefix bool // the name may go on with ".suffix"
	typ    elf.SectionType
	flags  elf.SectionFlag
}{
	{".text", true, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_EXECINSTR},
	{".data", true, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".data1", false, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".bss", true, elf.SHT_NOBITS, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".rodata", true, elf.SHT_PROGBITS, elf.SHF_ALLOC},
	{".rodata1", false, elf.SHT_PROGBITS, elf.SHF_ALLOC},
	{".init", false, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_EXECINSTR},
	{".fini", false, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_EXECINSTR},
	{".init_array", true, elf.SHT_INIT_ARRAY, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".fini_array", true, elf.SHT_FINI_ARRAY, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".preinit_array", true, elf.SHT_PREINIT_ARRAY, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".tdata", true, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE | elf.SHF_TLS},
	{".tbss", true, elf.SHT_NOBITS, elf.SHF_ALLOC | elf.SHF_WRITE | elf.SHF_TLS},
	{".note.GNU-stack", false, elf.SHT_PROGBITS, 0},
	{".note", true, elf.SHT_NOTE, 0},
	{".comment", false, elf.SHT_PROGBITS, 0},
	{".debug", true, elf.SHT_PROGBITS, 0},
	{".line", false, elf.SHT_PROGBITS, 0},
	{".eh_frame", false, elf.SHT_PROGBITS, elf.SHF_ALLOC},
	{".gnu.linkonce.b", true, elf.SHT_NOBITS, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".gnu.linkonce.tb", true, elf.SHT_NOBITS, elf.SHF_ALLOC | elf.SHF_WRITE | elf.SHF_TLS},
	{".gnu.linkonce.d", true, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE},
	{".gnu.linkonce.r", true, elf.SHT_PROGBITS, elf.SHF_ALLOC},
	{".gnu.linkonce.t", true, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_EXECINSTR},
	{".lbss", true, elf.SHT_NOBITS, elf.SHF_ALLOC | elf.SHF_WRITE | shfLarge},
	{".ldata", true, elf.SHT_PROGBITS, elf.SHF_ALLOC | elf.SHF_WRITE | shfLarge},
	{".lrodata", true, elf.SHT_PROGBITS, elf.SHF_ALLOC | shfLarge},
}

// shfLarge is SHF_X86_64_LARGE (psABI, section 4.2.1).
const shfLarge = elf.SectionFlag(0x10000000)

// impliedSection returns the type and flags that a section's name implies.
func impliedSection(name string) (typ elf.SectionType, flags elf.SectionFlag, known bool) {
	for _, k := range knownSections {
		if name == k.name || k.prefix && len(name) > len(k.name) && name[:len(k.name)] == k.name && name[len(k.name)] == '.' {
			return k.typ, k.flags, true
		}
	}
	return elf.SHT_PROGBITS, 0, false
}

// section returns the section of that name, made if new.
func (a *assembler) section(name string) *section {
	if s := a.secByName[name]; s != nil {
		return s
	}
	typ, flags, _ := impliedSection(name)
	s := newSection(name, typ, flags)
	a.addSection(s)
	return s
}

func (a *assembler) addSection(s *section) {
	a.list(s.sym)
	a.sections = append(a.sections, s)
	if _, dup := a.secByName[s.name]; !dup {
		a.secByName[s.name] = s
	}
}

// enter makes s the current section and remembers the one before it.
func (a *assembler) enter(s *section) {
	a.previous, a.cur = a.cur, s
}

// root is the section itself, for a subsection the section it belongs to.
func (s *section) root() *section {
	if s.parent != nil {
		return s.parent
	}
	return s
}

// subsection returns subsection n of s; number 0 is s itself.
func (s *section) subsection(n int64) *section {
	s = s.root()
	if n == 0 {
		return s
	}
	i := 0
	for ; i < len(s.subs) && s.subs[i].subNum <= n; i++ {
		if s.subs[i].subNum == n {
			return s.subs[i]
		}
	}
	sub := newSection(s.name, s.typ, s.flags)
	sub.parent, sub.subNum, sub.sym = s, n, s.sym
	s.subs = append(s.subs, nil)
	copy(s.subs[i+1:], s.subs[i:])
	s.subs[i] = sub
	return sub
}
