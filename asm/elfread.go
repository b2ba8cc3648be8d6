package asm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrFormat is the cause of every ReadELF error that is about the file's
// contents rather than about reading it.
var ErrFormat = errors.New("not a usable x86-64 ELF object")

// ReadELF reads an ELF64 x86-64 relocatable object or executable. Sections
// and symbols of the file's own tables (symbol and string tables, relocations,
// groups) do not appear as sections; they are in the fields of the others.
func ReadELF(name string, r io.ReaderAt) (*Object, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", name, ErrFormat, err)
	}
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB || f.Machine != elf.EM_X86_64 {
		return nil, fmt.Errorf("%s: %w: %v %v", name, ErrFormat, f.Class, f.Machine)
	}
	e := &elfReader{f: f, obj: &Object{Name: name}, secs: make([]*Section, len(f.Sections))}
	for _, step := range []func() error{e.sections, e.symbols, e.groups, e.relocations, e.lines} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("%s: %w: %v", name, ErrFormat, err)
		}
	}
	return e.obj, nil
}

type elfReader struct {
	f    *elf.File
	obj  *Object
	secs []*Section // by ELF index; nil for the file's own tables
	syms []*Symbol  // by ELF index, 0 is nil
}

// maxRead bounds the bytes of one section.
const maxRead = 1 << 31

func (e *elfReader) sections() error {
	for i, s := range e.f.Sections {
		switch s.Type {
		case elf.SHT_NULL, elf.SHT_SYMTAB, elf.SHT_STRTAB, elf.SHT_RELA, elf.SHT_REL, elf.SHT_GROUP, elf.SHT_SYMTAB_SHNDX:
			if s.Type != elf.SHT_STRTAB || s.Flags&elf.SHF_ALLOC == 0 {
				continue
			}
		}
		out := &Section{Name: s.Name, Type: s.Type, Flags: s.Flags &^ elf.SHF_GROUP, Align: max(s.Addralign, 1),
			EntSize: s.Entsize, Size: s.Size, Info: s.Info, addr: s.Addr}
		if out.Align&(out.Align-1) != 0 {
			return fmt.Errorf("section %s: alignment %d", s.Name, out.Align)
		}
		if s.Type != elf.SHT_NOBITS {
			if s.FileSize > maxRead {
				return fmt.Errorf("section %s: %d bytes", s.Name, s.FileSize)
			}
			data, err := s.Data()
			if err != nil {
				return fmt.Errorf("section %s: %w", s.Name, err)
			}
			out.Data, out.Size = data, uint64(len(data))
		}
		e.secs[i] = out
		e.obj.Sections = append(e.obj.Sections, out)
	}
	for i, s := range e.f.Sections {
		if out := e.secs[i]; out != nil && s.Flags&elf.SHF_LINK_ORDER != 0 && int(s.Link) < len(e.secs) {
			out.LinkTo = e.secs[s.Link]
		}
	}
	return nil
}

func (e *elfReader) symbols() error {
	syms, err := e.f.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return err
	}
	e.syms = make([]*Symbol, 1, len(syms)+1)
	for _, s := range syms {
		out := &Symbol{Name: s.Name, Value: s.Value, Size: s.Size, Bind: elf.ST_BIND(s.Info),
			Type: elf.ST_TYPE(s.Info), Vis: elf.ST_VISIBILITY(s.Other)}
		switch {
		case s.Section == elf.SHN_ABS:
			out.Abs = true
		case s.Section == elf.SHN_COMMON:
			out.Common = true
		case s.Section == elf.SHN_UNDEF:
		case int(s.Section) < len(e.secs) && e.secs[s.Section] != nil:
			out.Section = e.secs[s.Section]
			if e.f.Type != elf.ET_REL {
				out.Value -= out.Section.addr
			}
		default:
			out.Abs = true
		}
		e.syms = append(e.syms, out)
		e.obj.Symbols = append(e.obj.Symbols, out)
	}
	return nil
}

func (e *elfReader) groups() error {
	for _, s := range e.f.Sections {
		if s.Type != elf.SHT_GROUP {
			continue
		}
		data, err := s.Data()
		if err != nil || len(data) < 4 {
			return fmt.Errorf("section %s: bad group", s.Name)
		}
		g := &Group{Comdat: binary.LittleEndian.Uint32(data)&1 != 0}
		if int(s.Info) < len(e.syms) && e.syms[s.Info] != nil {
			sym := e.syms[s.Info]
			g.Signature, g.symbol = sym.Name, sym
			if sym.Name == "" && sym.Section != nil {
				g.Signature = sym.Section.Name
			}
		}
		for p := 4; p+4 <= len(data); p += 4 {
			i := binary.LittleEndian.Uint32(data[p:])
			if int(i) < len(e.secs) && e.secs[i] != nil {
				e.secs[i].Group = g
			}
		}
	}
	return nil
}

func (e *elfReader) relocations() error {
	if e.f.Type != elf.ET_REL {
		return nil
	}
	for _, s := range e.f.Sections {
		if s.Type != elf.SHT_RELA || int(s.Info) >= len(e.secs) || e.secs[s.Info] == nil {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return fmt.Errorf("section %s: %w", s.Name, err)
		}
		to := e.secs[s.Info]
		for ; len(data) >= 24; data = data[24:] {
			info := binary.LittleEndian.Uint64(data[8:])
			n := info >> 32
			if n >= uint64(len(e.syms)) {
				return fmt.Errorf("section %s: relocation names symbol %d of %d", s.Name, n, len(e.syms))
			}
			to.Relocs = append(to.Relocs, Reloc{Off: binary.LittleEndian.Uint64(data), Type: elf.R_X86_64(uint32(info)),
				Sym: e.syms[n], Addend: int64(binary.LittleEndian.Uint64(data[16:]))})
		}
	}
	return nil
}

// lines fills in the line tables of code sections from DWARF, if there is any.
func (e *elfReader) lines() error {
	for _, s := range e.obj.Sections {
		if s.Name == ".debug_line" || s.Name == ".debug_info" {
			e.obj.readDWARF(e.f)
			return nil
		}
	}
	return nil
}

// ReadObject reads an object or a static library: an archive yields every
// member that is an object.
func ReadObject(name string, data []byte) ([]*Object, error) {
	if bytes.HasPrefix(data, []byte(archiveMagic)) {
		return readArchive(name, data)
	}
	o, err := ReadELF(name, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return []*Object{o}, nil
}
