package asm

import "debug/elf"

// Object is a relocatable object: what Assemble makes, and what ReadELF reads
// and WriteELF writes.
type Object struct {
	Name     string
	Sections []*Section
	Symbols  []*Symbol // symbol table order: local symbols first
	Warnings ErrorList
	Files    []string // source files that Line.File counts in

	firstGlobal int
}

// Section is a section of an Object, without the ones that only hold the
// object's own tables.
type Section struct {
	Name    string
	Type    elf.SectionType
	Flags   elf.SectionFlag
	Align   uint64 // in bytes, a power of two
	EntSize uint64
	Data    []byte // empty for SHT_NOBITS
	Size    uint64 // in bytes
	Relocs  []Reloc
	Group   *Group // COMDAT group that the section is a member of, or nil
	LinkTo  *Section
	Info    uint32
	Lines   []Line // in order of Off

	addr uint64 // address in an executable
}

// Group is a section group; with Comdat, the linker keeps one per signature.
type Group struct {
	Signature string
	Comdat    bool
	symbol    *Symbol
}

// Symbol is a symbol of an Object.
type Symbol struct {
	Name    string
	Section *Section // nil unless the symbol is defined in a section
	Abs     bool     // Value is a number
	Common  bool     // COMMON: Value is the alignment
	Value   uint64   // offset in Section, number or alignment
	Size    uint64
	Bind    elf.SymBind
	Type    elf.SymType
	Vis     elf.SymVis

	group *Group // the symbol only names this group
}

// Undefined reports whether the symbol has to come from another object.
func (s *Symbol) Undefined() bool { return s.Section == nil && !s.Abs && !s.Common && s.group == nil }

// Reloc is a relocation with addend (SHT_RELA).
type Reloc struct {
	Off    uint64
	Type   elf.R_X86_64
	Sym    *Symbol // nil for none
	Addend int64
}

// Line says that the bytes from Off on come from a source line.
type Line struct {
	Off  uint64
	File int32 // index in Object.Files
	Line int32
	Text string // the statement, without blanks around it
}

const sttIfunc = elf.SymType(10) // STT_GNU_IFUNC
