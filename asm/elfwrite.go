package asm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
)

// WriteELF writes the object as an ELF64 relocatable file, laid out as GNU as
// lays it out: groups, sections each followed by its relocations, symbol
// table, string table, section names.
func (o *Object) WriteELF(w io.Writer) error {
	e := &elfWriter{obj: o, index: map[*Section]int{}, symIndex: map[*Symbol]int{}, groupIndex: map[*Group]int{}}
	e.layout()
	if _, err := w.Write(e.bytes()); err != nil {
		return fmt.Errorf("writing %s: %w", o.Name, err)
	}
	return nil
}

// outSection is one entry of the section header table.
type outSection struct {
	hdr  elf.Section64
	name string
	data []byte
}

type elfWriter struct {
	obj        *Object
	out        []*outSection
	index      map[*Section]int
	symIndex   map[*Symbol]int
	groupIndex map[*Group]int
	strtab     stringTable
	shnames    stringTable
	tables     int // own tables at the end of out: 3, or 1 without symbols
}

// layout decides the order of the sections and encodes the tables.
func (e *elfWriter) layout() {
	o := e.obj
	e.out = append(e.out, &outSection{})
	groups := e.orderGroups()
	groupAt := len(e.out)
	for i, g := range groups {
		e.groupIndex[g] = groupAt + i
		e.out = append(e.out, nil)
	}
	relas := map[*Section]*outSection{}
	for _, s := range o.Sections {
		e.index[s] = len(e.out)
		e.out = append(e.out, e.contents(s))
		if len(s.Relocs) > 0 {
			r := &outSection{name: ".rela" + s.Name}
			relas[s] = r
			e.out = append(e.out, r)
		}
	}
	symtabIndex := len(e.out)
	symtab := e.symbols()
	for i, g := range groups {
		e.out[groupAt+i] = e.group(g, uint32(symtabIndex), relas)
	}
	for _, s := range o.Sections {
		h := &e.out[e.index[s]].hdr
		if s.LinkTo != nil {
			h.Link = uint32(e.index[s.LinkTo])
		}
		if r := relas[s]; r != nil {
			r.data = e.relocations(s)
			r.hdr = elf.Section64{Type: uint32(elf.SHT_RELA), Flags: uint64(elf.SHF_INFO_LINK), Link: uint32(symtabIndex),
				Info: uint32(e.index[s]), Addralign: 8, Entsize: 24, Size: uint64(len(r.data))}
			if s.Group != nil {
				r.hdr.Flags |= uint64(elf.SHF_GROUP)
			}
		}
	}
	if len(o.Symbols) > 0 {
		symtab.hdr.Link = uint32(symtabIndex + 1)
		str := &outSection{name: ".strtab", data: e.strtab.data}
		str.hdr = elf.Section64{Type: uint32(elf.SHT_STRTAB), Addralign: 1, Size: uint64(len(str.data))}
		e.out = append(e.out, symtab, str)
		e.tables = 2
	}
	names := &outSection{name: ".shstrtab"}
	e.out = append(e.out, names)
	e.tables++
	e.nameSections(names)
}

// orderGroups lists the groups in order of their first member.
func (e *elfWriter) orderGroups() []*Group {
	var out []*Group
	seen := map[*Group]bool{}
	for _, s := range e.obj.Sections {
		if s.Group != nil && !seen[s.Group] {
			seen[s.Group] = true
			out = append(out, s.Group)
		}
	}
	return out
}

// contents makes the header of a section with contents.
func (e *elfWriter) contents(s *Section) *outSection {
	out := &outSection{name: s.Name, data: s.Data}
	out.hdr = elf.Section64{Type: uint32(s.Type), Flags: uint64(s.Flags), Size: s.Size, Info: s.Info,
		Addralign: s.Align, Entsize: s.EntSize}
	if s.Group != nil {
		out.hdr.Flags |= uint64(elf.SHF_GROUP)
	}
	return out
}

// group encodes a section group: a flag word, then the members.
func (e *elfWriter) group(g *Group, symtab uint32, relas map[*Section]*outSection) *outSection {
	var data []byte
	flag := uint32(0)
	if g.Comdat {
		flag = 1
	}
	data = binary.LittleEndian.AppendUint32(data, flag)
	for _, s := range e.obj.Sections {
		if s.Group != g {
			continue
		}
		data = binary.LittleEndian.AppendUint32(data, uint32(e.index[s]))
		if relas[s] != nil {
			data = binary.LittleEndian.AppendUint32(data, uint32(e.index[s]+1))
		}
	}
	out := &outSection{name: ".group", data: data}
	out.hdr = elf.Section64{Type: uint32(elf.SHT_GROUP), Link: symtab, Addralign: 4, Entsize: 4, Size: uint64(len(data))}
	if g.symbol != nil {
		out.hdr.Info = uint32(e.symIndex[g.symbol])
	}
	return out
}

// symbols encodes the symbol table and fills the string table.
func (e *elfWriter) symbols() *outSection {
	data := make([]byte, 24, 24*(len(e.obj.Symbols)+1))
	names := make([]string, len(e.obj.Symbols))
	local := 1
	for i, s := range e.obj.Symbols {
		e.symIndex[s] = i + 1
		if s.Bind == elf.STB_LOCAL {
			local = i + 2
		}
		if s.Type != elf.STT_SECTION {
			names[i] = s.Name
		}
	}
	offs := e.strtab.build(names)
	for i, s := range e.obj.Symbols {
		var b [24]byte
		le := binary.LittleEndian
		le.PutUint32(b[0:], offs[i])
		b[4] = byte(s.Bind)<<4 | byte(s.Type)&15
		b[5] = byte(s.Vis)
		le.PutUint16(b[6:], e.sectionOf(s))
		le.PutUint64(b[8:], s.Value)
		le.PutUint64(b[16:], s.Size)
		data = append(data, b[:]...)
	}
	out := &outSection{name: ".symtab", data: data}
	out.hdr = elf.Section64{Type: uint32(elf.SHT_SYMTAB), Info: uint32(local), Addralign: 8, Entsize: 24, Size: uint64(len(data))}
	return out
}

func (e *elfWriter) sectionOf(s *Symbol) uint16 {
	switch {
	case s.Abs:
		return uint16(elf.SHN_ABS)
	case s.Common:
		return uint16(elf.SHN_COMMON)
	case s.group != nil:
		return uint16(e.groupIndex[s.group])
	case s.Section == nil:
		return uint16(elf.SHN_UNDEF)
	}
	return uint16(e.index[s.Section])
}

func (e *elfWriter) relocations(s *Section) []byte {
	data := make([]byte, 0, 24*len(s.Relocs))
	for _, r := range s.Relocs {
		sym := uint64(0)
		if r.Sym != nil {
			sym = uint64(e.symIndex[r.Sym])
		}
		data = binary.LittleEndian.AppendUint64(data, r.Off)
		data = binary.LittleEndian.AppendUint64(data, sym<<32|uint64(r.Type))
		data = binary.LittleEndian.AppendUint64(data, uint64(r.Addend))
	}
	return data
}

// nameSections builds .shstrtab. GNU as enters the tables' names first, those
// of groups last.
func (e *elfWriter) nameSections(names *outSection) {
	n := len(e.out) - e.tables
	order := append([]*outSection(nil), e.out[n:]...)
	for _, groups := range []bool{false, true} {
		for _, s := range e.out[1:n] {
			if (s.hdr.Type == uint32(elf.SHT_GROUP)) == groups {
				order = append(order, s)
			}
		}
	}
	all := make([]string, len(order))
	for i, s := range order {
		all[i] = s.name
	}
	for i, off := range e.shnames.build(all) {
		order[i].hdr.Name = off
	}
	names.data = e.shnames.data
	names.hdr.Type, names.hdr.Addralign, names.hdr.Size = uint32(elf.SHT_STRTAB), 1, uint64(len(names.data))
}

// usesGNU reports whether the object has something that only the GNU ABI
// defines: unique or indirect symbols, retained sections.
func (e *elfWriter) usesGNU() bool {
	for _, s := range e.obj.Symbols {
		if s.Bind == elf.STB_LOOS || s.Type == sttIfunc {
			return true
		}
	}
	for _, s := range e.obj.Sections {
		if s.Flags&shfGnuRetain != 0 {
			return true
		}
	}
	return false
}

// bytes assigns file offsets and renders the file.
func (e *elfWriter) bytes() []byte {
	off := uint64(64)
	place := func(s *outSection) {
		if a := s.hdr.Addralign; a > 1 {
			off = (off + a - 1) &^ (a - 1)
		}
		s.hdr.Off = off
		off += uint64(len(s.data))
	}
	for _, s := range e.out[1:] {
		if s.hdr.Type != uint32(elf.SHT_RELA) && s.hdr.Type != uint32(elf.SHT_SYMTAB) && s.name != ".strtab" && s.name != ".shstrtab" {
			place(s)
		}
	}
	n := len(e.out)
	for _, s := range e.out[n-e.tables : n-1] {
		place(s)
	}
	for _, s := range e.out[1:] {
		if s.hdr.Type == uint32(elf.SHT_RELA) {
			place(s)
		}
	}
	place(e.out[n-1])
	off = (off + 7) &^ 7
	hdr := elf.Header64{Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: off,
		Ehsize: 64, Shentsize: 64, Shnum: uint16(n), Shstrndx: uint16(n - 1)}
	copy(hdr.Ident[:], elf.ELFMAG)
	if e.usesGNU() {
		hdr.Ident[elf.EI_OSABI] = byte(elf.ELFOSABI_LINUX)
	}
	hdr.Ident[elf.EI_CLASS], hdr.Ident[elf.EI_DATA], hdr.Ident[elf.EI_VERSION] = 2, 1, 1
	var buf bytes.Buffer
	buf.Grow(int(off) + 64*n)
	put := func(v any) {
		if err := binary.Write(&buf, binary.LittleEndian, v); err != nil {
			panic("BUG: encoding an ELF header: " + err.Error())
		}
	}
	put(&hdr)
	order := append([]*outSection(nil), e.out[1:]...)
	sort.SliceStable(order, func(i, j int) bool { return order[i].hdr.Off < order[j].hdr.Off })
	for _, s := range order {
		for uint64(buf.Len()) < s.hdr.Off && len(s.data) > 0 {
			buf.WriteByte(0)
		}
		buf.Write(s.data)
	}
	for uint64(buf.Len()) < off {
		buf.WriteByte(0)
	}
	for _, s := range e.out {
		put(&s.hdr)
	}
	return buf.Bytes()
}

// stringTable is an ELF string table in which a string that is the tail of
// another one shares its bytes.
type stringTable struct{ data []byte }

// build enters the strings and returns their offsets; "" is at 0. Strings
// that are not tails keep the order in which they were first named.
func (t *stringTable) build(names []string) []uint32 {
	first := map[string]int{}
	var uniq []string
	for _, n := range names {
		if _, ok := first[n]; !ok && n != "" {
			first[n] = len(uniq)
			uniq = append(uniq, n)
		}
	}
	owner := tails(uniq)
	off := make([]uint32, len(uniq))
	t.data = append(t.data[:0], 0)
	for i, n := range uniq {
		if owner[i] == i {
			off[i] = uint32(len(t.data))
			t.data = append(append(t.data, n...), 0)
		}
	}
	for i, n := range uniq {
		if o := owner[i]; o != i {
			off[i] = off[o] + uint32(len(uniq[o])-len(n))
		}
	}
	out := make([]uint32, len(names))
	for i, n := range names {
		if n != "" {
			out[i] = off[first[n]]
		}
	}
	return out
}

// tails finds for each string the one whose tail it is, or itself.
func tails(s []string) []int {
	order := make([]int, len(s))
	owner := make([]int, len(s))
	for i := range s {
		order[i], owner[i] = i, i
	}
	sort.Slice(order, func(i, j int) bool { return reversedLess(s[order[i]], s[order[j]]) })
	for i := len(order) - 2; i >= 0; i-- {
		x, y := order[i], order[i+1]
		o := owner[y]
		if len(s[o]) >= len(s[x]) && s[o][len(s[o])-len(s[x]):] == s[x] {
			owner[x] = o
		}
	}
	return owner
}

// reversedLess compares two strings from their ends.
func reversedLess(a, b string) bool {
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		if a[i] != b[j] {
			return a[i] < b[j]
		}
	}
	return len(a) < len(b)
}
