package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Context is where an expression is evaluated. The zero value with a State is
// the selected core 0 without history. It is not for concurrent use.
type Context struct {
	State State
	Core  int     // what registers without @ and current mean
	Prev  []int64 // what SavePrev stored before the last choice
	what  faultKind
	where uint64
}

type faultKind uint8

const (
	faultNone faultKind = iota
	faultMemory
	faultDivide
)

func (c *Context) fault(k faultKind, where uint64) {
	if c.what == faultNone {
		c.what, c.where = k, where
	}
}

func (c *Context) load(va uint64, t *Type) int64 {
	v, ok := c.State.Load(c.Core, va, t.Size)
	if !ok {
		c.fault(faultMemory, va)
		return 0
	}
	return extend(int64(v), t)
}

// EvalError says why an expression has no value in some state.
type EvalError struct {
	Expr string // the expression's text
	Msg  string
}

func (e *EvalError) Error() string { return fmt.Sprintf("%s: %s", e.Expr, e.Msg) }

// Expr is a compiled expression. It is immutable and may be shared between
// goroutines, each with a Context of its own.
type Expr struct {
	text  string
	top   operand
	prevs []evalFn
	foot  []Range
	loose bool
}

// Source says where an expression's text begins, for errors.
type Source struct {
	File string
	Line int
	Col  int // 1-based column of the text's first byte; 0 means 1
}

// Compile compiles text against names. The error is an *Error, with the
// position taken from src.
func Compile(text string, names Names, src Source) (x *Expr, err error) {
	if src.Col == 0 {
		src.Col = 1
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			x, err = nil, f.err.at(src)
		}
	}()
	toks, lexErr := lex(text)
	if lexErr != nil {
		return nil, lexErr.at(src)
	}
	c := &compiler{parser: &parser{toks: toks, names: names}, vars: map[string]operand{}, foot: map[Range]bool{}}
	top := c.compile(c.parse())
	x = &Expr{text: strings.TrimSpace(text), top: top, prevs: c.prevs, loose: c.loose}
	for r := range c.foot {
		x.foot = append(x.foot, r)
	}
	slices.SortFunc(x.foot, func(a, b Range) int {
		if a.PA != b.PA {
			if a.PA < b.PA {
				return -1
			}
			return 1
		}
		return a.Size - b.Size
	})
	return x, nil
}

func (e *Error) at(src Source) *Error {
	e.File, e.Line = src.File, src.Line
	e.Col += src.Col - 1
	return e
}

// CompileValue compiles text as Compile does, and refuses what has no single
// value, such as a struct.
func CompileValue(text string, names Names, src Source) (*Expr, error) {
	x, err := Compile(text, names, src)
	if err != nil {
		return nil, err
	}
	if x.top.val == nil {
		return nil, (&Error{Col: 1, Msg: fmt.Sprintf("%s has no single value", describe(x.top.typ))}).at(src)
	}
	return x, nil
}

// String returns the expression's text.
func (x *Expr) String() string { return x.text }

// Type returns the type of the value or object.
func (x *Expr) Type() *Type { return x.top.typ }

// ErrNoValue is wrapped by the error of evaluating a struct or an array.
var ErrNoValue = errors.New("has no single value")

// Eval computes the value, extended to 64 bits as the type says. The error is
// an *EvalError: memory that is not mapped, a division by zero.
func (x *Expr) Eval(c *Context) (int64, error) {
	if x.top.val == nil {
		return 0, fmt.Errorf("%s: a %s %w", x.text, x.top.typ.Name, ErrNoValue)
	}
	c.what = faultNone
	v := x.top.val(c)
	if c.what != faultNone {
		return 0, x.evalError(c)
	}
	return v, nil
}

// Bool says whether the value is not zero.
func (x *Expr) Bool(c *Context) (bool, error) {
	v, err := x.Eval(c)
	return v != 0, err
}

func (x *Expr) evalError(c *Context) error {
	if c.what == faultDivide {
		return &EvalError{x.text, fmt.Sprintf("division by zero at column %d", c.where)}
	}
	return &EvalError{x.text, fmt.Sprintf("no memory is mapped at %#x", c.where)}
}

// Addr returns the address of the object in guest memory; ok is false for
// registers and computed values.
func (x *Expr) Addr(c *Context) (va uint64, ok bool) {
	if x.top.addr == nil {
		return 0, false
	}
	c.what = faultNone
	va = uint64(x.top.addr(c))
	return va, c.what == faultNone
}

// Register returns the register that the expression is, and its core (-1: the
// current one); ok is false for anything else.
func (x *Expr) Register() (r Reg, core int, ok bool) {
	if x.top.reg == nil {
		return Reg{}, 0, false
	}
	return *x.top.reg, x.top.core, true
}

// NumPrev returns how many values SavePrev stores.
func (x *Expr) NumPrev() int { return len(x.prevs) }

// SavePrev stores what prev() will return after the next choice into
// dst[:NumPrev()].
func (x *Expr) SavePrev(c *Context, dst []int64) {
	for i, f := range x.prevs {
		dst[i] = f(c)
	}
}

// Footprint returns the physical memory that the expression reads at constant
// addresses, in ascending order. exact is false if it also reads registers or
// memory at other addresses.
func (x *Expr) Footprint() (ranges []Range, exact bool) { return x.foot, !x.loose }
