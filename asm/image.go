package asm

import (
	"debug/elf"
	"sort"
)

// Image is a linked program: bytes at addresses, symbols and source lines.
type Image struct {
	Segments []Segment
	Entry    uint64
	Stubs    []Stub // the stubs that were bound

	symbols []ImageSymbol // by address, then name
	byName  map[string]int
	lines   []imageLine // by address
	objects []*Object
	placed  map[*Section]uint64
}

// Segment is a run of memory of the image.
type Segment struct {
	Name  string
	Addr  uint64
	Data  []byte // initialised bytes
	Size  uint64 // bytes in memory; those after Data are zero
	Flags elf.ProgFlag
}

// ImageSymbol is a symbol of an Image.
type ImageSymbol struct {
	Name   string
	Addr   uint64
	Size   uint64 // in bytes; 0 if unknown
	Type   elf.SymType
	Bind   elf.SymBind
	Object string // object that defines it
	Stub   bool   // bound by a Stub
}

// Pos is a source position.
type Pos struct {
	File string
	Line int    // 1-based
	Text string // AT&T text of the statement, "" if the source is not known
}

// imageLine says that the bytes from addr on come from a place.
type imageLine struct {
	addr uint64
	end  bool // nothing is known from here on
	pos  Pos
}

// Symbol returns the symbol of that name. A global one wins over local ones.
func (m *Image) Symbol(name string) (ImageSymbol, bool) {
	i, ok := m.byName[name]
	if !ok {
		return ImageSymbol{}, false
	}
	return m.symbols[i], true
}

// Symbols returns every symbol, by address and then by name. The caller must
// not change the slice.
func (m *Image) Symbols() []ImageSymbol { return m.symbols }

// SymbolAt returns the symbol that addr belongs to and the offset in it. A
// function or object wins over a plain label at the same address.
func (m *Image) SymbolAt(addr uint64) (sym ImageSymbol, off uint64, ok bool) {
	seg := m.segmentOf(addr)
	if seg == nil {
		return sym, 0, false
	}
	i := sort.Search(len(m.symbols), func(i int) bool { return m.symbols[i].Addr > addr })
	best := -1
	for i--; i >= 0; i-- {
		s := &m.symbols[i]
		if s.Addr < seg.Addr || best >= 0 && s.Addr != m.symbols[best].Addr {
			break
		}
		if s.Type == elf.STT_FILE || s.Type == elf.STT_SECTION {
			continue
		}
		if best < 0 || better(s, &m.symbols[best]) {
			best = i
		}
	}
	if best < 0 {
		return sym, 0, false
	}
	return m.symbols[best], addr - m.symbols[best].Addr, true
}

// better ranks two symbols of one address.
func better(a, b *ImageSymbol) bool {
	rank := func(s *ImageSymbol) int {
		r := 0
		if s.Type == elf.STT_FUNC || s.Type == elf.STT_OBJECT {
			r += 2
		}
		if s.Bind != elf.STB_LOCAL {
			r++
		}
		return r
	}
	if x, y := rank(a), rank(b); x != y {
		return x > y
	}
	return a.Name < b.Name
}

func (m *Image) segmentOf(addr uint64) *Segment {
	for i := range m.Segments {
		if s := &m.Segments[i]; addr-s.Addr < s.Size {
			return s
		}
	}
	return nil
}

// LineAt returns the source line that the byte at addr was made from.
func (m *Image) LineAt(addr uint64) (Pos, bool) {
	i := sort.Search(len(m.lines), func(i int) bool { return m.lines[i].addr > addr }) - 1
	if i < 0 || m.lines[i].end || m.segmentOf(addr) == nil {
		return Pos{}, false
	}
	return m.lines[i].pos, true
}

// AddrsOfLine returns the addresses at which code or data of a source line
// begins, ascending. The file matches by its whole name or its last elements.
func (m *Image) AddrsOfLine(file string, line int) []uint64 {
	var out []uint64
	for i := range m.lines {
		l := &m.lines[i]
		if !l.end && l.pos.Line == line && sameFile(l.pos.File, file) {
			out = append(out, l.addr)
		}
	}
	return out
}

func sameFile(full, name string) bool {
	if full == name {
		return true
	}
	n := len(full) - len(name)
	return n > 0 && full[n:] == name && full[n-1] == '/'
}

// Bytes returns n bytes of the image from addr on, fewer at a segment's end.
func (m *Image) Bytes(addr uint64, n int) []byte {
	s := m.segmentOf(addr)
	if s == nil {
		return nil
	}
	off := addr - s.Addr
	out := make([]byte, 0, n)
	for ; len(out) < n && off < s.Size; off++ {
		b := byte(0)
		if off < uint64(len(s.Data)) {
			b = s.Data[off]
		}
		out = append(out, b)
	}
	return out
}
