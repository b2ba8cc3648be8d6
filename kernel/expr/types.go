package expr

import (
	"fmt"
	"sort"
	"strings"
)

// Type describes the bytes of a value or of an object in guest memory.
type Type struct {
	Name   string // as C writes it, for messages: "int", "struct task_struct"
	Size   int    // bytes
	Signed bool
	Elem   *Type   // what a pointer points to or an array consists of
	Count  int     // elements of an array; 0 for all others
	Fields []Field // members of a struct, in any order
	Func   bool    // code: its value is its address
	Values *Values // how a person reads the number, may be nil
}

// Field is one member of a struct.
type Field struct {
	Name string
	Off  int // bytes from the start of the struct
	Type *Type
}

// Values gives names to the values, or to the bits, of an integer type.
type Values struct {
	Name  string
	Bits  bool // Names are bit numbers
	Names map[int64]string
}

// The integer types, with the sizes of the x86-64 psABI (section 3.1.2).
var (
	Int8   = &Type{Name: "char", Size: 1, Signed: true}
	Uint8  = &Type{Name: "unsigned char", Size: 1}
	Int16  = &Type{Name: "short", Size: 2, Signed: true}
	Uint16 = &Type{Name: "unsigned short", Size: 2}
	Int32  = &Type{Name: "int", Size: 4, Signed: true}
	Uint32 = &Type{Name: "unsigned int", Size: 4}
	Int64  = &Type{Name: "long", Size: 8, Signed: true}
	Uint64 = &Type{Name: "unsigned long", Size: 8}
	Void   = &Type{Name: "void"}
	Code   = &Type{Name: "code", Func: true}
)

// basic maps every way to write an integer type to the type. Several words
// are in alphabetical order, as parseType sorts them.
var basic = map[string]*Type{
	"void": Void, "_Bool": Uint8, "bool": Uint8,
	"char": Int8, "char signed": Int8, "char unsigned": Uint8, "s8": Int8, "u8": Uint8, "int8_t": Int8, "uint8_t": Uint8,
	"short": Int16, "short signed": Int16, "int short": Int16, "short unsigned": Uint16, "int short unsigned": Uint16,
	"s16": Int16, "u16": Uint16, "int16_t": Int16, "uint16_t": Uint16,
	"int": Int32, "signed": Int32, "int signed": Int32, "unsigned": Uint32, "int unsigned": Uint32,
	"s32": Int32, "u32": Uint32, "int32_t": Int32, "uint32_t": Uint32,
	"long": Int64, "long signed": Int64, "int long": Int64, "long long": Int64, "int long long": Int64,
	"long unsigned": Uint64, "int long unsigned": Uint64, "long long unsigned": Uint64,
	"s64": Int64, "u64": Uint64, "int64_t": Int64, "uint64_t": Uint64, "size_t": Uint64, "uintptr_t": Uint64,
}

// NamedType returns the integer type written as s ("int", "unsigned long", "u8").
func NamedType(s string) (*Type, bool) {
	words := strings.Fields(s)
	sort.Strings(words)
	t, ok := basic[strings.Join(words, " ")]
	return t, ok
}

// PointerTo returns the type of a pointer to t.
func PointerTo(t *Type) *Type {
	return &Type{Name: t.Name + " *", Size: 8, Elem: t}
}

// ArrayOf returns the type of n elements of t.
func ArrayOf(t *Type, n int) *Type {
	return &Type{Name: fmt.Sprintf("%s[%d]", t.Name, n), Size: n * t.Size, Elem: t, Count: n}
}

// With returns t read with the names of v.
func (t *Type) With(v *Values) *Type {
	c := *t
	c.Values = v
	return &c
}

// Field returns the member called name.
func (t *Type) Field(name string) (Field, bool) {
	for _, f := range t.Fields {
		if f.Name == name {
			return f, true
		}
	}
	return Field{}, false
}

func (t *Type) pointer() bool { return t.Elem != nil && t.Count == 0 }
func (t *Type) array() bool   { return t.Count > 0 }
func (t *Type) strct() bool   { return t.Fields != nil }

// scalar says whether a value of t fits an expression's 64 bits.
func (t *Type) scalar() bool {
	return !t.array() && !t.strct() && !t.Func && (t.Size == 1 || t.Size == 2 || t.Size == 4 || t.Size == 8)
}

// Format writes v as a person wants to read it: the number, and the name that
// the type's Values give it.
func (t *Type) Format(v int64) string {
	if n := t.ValueName(v); n != "" {
		return t.number(v) + " " + n
	}
	return t.number(v)
}

// ValueName returns the name, or the names of the bits, that Values give v;
// "" if they give none.
func (t *Type) ValueName(v int64) string {
	if t.Values == nil {
		return ""
	}
	if !t.Values.Bits {
		return t.Values.Names[v]
	}
	var names []string
	for bit := int64(0); bit < 64; bit++ {
		if n, ok := t.Values.Names[bit]; ok && v>>uint(bit)&1 != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, "|")
}

func (t *Type) number(v int64) string {
	switch {
	case t.pointer() || t.Values != nil && t.Values.Bits:
		return fmt.Sprintf("%#x", uint64(v))
	case t.Signed:
		if v > 1<<16 || v < -(1<<16) {
			return fmt.Sprintf("%d (%#x)", v, uint64(v)&mask(t.Size))
		}
		return fmt.Sprint(v)
	case uint64(v) > 1<<16:
		return fmt.Sprintf("%#x", uint64(v))
	}
	return fmt.Sprint(uint64(v))
}

func mask(size int) uint64 {
	if size >= 8 {
		return ^uint64(0)
	}
	return 1<<(8*uint(size)) - 1
}

// Task is one task that expressions can name.
type Task struct {
	Num  int    // what task(N) names, the guest's pid; idle tasks have negative numbers or zero
	Name string // for people
	Addr uint64 // of its struct task_struct
	Idle bool   // not in forall(t, ...): the idle task of a core
}

// Names is what a program offers to expressions. All of it is fixed for the
// life of a machine; it is consulted when compiling only.
type Names interface {
	// Symbol returns the address and type of a symbol. A nil type means that
	// the symbol's size and type are not known.
	Symbol(name string) (addr uint64, t *Type, ok bool)
	// FuncRange returns the first address of a function and the one after its last.
	FuncRange(name string) (lo, hi uint64, ok bool)
	// Const returns the value of a declared name (enum members, bit numbers,
	// constants of the assembly source).
	Const(name string) (v int64, t *Type, ok bool)
	// Type returns a struct type by its tag.
	Type(tag string) (t *Type, ok bool)
	// Tasks returns all tasks, in the guest's own order.
	Tasks() []Task
	// Cores returns the number of cores.
	Cores() int
	// Current returns the address of core's variable that points to the
	// running task; ok is false where there are no tasks.
	Current(core int) (addr uint64, ok bool)
	// PerCPU returns the address and type of core's instance of a per-CPU variable.
	PerCPU(core int, name string) (addr uint64, t *Type, ok bool)
	// Fixed returns the physical address behind va if no run ever changes
	// that mapping; expressions then skip the page walk.
	Fixed(va uint64) (pa uint64, ok bool)
}

// State is a machine's state as expressions read it. Values come back
// zero-extended; the methods have no side effects and do not allocate.
type State interface {
	Reg(core int, r Reg) uint64
	Load(core int, va uint64, size int) (v uint64, ok bool)
	LoadPhys(pa uint64, size int) uint64
}
