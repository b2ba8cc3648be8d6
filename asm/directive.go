package asm

import (
	"sort"
	"strings"
)

// directive handles one directive; the cursor is behind its name, at is
// where the statement begins.
type directive func(a *assembler, at int)

// directives maps names without their dot. It is filled in by init, since
// directives read statements and so refer back to it.
var directives map[string]directive

func init() {
	directives = map[string]directive{}
	for _, t := range []map[string]directive{
		dataDirectives, symbolDirectives, sectionDirectives, macroDirectives, conditionDirectives, cfiDirectives, dwarfDirectives, otherDirectives,
	} {
		for n, d := range t {
			directives[n] = d
		}
	}
}

// suggestDirective returns "; did you mean ..." for a misspelt directive.
func suggestDirective(name string) string {
	names := make([]string, 0, len(directives))
	for n := range directives {
		names = append(names, "."+n)
	}
	sort.Strings(names)
	if s := nearest(name, names); s != "" {
		return "; did you mean `" + s + "'?"
	}
	return ""
}

// nearestMnemonic returns the instruction spelt most like name, or "".
func nearestMnemonic(name string) string {
	names := make([]string, 0, len(mnemonics))
	for n := range mnemonics {
		names = append(names, n)
	}
	sort.Strings(names)
	return nearest(name, names)
}

// nearest returns the candidate within a third of name's length in edits.
func nearest(name string, candidates []string) string {
	best, bestCost := "", len(name)/3+1
	if len(name) > 32 {
		return ""
	}
	for _, c := range candidates {
		if d := len(c) - len(name); d > bestCost || -d > bestCost {
			continue
		}
		if cost := editDistance(name, c); cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours that turn s into t.
func editDistance(s, t string) int {
	prev2, prev, cur := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(s); i++ {
		cur[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(t)]
}

// otherDirectives are those without a family.
var otherDirectives = map[string]directive{
	"code64":             func(a *assembler, at int) { a.mode = 8 },
	"code32":             func(a *assembler, at int) { a.mode = 4 },
	"code16":             func(a *assembler, at int) { a.mode = 2 },
	"att_syntax":         attSyntax,
	"intel_syntax":       intelSyntax,
	"include":            include,
	"incbin":             incbin,
	"end":                func(a *assembler, at int) { a.stop = true },
	"file":               fileDirective,
	"ident":              identDirective,
	"err":                func(a *assembler, at int) { a.errorAt(at, ".err encountered") },
	"error":              errorDirective,
	"warning":            errorDirective,
	"print":              func(a *assembler, at int) { a.skipStatement() },
	"arch":               func(a *assembler, at int) { a.skipStatement() },
	"addrsig":            func(a *assembler, at int) {},
	"addrsig_sym":        func(a *assembler, at int) { a.skipStatement() },
	"title":              func(a *assembler, at int) { a.skipStatement() },
	"sbttl":              func(a *assembler, at int) { a.skipStatement() },
	"psize":              func(a *assembler, at int) { a.skipStatement() },
	"list":               func(a *assembler, at int) { a.skipStatement() },
	"nolist":             func(a *assembler, at int) { a.skipStatement() },
	"eject":              func(a *assembler, at int) { a.skipStatement() },
	"line":               func(a *assembler, at int) { a.skipStatement() },
	"ln":                 func(a *assembler, at int) { a.skipStatement() },
	"linefile":           func(a *assembler, at int) { a.skipStatement() },
	"att_mnemonic":       func(a *assembler, at int) {},
	"allow_index_reg":    func(a *assembler, at int) { a.indexReg = true },
	"disallow_index_reg": func(a *assembler, at int) { a.indexReg = false },
}

func attSyntax(a *assembler, at int) {
	if a.atEnd() {
		return
	}
	if w := string(a.lower(a.name())); w != "prefix" {
		a.errorAt(at, "`.att_syntax %s': only AT&T syntax with register prefixes is supported", w)
	}
}

func intelSyntax(a *assembler, at int) {
	a.errorAt(at, "Intel syntax is not supported: write AT&T syntax")
	a.stop = true
	a.skipStatement()
}

// fileName reads a string in quotes.
func (a *assembler) stringArg() (string, bool) {
	a.blanks()
	s, ok := a.quoted()
	return string(s), ok
}

func include(a *assembler, at int) {
	name, ok := a.stringArg()
	if !ok {
		return
	}
	a.endLine()
	if a.opt.Include == nil {
		a.errorAt(at, "cannot include `%s': no include path", name)
		return
	}
	text, err := a.opt.Include(name)
	if err != nil {
		a.errorAt(at, "cannot include `%s': %v", name, err)
		return
	}
	if a.pushInput(nil, at) {
		a.expanded = false
		a.file = a.fileIndex(name)
		a.startBuffer(text)
	}
}

func incbin(a *assembler, at int) {
	name, ok := a.stringArg()
	if !ok {
		return
	}
	skip, count := int64(0), int64(-1)
	if a.comma() {
		if a.buf[a.pos] != ',' {
			if skip, ok = a.absolute(); !ok {
				return
			}
		}
		if a.comma() {
			if count, ok = a.absolute(); !ok {
				return
			}
		}
	}
	if a.opt.Include == nil {
		a.errorAt(at, "cannot read `%s': no include path", name)
		return
	}
	data, err := a.opt.Include(name)
	if err != nil {
		a.errorAt(at, "cannot read `%s': %v", name, err)
		return
	}
	if skip < 0 || skip > int64(len(data)) || count > int64(len(data))-skip {
		a.errorAt(at, "skip (%d) or count (%d) invalid for file size (%d)", skip, count, len(data))
		return
	}
	data = data[skip:]
	if count >= 0 {
		data = data[:count]
	}
	a.cur.buf = append(a.cur.buf, data...)
}

// fileDirective handles `.file "name"`: the source file symbol.
func fileDirective(a *assembler, at int) {
	if class[a.blanks()]&isDigit != 0 {
		a.dwarfFile(at)
		return
	}
	if name, ok := a.stringArg(); ok {
		a.fileSym = append(a.fileSym, name)
	}
}

// identDirective appends the string to .comment, as gcc's .ident does.
func identDirective(a *assembler, at int) {
	s, ok := a.stringArg()
	if !ok {
		return
	}
	c := a.secByName[".comment"]
	if c == nil {
		c = a.section(".comment")
		c.flags, c.entsize = shfMergeStrings, 1
		c.buf = append(c.buf, 0)
	}
	c.buf = append(append(c.buf, s...), 0)
}

func errorDirective(a *assembler, at int) {
	warning := strings.HasPrefix(string(a.lower(a.buf[at:at+2])), ".w")
	msg := ".error directive invoked in source file"
	if warning {
		msg = ".warning directive invoked in source file"
	}
	if !a.atEnd() {
		s, ok := a.stringArg()
		if !ok {
			return
		}
		msg = s
	}
	if warning {
		a.warnAt(at, "%s", msg)
	} else {
		a.errorAt(at, "%s", msg)
	}
}

// endLine reports junk at the end of a directive.
func (a *assembler) endLine() bool {
	if a.atEnd() {
		return true
	}
	a.errorAt(a.pos, "junk at end of line, first unrecognized character is `%c'", a.buf[a.pos])
	a.skipStatement()
	return false
}
