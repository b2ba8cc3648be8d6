package asm

import "bytes"

// condition is one open .if.
type condition struct {
	taken    bool // a branch was assembled
	skipping bool // this branch is skipped
	outer    bool // everything inside is skipped: the .if itself was
	sawElse  bool
	pos      srcPos
}

var conditionDirectives = map[string]directive{
	"if":       func(a *assembler, at int) { a.ifNumber(at, func(n int64) bool { return n != 0 }) },
	"ifne":     func(a *assembler, at int) { a.ifNumber(at, func(n int64) bool { return n != 0 }) },
	"ifeq":     func(a *assembler, at int) { a.ifNumber(at, func(n int64) bool { return n == 0 }) },
	"ifgt":     func(a *assembler, at int) { a.ifNumber(at, func(n int64) bool { return n > 0 }) },
	"ifge":     func(a *assembler, at int) { a.ifNumber(at, func(n int64) bool { return n >= 0 }) },
	"iflt":     func(a *assembler, at int) { a.ifNumber(at, func(n int64) bool { return n < 0 }) },
	"ifle":     func(a *assembler, at int) { a.ifNumber(at, func(n int64) bool { return n <= 0 }) },
	"ifdef":    func(a *assembler, at int) { a.ifDefined(at, true) },
	"ifndef":   func(a *assembler, at int) { a.ifDefined(at, false) },
	"ifnotdef": func(a *assembler, at int) { a.ifDefined(at, false) },
	"ifb":      func(a *assembler, at int) { a.ifBlank(true) },
	"ifnb":     func(a *assembler, at int) { a.ifBlank(false) },
	"ifc":      func(a *assembler, at int) { a.ifSame(at, true) },
	"ifnc":     func(a *assembler, at int) { a.ifSame(at, false) },
	"ifeqs":    func(a *assembler, at int) { a.ifEqualStrings(true) },
	"ifnes":    func(a *assembler, at int) { a.ifEqualStrings(false) },
	"else":     elseDirective,
	"elseif":   elseIf,
	"elsif":    elseIf,
	"endif":    endIf,
}

// open begins a conditional.
func (a *assembler) open(holds bool) {
	a.conds = append(a.conds, condition{taken: holds, skipping: !holds, outer: a.skipping, pos: a.here()})
	a.skipping = a.skipping || !holds
}

func (a *assembler) ifNumber(at int, test func(int64) bool) {
	if a.skipping {
		a.skipStatement()
		a.open(false)
		return
	}
	a.blanks()
	where := a.pos
	e, ok := a.expression()
	if !ok {
		a.open(false)
		return
	}
	n, ok := a.constantNow(&e)
	if !ok {
		a.errorAt(where, "non-constant expression in \".if\" statement: `%s'", a.textBetween(where, a.pos))
	}
	a.open(ok && test(n))
	a.endLine()
}

func (a *assembler) ifDefined(at int, want bool) {
	if a.skipping {
		a.skipStatement()
		a.open(false)
		return
	}
	a.blanks()
	where := a.pos
	n := a.symbolName()
	if n == "" {
		a.errorAt(where, "invalid identifier for \".ifdef\"")
		a.skipStatement()
	}
	s := a.symbols[n]
	a.open((s != nil && s.kind != symUndefined) == want)
}

func (a *assembler) ifBlank(want bool) {
	blank := a.atEnd()
	a.skipStatement()
	a.open(blank == want)
}

// ifSame compares the two rest-of-line strings of .ifc.
func (a *assembler) ifSame(at int, want bool) {
	if a.skipping {
		a.skipStatement()
		a.open(false)
		return
	}
	x, ok := a.ifcString(',')
	if !ok || a.blanks() != ',' {
		a.errorAt(at, "bad format for ifc or ifnc")
		a.skipStatement()
		a.open(false)
		return
	}
	a.pos++
	y, _ := a.ifcString(0)
	a.open(bytes.Equal(x, y) == want)
	a.endLine()
}

// ifcString reads a string in single quotes, or up to sep or the line's end.
func (a *assembler) ifcString(sep byte) ([]byte, bool) {
	a.blanks()
	start := a.pos
	if a.buf[start] == '\'' {
		for a.pos++; a.buf[a.pos] != '\'' && a.buf[a.pos] != '\n'; a.pos++ {
		}
		if a.buf[a.pos] != '\'' {
			return nil, false
		}
		a.pos++
		return a.buf[start+1 : a.pos-1], true
	}
	for {
		c := a.buf[a.pos]
		if c == '"' {
			a.pos = stringEnd(a.buf, a.pos)
			continue
		}
		if class[c]&isStmtEnd != 0 || sep != 0 && c == sep {
			break
		}
		a.pos++
	}
	return bytes.TrimSpace(a.buf[start:a.pos]), true
}

func (a *assembler) ifEqualStrings(want bool) {
	if a.skipping {
		a.skipStatement()
		a.open(false)
		return
	}
	x, ok := a.stringArg()
	if !ok || !a.comma() {
		a.skipStatement()
		a.open(false)
		return
	}
	y, ok := a.stringArg()
	a.open(ok && (x == y) == want)
	a.endLine()
}

// current returns the innermost open conditional.
func (a *assembler) current(at int, what string) *condition {
	if len(a.conds) == 0 {
		a.errorAt(at, "\"%s\" without matching \".if\"", what)
		a.skipStatement()
		return nil
	}
	return &a.conds[len(a.conds)-1]
}

func elseDirective(a *assembler, at int) {
	c := a.current(at, ".else")
	if c == nil {
		return
	}
	if c.sawElse {
		a.errorAt(at, "duplicate \".else\"")
		return
	}
	c.sawElse = true
	c.skipping = c.outer || c.taken
	c.taken = true
	a.skipping = c.skipping
	a.endLine()
}

func elseIf(a *assembler, at int) {
	c := a.current(at, ".elseif")
	if c == nil {
		return
	}
	if c.sawElse {
		a.errorAt(at, "\".elseif\" after \".else\"")
		return
	}
	if c.outer || c.taken {
		c.skipping, a.skipping = true, true
		a.skipStatement()
		return
	}
	a.skipping = false
	n, ok := a.absolute()
	holds := ok && n != 0
	c.taken, c.skipping, a.skipping = holds, !holds, !holds
	a.endLine()
}

func endIf(a *assembler, at int) {
	if a.current(at, ".endif") == nil {
		return
	}
	c := a.conds[len(a.conds)-1]
	a.conds = a.conds[:len(a.conds)-1]
	a.skipping = c.outer
	a.endLine()
}

// skipConditional reads a statement of a skipped branch: only nested
// conditionals count.
func (a *assembler) skipConditional() {
	if n := a.name(); len(n) > 1 && n[0] == '.' {
		at := a.pos - len(n)
		if d, ok := conditionDirectives[string(a.lower(n[1:]))]; ok {
			d(a, at)
		}
	}
	a.skipStatement()
}
