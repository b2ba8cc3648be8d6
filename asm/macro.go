package asm

import (
	"bytes"
	"strconv"
)

// macro is a .macro definition: its body is text, expanded by substitution.
type macro struct {
	name   string
	params []param
	body   []byte
	file   int
	line   int
}

// param is a formal parameter of a macro.
type param struct {
	name     string
	def      []byte
	required bool
	vararg   bool
}

var macroDirectives = map[string]directive{
	"macro":      defineMacro,
	"endm":       func(a *assembler, at int) { a.errorAt(at, "unexpected `.endm' outside a macro definition") },
	"endr":       func(a *assembler, at int) { a.errorAt(at, "unexpected `.endr' outside a repetition") },
	"exitm":      exitMacro,
	"purgem":     purgeMacro,
	"rept":       func(a *assembler, at int) { a.repeat(at) },
	"rep":        func(a *assembler, at int) { a.repeat(at) },
	"irp":        func(a *assembler, at int) { a.iterate(at, false) },
	"irep":       func(a *assembler, at int) { a.iterate(at, false) },
	"irpc":       func(a *assembler, at int) { a.iterate(at, true) },
	"irepc":      func(a *assembler, at int) { a.iterate(at, true) },
	"altmacro":   func(a *assembler, at int) { a.alt = true },
	"noaltmacro": func(a *assembler, at int) { a.alt = false },
}

// maxExpansions bounds how many expansions one source may ask for.
const maxExpansions = 1 << 20

// block collects the lines up to the directive that closes one of the
// openers, nesting counted. The cursor is in the opening line; afterwards it
// is behind the closing directive.
func (a *assembler) block(at int, what string, opens func(word []byte) bool, closes func(word []byte) bool) ([]byte, bool) {
	i := bytes.IndexByte(a.buf[a.pos:], '\n')
	if i < 0 {
		a.errorAt(at, "unexpected end of file in %s", what)
		a.pos = len(a.buf)
		return nil, false
	}
	a.pos += i + 1
	a.newline()
	start, depth := a.pos, 0
	for a.pos < len(a.buf) {
		lineAt := a.pos
		word := a.directiveWord()
		switch {
		case word == nil:
		case opens(word):
			depth++
		case closes(word):
			if depth == 0 {
				body := a.buf[start:lineAt]
				a.skipStatement()
				return body, true
			}
			depth--
		}
		i := bytes.IndexByte(a.buf[a.pos:], '\n')
		if i < 0 {
			break
		}
		a.pos += i + 1
		a.newline()
	}
	a.pos = len(a.buf)
	a.errorAt(at, "unexpected end of file in %s", what)
	return nil, false
}

// directiveWord returns the directive that a line begins with, labels
// skipped, without its dot and in lower case; nil if there is none.
func (a *assembler) directiveWord() []byte {
	for {
		a.blanks()
		n := a.name()
		if n == nil {
			return nil
		}
		if a.buf[a.pos] == ':' {
			a.pos++
			continue
		}
		if n[0] != '.' {
			return nil
		}
		return a.lower(n[1:])
	}
}

func isMacroOpener(w []byte) bool { return string(w) == "macro" }
func isMacroCloser(w []byte) bool { return string(w) == "endm" }

func isRepeatOpener(w []byte) bool {
	switch string(w) {
	case "rept", "rep", "irp", "irep", "irpc", "irepc":
		return true
	}
	return false
}
func isRepeatCloser(w []byte) bool { return string(w) == "endr" }

// defineMacro handles .macro NAME [PARAMETERS].
func defineMacro(a *assembler, at int) {
	a.blanks()
	where := a.pos
	name := string(a.lower(a.macroName()))
	if name == "" {
		a.errorAt(where, "missing macro name")
	}
	m := &macro{name: name, file: a.file, line: a.line}
	paren := a.blanks() == '('
	if paren || a.buf[a.pos] == ',' {
		a.pos++
	}
	ok := a.params(m)
	body, closed := a.block(at, "macro `"+name+"'", isMacroOpener, isMacroCloser)
	if !ok || !closed || name == "" {
		return
	}
	if _, dup := a.macros[name]; dup {
		a.errorAt(at, "Macro `%s' was already defined", name)
		return
	}
	m.body = body
	a.macros[name] = m
}

// macroName scans a macro's name.
func (a *assembler) macroName() []byte {
	start := a.pos
	for class[a.buf[a.pos]]&isName != 0 {
		a.pos++
	}
	return a.buf[start:a.pos]
}

// params parses the formal parameters: NAME[:req|:vararg][=DEFAULT].
func (a *assembler) params(m *macro) bool {
	for {
		if a.comma(); a.atEnd() || a.buf[a.pos] == ')' {
			if !a.atEnd() {
				a.pos++
			}
			return true
		}
		at := a.pos
		if a.buf[a.pos] == '\\' {
			a.pos++
		}
		p := param{name: string(a.macroName())}
		if p.name == "" {
			a.errorAt(at, "bad parameter list for macro `%s' at %s", m.name, a.describe(at))
			return false
		}
		for _, q := range m.params {
			if q.name == p.name {
				a.errorAt(at, "A parameter named `%s' already exists for macro `%s'", p.name, m.name)
				return false
			}
		}
		if a.blanks() == ':' {
			a.pos++
			a.blanks()
			where := a.pos
			switch q := string(a.name()); q {
			case "req":
				p.required = true
			case "vararg":
				p.vararg = true
			default:
				a.errorAt(where, "`%s' is not a valid parameter qualifier for `%s' in macro `%s'", q, p.name, m.name)
				return false
			}
		}
		if a.blanks() == '=' {
			a.pos++
			p.def = append([]byte(nil), a.macroArg(false)...)
		}
		m.params = append(m.params, p)
	}
}

// macroArg scans one macro argument: up to a comma or blank outside quotes
// and parentheses. Blanks around operators stay inside the argument.
func (a *assembler) macroArg(rest bool) []byte {
	a.blanks()
	b := a.buf
	if rest {
		start := a.pos
		a.skipStatement()
		return bytes.TrimRight(b[start:a.pos], " \t\r")
	}
	if b[a.pos] == '"' {
		start := a.pos
		a.pos = stringEnd(b, a.pos)
		s := b[start+1 : max(a.pos-1, start+1)]
		if class[b[a.pos]]&(isBlank|isStmtEnd) != 0 || b[a.pos] == ',' {
			return s
		}
		a.pos = start
	}
	if a.alt && b[a.pos] == '<' {
		return a.angleArg()
	}
	if a.alt && b[a.pos] == '%' {
		a.pos++
		if n, ok := a.absolute(); ok {
			return strconv.AppendInt(nil, n, 10)
		}
		return nil
	}
	return a.bareArg()
}

// bareArg scans an argument without quotes around it.
func (a *assembler) bareArg() []byte {
	b := a.buf
	start, depth := a.pos, 0
	for {
		c := b[a.pos]
		switch {
		case c == '"':
			a.pos = stringEnd(b, a.pos)
			continue
		case class[c]&isStmtEnd != 0:
			return bytes.TrimRight(b[start:a.pos], " \t\r")
		case c == '(' || c == '[':
			depth++
		case (c == ')' || c == ']') && depth > 0:
			depth--
		case depth == 0 && c == ',':
			return bytes.TrimRight(b[start:a.pos], " \t\r")
		case depth == 0 && class[c]&isBlank != 0:
			if !a.argGoesOn(start) {
				return b[start:a.pos]
			}
		}
		a.pos++
	}
}

// argGoesOn decides whether blanks at the cursor end the argument: they do
// unless an operator stands on either side of them.
func (a *assembler) argGoesOn(start int) bool {
	p := a.pos
	for class[a.buf[p]]&isBlank != 0 {
		p++
	}
	next := a.buf[p]
	isOp := func(c byte) bool {
		switch c {
		case '+', '*', '/', '|', '&', '^', '<', '>', '=', '!':
			return true
		}
		return false
	}
	if p > 0 && a.pos > start && (isOp(a.buf[a.pos-1]) || a.buf[a.pos-1] == '-') {
		return true
	}
	if next == '(' || next == '$' || next == '%' {
		return false
	}
	return isOp(next) || next == '-' && class[a.buf[p+1]]&isBlank != 0
}

// angleArg scans <text> of .altmacro, '!' quoting the next character.
func (a *assembler) angleArg() []byte {
	b := a.buf
	a.pos++
	var out []byte
	for depth := 0; b[a.pos] != '\n'; a.pos++ {
		switch c := b[a.pos]; c {
		case '!':
			if b[a.pos+1] != '\n' {
				a.pos++
				out = append(out, b[a.pos])
			}
			continue
		case '<':
			depth++
		case '>':
			if depth == 0 {
				a.pos++
				return out
			}
			depth--
		}
		out = append(out, b[a.pos])
	}
	return out
}

// expandMacro reads the actual arguments of m and pushes its expansion.
func (a *assembler) expandMacro(m *macro, at int) {
	args := make([][]byte, len(m.params))
	given := make([]bool, len(m.params))
	next := 0
	for !a.atEnd() {
		if i := a.keywordArg(m); i >= 0 {
			if given[i] {
				a.warnAt(a.pos, "Value for parameter `%s' of macro `%s' was already specified", m.params[i].name, m.name)
			}
			args[i], given[i] = a.macroArg(m.params[i].vararg), true
		} else {
			if next >= len(m.params) {
				a.errorAt(a.pos, "too many positional arguments for macro `%s'", m.name)
				a.skipStatement()
				return
			}
			v := a.macroArg(m.params[next].vararg)
			args[next], given[next] = v, len(v) > 0
			next++
		}
		if a.blanks() == ',' {
			a.pos++
			a.blanks()
		}
	}
	for i, p := range m.params {
		if len(args[i]) == 0 {
			if p.required {
				a.errorAt(at, "Missing value for required parameter `%s' of macro `%s'", p.name, m.name)
				return
			}
			args[i] = p.def
		}
	}
	a.skipStatement()
	a.expand(at, m.params, args, m.body, 1)
}

// keywordArg recognises "name=" and returns the parameter's index, or -1.
func (a *assembler) keywordArg(m *macro) int {
	save := a.pos
	n := a.macroName()
	if len(n) > 0 && a.blanks() == '=' && a.buf[a.pos+1] != '=' {
		for i, p := range m.params {
			if p.name == string(n) {
				a.pos++
				return i
			}
		}
	}
	a.pos = save
	return -1
}

// expand substitutes args in body and makes the text the current input.
func (a *assembler) expand(at int, params []param, args [][]byte, body []byte, kind int) bool {
	a.expansions++
	if a.expansions > maxExpansions {
		a.errorAt(at, "more than %d macro expansions", maxExpansions)
		a.stop = true
		return false
	}
	text := a.substitute(nil, params, args, body)
	return a.pushExpansion(text, at)
}

// pushExpansion reads text in place of the statement. Its lines count as the
// line of the outermost statement.
func (a *assembler) pushExpansion(text []byte, at int) bool {
	if !a.pushInput(text, at) {
		return false
	}
	depth := len(a.conds)
	a.inputs[len(a.inputs)-1].conds = depth
	line := a.line
	a.expanded = true
	a.startBuffer(text)
	a.line = line
	return true
}

// substitute appends body with \param, \() and \@ replaced.
func (a *assembler) substitute(dst []byte, params []param, args [][]byte, body []byte) []byte {
	var locals map[string]string
	for i := 0; i < len(body); {
		c := body[i]
		if c == '\\' && i+1 < len(body) {
			n, used := a.escapeParam(dst, params, args, body[i+1:])
			if used > 0 {
				dst = n
				i += 1 + used
				continue
			}
			dst = append(dst, c, body[i+1])
			i += 2
			continue
		}
		if a.alt && class[c]&isNameStart != 0 {
			j := i + 1
			for j < len(body) && class[body[j]]&isName != 0 {
				j++
			}
			dst, locals = a.altWord(dst, params, args, body[i:j], locals)
			i = j
			continue
		}
		dst = append(dst, c)
		i++
	}
	return dst
}

// altWord substitutes a bare word under .altmacro.
func (a *assembler) altWord(dst []byte, params []param, args [][]byte, word []byte, locals map[string]string) ([]byte, map[string]string) {
	for k, p := range params {
		if p.name == string(word) {
			return append(dst, args[k]...), locals
		}
	}
	return append(dst, word...), locals
}

// escapeParam substitutes what follows a backslash; used is 0 if nothing
// there is a parameter.
func (a *assembler) escapeParam(dst []byte, params []param, args [][]byte, s []byte) (out []byte, used int) {
	switch {
	case s[0] == '(' && len(s) > 1 && s[1] == ')':
		return dst, 2
	case s[0] == '@':
		return strconv.AppendInt(dst, int64(a.expansions-1), 10), 1
	case s[0] == '&' && a.alt:
		return dst, 0
	}
	n := 0
	for n < len(s) && class[s[n]]&isName != 0 {
		n++
	}
	for k, p := range params {
		if p.name == string(s[:n]) {
			return append(dst, args[k]...), n
		}
	}
	return dst, 0
}

func exitMacro(a *assembler, at int) {
	if !a.expanded || len(a.inputs) == 0 {
		a.errorAt(at, "unexpected `.exitm' outside a macro")
		return
	}
	depth := a.inputs[len(a.inputs)-1].conds
	for len(a.conds) > depth {
		a.skipping = a.conds[len(a.conds)-1].outer
		a.conds = a.conds[:len(a.conds)-1]
	}
	a.pos = len(a.buf)
}

func purgeMacro(a *assembler, at int) {
	n := string(a.lower(a.macroNameAfterBlanks()))
	if _, ok := a.macros[n]; !ok {
		a.errorAt(at, "Attempt to purge non-existing macro `%s'", n)
		return
	}
	delete(a.macros, n)
}

func (a *assembler) macroNameAfterBlanks() []byte {
	a.blanks()
	return a.macroName()
}

// maxRepeat bounds the text that one repetition may produce, in bytes.
const maxRepeat = 1 << 28

// repeat handles .rept COUNT ... .endr.
func (a *assembler) repeat(at int) {
	n, ok := a.absolute()
	body, closed := a.block(at, "`.rept'", isRepeatOpener, isRepeatCloser)
	if !ok || !closed {
		return
	}
	if n < 0 {
		a.errorAt(at, "negative count for .rept: %d", n)
		return
	}
	if n > 0 && int64(len(body)) > maxRepeat/n {
		a.errorAt(at, "repetition of %d bytes %d times is too large", len(body), n)
		return
	}
	var text []byte
	for ; n > 0; n-- {
		text = a.substitute(text, nil, nil, body)
		a.expansions++
	}
	a.pushExpansion(text, at)
}

// iterate handles .irp and .irpc NAME, VALUES ... .endr.
func (a *assembler) iterate(at int, chars bool) {
	a.blanks()
	if a.buf[a.pos] == '\\' {
		a.pos++
	}
	p := []param{{name: string(a.macroName())}}
	if p[0].name == "" {
		a.errorAt(at, "missing model parameter")
	}
	a.comma()
	var values [][]byte
	if chars {
		for _, c := range a.charList() {
			values = append(values, []byte{c})
		}
	} else {
		for !a.atEnd() {
			values = append(values, append([]byte(nil), a.macroArg(false)...))
			if a.blanks() == ',' {
				a.pos++
			}
		}
	}
	if len(values) == 0 {
		values = [][]byte{nil}
	}
	body, closed := a.block(at, "`.irp'", isRepeatOpener, isRepeatCloser)
	if !closed {
		return
	}
	var text []byte
	for _, v := range values {
		if len(text) > maxRepeat {
			a.errorAt(at, "repetition is too large")
			return
		}
		text = a.substitute(text, p, [][]byte{v}, body)
		a.expansions++
	}
	a.pushExpansion(text, at)
}

// charList is the rest of the statement of .irpc, quotes dropped.
func (a *assembler) charList() []byte {
	var out []byte
	for !a.atEnd() {
		v := a.macroArg(false)
		out = append(out, v...)
		if a.buf[a.pos] == ',' {
			out = append(out, ',')
			a.pos++
		}
	}
	return out
}
