package asm

import (
	"debug/dwarf"
	"debug/elf"
	"errors"
	"io"
)

// readDWARF fills the line tables of the code sections from .debug_line. A
// damaged or absent table leaves them empty: lines are a convenience.
func (o *Object) readDWARF(f *elf.File) {
	d, err := f.DWARF()
	if err != nil {
		return
	}
	r := d.Reader()
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			return
		}
		if e.Tag == dwarf.TagCompileUnit {
			o.unitLines(d, e, f.Type == elf.ET_REL)
		}
		r.SkipChildren()
	}
}

// unitLines adds the line table of one compilation unit. In a relocatable
// object the addresses are offsets in the section that the table's
// relocations name; debug/dwarf has applied those, so with one code section
// they are simply offsets.
func (o *Object) unitLines(d *dwarf.Data, e *dwarf.Entry, rel bool) {
	lr, err := d.LineReader(e)
	if err != nil || lr == nil {
		return
	}
	fileNo := map[string]int32{}
	for i, n := range o.Files {
		fileNo[n] = int32(i)
	}
	var le dwarf.LineEntry
	for {
		if err := lr.Next(&le); err != nil {
			if !errors.Is(err, io.EOF) {
				return
			}
			return
		}
		sec := o.codeAt(le.Address, rel)
		if sec == nil || le.EndSequence || le.File == nil {
			continue
		}
		n, ok := fileNo[le.File.Name]
		if !ok {
			n = int32(len(o.Files))
			fileNo[le.File.Name] = n
			o.Files = append(o.Files, le.File.Name)
		}
		off := le.Address
		if !rel {
			off -= sec.addr
		}
		sec.Lines = append(sec.Lines, Line{Off: off, File: n, Line: int32(le.Line)})
	}
}

// codeAt is the code section that an address of the line table is in.
func (o *Object) codeAt(addr uint64, rel bool) *Section {
	for _, s := range o.Sections {
		if s.Flags&elf.SHF_EXECINSTR == 0 || s.Size == 0 {
			continue
		}
		if rel && addr < s.Size || !rel && addr-s.addr < s.Size {
			return s
		}
	}
	return nil
}
