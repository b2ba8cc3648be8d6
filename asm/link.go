package asm

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
)

// linker is the state of one Link.
type linker struct {
	layout  Layout
	objs    []*Object
	img     *Image
	errs    ErrorList
	global  map[string]*definition
	addr    map[*Section]uint64
	dropped map[*Section]bool
	segData map[*Section]place
	common  map[string]uint64
	got     map[string]uint64
	gotSegs []string
	gotSyms []*Symbol
	gotSeg  int
	stubs   map[string]uint64
}

// definition is what a global name stands for.
type definition struct {
	obj *Object
	sym *Symbol
}

// place is where a section went.
type place struct {
	seg int
	off uint64
}

// Link places the sections of the objects at the addresses that the layout
// gives, binds symbols and applies relocations. The error is an ErrorList:
// undefined symbols name the referrer.
func Link(objs []*Object, layout Layout) (*Image, error) {
	l := &linker{
		layout: layout, objs: objs, img: &Image{byName: map[string]int{}},
		global: map[string]*definition{}, addr: map[*Section]uint64{}, dropped: map[*Section]bool{},
		segData: map[*Section]place{}, common: map[string]uint64{}, got: map[string]uint64{}, stubs: map[string]uint64{},
	}
	l.dropSections()
	l.collect()
	l.place()
	if l.errs == nil {
		l.relocate()
	}
	if l.errs != nil {
		return nil, l.errs
	}
	l.finish()
	return l.img, nil
}

func (l *linker) errorf(file, format string, args ...any) {
	if len(l.errs) < maxErrors {
		l.errs = append(l.errs, &Error{File: file, Msg: fmt.Sprintf(format, args...)})
	}
}

// dropSections discards what the layout drops and later copies of COMDAT groups.
func (l *linker) dropSections() {
	kept := map[string]*Group{}
	for _, o := range l.objs {
		for _, s := range o.Sections {
			if s.Flags&elf.SHF_ALLOC == 0 || matches(l.layout.Discard, s.Name) {
				l.dropped[s] = true
				continue
			}
			if g := s.Group; g != nil && g.Comdat {
				if kept[g.Signature] == nil {
					kept[g.Signature] = g
				}
				l.dropped[s] = kept[g.Signature] != g
			}
		}
	}
}

// collect enters the global definitions; a strong one beats a weak one, any
// beats COMMON, and the largest COMMON counts.
func (l *linker) collect() {
	for _, o := range l.objs {
		for _, s := range o.Symbols {
			if s.Bind == elf.STB_LOCAL || s.Undefined() || s.Section != nil && l.dropped[s.Section] {
				continue
			}
			d := l.global[s.Name]
			switch {
			case d == nil:
				l.global[s.Name] = &definition{o, s}
			case s.Common && d.sym.Common:
				if s.Size > d.sym.Size {
					l.global[s.Name] = &definition{o, s}
				}
			case s.Common || s.Bind == elf.STB_WEAK && !d.sym.Common:
			case d.sym.Common || d.sym.Bind == elf.STB_WEAK:
				l.global[s.Name] = &definition{o, s}
			default:
				l.errorf(o.Name, "symbol `%s' is already defined in %s", s.Name, d.obj.Name)
			}
		}
	}
}

// place gives every kept section an address.
func (l *linker) place() {
	next := uint64(0)
	taken := map[*Section]bool{}
	for _, r := range l.layout.Segments {
		if !r.After {
			next = r.Addr
		}
		if r.Align > 1 {
			next = alignUp(next, r.Align)
		}
		next = l.segment(r.Name, next, matching(r.Sections, taken, l))
	}
	for _, o := range l.objs {
		for _, s := range o.Sections {
			if !l.dropped[s] && !taken[s] && s.Size > 0 {
				next = l.segment(s.Name, alignUp(next, 16), matching([]string{s.Name}, taken, l))
			}
		}
	}
	l.extras(next)
	l.checkOverlap()
}

// matching collects the sections that the patterns take: pattern by pattern,
// within it in the order of the objects.
func matching(patterns []string, taken map[*Section]bool, l *linker) []*Section {
	var out []*Section
	for _, p := range patterns {
		for _, o := range l.objs {
			for _, s := range o.Sections {
				if !l.dropped[s] && !taken[s] && matches([]string{p}, s.Name) {
					taken[s] = true
					out = append(out, s)
				}
			}
		}
	}
	return out
}

func alignUp(n, a uint64) uint64 {
	if a <= 1 {
		return n
	}
	return (n + a - 1) &^ (a - 1)
}

// segment makes a segment of the sections and returns the address behind it.
func (l *linker) segment(name string, at uint64, secs []*Section) uint64 {
	seg := Segment{Name: name, Addr: at, Flags: elf.PF_R}
	end := at
	for _, s := range secs {
		if s.Size > maxSection || end-at > maxSection {
			l.errorf(name, "segment is too large")
			return at
		}
		end = alignUp(end, s.Align)
		l.addr[s] = end
		l.segData[s] = place{len(l.img.Segments), end - at}
		if s.Type != elf.SHT_NOBITS {
			for uint64(len(seg.Data)) < end-at {
				seg.Data = append(seg.Data, 0)
			}
			seg.Data = append(seg.Data, s.Data...)
		}
		end += s.Size
		if s.Flags&elf.SHF_WRITE != 0 {
			seg.Flags |= elf.PF_W
		}
		if s.Flags&elf.SHF_EXECINSTR != 0 {
			seg.Flags |= elf.PF_X
		}
	}
	seg.Size = end - at
	if seg.Size == 0 {
		return end
	}
	l.img.Segments = append(l.img.Segments, seg)
	return end
}

// extras makes room for what no object holds: COMMON symbols, stubs and the
// slots that GOT relocations need.
func (l *linker) extras(at uint64) {
	at = alignUp(at, 64)
	l.placeCommons(alignUp(at, 64))
	if n := len(l.img.Segments); n > 0 {
		last := l.img.Segments[n-1]
		at = max(at, last.Addr+last.Size)
	}
	at = l.placeStubs(alignUp(at, 16))
	l.placeGOT(alignUp(at, 16))
}

func (l *linker) placeCommons(at uint64) {
	start := at
	for _, o := range l.objs {
		for _, s := range o.Symbols {
			d := l.global[s.Name]
			if !s.Common || d == nil || d.sym != s {
				continue
			}
			at = alignUp(at, max(s.Value, 1))
			l.common[s.Name] = at
			at += s.Size
		}
	}
	if at > start {
		l.img.Segments = append(l.img.Segments, Segment{Name: "common", Addr: start, Size: at - start, Flags: elf.PF_R | elf.PF_W})
	}
}

// placeStubs writes the functions that only return a value.
func (l *linker) placeStubs(at uint64) uint64 {
	seg := Segment{Name: "stubs", Addr: at, Flags: elf.PF_R | elf.PF_X}
	for _, s := range l.layout.Stubs {
		if d := l.global[s.Name]; d != nil {
			l.errorf(d.obj.Name, "stub `%s': the symbol is defined", s.Name)
			continue
		}
		l.img.Stubs = append(l.img.Stubs, s)
		if s.Target != "" {
			continue
		}
		for len(seg.Data)%16 != 0 {
			seg.Data = append(seg.Data, 0xcc)
		}
		l.stubs[s.Name] = at + uint64(len(seg.Data))
		seg.Data = append(seg.Data, 0x48, 0xb8) // movabs $returns,%rax; ret
		seg.Data = binary.LittleEndian.AppendUint64(seg.Data, uint64(s.Returns))
		seg.Data = append(seg.Data, 0xc3)
	}
	if len(seg.Data) == 0 {
		return at
	}
	seg.Size = uint64(len(seg.Data))
	l.img.Segments = append(l.img.Segments, seg)
	return at + seg.Size
}

// checkOverlap refuses segments that share addresses.
func (l *linker) checkOverlap() {
	segs := append([]Segment(nil), l.img.Segments...)
	sort.SliceStable(segs, func(i, j int) bool { return segs[i].Addr < segs[j].Addr })
	for i := 1; i < len(segs); i++ {
		p, s := segs[i-1], segs[i]
		if p.Size > 0 && s.Size > 0 && p.Addr+p.Size > s.Addr {
			l.errorf(s.Name, "segment at %#x overlaps segment %s, which ends at %#x", s.Addr, p.Name, p.Addr+p.Size)
		}
	}
}

// lookup returns the address of a global name.
func (l *linker) lookup(name string) (uint64, bool) {
	for hops := 0; hops < 16; hops++ {
		if d := l.global[name]; d != nil {
			return l.value(d.sym)
		}
		if v, ok := l.stubs[name]; ok {
			return v, true
		}
		next := ""
		for _, s := range l.layout.Stubs {
			if s.Name == name {
				next = s.Target
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	for _, d := range l.layout.Symbols {
		if d.Name == name {
			return uint64(d.Value), true
		}
	}
	if name == gotSymbol {
		v, ok := l.got[""]
		return v, ok
	}
	return l.boundary(name)
}

// boundary resolves __start_SECTION and __stop_SECTION.
func (l *linker) boundary(name string) (uint64, bool) {
	stop := strings.HasPrefix(name, "__stop_")
	if !stop && !strings.HasPrefix(name, "__start_") {
		return 0, false
	}
	sec := name[strings.IndexByte(name[2:], '_')+3:]
	found, v := false, uint64(0)
	for _, o := range l.objs {
		for _, s := range o.Sections {
			if s.Name != sec || l.dropped[s] {
				continue
			}
			switch a := l.addr[s]; {
			case stop && (!found || a+s.Size > v):
				v = a + s.Size
			case !stop && (!found || a < v):
				v = a
			}
			found = true
		}
	}
	return v, found
}

// value is the address of a defined symbol.
func (l *linker) value(s *Symbol) (uint64, bool) {
	switch {
	case s.Abs:
		return s.Value, true
	case s.Common:
		return l.common[s.Name], true
	case s.Section == nil || l.dropped[s.Section]:
		return 0, false
	}
	return l.addr[s.Section] + s.Value, true
}

// resolve returns the address that a reference of object o means.
func (l *linker) resolve(s *Symbol) (uint64, bool) {
	if s == nil {
		return 0, true
	}
	if s.Bind == elf.STB_LOCAL {
		return l.value(s)
	}
	if v, ok := l.lookup(s.Name); ok {
		return v, true
	}
	return 0, s.Bind == elf.STB_WEAK && s.Undefined()
}

// finish enters symbols and lines in the image.
func (l *linker) finish() {
	m := l.img
	l.collectSymbols()
	sort.SliceStable(m.symbols, func(i, j int) bool {
		a, b := &m.symbols[i], &m.symbols[j]
		if a.Addr != b.Addr {
			return a.Addr < b.Addr
		}
		return a.Name < b.Name
	})
	for i, s := range m.symbols {
		if j, ok := m.byName[s.Name]; !ok || m.symbols[j].Bind == elf.STB_LOCAL && s.Bind != elf.STB_LOCAL {
			m.byName[s.Name] = i
		}
	}
	if l.layout.Entry != "" {
		v, ok := l.lookup(l.layout.Entry)
		if !ok {
			if s, found := m.Symbol(l.layout.Entry); found {
				v = s.Addr
			}
		}
		m.Entry = v
	}
	m.objects, m.placed = l.objs, l.addr
	l.collectLines()
}

func (l *linker) collectSymbols() {
	m := l.img
	for _, o := range l.objs {
		for _, s := range o.Symbols {
			if s.Type == elf.STT_FILE || s.Type == elf.STT_SECTION || s.Undefined() {
				continue
			}
			if d := l.global[s.Name]; s.Bind != elf.STB_LOCAL && (d == nil || d.sym != s) {
				continue
			}
			if v, ok := l.value(s); ok {
				m.symbols = append(m.symbols, ImageSymbol{Name: s.Name, Addr: v, Size: s.Size, Type: s.Type, Bind: s.Bind, Object: o.Name})
			}
		}
	}
	for _, s := range l.img.Stubs {
		if v, ok := l.lookup(s.Name); ok {
			m.symbols = append(m.symbols, ImageSymbol{Name: s.Name, Addr: v, Type: elf.STT_FUNC, Bind: elf.STB_GLOBAL, Stub: true})
		}
	}
	for _, d := range l.layout.Symbols {
		m.symbols = append(m.symbols, ImageSymbol{Name: d.Name, Addr: uint64(d.Value), Bind: elf.STB_GLOBAL})
	}
}

// collectLines merges the sections' line tables by address.
func (l *linker) collectLines() {
	m := l.img
	for _, o := range l.objs {
		for _, s := range o.Sections {
			base, ok := l.addr[s]
			if !ok || len(s.Lines) == 0 {
				continue
			}
			for _, n := range s.Lines {
				m.lines = append(m.lines, imageLine{addr: base + n.Off, pos: Pos{o.Files[n.File], int(n.Line), n.Text}})
			}
			m.lines = append(m.lines, imageLine{addr: base + s.Size, end: true})
		}
	}
	sort.SliceStable(m.lines, func(i, j int) bool {
		a, b := &m.lines[i], &m.lines[j]
		if a.addr != b.addr {
			return a.addr < b.addr
		}
		return a.end && !b.end
	})
}
