package expr

import (
	"fmt"
	"sort"
	"strings"
)

type nodeKind uint8

const (
	nNumber  nodeKind = iota // num, typ
	nName                    // text
	nReg                     // text; core in b
	nUnary                   // text a
	nBinary                  // a text b
	nCond                    // a ? b : c
	nCast                    // (typ) a
	nField                   // a.text
	nArrow                   // a->text
	nIndex                   // a[b]
	nCall                    // text(args...)
	nCurrent                 // current, of core b
	nQuant                   // text(name in set, a)
)

// node is one node of the syntax tree.
type node struct {
	kind    nodeKind
	pos     int
	text    string
	num     uint64
	typ     *Type
	a, b, c *node
	args    []*node
	name    string // nQuant: the variable
	set     string // nQuant: tasks, idle, all or cpus
}

// maxDepth bounds the nesting of an expression, so that no text can exhaust
// the stack.
const maxDepth = 200

type parser struct {
	toks  []token
	i     int
	depth int
	names Names
}

// failure carries an Error out of the recursive descent.
type failure struct{ err *Error }

func (p *parser) fail(pos int, format string, args ...any) {
	panic(failure{&Error{Col: pos + 1, Msg: fmt.Sprintf(format, args...)}})
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEnd {
		p.i++
	}
	return t
}

func (p *parser) is(punct string) bool {
	t := p.peek()
	return t.kind == tokPunct && t.text == punct
}

func (p *parser) accept(punct string) bool {
	if p.is(punct) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(punct, where string) {
	if !p.accept(punct) {
		p.fail(p.peek().pos, "expected %q %s, found %s", punct, where, p.peek())
	}
}

func (p *parser) enter() {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.peek().pos, "the expression is nested more than %d deep", maxDepth)
	}
}

// parse reads a whole expression.
func (p *parser) parse() *node {
	n := p.cond()
	if t := p.peek(); t.kind != tokEnd {
		p.fail(t.pos, "expected an operator or the end, found %s", t)
	}
	return n
}

func (p *parser) cond() *node {
	p.enter()
	defer func() { p.depth-- }()
	a := p.binary(0)
	t := p.peek()
	if !p.accept("?") {
		return a
	}
	b := p.cond()
	p.expect(":", "after the second part of ?:")
	return &node{kind: nCond, pos: t.pos, a: a, b: b, c: p.cond()}
}

// levels are C's binary operators from the loosest to the tightest, with
// implication below them all.
var levels = [][]string{{"=>"}, {"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) binary(level int) *node {
	if level == len(levels) {
		return p.unary()
	}
	a := p.binary(level + 1)
	for {
		t := p.peek()
		if t.kind != tokPunct || !contains(levels[level], t.text) {
			return a
		}
		p.next()
		if level == 0 { // implication groups to the right
			p.enter()
			b := p.binary(0)
			p.depth--
			return &node{kind: nBinary, pos: t.pos, text: t.text, a: a, b: b}
		}
		a = &node{kind: nBinary, pos: t.pos, text: t.text, a: a, b: p.binary(level + 1)}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (p *parser) unary() *node {
	p.enter()
	defer func() { p.depth-- }()
	t := p.peek()
	if t.kind == tokPunct && contains([]string{"-", "+", "!", "~", "*", "&"}, t.text) {
		p.next()
		return &node{kind: nUnary, pos: t.pos, text: t.text, a: p.unary()}
	}
	if t.kind == tokPunct && t.text == "(" {
		save := p.i
		p.next()
		if typ := p.typeName(); typ != nil {
			p.expect(")", "after a type")
			return &node{kind: nCast, pos: t.pos, typ: typ, a: p.unary()}
		}
		p.i = save
	}
	return p.postfix()
}

// typeName reads a type if there is one here: words, or "struct tag", and stars.
func (p *parser) typeName() *Type {
	start := p.i
	var words []string
	var t *Type
	if n := p.peek(); n.kind == tokName && n.text == "struct" {
		p.next()
		tag := p.next()
		st, ok := p.names.Type(tag.text)
		if !ok {
			p.fail(tag.pos, "no struct is called %s", tag)
		}
		t = st
	} else {
		for p.peek().kind == tokName && typeWord(p.peek().text) {
			words = append(words, p.next().text)
		}
		if len(words) == 0 {
			return nil
		}
		sort.Strings(words)
		b, ok := basic[strings.Join(words, " ")]
		if !ok {
			p.fail(p.toks[start].pos, "%q is not a type", strings.Join(words, " "))
		}
		t = b
	}
	for p.accept("*") {
		t = PointerTo(t)
	}
	return t
}

func typeWord(s string) bool {
	_, ok := basic[s]
	return ok
}

func (p *parser) postfix() *node {
	n := p.primary()
	for {
		t := p.peek()
		switch {
		case p.accept("."):
			n = &node{kind: nField, pos: t.pos, text: p.word("a field name after ."), a: n}
		case p.accept("->"):
			n = &node{kind: nArrow, pos: t.pos, text: p.word("a field name after ->"), a: n}
		case p.accept("["):
			n = &node{kind: nIndex, pos: t.pos, a: n, b: p.cond()}
			p.expect("]", "after an index")
		default:
			return n
		}
	}
}

func (p *parser) word(what string) string {
	t := p.next()
	if t.kind != tokName {
		p.fail(t.pos, "expected %s, found %s", what, t)
	}
	return t.text
}

func (p *parser) primary() *node {
	t := p.next()
	switch {
	case t.kind == tokNumber:
		return &node{kind: nNumber, pos: t.pos, num: t.num, typ: t.typ}
	case t.kind == tokReg:
		return &node{kind: nReg, pos: t.pos, text: t.text, b: p.core()}
	case t.kind == tokName:
		return p.named(t)
	case t.kind == tokPunct && t.text == "(":
		n := p.cond()
		p.expect(")", "to close the parenthesis")
		return n
	}
	p.fail(t.pos, "expected a value, found %s", t)
	return nil
}

// core reads the optional "@core" behind a register or current.
func (p *parser) core() *node {
	if !p.accept("@") {
		return nil
	}
	t := p.next()
	switch t.kind {
	case tokNumber:
		return &node{kind: nNumber, pos: t.pos, num: t.num, typ: t.typ}
	case tokName:
		return &node{kind: nName, pos: t.pos, text: t.text}
	}
	p.fail(t.pos, "expected a core number after @, found %s", t)
	return nil
}

func (p *parser) named(t token) *node {
	switch t.text {
	case "current":
		return &node{kind: nCurrent, pos: t.pos, b: p.core()}
	case "forall", "exists", "count":
		if p.is("(") {
			return p.quantifier(t)
		}
	}
	if !p.accept("(") {
		return &node{kind: nName, pos: t.pos, text: t.text}
	}
	n := &node{kind: nCall, pos: t.pos, text: t.text}
	if t.text == "sizeof" {
		if typ := p.typeName(); typ != nil {
			p.expect(")", "after a type")
			return &node{kind: nNumber, pos: t.pos, num: uint64(typ.Size), typ: Uint64}
		}
	}
	for !p.accept(")") {
		if len(n.args) > 0 {
			p.expect(",", "between arguments")
		}
		n.args = append(n.args, p.cond())
	}
	return n
}

func (p *parser) quantifier(t token) *node {
	p.expect("(", "")
	n := &node{kind: nQuant, pos: t.pos, text: t.text, name: p.word("a variable"), set: "tasks"}
	if w := p.peek(); w.kind == tokName && w.text == "in" {
		p.next()
		set := p.peek()
		n.set = p.word("tasks, idle, all or cpus")
		if !contains([]string{"tasks", "idle", "all", "cpus"}, n.set) {
			p.fail(set.pos, "expected tasks, idle, all or cpus after in, found %q", n.set)
		}
	}
	p.expect(",", "after the variable")
	n.a = p.cond()
	p.expect(")", "to close "+t.text)
	return n
}
