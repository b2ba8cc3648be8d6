package expr

import (
	"sort"
)

// evalFn computes a value in a context. It never allocates.
type evalFn func(c *Context) int64

// operand is a compiled subexpression.
type operand struct {
	typ   *Type
	konst bool
	k     int64  // the value, if konst
	val   evalFn // the value; nil for structs, arrays and code
	// For an object in memory: where it is.
	addr   evalFn
	static bool // the address is the constant at
	at     uint64
	reg    *Reg // for a register: which, and of which core (-1: the current one)
	core   int
}

// Range is a range of physical memory, [PA, PA+Size).
type Range struct {
	PA   uint64
	Size int
}

type compiler struct {
	*parser
	vars  map[string]operand
	prevs []evalFn
	inP   bool // inside prev()
	foot  map[Range]bool
	loose bool // reads memory at addresses that are not constants, or registers
	nodes int
}

// maxNodes bounds how large unrolled quantifiers may become.
const maxNodes = 100000

func (c *compiler) compile(n *node) operand {
	if c.nodes++; c.nodes > maxNodes {
		c.fail(n.pos, "the quantifiers unroll to more than %d nodes", maxNodes)
	}
	switch n.kind {
	case nNumber:
		return constant(int64(n.num), n.typ)
	case nName:
		return c.name(n)
	case nReg:
		return c.register(n)
	case nUnary:
		return c.unaryOp(n)
	case nBinary:
		return c.binaryOp(n)
	case nCond:
		return c.condOp(n)
	case nCast:
		return c.cast(n)
	case nField, nArrow:
		return c.member(n)
	case nIndex:
		sum := &node{kind: nBinary, pos: n.pos, text: "+", a: n.a, b: n.b}
		return c.compile(&node{kind: nUnary, pos: n.pos, text: "*", a: sum})
	case nCall:
		return c.call(n)
	case nCurrent:
		return c.current(n)
	case nQuant:
		return c.quant(n)
	}
	panic("BUG: unknown node kind")
}

func constant(k int64, t *Type) operand {
	k = extend(k, t)
	return operand{typ: t, konst: true, k: k, val: func(*Context) int64 { return k }}
}

// extend brings v to the range of t: sign- or zero-extended from its size.
func extend(v int64, t *Type) int64 {
	shift := 64 - 8*uint(t.Size)
	if t.Size == 0 || t.Size >= 8 {
		return v
	}
	if t.Signed {
		return v << shift >> shift
	}
	return int64(uint64(v) << shift >> shift)
}

// value returns n compiled to something that has a value; arrays decay to a
// pointer to their first element, code to its address.
func (c *compiler) value(n *node) operand {
	o := c.compile(n)
	switch {
	case o.val != nil:
		return o
	case o.typ.array():
		return address(o, PointerTo(o.typ.Elem))
	case o.typ.Func:
		return address(o, PointerTo(Void))
	}
	c.fail(n.pos, "%s has no single value here: name one of its fields", describe(o.typ))
	return o
}

func describe(t *Type) string {
	if t.Name == "" {
		return "the object"
	}
	return "a " + t.Name
}

func address(o operand, t *Type) operand {
	if o.static {
		return constant(int64(o.at), t)
	}
	return operand{typ: t, val: o.addr}
}

func (c *compiler) name(n *node) operand {
	if v, ok := c.vars[n.text]; ok {
		return v
	}
	if v, t, ok := c.names.Const(n.text); ok {
		if t == nil {
			t = Int64
			if v == int64(int32(v)) {
				t = Int32
			}
		}
		return constant(v, t)
	}
	addr, t, ok := c.names.Symbol(n.text)
	if !ok {
		c.fail(n.pos, "no symbol, constant or variable is called %q", n.text)
	}
	if t == nil {
		t = &Type{Name: n.text + " (a symbol of unknown size: cast it, as in *(int *)&" + n.text + ")"}
	}
	return c.object(addr, t)
}

// object is an object at a constant address.
func (c *compiler) object(addr uint64, t *Type) operand {
	o := operand{typ: t, static: true, at: addr, addr: func(*Context) int64 { return int64(addr) }}
	if !t.scalar() {
		return o
	}
	size := t.Size
	if pa, ok := c.names.Fixed(addr); ok {
		c.foot[Range{pa, size}] = true
		o.val = func(x *Context) int64 { return extend(int64(x.State.LoadPhys(pa, size)), t) }
		return o
	}
	c.loose = true
	o.val = func(x *Context) int64 { return x.load(addr, t) }
	return o
}

// objectAt is an object at the address that addr computes.
func (c *compiler) objectAt(addr operand, t *Type) operand {
	if addr.konst {
		return c.object(uint64(addr.k), t)
	}
	c.loose = true
	o := operand{typ: t, addr: addr.val}
	if t.scalar() {
		fn := addr.val
		o.val = func(x *Context) int64 { return x.load(uint64(fn(x)), t) }
	}
	return o
}

// core evaluates the constant core number behind an @; -1 if there is none.
func (c *compiler) core(n *node) int {
	if n == nil {
		return -1
	}
	o := c.value(n)
	if !o.konst {
		c.fail(n.pos, "a core is named by a constant")
	}
	if o.k < 0 || o.k >= int64(c.names.Cores()) {
		c.fail(n.pos, "there is no core %d; the machine has %d", o.k, c.names.Cores())
	}
	return int(o.k)
}

func (c *compiler) register(n *node) operand {
	r, ok := LookupReg(n.text[1:])
	if !ok {
		c.fail(n.pos, "%q is not a register", n.text)
	}
	core, t := c.core(n.b), r.typ()
	c.loose = true
	o := operand{typ: t, reg: &r, core: core}
	if core < 0 {
		o.val = func(x *Context) int64 { return int64(x.State.Reg(x.Core, r)) }
	} else {
		o.val = func(x *Context) int64 { return int64(x.State.Reg(core, r)) }
	}
	return o
}

func (c *compiler) current(n *node) operand {
	t, ok := c.names.Type("task_struct")
	first, has := c.names.Current(0)
	if !ok || !has {
		c.fail(n.pos, "there are no tasks on a bare machine, so no current")
	}
	pt := PointerTo(t)
	if core := c.core(n.b); core >= 0 {
		addr, _ := c.names.Current(core)
		return c.object(addr, pt)
	}
	addrs := make([]uint64, c.names.Cores())
	for i := range addrs {
		addrs[i], _ = c.names.Current(i)
		c.object(addrs[i], pt) // for the footprint
	}
	if len(addrs) == 1 {
		return c.object(first, pt)
	}
	return c.objectAt(operand{typ: Uint64, val: func(x *Context) int64 { return int64(addrs[x.Core]) }}, pt)
}

func (c *compiler) cast(n *node) operand {
	a := c.value(n.a)
	if !n.typ.scalar() {
		c.fail(n.pos, "cannot cast to %s", n.typ.Name)
	}
	return convert(a, n.typ)
}

func convert(a operand, t *Type) operand {
	if a.konst {
		return constant(a.k, t)
	}
	if a.typ.Size == t.Size && a.typ.Signed == t.Signed || t.Size == 8 {
		return operand{typ: t, val: a.val}
	}
	fn := a.val
	return operand{typ: t, val: func(x *Context) int64 { return extend(fn(x), t) }}
}

func (c *compiler) member(n *node) operand {
	a := c.compile(n.a)
	st := a.typ
	if n.kind == nArrow {
		a = c.value(n.a)
		if !a.typ.pointer() {
			c.fail(n.pos, "-> wants a pointer to a struct, this is a %s", a.typ.Name)
		}
		st = a.typ.Elem
	} else {
		if a.typ.pointer() && a.typ.Elem.strct() {
			c.fail(n.pos, "this is a pointer: write ->%s", n.text)
		}
		if a.addr != nil {
			a = address(a, PointerTo(st))
		}
	}
	if !st.strct() {
		c.fail(n.pos, "%s has no fields", describe(st))
	}
	f, ok := st.Field(n.text)
	if !ok {
		c.fail(n.pos, "%s has no field %q; it has %s", describe(st), n.text, fieldNames(st))
	}
	off := int64(f.Off)
	if a.konst {
		return c.object(uint64(a.k+off), f.Type)
	}
	fn := a.val
	return c.objectAt(operand{typ: Uint64, val: func(x *Context) int64 { return fn(x) + off }}, f.Type)
}

func fieldNames(t *Type) string {
	var names []string
	for _, f := range t.Fields {
		names = append(names, f.Name)
	}
	sort.Strings(names)
	return joinWords(names)
}

func joinWords(w []string) string {
	s := ""
	for i, x := range w {
		if i > 0 {
			s += ", "
		}
		s += x
	}
	return s
}
