package expr

// binFns are the operators on two values of the same signed type.
var binFns = map[string]func(a, b int64) int64{
	"+": func(a, b int64) int64 { return a + b },
	"-": func(a, b int64) int64 { return a - b },
	"*": func(a, b int64) int64 { return a * b },
	"&": func(a, b int64) int64 { return a & b },
	"|": func(a, b int64) int64 { return a | b },
	"^": func(a, b int64) int64 { return a ^ b },
}

// cmpFns are the comparisons of signed values.
var cmpFns = map[string]func(a, b int64) bool{
	"==": func(a, b int64) bool { return a == b },
	"!=": func(a, b int64) bool { return a != b },
	"<":  func(a, b int64) bool { return a < b },
	"<=": func(a, b int64) bool { return a <= b },
	">":  func(a, b int64) bool { return a > b },
	">=": func(a, b int64) bool { return a >= b },
}

// cmpUFns are the comparisons of unsigned values.
var cmpUFns = map[string]func(a, b int64) bool{
	"==": func(a, b int64) bool { return a == b },
	"!=": func(a, b int64) bool { return a != b },
	"<":  func(a, b int64) bool { return uint64(a) < uint64(b) },
	"<=": func(a, b int64) bool { return uint64(a) <= uint64(b) },
	">":  func(a, b int64) bool { return uint64(a) > uint64(b) },
	">=": func(a, b int64) bool { return uint64(a) >= uint64(b) },
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// promote is C's integer promotion (C11 section 6.3.1.1).
func promote(t *Type) *Type {
	if t.pointer() {
		return Uint64
	}
	if t.Size < 4 {
		return Int32
	}
	return t
}

// common is the type of C's usual arithmetic conversions (C11 section 6.3.1.8).
func common(a, b *Type) *Type {
	a, b = promote(a), promote(b)
	size := max(a.Size, b.Size)
	unsigned := !a.Signed && a.Size == size || !b.Signed && b.Size == size
	switch {
	case size == 8 && unsigned:
		return Uint64
	case size == 8:
		return Int64
	case unsigned:
		return Uint32
	}
	return Int32
}

func (c *compiler) unaryOp(n *node) operand {
	switch n.text {
	case "&":
		return c.addressOf(n)
	case "*":
		return c.deref(n)
	}
	a := c.value(n.a)
	if n.text == "!" {
		if a.konst {
			return constant(truth(a.k == 0), Int32)
		}
		fn := a.val
		return operand{typ: Int32, val: func(x *Context) int64 { return truth(fn(x) == 0) }}
	}
	t := promote(a.typ)
	a = convert(a, t)
	if a.konst {
		switch n.text {
		case "-":
			return constant(-a.k, t)
		case "~":
			return constant(^a.k, t)
		}
		return constant(a.k, t)
	}
	fn := a.val
	switch n.text {
	case "-":
		return operand{typ: t, val: func(x *Context) int64 { return extend(-fn(x), t) }}
	case "~":
		return operand{typ: t, val: func(x *Context) int64 { return extend(^fn(x), t) }}
	}
	return operand{typ: t, val: fn}
}

func (c *compiler) addressOf(n *node) operand {
	a := c.compile(n.a)
	if a.addr == nil {
		c.fail(n.pos, "& wants an object in memory")
	}
	return address(a, PointerTo(a.typ))
}

func (c *compiler) deref(n *node) operand {
	a := c.value(n.a)
	if !a.typ.pointer() {
		c.fail(n.pos, "* wants a pointer, this is a %s: cast it, as in *(int *)%%rsp", a.typ.Name)
	}
	if a.typ.Elem == Void {
		c.fail(n.pos, "* of a void pointer: cast it, as in *(int *)p")
	}
	return c.objectAt(a, a.typ.Elem)
}

func (c *compiler) binaryOp(n *node) operand {
	switch n.text {
	case "&&", "||", "=>":
		return c.logical(n)
	}
	a, b := c.value(n.a), c.value(n.b)
	if a.typ.pointer() || b.typ.pointer() {
		if o, ok := c.pointerOp(n, a, b); ok {
			return o
		}
	}
	switch n.text {
	case "<<", ">>":
		return c.shift(n, a, b)
	case "/", "%":
		return c.divide(n, a, b)
	}
	t := common(a.typ, b.typ)
	a, b = convert(a, t), convert(b, t)
	if f, ok := binFns[n.text]; ok {
		if a.konst && b.konst {
			return constant(f(a.k, b.k), t)
		}
		return arith(n.text, a, b, t)
	}
	return compare(n.text, a, b, t)
}

// arith compiles the everyday operators without a call through the table.
func arith(op string, a, b operand, t *Type) operand {
	x, y := a.val, b.val
	o := operand{typ: t}
	switch op {
	case "+":
		o.val = func(c *Context) int64 { return extend(x(c)+y(c), t) }
	case "-":
		o.val = func(c *Context) int64 { return extend(x(c)-y(c), t) }
	case "&":
		o.val = func(c *Context) int64 { return x(c) & y(c) }
	default:
		f := binFns[op]
		o.val = func(c *Context) int64 { return extend(f(x(c), y(c)), t) }
	}
	return o
}

func compare(op string, a, b operand, t *Type) operand {
	f := cmpFns[op]
	if !t.Signed {
		f = cmpUFns[op]
	}
	if a.konst && b.konst {
		return constant(truth(f(a.k, b.k)), Int32)
	}
	x, y := a.val, b.val
	o := operand{typ: Int32}
	switch op {
	case "==":
		o.val = func(c *Context) int64 { return truth(x(c) == y(c)) }
	case "!=":
		o.val = func(c *Context) int64 { return truth(x(c) != y(c)) }
	default:
		o.val = func(c *Context) int64 { return truth(f(x(c), y(c))) }
	}
	return o
}

func (c *compiler) logical(n *node) operand {
	a, b := c.value(n.a), c.value(n.b)
	x, y := a.val, b.val
	o := operand{typ: Int32}
	switch n.text {
	case "&&":
		o.val = func(c *Context) int64 { return truth(x(c) != 0 && y(c) != 0) }
	case "||":
		o.val = func(c *Context) int64 { return truth(x(c) != 0 || y(c) != 0) }
	default:
		o.val = func(c *Context) int64 { return truth(x(c) == 0 || y(c) != 0) }
	}
	if a.konst && b.konst {
		return constant(o.val(nil), Int32)
	}
	return o
}

// pointerOp does pointer arithmetic: p+i, i+p, p-i, p-q. Other operators on
// pointers work on their numbers; ok is false then.
func (c *compiler) pointerOp(n *node, a, b operand) (operand, bool) {
	if n.text != "+" && n.text != "-" {
		return operand{}, false
	}
	if n.text == "+" && b.typ.pointer() && !a.typ.pointer() {
		a, b = b, a
	}
	size := int64(max(a.typ.Elem.sizeOrOne(), 1))
	x, y := a.val, b.val
	var o operand
	switch {
	case b.typ.pointer() && n.text == "-":
		o = operand{typ: Int64, val: func(c *Context) int64 { return (x(c) - y(c)) / size }}
	case b.typ.pointer():
		c.fail(n.pos, "two pointers cannot be added")
	case n.text == "+":
		o = operand{typ: a.typ, val: func(c *Context) int64 { return x(c) + y(c)*size }}
	default:
		o = operand{typ: a.typ, val: func(c *Context) int64 { return x(c) - y(c)*size }}
	}
	if a.konst && b.konst {
		return constant(o.val(nil), o.typ), true
	}
	return o, true
}

func (t *Type) sizeOrOne() int {
	if t == nil || t.Size == 0 {
		return 1
	}
	return t.Size
}

// shift follows C with the count taken modulo the width, as the processor does.
func (c *compiler) shift(n *node, a, b operand) operand {
	t := promote(a.typ)
	a = convert(a, t)
	m := int64(8*t.Size - 1)
	x, y := a.val, b.val
	var fn evalFn
	switch {
	case n.text == "<<":
		fn = func(c *Context) int64 { return extend(x(c)<<uint(y(c)&m), t) }
	case t.Signed:
		fn = func(c *Context) int64 { return x(c) >> uint(y(c)&m) }
	default:
		fn = func(c *Context) int64 { return int64(uint64(x(c)) >> uint(y(c)&m)) }
	}
	if a.konst && b.konst {
		return constant(fn(nil), t)
	}
	return operand{typ: t, val: fn}
}

func (c *compiler) divide(n *node, a, b operand) operand {
	t := common(a.typ, b.typ)
	a, b = convert(a, t), convert(b, t)
	if b.konst && b.k == 0 {
		c.fail(n.pos, "division by zero")
	}
	x, y, rem, col := a.val, b.val, n.text == "%", n.pos+1
	fn := func(c *Context) int64 {
		p, q := x(c), y(c)
		switch {
		case q == 0:
			c.fault(faultDivide, uint64(col))
			return 0
		case !t.Signed && rem:
			return int64(uint64(p) % uint64(q))
		case !t.Signed:
			return int64(uint64(p) / uint64(q))
		case rem:
			return extend(p%q, t)
		}
		return extend(p/q, t)
	}
	if a.konst && b.konst {
		return constant(fn(nil), t)
	}
	return operand{typ: t, val: fn}
}

func (c *compiler) condOp(n *node) operand {
	a, b, d := c.value(n.a), c.value(n.b), c.value(n.c)
	t := b.typ
	if !b.typ.pointer() || !d.typ.pointer() {
		t = common(b.typ, d.typ)
	}
	b, d = convert(b, t), convert(d, t)
	if a.konst {
		if a.k != 0 {
			return b
		}
		return d
	}
	x, y, z := a.val, b.val, d.val
	return operand{typ: t, val: func(c *Context) int64 {
		if x(c) != 0 {
			return y(c)
		}
		return z(c)
	}}
}
