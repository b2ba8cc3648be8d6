package layout

import "fmt"

// Type is the type of a field, as far as expressions and views need it.
type Type struct {
	Size   int    // bytes of one element
	Count  int    // elements; 1 for a scalar
	Signed bool   // sign-extend when read
	To     string // for a pointer: the structure it points to, or ""
}

// The scalar types fields are made of.
var (
	i32 = Type{Size: 4, Count: 1, Signed: true}
	u32 = Type{Size: 4, Count: 1}
	u64 = Type{Size: 8, Count: 1}
)

// ptr is a pointer to the named structure, or to something untyped for "".
func ptr(to string) Type { return Type{Size: 8, Count: 1, To: to} }

// chars is an array of n bytes.
func chars(n int) Type { return Type{Size: 1, Count: n} }

// Bytes is the number of bytes that a field of this type takes.
func (t Type) Bytes() int { return t.Size * t.Count }

// Field is a member of a structure.
type Field struct {
	Name   string
	Type   Type
	Offset int // bytes from the start of the structure
	Doc    string
}

// Struct is a structure of the guest kernel.
type Struct struct {
	Name   string // as in Go and in expressions: "task_struct"
	Prefix string // of its assembler symbols: "TASK" gives TASK_pid, TASK_SIZE
	Fields []Field
	Size   int // bytes, a multiple of 8
	Doc    string
}

// Field finds a field by name.
func (s *Struct) Field(name string) (Field, bool) {
	for _, f := range s.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

// At finds the field that covers the byte at offset off.
func (s *Struct) At(off int) (Field, bool) {
	for _, f := range s.Fields {
		if off >= f.Offset && off < f.Offset+f.Type.Bytes() {
			return f, true
		}
	}
	return Field{}, false
}

// Offset is the offset of a field that must exist.
func (s *Struct) Offset(name string) uint64 {
	f, ok := s.Field(name)
	if !ok {
		panic(fmt.Sprintf("BUG: struct %s has no field %q", s.Name, name))
	}
	return uint64(f.Offset)
}

// Lookup finds a structure by its name.
func Lookup(name string) (*Struct, bool) {
	for _, s := range structs {
		if s.Name == name {
			return s, true
		}
	}
	return nil, false
}

// Structs lists every structure, in the order of the prelude.
func Structs() []*Struct { return structs }

// place assigns offsets by natural alignment and rounds the size up to 8.
func place(s *Struct) *Struct {
	off := 0
	for i := range s.Fields {
		f := &s.Fields[i]
		align := f.Type.Size
		off = (off + align - 1) / align * align
		f.Offset = off
		off += f.Type.Bytes()
	}
	s.Size = (off + 7) &^ 7
	return s
}
