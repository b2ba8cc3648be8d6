package asm

import (
	"debug/elf"
	"encoding/binary"
	"strconv"
)

// placeGOT makes a slot for every symbol that a GOT relocation names.
func (l *linker) placeGOT(at uint64) {
	for _, o := range l.objs {
		for _, s := range o.Sections {
			if l.dropped[s] {
				continue
			}
			for _, r := range s.Relocs {
				if needsGOT(r.Type) && r.Sym != nil {
					if _, ok := l.got[gotKey(r.Sym)]; !ok {
						l.got[gotKey(r.Sym)] = at + uint64(8*len(l.gotSegs))
						l.gotSegs = append(l.gotSegs, gotKey(r.Sym))
						l.gotSyms = append(l.gotSyms, r.Sym)
					}
				}
			}
		}
	}
	l.got[""] = at
	if len(l.gotSegs) > 0 {
		n := uint64(8 * len(l.gotSegs))
		l.gotSeg = len(l.img.Segments)
		l.img.Segments = append(l.img.Segments, Segment{Name: "got", Addr: at, Size: n, Data: make([]byte, n), Flags: elf.PF_R})
	}
}

// gotKey names a GOT slot; local symbols of different objects differ.
func gotKey(s *Symbol) string {
	if s.Bind != elf.STB_LOCAL {
		return s.Name
	}
	return s.Name + "\x00" + s.Section.Name
}

func needsGOT(t elf.R_X86_64) bool {
	switch t {
	case elf.R_X86_64_GOTPCREL, elf.R_X86_64_GOTPCRELX, elf.R_X86_64_REX_GOTPCRELX, elf.R_X86_64_GOTPCREL64,
		elf.R_X86_64_GOT32, elf.R_X86_64_GOT64:
		return true
	}
	return false
}

// relocate fills the GOT and applies every relocation.
func (l *linker) relocate() {
	for i, s := range l.gotSyms {
		if v, ok := l.resolve(s); ok {
			binary.LittleEndian.PutUint64(l.img.Segments[l.gotSeg].Data[8*i:], v)
		}
	}
	for _, o := range l.objs {
		undefined := map[string]bool{}
		for _, s := range o.Sections {
			if l.dropped[s] {
				continue
			}
			for i := range s.Relocs {
				l.apply(o, s, &s.Relocs[i], undefined)
			}
		}
	}
}

// apply completes one relocation (psABI, table 4.9).
func (l *linker) apply(o *Object, s *Section, r *Reloc, undefined map[string]bool) {
	size := relocSize(r.Type)
	if size == 0 {
		return
	}
	p, ok := l.segData[s]
	if !ok {
		return
	}
	if r.Off > s.Size || s.Size-r.Off < uint64(size) || s.Type == elf.SHT_NOBITS {
		l.errorf(o.Name, "%s+%#x: relocation outside the section", s.Name, r.Off)
		return
	}
	sym, ok := l.resolve(r.Sym)
	if !ok {
		if !undefined[r.Sym.Name] {
			undefined[r.Sym.Name] = true
			l.undefined(o, s, r)
		}
		return
	}
	where := l.addr[s] + r.Off
	v, ok := l.relocValue(r, sym, where)
	if !ok {
		l.errorf(o.Name, "%s+%#x: relocation %v is not supported", s.Name, r.Off, r.Type)
		return
	}
	if !fits(v, r.Type, size) {
		l.errorf(o.Name, "%s: relocation %v against `%s' does not fit: value %#x", l.referrer(o, s, r.Off), r.Type, r.name(), uint64(v))
		return
	}
	data := l.img.Segments[p.seg].Data[p.off+r.Off:]
	for i := 0; i < size; i++ {
		data[i] = byte(uint64(v) >> (8 * i))
	}
}

func (r *Reloc) name() string {
	switch {
	case r.Sym == nil:
		return "*ABS*"
	case r.Sym.Name == "" && r.Sym.Section != nil:
		return r.Sym.Section.Name
	}
	return r.Sym.Name
}

// undefined reports a symbol that nothing defines, at the first place of the
// object that refers to it.
func (l *linker) undefined(o *Object, s *Section, r *Reloc) {
	e := &Error{File: o.Name, Msg: "undefined symbol `" + r.Sym.Name + "', referred to by " + l.referrer(o, s, r.Off)}
	for _, n := range s.Lines {
		if n.Off > r.Off {
			break
		}
		e.File, e.Line = o.Files[n.File], int(n.Line)
	}
	names := []string{}
	for _, other := range l.objs {
		for _, d := range other.Symbols {
			if d.Bind != elf.STB_LOCAL && !d.Undefined() {
				names = append(names, d.Name)
			}
		}
	}
	if n := nearest(r.Sym.Name, names); n != "" {
		e.Msg += "; did you mean `" + n + "'?"
	}
	if len(l.errs) < maxErrors {
		l.errs = append(l.errs, e)
	}
}

// referrer names a place: the symbol before it plus the distance.
func (l *linker) referrer(o *Object, s *Section, off uint64) string {
	best := ""
	dist := off
	for _, d := range o.Symbols {
		if d.Section == s && d.Type != elf.STT_SECTION && d.Value <= off && (best == "" || off-d.Value < dist) {
			best, dist = d.Name, off-d.Value
		}
	}
	if best == "" {
		best = s.Name
	}
	return best + "+0x" + strconv.FormatUint(dist, 16)
}

// relocSize is the width in bytes of a relocated field, 0 if there is none.
func relocSize(t elf.R_X86_64) int {
	switch t {
	case elf.R_X86_64_NONE, elf.R_X86_64_TLSDESC_CALL:
		return 0
	case elf.R_X86_64_8, elf.R_X86_64_PC8:
		return 1
	case elf.R_X86_64_16, elf.R_X86_64_PC16:
		return 2
	case elf.R_X86_64_64, elf.R_X86_64_PC64, elf.R_X86_64_GOTOFF64, elf.R_X86_64_GOT64, elf.R_X86_64_GOTPCREL64,
		elf.R_X86_64_GOTPC64, elf.R_X86_64_PLTOFF64, elf.R_X86_64_SIZE64, elf.R_X86_64_TPOFF64, elf.R_X86_64_DTPOFF64:
		return 8
	}
	return 4
}

// relocValue computes a relocation: S is sym, P is where, A the addend.
func (l *linker) relocValue(r *Reloc, sym, where uint64) (int64, bool) {
	abs := int64(sym) + r.Addend
	got := l.got[""]
	switch r.Type {
	case elf.R_X86_64_8, elf.R_X86_64_16, elf.R_X86_64_32, elf.R_X86_64_32S, elf.R_X86_64_64:
		return abs, true
	case elf.R_X86_64_PC8, elf.R_X86_64_PC16, elf.R_X86_64_PC32, elf.R_X86_64_PC64, elf.R_X86_64_PLT32:
		return abs - int64(where), true
	case elf.R_X86_64_GOTPCREL, elf.R_X86_64_GOTPCRELX, elf.R_X86_64_REX_GOTPCRELX, elf.R_X86_64_GOTPCREL64:
		return int64(l.got[gotKey(r.Sym)]) + r.Addend - int64(where), true
	case elf.R_X86_64_GOT32, elf.R_X86_64_GOT64:
		return int64(l.got[gotKey(r.Sym)]-got) + r.Addend, true
	case elf.R_X86_64_GOTOFF64, elf.R_X86_64_PLTOFF64:
		return abs - int64(got), true
	case elf.R_X86_64_GOTPC32, elf.R_X86_64_GOTPC64:
		return int64(got) + r.Addend - int64(where), true
	case elf.R_X86_64_SIZE32, elf.R_X86_64_SIZE64:
		return int64(r.Sym.Size) + r.Addend, true
	}
	return 0, false
}

// fits reports whether v fits the field.
func fits(v int64, t elf.R_X86_64, size int) bool {
	switch t {
	case elf.R_X86_64_32, elf.R_X86_64_SIZE32:
		return uint64(v)>>32 == 0
	case elf.R_X86_64_8, elf.R_X86_64_16:
		lim := int64(1) << (8 * size)
		return v < lim && v >= -lim/2
	}
	if size == 8 {
		return true
	}
	lim := int64(1) << (8*size - 1)
	return v >= -lim && v < lim
}
