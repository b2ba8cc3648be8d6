package asm

import "strings"

// Line tables: .file and .loc become .debug_line (DWARF 5, section 6.2),
// version 5 if there is a ".file 0", else 3. The program is written after the
// code has its addresses, so that every advance is a known number.

// Standard and extended opcodes of the line program (DWARF 5, section 7.22).
const (
	lnsExtended   = 0
	lnsCopy       = 1
	lnsAdvancePC  = 2
	lnsAdvanceLn  = 3
	lnsSetFile    = 4
	lnsSetColumn  = 5
	lnsNegateStmt = 6
	lnsBasicBlock = 7
	lnsConstAddPC = 8
	lnsPrologue   = 10
	lnsEpilogue   = 11
	lnsSetISA     = 12

	lneEndSequence   = 1
	lneSetAddress    = 2
	lneDiscriminator = 4

	lineBase       = -5
	lineRange      = 14
	lineOpcodeBase = 13
	lineMaxSpecial = (255 - lineOpcodeBase) / lineRange // largest address advance of a special opcode
)

// Forms and content types of a version 5 file table.
const (
	formUdata    = 0x0f
	formLineStrp = 0x1f
	formData16   = 0x1e
	lnctPath     = 1
	lnctDir      = 2
	lnctMD5      = 5
)

// lineFile is an entry of the file table.
type lineFile struct {
	name string
	dir  int
	md5  []byte
	used bool
}

// lineRow is one row of the line table.
type lineRow struct {
	at            *symbol
	file          int
	line, column  int64
	discriminator int64
	isa           int64
	stmt          bool
	block         bool
	prologue      bool
	epilogue      bool
	view          *symbol // symbol that takes the row's view number
	reset         bool    // the view number is forced to 0
	viewNo        int64
}

// dwarfState is the state of .file and .loc.
type dwarfState struct {
	files   []lineFile
	dirs    []string
	version int
	row     lineRow // registers of the next row
	pending bool    // a .loc waits for its instruction
	rows    map[*section][]lineRow
	order   []*section
}

// dwarfFile handles .file N ["dir"] "name" [md5 0x...].
func (a *assembler) dwarfFile(at int) {
	n, ok := a.absolute()
	if !ok {
		return
	}
	if n < 0 || n > 1<<20 {
		a.errorAt(at, "file number %d is out of range", n)
		a.skipStatement()
		return
	}
	name, ok := a.stringArg()
	if !ok {
		return
	}
	dir, hasDir := "", false
	if a.blanks() == '"' {
		dir, hasDir = name, true
		if name, ok = a.stringArg(); !ok {
			return
		}
	}
	f := lineFile{name: name, used: true}
	if a.blanks() == 'm' {
		a.name()
		a.blanks()
		f.md5 = a.md5Value()
	}
	d := &a.dwarf
	if n == 0 {
		d.version = 5
	}
	for int64(len(d.files)) <= n {
		d.files = append(d.files, lineFile{})
	}
	if d.files[n].used {
		if d.files[n].name != f.name && !strings.HasSuffix(name, "/"+d.files[n].name) {
			a.errorAt(at, "file number %d is already allocated", n)
		}
		return
	}
	if len(d.dirs) == 0 {
		d.dirs = append(d.dirs, a.opt.Dir)
	}
	switch {
	case hasDir && n == 0:
		d.dirs[0] = dir
		f.dir, f.name = d.split(name)
	case hasDir:
		f.dir = d.directory(dir)
	default:
		f.dir, f.name = d.split(name)
	}
	d.files[n] = f
	a.endLine()
}

// md5Value reads the 128-bit number of a file's checksum.
func (a *assembler) md5Value() []byte {
	var out []byte
	if a.buf[a.pos] == '0' && a.buf[a.pos+1]|0x20 == 'x' {
		a.pos += 2
	}
	for isHex(a.buf[a.pos]) && isHex(a.buf[a.pos+1]) {
		out = append(out, byte(hexValue(a.buf[a.pos])<<4|hexValue(a.buf[a.pos+1])))
		a.pos += 2
	}
	return append(out, make([]byte, max(0, 16-len(out)))...)[:16]
}

// split separates a path into its directory's number and its last element.
func (d *dwarfState) split(path string) (dir int, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return 0, path
	}
	return d.directory(path[:i]), path[i+1:]
}

// directory returns the number of a directory, entered if new.
func (d *dwarfState) directory(dir string) int {
	dir = strings.TrimSuffix(dir, "/")
	if dir == "" {
		return 0
	}
	for i, s := range d.dirs {
		if s == dir && (i > 0 || d.version >= 5) {
			return i
		}
	}
	d.dirs = append(d.dirs, dir)
	return len(d.dirs) - 1
}

// locDirective handles .loc FILE LINE [COLUMN] [OPTIONS].
func locDirective(a *assembler, at int) {
	d := &a.dwarf
	file, ok := a.absolute()
	if !ok {
		return
	}
	if file < 0 || int(file) >= len(d.files) || !d.files[file].used {
		a.errorAt(at, "unassigned file number %d", file)
		a.skipStatement()
		return
	}
	line, ok := a.absolute()
	if !ok {
		return
	}
	if d.pending {
		a.emitRow()
	}
	r := &d.row
	r.file, r.line, r.column, r.discriminator = int(file), line, 0, 0
	r.block, r.prologue, r.epilogue = false, false, false
	if class[a.blanks()]&isDigit != 0 {
		if r.column, ok = a.absolute(); !ok {
			return
		}
	}
	view := false
	for !a.atEnd() {
		if !a.locOption(r, &view) {
			a.skipStatement()
			return
		}
	}
	d.pending = true
	if view {
		a.emitRow()
	}
}

// locOption reads one word of a .loc and its argument.
func (a *assembler) locOption(r *lineRow, view *bool) bool {
	at := a.pos
	ok := true
	n := int64(0)
	switch w := string(a.name()); w {
	case "basic_block":
		r.block = true
	case "prologue_end":
		r.prologue = true
	case "epilogue_begin":
		r.epilogue = true
	case "is_stmt":
		n, ok = a.absolute()
		if ok && n != 0 && n != 1 {
			a.errorAt(at, "is_stmt value not 0 or 1")
			return false
		}
		r.stmt = n == 1
	case "isa":
		r.isa, ok = a.absolute()
	case "discriminator":
		r.discriminator, ok = a.absolute()
	case "view":
		*view = true
		return a.locView(r)
	default:
		a.errorAt(at, "unknown .loc sub-directive %s", a.describe(at))
		return false
	}
	return ok
}

// locView reads the argument of view: a symbol, 0 or -0.
func (a *assembler) locView(r *lineRow) bool {
	c := a.blanks()
	if c == '-' {
		a.pos++
		r.reset = true
	}
	if class[a.buf[a.pos]]&isDigit != 0 {
		n, ok := a.absolute()
		if ok && n != 0 {
			a.errorAt(a.pos, "a view number can only be asserted to be 0")
			ok = false
		}
		return ok
	}
	at := a.pos
	name := a.symbolName()
	if name == "" {
		a.errorAt(at, "expected a view symbol, found %s", a.describe(at))
		return false
	}
	s := a.lookup([]byte(name))
	if s.kind != symUndefined {
		a.errorAt(at, "symbol `%s' is already defined", name)
		return false
	}
	s.kind, s.eq = symEquated, &expr{}
	r.view = s
	return true
}

// emitRow adds a row for the current place.
func (a *assembler) emitRow() {
	d := &a.dwarf
	d.pending = false
	if d.rows == nil {
		d.rows = map[*section][]lineRow{}
	}
	r := d.row
	r.at = a.tempSymbol()
	s := a.cur.root()
	if d.rows[s] == nil {
		d.order = append(d.order, s)
	}
	d.rows[s] = append(d.rows[s], r)
	d.row.discriminator, d.row.view, d.row.reset = 0, nil, false
	d.row.block, d.row.prologue, d.row.epilogue = false, false, false
}

// prepareLines makes the sections of the line table, empty, in their order.
func (a *assembler) prepareLines() {
	d := &a.dwarf
	if len(d.files) == 0 && len(d.order) == 0 {
		return
	}
	a.section(".debug_line")
	if d.version >= 5 && a.secByName[".debug_line_str"] == nil {
		s := a.section(".debug_line_str")
		s.flags, s.entsize = shfMergeStrings, 1
	}
}

// finishLines gives the rows their view numbers and writes the tables. The
// sections that have rows are laid out already.
func (a *assembler) finishLines() {
	d := &a.dwarf
	for _, s := range d.order {
		rows := d.rows[s]
		for i := range rows {
			r := &rows[i]
			if i > 0 && !r.reset && a.addressOf(r.at) == a.addressOf(rows[i-1].at) {
				r.viewNo = rows[i-1].viewNo + 1
			}
			if r.view != nil {
				r.view.kind, r.view.off = symAbsolute, r.viewNo
			}
		}
	}
	if len(d.files) > 0 || len(d.order) > 0 {
		a.writeLineTable()
	}
}

func (a *assembler) addressOf(s *symbol) int64 {
	_, v, _ := a.location(s)
	return v
}

// writeLineTable writes .debug_line: header, file table, one sequence per
// section.
func (a *assembler) writeLineTable() {
	d := &a.dwarf
	a.cur = a.section(".debug_line")
	s := a.cur
	end, headerEnd := &symbol{name: "."}, &symbol{name: "."}
	length := func(to *symbol) {
		after := a.tempSymbol()
		after.off += 4
		a.fix(expr{kind: exDiff, add: to, sub: after}, 4)
		a.putLE(0, 4)
	}
	length(end)
	version := max(d.version, 3)
	a.putLE(uint64(version), 2)
	if version >= 5 {
		s.buf = append(s.buf, 8, 0) // address and segment selector size
	}
	length(headerEnd)
	s.buf = append(s.buf, 1)
	if version >= 4 {
		s.buf = append(s.buf, 1)
	}
	s.buf = append(s.buf, 1, lineBase&0xff, lineRange, lineOpcodeBase)
	s.buf = append(s.buf, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1) // operands of the standard opcodes
	if version >= 5 {
		a.fileTable5()
	} else {
		a.fileTable3()
	}
	a.place0(headerEnd)
	for _, sec := range d.order {
		a.lineProgram(sec, d.rows[sec])
	}
	a.place0(end)
}

// fileTable3 writes directories and files as strings in place.
func (a *assembler) fileTable3() {
	s, d := a.cur, &a.dwarf
	for i, dir := range d.dirs {
		if i > 0 {
			s.buf = append(append(s.buf, dir...), 0)
		}
	}
	s.buf = append(s.buf, 0)
	for i := 1; i < len(d.files); i++ {
		f := &d.files[i]
		if !f.used {
			a.errorPos(srcPos{}, "unassigned file number %d", i)
			continue
		}
		s.buf = append(append(s.buf, f.name...), 0)
		s.buf = appendLEB(s.buf, int64(f.dir), false, 0)
		s.buf = append(s.buf, 0, 0) // time and length
	}
	s.buf = append(s.buf, 0)
}

// fileTable5 writes directories and files as references to .debug_line_str.
func (a *assembler) fileTable5() {
	s, d := a.cur, &a.dwarf
	str := a.section(".debug_line_str")
	ref := func(name string) {
		at := &symbol{name: ".", kind: symDefined, sec: str, frag: str.fragNo(), off: str.here(), anonymous: true}
		str.buf = append(append(str.buf, name...), 0)
		a.fix(expr{kind: exSym, add: str.sym, n: a.offsetIn(at)}, 4)
		a.putLE(0, 4)
	}
	s.buf = append(s.buf, 1, lnctPath, formLineStrp)
	s.buf = appendLEB(s.buf, int64(len(d.dirs)), false, 0)
	for _, dir := range d.dirs {
		ref(dir)
	}
	md5 := len(d.files) > 1 && d.files[1].md5 != nil || len(d.files) > 0 && d.files[0].md5 != nil
	formats := []byte{2, lnctPath, formLineStrp, lnctDir, formUdata}
	if md5 {
		formats = append(formats, lnctMD5, formData16)
		formats[0] = 3
	}
	s.buf = append(s.buf, formats...)
	s.buf = appendLEB(s.buf, int64(len(d.files)), false, 0)
	for i := range d.files {
		f := d.files[i]
		if i == 0 && !f.used && len(d.files) > 1 {
			f = d.files[1]
		}
		ref(f.name)
		s.buf = appendLEB(s.buf, int64(f.dir), false, 0)
		if md5 {
			s.buf = append(s.buf, append(append([]byte{}, f.md5...), make([]byte, 16-len(f.md5))...)...)
		}
	}
}

// offsetIn is the offset of a symbol in a section that has no variable parts.
func (a *assembler) offsetIn(s *symbol) int64 {
	f := &s.sec.frags[s.frag]
	return int64(f.start) + s.off
}

// lineProgram writes the sequence of one section.
func (a *assembler) lineProgram(sec *section, rows []lineRow) {
	s := a.cur
	file, line, column, isa, stmt := 1, int64(1), int64(0), int64(0), true
	op := func(b byte, args ...int64) {
		s.buf = append(s.buf, b)
		for _, v := range args {
			s.buf = appendLEB(s.buf, v, false, 0)
		}
	}
	last := int64(0)
	for i := range rows {
		r := &rows[i]
		if r.file != file {
			file = r.file
			op(lnsSetFile, int64(file))
		}
		if r.column != column {
			column = r.column
			op(lnsSetColumn, column)
		}
		if r.discriminator != 0 {
			op(lnsExtended, int64(1+lebSize(r.discriminator, false)))
			op(lneDiscriminator, r.discriminator)
		}
		if r.isa != isa {
			isa = r.isa
			op(lnsSetISA, isa)
		}
		if r.stmt != stmt {
			stmt = r.stmt
			op(lnsNegateStmt)
		}
		for _, m := range []struct {
			set bool
			op  byte
		}{{r.block, lnsBasicBlock}, {r.prologue, lnsPrologue}, {r.epilogue, lnsEpilogue}} {
			if m.set {
				op(m.op)
			}
		}
		at := a.addressOf(r.at)
		if i == 0 || r.reset && mayCoincide(rows[i-1].at, r.at) {
			op(lnsExtended, 9)
			op(lneSetAddress)
			a.fix(expr{kind: exSym, add: r.at}, 8)
			a.putLE(0, 8)
			last = at
		}
		s.buf = appendLineAdvance(s.buf, r.line-line, at-last)
		line, last = r.line, at
	}
	delta := sec.size - last
	switch delta {
	case 0:
	case lineMaxSpecial:
		op(lnsConstAddPC)
	default:
		op(lnsAdvancePC, delta)
	}
	s.buf = append(s.buf, lnsExtended, 1, lneEndSequence)
}

// mayCoincide reports whether two successive rows are, or before relaxation
// might have been, at one address: then resetting the view number needs an
// explicit address (GNU as decides this fragment by fragment).
func mayCoincide(last, next *symbol) bool {
	if last.sec == next.sec && last.frag == next.frag {
		return last.off == next.off
	}
	f := &last.sec.frags[last.frag]
	end := int64(f.end - f.start)
	if f.kind == fragJump {
		end++ // the opcode belongs to the fixed part there
	}
	return next.off == 0 && last.off >= end
}

// appendLineAdvance appends the opcodes that advance line and address and
// add a row, the shortest way first.
func appendLineAdvance(dst []byte, line, addr int64) []byte {
	biased := line - lineBase
	copyRow := false
	if biased < 0 || biased >= lineRange {
		dst = appendLEB(append(dst, lnsAdvanceLn), line, true, 0)
		line, biased, copyRow = 0, -lineBase, true
	}
	if line == 0 && addr == 0 {
		return append(dst, lnsCopy)
	}
	biased += lineOpcodeBase
	if addr < 256+lineMaxSpecial {
		if op := biased + addr*lineRange; op <= 255 {
			return append(dst, byte(op))
		}
		if op := biased + (addr-lineMaxSpecial)*lineRange; op <= 255 {
			return append(dst, lnsConstAddPC, byte(op))
		}
	}
	dst = appendLEB(append(dst, lnsAdvancePC), addr, false, 0)
	if copyRow {
		return append(dst, lnsCopy)
	}
	return append(dst, byte(biased))
}

var dwarfDirectives = map[string]directive{
	"loc":             locDirective,
	"loc_mark_labels": func(a *assembler, at int) { a.skipStatement() },
}

// hasRows reports whether the section has line rows, so that it must be laid
// out before the line table is written.
func (a *assembler) hasRows(s *section) bool { return a.dwarf.rows[s] != nil }
