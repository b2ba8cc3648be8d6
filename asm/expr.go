package asm

// exprKind says which fields of an expr count.
type exprKind uint8

const (
	exAbsent exprKind = iota
	exConst           // n
	exSym             // add + n
	exDiff            // add - sub + n
	exOp              // x op y, or op y for the unary ones
	exReg             // register n of class op; only in operands and .set
)

// expr is the value of an expression as far as it is known.
type expr struct {
	kind     exprKind
	op       exprOp
	mod      relocMod
	late     bool // written as number + symbol, see touch
	unsigned bool // a constant that was written as a positive number
	add, sub *symbol
	n        int64
	x, y     *expr
}

// exprOp is an operator of an exOp expression.
type exprOp uint8

const (
	opNone exprOp = iota
	opMul
	opDiv
	opMod
	opShl
	opShr
	opOr
	opOrNot
	opXor
	opAnd
	opAdd
	opSub
	opEq
	opNe
	opLt
	opLe
	opGe
	opGt
	opLogAnd
	opLogOr
	opNeg // unary from here on
	opNot
	opLogNot
)

// opRank is the precedence of the binary operators (GNU as, "Infix
// Operators"): a higher rank binds tighter.
var opRank = [...]int{
	opMul: 6, opDiv: 6, opMod: 6, opShl: 6, opShr: 6,
	opOr: 5, opOrNot: 5, opXor: 5, opAnd: 5,
	opAdd: 4, opSub: 4,
	opEq: 3, opNe: 3, opLt: 3, opLe: 3, opGe: 3, opGt: 3,
	opLogAnd: 2, opLogOr: 1,
}

func constant(n int64) expr { return expr{kind: exConst, n: n} }

// binaryOp recognises a binary operator at the cursor without consuming it.
func (a *assembler) binaryOp() (op exprOp, width int) {
	c, d := a.buf[a.pos], byte(0)
	if c != '\n' {
		d = a.buf[a.pos+1]
	}
	switch c {
	case '+':
		return opAdd, 1
	case '-':
		return opSub, 1
	case '*':
		return opMul, 1
	case '/':
		return opDiv, 1
	case '%':
		return opMod, 1
	case '^':
		return opXor, 1
	case '<':
		switch d {
		case '<':
			return opShl, 2
		case '>':
			return opNe, 2
		case '=':
			return opLe, 2
		}
		return opLt, 1
	case '>':
		switch d {
		case '>':
			return opShr, 2
		case '=':
			return opGe, 2
		}
		return opGt, 1
	case '=':
		if d == '=' {
			return opEq, 2
		}
	case '!':
		if d == '=' {
			return opNe, 2
		}
		return opOrNot, 1
	case '|':
		if d == '|' {
			return opLogOr, 2
		}
		return opOr, 1
	case '&':
		if d == '&' {
			return opLogAnd, 2
		}
		return opAnd, 1
	}
	return opNone, 0
}

// maxDepth bounds the nesting of expressions.
const maxDepth = 200

// expression parses an expression at the cursor. On error it has been
// reported and ok is false.
func (a *assembler) expression() (e expr, ok bool) {
	a.mod = modNone
	a.depth = 0
	a.orderMark = len(a.order)
	e, ok = a.subexpr(0)
	if a.mod != modNone {
		e.mod = a.mod
	}
	return e, ok
}

// subexpr parses operators of a rank above min.
func (a *assembler) subexpr(min int) (expr, bool) {
	a.depth++
	defer func() { a.depth-- }()
	if a.depth > maxDepth {
		a.errorAt(a.pos, "expression is nested too deeply")
		return expr{}, false
	}
	left, ok := a.primary()
	if !ok {
		return left, false
	}
	for {
		a.blanks()
		op, width := a.binaryOp()
		if op == opNone || opRank[op] <= min {
			return left, true
		}
		if op == opMod && left.kind == exReg {
			return left, true
		}
		at := a.pos
		a.pos += width
		right, ok := a.subexpr(opRank[op])
		if !ok {
			return left, false
		}
		if left.kind == exReg || right.kind == exReg {
			a.errorAt(at, "a register cannot be an operand of an expression operator")
			return left, false
		}
		if right.kind == exConst && right.n == 0 && (op == opDiv || op == opMod) {
			a.errorAt(at, "division by zero")
			return left, false
		}
		left = a.combine(op, left, right)
	}
}

// primary parses a constant, symbol, parenthesis or unary operator.
func (a *assembler) primary() (expr, bool) {
	c := a.blanks()
	switch {
	case class[c]&isDigit != 0:
		return a.number()
	case class[c]&isNameStart != 0:
		n := a.name()
		if len(n) == 1 && c == '.' {
			return expr{kind: exSym, add: a.tempSymbol()}, true
		}
		return a.symbolRef(a.lookup(n)), true
	case c == '(' || c == '[':
		return a.parenthesis(c)
	case c == '-', c == '~', c == '!', c == '+':
		return a.unary(c)
	case c == '\'':
		return a.charConstant()
	case c == '"':
		at := a.pos
		s, ok := a.quoted()
		if ok && len(s) > 0 {
			return a.symbolRef(a.lookup(s)), true
		}
		if ok {
			a.errorAt(at, "empty symbol name")
		}
		return expr{}, false
	case c == '%':
		at := a.pos
		if r, ok := a.register(); ok {
			return expr{kind: exReg, n: int64(r)}, true
		}
		a.errorAt(at, "bad register name `%s'", a.wordAt(at))
		return expr{}, false
	}
	a.errorAt(a.pos, "expected an expression, found %s", a.describe(a.pos))
	return expr{}, false
}

func (a *assembler) parenthesis(open byte) (expr, bool) {
	at := a.pos
	a.pos++
	e, ok := a.subexpr(0)
	if !ok {
		return e, false
	}
	closing := byte(')')
	if open == '[' {
		closing = ']'
	}
	if a.blanks() != closing {
		a.errorAt(at, "missing '%c'", closing)
		return e, false
	}
	a.pos++
	a.modifier()
	return e, true
}

func (a *assembler) unary(c byte) (expr, bool) {
	a.pos++
	a.depth++
	defer func() { a.depth-- }()
	if a.depth > maxDepth {
		a.errorAt(a.pos, "expression is nested too deeply")
		return expr{}, false
	}
	e, ok := a.primary()
	if !ok {
		return e, false
	}
	op := opNone
	switch c {
	case '-':
		op = opNeg
	case '~':
		op = opNot
	case '!':
		op = opLogNot
	}
	if op == opNone {
		return e, true
	}
	if e.kind == exConst {
		return constant(applyUnary(op, e.n)), true
	}
	if e.kind == exReg {
		a.errorAt(a.pos, "a register cannot be an operand of an expression operator")
		return e, false
	}
	if e.kind == exDiff && op == opNeg {
		return expr{kind: exDiff, add: e.sub, sub: e.add, n: -e.n}, true
	}
	return expr{kind: exOp, op: op, y: &e}, true
}

// charConstant parses 'c, with an optional closing quote.
func (a *assembler) charConstant() (expr, bool) {
	a.pos++
	c := a.buf[a.pos]
	if c == '\n' || c == 0 {
		a.errorAt(a.pos, "missing character after '")
		return expr{}, false
	}
	a.pos++
	v := int64(c)
	if c == '\\' {
		if a.buf[a.pos] == '\'' {
			v = '\''
			a.pos++
		} else {
			var tmp [4]byte
			v = int64(a.escape(tmp[:0])[0])
		}
	}
	if a.buf[a.pos] == '\'' {
		a.pos++
	}
	return constant(v), true
}

// number parses an integer, or a reference to a numeric label (1f, 1b).
func (a *assembler) number() (expr, bool) {
	start := a.pos
	b := a.buf
	p := start
	if b[p] == '0' {
		switch {
		case (b[p+1] == 'x' || b[p+1] == 'X') && isHex(b[p+2]):
			return a.radixNumber(start, p+2, 16)
		case (b[p+1] == 'b' || b[p+1] == 'B') && (b[p+2] == '0' || b[p+2] == '1'):
			return a.radixNumber(start, p+2, 2)
		}
	}
	v, big := uint64(0), false
	for class[b[p]]&isDigit != 0 {
		d := uint64(b[p] - '0')
		if v > (1<<64-1-d)/10 {
			big = true
		}
		v = v*10 + d
		p++
	}
	if (b[p] == 'f' || b[p] == 'b') && class[b[p+1]]&isName == 0 {
		a.pos = p + 1
		return a.numericRef(start, v, b[p])
	}
	if b[p] == '$' {
		a.pos = p + 1
		return a.symbolRef(a.dollarLabel(v)), true
	}
	if b[start] == '0' && p > start+1 {
		return a.radixNumber(start, start+1, 8)
	}
	if class[b[p]]&isName != 0 {
		a.pos = p
		a.errorAt(start, "bad number `%s'", a.wordAt(start))
		return expr{}, false
	}
	a.pos = p
	if big {
		a.errorAt(start, "number does not fit in 64 bits")
		return expr{}, false
	}
	a.modifier()
	return expr{kind: exConst, n: int64(v), unsigned: true}, true
}

// radixNumber parses digits of a power-of-two base from offset p.
func (a *assembler) radixNumber(start, p, base int) (expr, bool) {
	v := uint64(0)
	big := false
	for ; isHex(a.buf[p]) && hexValue(a.buf[p]) < base; p++ {
		if v > (1<<64-1)/uint64(base) {
			big = true
		}
		v = v*uint64(base) + uint64(hexValue(a.buf[p]))
	}
	a.pos = p
	if class[a.buf[p]]&isName != 0 {
		a.errorAt(start, "bad number `%s'", a.wordAt(start))
		return expr{}, false
	}
	if big {
		a.errorAt(start, "number does not fit in 64 bits")
		return expr{}, false
	}
	a.modifier()
	return expr{kind: exConst, n: int64(v), unsigned: true}, true
}

// numericRef resolves 1f and 1b.
func (a *assembler) numericRef(at int, n uint64, dir byte) (expr, bool) {
	l := a.numeric[n]
	if dir == 'b' {
		if l == nil || l.last == nil {
			a.errorAt(at, "no label %d: before this line", n)
			return expr{}, false
		}
		a.modifier()
		return a.symbolRef(l.last), true
	}
	if l == nil {
		l = &numericLabel{}
		a.numeric[n] = l
	}
	if l.next == nil {
		l.next = a.newNumeric(n, l)
	}
	a.modifier()
	return expr{kind: exSym, add: l.next}, true
}

// numericLabel is the state of one numeric label: its last definition and
// the one that forward references wait for.
type numericLabel struct {
	last, next *symbol
	count      int
}

func (a *assembler) newNumeric(n uint64, l *numericLabel) *symbol {
	l.count++
	return &symbol{name: numericName(n, 2, l.count), pos: a.here()}
}

// symbolRef is the value of a reference to s: a constant if s is a number.
func (a *assembler) symbolRef(s *symbol) expr {
	if class[a.buf[a.pos]]&isBlank != 0 || a.buf[a.pos] == '@' {
		a.modifier()
	}
	if s.kind == symAbsolute && !s.weak {
		return expr{kind: exConst, n: s.off}
	}
	if s.kind == symEquated && s.eq.kind == exReg {
		return *s.eq
	}
	return expr{kind: exSym, add: s}
}

// modifier parses "@PLT" and the like after an operand of an expression.
func (a *assembler) modifier() {
	if a.buf[a.pos] != '@' {
		return
	}
	at := a.pos
	p := at + 1
	for class[a.buf[p]]&isName != 0 {
		p++
	}
	m, ok := modByName[string(a.lower(a.buf[at+1:p]))]
	if !ok {
		a.errorAt(at, "unknown relocation operator `%s'", a.buf[at:p])
	}
	a.pos = p
	a.mod = m
	if m.needsGOT() {
		a.gotReference()
	}
}

// gotReference enters the symbol of the global offset table. GNU as does so
// before it reads the expression, so the symbol goes before those that the
// expression named first.
func (a *assembler) gotReference() {
	if s := a.symbols[gotSymbol]; s != nil {
		return
	}
	s := a.lookup([]byte(gotSymbol))
	copy(a.order[a.orderMark+1:], a.order[a.orderMark:])
	a.order[a.orderMark] = s
	for i := a.orderMark; i < len(a.order); i++ {
		a.order[i].order = i
	}
}

// combine applies a binary operator, folding what is known.
func (a *assembler) combine(op exprOp, l, r expr) expr {
	if l.kind == exConst && r.kind == exConst {
		return constant(applyBinary(op, l.n, r.n))
	}
	switch {
	case op == opAdd && r.kind == exConst && (l.kind == exSym || l.kind == exDiff):
		l.n += r.n
		return l
	case op == opAdd && l.kind == exConst && (r.kind == exSym || r.kind == exDiff):
		r.n += l.n
		r.late = true
		return r
	case op == opSub && r.kind == exConst && (l.kind == exSym || l.kind == exDiff):
		l.n -= r.n
		return l
	case l.kind == exSym && r.kind == exSym:
		if d, ok := a.fixedDistance(l.add, r.add); ok {
			switch {
			case op == opSub:
				return constant(d + l.n - r.n)
			case op >= opEq && op <= opGt:
				return constant(applyBinary(op, d+l.n, r.n))
			}
		}
		if op == opSub {
			return expr{kind: exDiff, add: l.add, sub: r.add, n: l.n - r.n}
		}
	}
	return expr{kind: exOp, op: op, x: &l, y: &r}
}

// fixedDistance returns s - t when both are in the same section with nothing
// of unknown size between them.
func (a *assembler) fixedDistance(s, t *symbol) (int64, bool) {
	if s == t && s.kind != symUndefined {
		return 0, true
	}
	if s == t {
		return 0, true
	}
	if s.kind != symDefined || t.kind != symDefined || s.sec != t.sec {
		return 0, false
	}
	if s.frag == t.frag {
		return s.off - t.off, true
	}
	lo, hi, sign := t, s, int64(1)
	if s.frag < t.frag {
		lo, hi, sign = s, t, -1
	}
	d := hi.off - lo.off
	for i := lo.frag; i < hi.frag; i++ {
		f := &s.sec.frags[i]
		if f.kind == fragFill && f.val.kind == exConst {
			d += f.val.n * int64(len(f.fill))
		} else if f.kind != fragPlain {
			return 0, false
		}
		d += int64(f.end - f.start)
	}
	return sign * d, true
}

func applyUnary(op exprOp, n int64) int64 {
	switch op {
	case opNeg:
		return -n
	case opNot:
		return ^n
	}
	if n == 0 {
		return 1
	}
	return 0
}

// truth is the value of a comparison: all ones if it holds.
func truth(b bool) int64 {
	if b {
		return -1
	}
	return 0
}

// applyBinary computes x op y; dividing by zero gives 0, it has been
// reported where the operands were known.
func applyBinary(op exprOp, x, y int64) int64 {
	switch op {
	case opMul:
		return x * y
	case opDiv:
		if y == 0 {
			return 0
		}
		if y == -1 {
			return -x
		}
		return x / y
	case opMod:
		if y == 0 || y == -1 {
			return 0
		}
		return x % y
	case opShl:
		if uint64(y) >= 64 {
			return 0
		}
		return x << uint64(y)
	case opShr:
		if uint64(y) >= 64 {
			return 0
		}
		return int64(uint64(x) >> uint64(y))
	case opOr:
		return x | y
	case opOrNot:
		return x | ^y
	case opXor:
		return x ^ y
	case opAnd:
		return x & y
	case opAdd:
		return x + y
	case opSub:
		return x - y
	}
	return applyComparison(op, x, y)
}

func applyComparison(op exprOp, x, y int64) int64 {
	switch op {
	case opEq:
		return truth(x == y)
	case opNe:
		return truth(x != y)
	case opLt:
		return truth(x < y)
	case opLe:
		return truth(x <= y)
	case opGe:
		return truth(x >= y)
	case opGt:
		return truth(x > y)
	case opLogAnd:
		return truth(x != 0 && y != 0) & 1
	case opLogOr:
		return truth(x != 0 || y != 0) & 1
	}
	panic("BUG: unknown operator")
}

// absolute parses an expression that must be a number now.
func (a *assembler) absolute() (int64, bool) {
	at := a.pos
	a.blanks()
	e, ok := a.expression()
	if !ok {
		return 0, false
	}
	n, ok := a.constantNow(&e)
	if !ok {
		a.errorAt(at, "expected a number that is known here, found `%s'", a.textBetween(at, a.pos))
	}
	return n, ok
}

// constantNow returns the value of e if it is known before relaxation.
func (a *assembler) constantNow(e *expr) (int64, bool) {
	switch e.kind {
	case exConst:
		return e.n, true
	case exSym:
		s := e.add
		if s.kind == symEquated && !s.resolving {
			s.resolving = true
			n, ok := a.constantNow(s.eq)
			s.resolving = false
			return n + e.n, ok
		}
		if s.kind == symAbsolute {
			return s.off + e.n, true
		}
	case exDiff:
		if d, ok := a.fixedDistance(e.add, e.sub); ok {
			return d + e.n, true
		}
		x, ok1 := a.constantNow(&expr{kind: exSym, add: e.add})
		y, ok2 := a.constantNow(&expr{kind: exSym, add: e.sub})
		return x - y + e.n, ok1 && ok2
	case exOp:
		y, ok := a.constantNow(e.y)
		if !ok {
			return 0, false
		}
		if e.op >= opNeg {
			return applyUnary(e.op, y), true
		}
		x, ok := a.constantNow(e.x)
		return applyBinary(e.op, x, y), ok
	}
	return 0, false
}
