package asm

import (
	"bytes"
	"strconv"
)

// Source is one source file.
type Source struct {
	Name string // as it will stand in errors and line tables
	Text []byte
}

// Options control Assemble. The zero value is what as does without options.
type Options struct {
	// Include finds the file of an .include or .incbin; nil refuses them.
	Include func(name string) ([]byte, error)
	// Defsym are symbols defined before the source is read.
	Defsym []Define
	// Debug makes line information for the assembly source itself (-g).
	Debug bool
	// NoLines drops the source line and text of every instruction and datum.
	NoLines bool
	// Dir is the compilation directory to record with Debug.
	Dir string
}

// Define is a symbol and its value.
type Define struct {
	Name  string
	Value int64
}

// assembler is the state of one Assemble.
type assembler struct {
	opt Options

	// current buffer: always ends in a newline
	buf      []byte
	pos      int
	line     int
	file     int // index into files
	expanded bool
	baseNo   int32    // index of buf in bases
	bases    [][]byte // every buffer that was read, for the texts of lines
	inputs   []input
	files    []string
	fileNo   map[string]int
	stop     bool

	errs     ErrorList
	warnings ErrorList
	failed   bool

	symbols   map[string]*symbol
	order     []*symbol
	orderMark int // length of order when the expression began
	symPool   []symbol
	numeric   map[uint64]*numericLabel
	dollars   map[uint64]*symbol

	sections  []*section
	secByName map[string]*section
	cur       *section
	previous  *section
	stack     []sectionPair
	groups    []*group

	mode uint8 // code size in bytes: 8, 4 or 2

	// scratch of the parser
	ops    [4]operand
	nops   int
	mnem   string
	ins    insn
	mod    relocMod
	depth  int
	strbuf []byte
	lowbuf [64]byte

	unsized    bool // neither suffix nor register says how wide the operation is
	reparsed   bool // GNU as reads such an instruction twice: an exact mnemonic without a form that fits, see touch
	defaulted  bool // the matched width is a guess
	conds      []condition
	skipping   bool
	macros     map[string]*macro
	expansions int  // macros and repetitions expanded, for \@ and as a bound
	alt        bool // .altmacro
	fileSym    []string
	labelled   bool // the statement was a label
	cfi        cfiState
	indexReg   bool // .allow_index_reg
	bouncing   int  // see noteGrowth
	dwarf      dwarfState
	weakrefs   []*symbol
	abs        *symbol
}

// input is a buffer waiting for an included file or an expansion to end.
type input struct {
	buf      []byte
	pos      int
	line     int
	file     int
	expanded bool
	baseNo   int32
	conds    int // conditionals open when an expansion began
}

// sectionPair is what .pushsection saves.
type sectionPair struct{ cur, previous *section }

// Assemble assembles one source. The error is an ErrorList with every bad
// line; warnings are in the object.
func Assemble(src Source, opt Options) (*Object, error) {
	a := newAssembler(opt)
	for _, d := range opt.Defsym {
		s := a.lookup([]byte(d.Name))
		s.kind, s.off, s.volatile = symAbsolute, d.Value, true
	}
	a.file = a.fileIndex(src.Name)
	a.startBuffer(src.Text)
	a.run()
	a.finishParsing()
	if !a.failed {
		if obj := a.finish(src.Name); !a.failed {
			obj.Warnings = a.warnings
			return obj, nil
		}
	}
	return nil, a.errs
}

func newAssembler(opt Options) *assembler {
	a := &assembler{
		opt: opt, mode: 8,
		fileNo:    map[string]int{},
		symbols:   make(map[string]*symbol, 1024),
		numeric:   map[uint64]*numericLabel{},
		secByName: map[string]*section{},
		macros:    map[string]*macro{},
	}
	text := a.section(".text")
	a.section(".data")
	a.section(".bss")
	a.cur, a.previous = text, text
	a.dwarf.row = lineRow{file: 1, line: 1, stmt: true}
	return a
}

func (a *assembler) fileIndex(name string) int {
	if n, ok := a.fileNo[name]; ok {
		return n
	}
	n := len(a.files)
	a.files = append(a.files, name)
	a.fileNo[name] = n
	return n
}

func (a *assembler) fileName(i int) string { return a.files[i] }

// startBuffer makes text the current buffer. C comments are blanked out.
func (a *assembler) startBuffer(text []byte) {
	b := make([]byte, len(text), len(text)+2)
	copy(b, text)
	if len(b) == 0 || b[len(b)-1] != '\n' {
		b = append(b, '\n')
	}
	if bytes.Contains(b, []byte("/*")) {
		blankComments(b)
	}
	a.buf, a.pos, a.line = b, 0, 1
	a.baseNo = int32(len(a.bases))
	a.bases = append(a.bases, b)
}

// run reads statements until the input ends.
func (a *assembler) run() {
	for !a.stop {
		if a.pos >= len(a.buf) {
			if !a.popInput() {
				return
			}
			continue
		}
		a.statement()
	}
}

// statement reads one statement, its separator included.
func (a *assembler) statement() {
	depth := len(a.inputs)
	c := a.blanks()
	switch {
	case c == '\n':
		a.pos++
		a.newline()
		return
	case c == ';':
		a.pos++
		return
	case c == '#' || c == '/' && a.atLineStart():
		a.comment()
		return
	case a.skipping:
		a.skipConditional()
		return
	case c == '{':
		a.pseudoPrefix()
	case class[c]&isNameStart != 0:
		at := a.pos
		a.named(a.name(), at)
	case class[c]&isDigit != 0:
		a.localLabel()
	case c == '"':
		a.quotedLabel()
	case c == 0 && a.pos+1 >= len(a.buf):
		a.pos++
		return
	default:
		a.errorAt(a.pos, "expected a label, directive or instruction, found %s", a.describe(a.pos))
		a.skipStatement()
	}
	if a.labelled {
		a.labelled = false // a statement may follow on the line
		return
	}
	if len(a.inputs) == depth { // else the next statement is an expansion's first
		a.endStatement()
	}
}

// newline counts a line; expansions count none of the file's.
func (a *assembler) newline() {
	if !a.expanded {
		a.line++
	}
}

// endStatement moves over what is left of a statement after an error.
func (a *assembler) endStatement() {
	if a.pos == 0 || a.pos >= len(a.buf) {
		return // an expansion or included file begins, or the input is at its end
	}
	if !a.atEnd() {
		a.skipStatement()
	}
}

// named handles a statement that begins with a name.
func (a *assembler) named(name []byte, at int) {
	c := a.buf[a.pos]
	if c == ':' {
		a.pos++
		a.label(name, at)
		return
	}
	if class[c]&isBlank != 0 {
		c = a.blanks()
		if c == ':' && a.buf[a.pos+1] != ':' {
			a.pos++
			a.label(name, at)
			return
		}
	}
	if c == '=' {
		a.assignment(string(name), at)
		return
	}
	if name[0] == '.' {
		if d, ok := directives[string(name[1:])]; ok {
			d(a, at)
			return
		}
		if d, ok := directives[string(a.lower(name[1:]))]; ok {
			d(a, at)
			return
		}
	}
	if len(a.macros) > 0 {
		if m := a.macros[string(a.lower(name))]; m != nil {
			a.expandMacro(m, at)
			return
		}
	}
	if name[0] == '.' {
		a.errorAt(at, "unknown directive `%s'%s", name, suggestDirective(string(name)))
		a.skipStatement()
		return
	}
	a.instruction(name, at)
}

// label defines name here; a colon was read.
func (a *assembler) label(name []byte, at int) {
	a.labelled = true
	a.define(a.lookup(name), at)
	a.dollars = nil
}

// localLabel handles "1:" and "1$:".
func (a *assembler) localLabel() {
	at := a.pos
	n := uint64(0)
	for class[a.buf[a.pos]]&isDigit != 0 {
		n = n*10 + uint64(a.buf[a.pos]-'0')
		a.pos++
	}
	dollar := a.buf[a.pos] == '$'
	if dollar {
		a.pos++
	}
	if a.blanks() != ':' || a.pos-at > 19 {
		a.errorAt(at, "expected a label, directive or instruction, found %s", a.describe(at))
		a.skipStatement()
		return
	}
	a.pos++
	a.labelled = true
	if dollar {
		s := a.dollarLabel(n)
		a.define(s, at)
		return
	}
	l := a.numeric[n]
	if l == nil {
		l = &numericLabel{}
		a.numeric[n] = l
	}
	if l.next == nil {
		l.next = a.newNumeric(n, l)
	}
	a.place0(l.next)
	l.last, l.next = l.next, nil
}

// dollarLabel returns the label "n$", whose scope ends at the next ordinary label.
func (a *assembler) dollarLabel(n uint64) *symbol {
	if a.dollars == nil {
		a.dollars = map[uint64]*symbol{}
	}
	s := a.dollars[n]
	if s == nil {
		s = &symbol{name: numericName(n, 1, 1), pos: a.here()}
		a.dollars[n] = s
	}
	return s
}

// numericName is the internal name that GNU as gives a numeric label: it
// shows when a relocation needs the symbol.
func numericName(n uint64, kind byte, count int) string {
	return ".L" + strconv.FormatUint(n, 10) + string(kind) + strconv.Itoa(count)
}

func (a *assembler) quotedLabel() {
	at := a.pos
	s, ok := a.quoted()
	if !ok {
		a.skipStatement()
		return
	}
	name := string(s)
	switch c := a.blanks(); {
	case c == ':':
		a.pos++
		a.label([]byte(name), at)
	case c == '=':
		a.assignment(name, at)
	default:
		a.errorAt(at, "expected a label, directive or instruction, found a string")
		a.skipStatement()
	}
}

// comment skips to the end of the line. "# 12 "file"" is a line marker.
func (a *assembler) comment() {
	if a.buf[a.pos] == '#' && !a.expanded && a.atLineStart() {
		a.lineMarker()
	}
	i := bytes.IndexByte(a.buf[a.pos:], '\n')
	if i < 0 {
		a.pos = len(a.buf)
		return
	}
	a.pos += i
}

// atLineStart reports whether only blanks precede the cursor in its line.
func (a *assembler) atLineStart() bool {
	p := a.pos
	for p > 0 && class[a.buf[p-1]]&isBlank != 0 {
		p--
	}
	return p == 0 || a.buf[p-1] == '\n'
}

// lineMarker reads "# LINE "FILE"..." as preprocessors write it.
func (a *assembler) lineMarker() {
	save := a.pos
	a.pos++
	a.blanks()
	n := 0
	for class[a.buf[a.pos]]&isDigit != 0 && n < 1<<28 {
		n = n*10 + int(a.buf[a.pos]-'0')
		a.pos++
	}
	if a.buf[a.pos] != ' ' || a.blanks() != '"' {
		a.pos = save
		return
	}
	end := stringEnd(a.buf, a.pos)
	if a.buf[end-1] == '"' && end-a.pos > 2 {
		a.file = a.fileIndex(string(a.buf[a.pos+1 : end-1]))
		a.line = n - 1 // the newline that follows counts
	}
	a.pos = save
}

// popInput returns to the buffer that the current one was read from.
func (a *assembler) popInput() bool {
	if len(a.inputs) == 0 {
		return false
	}
	in := a.inputs[len(a.inputs)-1]
	a.inputs = a.inputs[:len(a.inputs)-1]
	a.buf, a.pos, a.line, a.file, a.expanded, a.baseNo = in.buf, in.pos, in.line, in.file, in.expanded, in.baseNo
	return true
}

// maxInputs bounds nested includes and expansions.
const maxInputs = 256

// pushInput makes text the current buffer; reading goes on behind the cursor
// afterwards.
func (a *assembler) pushInput(text []byte, at int) bool {
	if len(a.inputs) >= maxInputs {
		a.errorAt(at, "macros or includes are nested too deeply")
		a.stop = true
		return false
	}
	a.inputs = append(a.inputs, input{a.buf, a.pos, a.line, a.file, a.expanded, a.baseNo, 0})
	return true
}

// describe names the text at offset p for an error message.
func (a *assembler) describe(p int) string {
	if p >= len(a.buf) || class[a.buf[p]]&isStmtEnd != 0 {
		return "the end of the line"
	}
	return "`" + a.wordAt(p) + "'"
}

// wordAt is the name, number or character at offset p.
func (a *assembler) wordAt(p int) string {
	q := p
	if q < len(a.buf) && (a.buf[q] == '%' || a.buf[q] == '@') {
		q++
	}
	for q < len(a.buf) && class[a.buf[q]]&isName != 0 {
		q++
	}
	if q == p && q < len(a.buf) {
		q++
	}
	return string(a.buf[p:q])
}

// textBetween is the source between two offsets without blanks around it.
func (a *assembler) textBetween(p, q int) string {
	if q > len(a.buf) || p > q {
		return ""
	}
	return string(bytes.TrimSpace(a.buf[p:q]))
}

// mark notes that the bytes from here on come from the statement at offset at.
func (a *assembler) mark(at int) {
	if a.opt.NoLines {
		return
	}
	s := a.cur
	s.lines = append(s.lines, lineMark{
		frag: s.fragNo(), off: int32(len(s.buf)), file: int32(a.file), line: int32(a.line), base: a.baseNo, at: int32(at)})
}
