package asm

import (
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"io"
	"sort"
)

// Types are the structure types of an object's debugging information, for
// expressions such as task->patch_state.
type Types struct{ structs map[string]StructType }

// StructType is a struct or union.
type StructType struct {
	Name   string
	Size   int64 // in bytes
	Fields []Field
}

// Field is a member of a structure.
type Field struct {
	Name   string
	Offset int64  // in bytes
	Size   int64  // in bytes
	Type   string // as C spells it
	Struct string // name of the structure it is or points to, "" if neither
	Bits   int64  // width of a bit field, 0 otherwise
	Shift  int64  // first bit of a bit field, counted from bit 0 of Offset
}

// ReadTypes reads the structure types of an ELF file with DWARF. A file
// without debugging information yields no types; the error is for files that
// cannot be read.
func ReadTypes(name string, r io.ReaderAt) (*Types, error) {
	t := &Types{structs: map[string]StructType{}}
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", name, ErrFormat, err)
	}
	d, err := f.DWARF()
	if err != nil {
		return t, nil
	}
	for entries := d.Reader(); ; {
		e, err := entries.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: %w: debugging information: %v", name, ErrFormat, err)
		}
		if e == nil {
			return t, nil
		}
		if e.Tag == dwarf.TagStructType || e.Tag == dwarf.TagUnionType {
			if typ, err := d.Type(e.Offset); err == nil {
				t.add(typ)
			}
		}
	}
}

func (t *Types) add(typ dwarf.Type) {
	s, ok := typ.(*dwarf.StructType)
	if !ok || s.StructName == "" || s.Incomplete {
		return
	}
	out := StructType{Name: s.StructName, Size: s.ByteSize}
	for _, f := range s.Field {
		out.Fields = append(out.Fields, Field{Name: f.Name, Offset: f.ByteOffset, Size: f.Type.Size(), Type: f.Type.String(),
			Struct: structName(f.Type), Bits: f.BitSize, Shift: f.DataBitOffset - 8*f.ByteOffset})
	}
	for i := range out.Fields {
		if out.Fields[i].Bits == 0 {
			out.Fields[i].Shift = 0
		}
	}
	t.structs[s.StructName] = out
}

// structName is the structure that a type is, or points to.
func structName(t dwarf.Type) string {
	for range 16 {
		switch x := t.(type) {
		case *dwarf.TypedefType:
			t = x.Type
		case *dwarf.QualType:
			t = x.Type
		case *dwarf.PtrType:
			t = x.Type
		case *dwarf.StructType:
			return x.StructName
		default:
			return ""
		}
	}
	return ""
}

// Struct returns the structure of that name.
func (t *Types) Struct(name string) (StructType, bool) {
	s, ok := t.structs[name]
	return s, ok
}

// Names lists the structures by name.
func (t *Types) Names() []string {
	names := make([]string, 0, len(t.structs))
	for n := range t.structs {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Field returns the member of that name.
func (s StructType) Field(name string) (Field, bool) {
	for _, f := range s.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}
