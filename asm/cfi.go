package asm

// Call frame information: .cfi_* directives become .eh_frame (LSB Core,
// "Exception Frames") and .debug_frame (DWARF 5, section 6.4). A frame
// description entry is collected per .cfi_startproc; common entries are made
// on demand when the entries are written, at the end of the source.

// Call frame instructions (DWARF 5, section 7.24).
const (
	cfaAdvance        = 0x40
	cfaOffset         = 0x80
	cfaRestore        = 0xc0
	cfaAdvance1       = 0x02
	cfaAdvance2       = 0x03
	cfaAdvance4       = 0x04
	cfaOffsetExtended = 0x05
	cfaRestoreExt     = 0x06
	cfaUndefined      = 0x07
	cfaSameValue      = 0x08
	cfaRegister       = 0x09
	cfaRemember       = 0x0a
	cfaRestoreState   = 0x0b
	cfaDefCFA         = 0x0c
	cfaDefRegister    = 0x0d
	cfaDefOffset      = 0x0e
	cfaOffsetExtSF    = 0x11
	cfaDefCFASF       = 0x12
	cfaDefOffsetSF    = 0x13
	cfaValOffset      = 0x14
	cfaValOffsetSF    = 0x15
	cfaWindowSave     = 0x2d
	cfaArgsSize       = 0x2e
)

const (
	cfaDataAlign = -8 // data alignment factor
	dwarfRSP     = 7  // DWARF numbers of the registers (psABI, figure 3.36)
	dwarfRIP     = 16
)

// Pointer encodings of .eh_frame.
const (
	ehAbsptr   = 0x00
	ehUdata2   = 0x02
	ehUdata4   = 0x03
	ehUdata8   = 0x04
	ehSdata2   = 0x0a
	ehSdata4   = 0x0b
	ehSdata8   = 0x0c
	ehPcrel    = 0x10
	ehIndirect = 0x80
	ehOmit     = 0xff
)

// cfaInst is one call frame instruction.
type cfaInst struct {
	op       int // opcode; cfaAdvance: from label x to label y
	r1, r2   int64
	off      int64
	from, to *symbol
	bytes    []expr // .cfi_escape
	isEscape bool
}

// fde is a frame description entry.
type fde struct {
	start, end  *symbol
	insts       []cfaInst
	returnCol   int64
	signal      bool
	perEnc      int64
	personality expr
	lsdaEnc     int64
	lsda        expr
	eh, debug   bool
	last        *symbol // label of the last instruction
	cfaOffset   int64
	saved       []int64
	pos         srcPos
}

// cie is a common information entry; it covers the instructions that every
// procedure of its kind starts with.
type cie struct {
	start *symbol
	fde   *fde // the one it was made for
	insts int  // how many of that one's instructions it holds
}

// cfiState is the state of the directives.
type cfiState struct {
	all   []*fde
	noEH  bool // .cfi_sections without .eh_frame
	debug bool
}

var cfiDirectives = map[string]directive{
	"cfi_startproc":         cfiStartProc,
	"cfi_endproc":           cfiEndProc,
	"cfi_sections":          cfiSections,
	"cfi_personality":       func(a *assembler, at int) { a.cfiEncoded(at, true) },
	"cfi_lsda":              func(a *assembler, at int) { a.cfiEncoded(at, false) },
	"cfi_def_cfa":           func(a *assembler, at int) { a.cfiInst(at, cfaDefCFA, "ro") },
	"cfi_def_cfa_register":  func(a *assembler, at int) { a.cfiInst(at, cfaDefRegister, "r") },
	"cfi_def_cfa_offset":    func(a *assembler, at int) { a.cfiInst(at, cfaDefOffset, "o") },
	"cfi_adjust_cfa_offset": func(a *assembler, at int) { a.cfiInst(at, cfaDefOffset, "a") },
	"cfi_offset":            func(a *assembler, at int) { a.cfiInst(at, cfaOffset, "ro") },
	"cfi_rel_offset":        func(a *assembler, at int) { a.cfiInst(at, cfaOffset, "rR") },
	"cfi_val_offset":        func(a *assembler, at int) { a.cfiInst(at, cfaValOffset, "ro") },
	"cfi_register":          func(a *assembler, at int) { a.cfiInst(at, cfaRegister, "rr") },
	"cfi_restore":           func(a *assembler, at int) { a.cfiList(at, cfaRestore) },
	"cfi_undefined":         func(a *assembler, at int) { a.cfiList(at, cfaUndefined) },
	"cfi_same_value":        func(a *assembler, at int) { a.cfiList(at, cfaSameValue) },
	"cfi_remember_state":    func(a *assembler, at int) { a.cfiInst(at, cfaRemember, "") },
	"cfi_restore_state":     func(a *assembler, at int) { a.cfiInst(at, cfaRestoreState, "") },
	"cfi_window_save":       func(a *assembler, at int) { a.cfiInst(at, cfaWindowSave, "") },
	"cfi_escape":            cfiEscape,
	"cfi_signal_frame":      cfiSignalFrame,
	"cfi_return_column":     cfiReturnColumn,
	"cfi_label":             cfiLabel,
}

func cfiStartProc(a *assembler, at int) {
	if a.cur.fde != nil {
		a.errorAt(at, "previous CFI entry not closed (missing .cfi_endproc)")
		return
	}
	f := &fde{start: a.tempSymbol(), returnCol: dwarfRIP, perEnc: ehOmit, lsdaEnc: ehOmit,
		eh: !a.cfi.noEH, debug: a.cfi.debug, pos: a.here()}
	f.last = f.start
	a.cur.fde = f
	a.cfi.all = append(a.cfi.all, f)
	if string(a.symbolName()) == "simple" {
		return
	}
	f.cfaOffset = 8
	f.insts = []cfaInst{{op: cfaDefCFA, r1: dwarfRSP, off: 8}, {op: cfaOffset, r1: dwarfRIP, off: -8}}
	a.endLine()
}

func cfiEndProc(a *assembler, at int) {
	f := a.openFDE(at)
	if f == nil {
		return
	}
	f.end = a.tempSymbol()
	a.cur.fde = nil
	a.endLine()
}

// openFDE returns the open procedure, or reports that there is none.
func (a *assembler) openFDE(at int) *fde {
	if a.cur.fde == nil {
		a.errorAt(at, "CFI instruction used without previous .cfi_startproc")
		a.skipStatement()
	}
	return a.cur.fde
}

func cfiSections(a *assembler, at int) {
	a.cfi.noEH, a.cfi.debug = true, false
	for !a.atEnd() {
		where := a.pos
		switch w := a.symbolName(); w {
		case ".eh_frame":
			a.cfi.noEH = false
		case ".debug_frame":
			a.cfi.debug = true
		default:
			a.errorAt(where, "unrecognized CFI section `%s'", w)
			a.skipStatement()
			return
		}
		a.comma()
	}
}

// advance adds an advance to the current place, if the last instruction was
// noted elsewhere.
func (a *assembler) advance(f *fde) {
	s := a.cur
	if f.last.sec == s && f.last.frag == s.fragNo() && f.last.off == s.here() {
		return
	}
	here := a.tempSymbol()
	f.insts = append(f.insts, cfaInst{op: cfaAdvance, from: f.last, to: here})
	f.last = here
}

// cfiInst reads an instruction whose arguments are described by shape: r a
// register, o an offset, a an adjustment, R an offset from the stack pointer.
func (a *assembler) cfiInst(at int, op int, shape string) {
	f := a.openFDE(at)
	if f == nil {
		return
	}
	in := cfaInst{op: op}
	for i, c := range shape {
		if i > 0 && !a.comma() {
			a.errorAt(a.pos, "missing separator")
			return
		}
		ok := true
		switch {
		case c == 'r' && i == 0:
			in.r1, ok = a.cfiRegister()
		case c == 'r':
			in.r2, ok = a.cfiRegister()
		default:
			in.off, ok = a.absolute()
		}
		if !ok {
			return
		}
		switch c {
		case 'a':
			in.off += f.cfaOffset
		case 'R':
			in.off -= f.cfaOffset
		}
	}
	switch op {
	case cfaDefCFA, cfaDefOffset:
		f.cfaOffset = in.off
	case cfaRemember:
		f.saved = append(f.saved, f.cfaOffset)
	case cfaRestoreState:
		if len(f.saved) == 0 {
			a.errorAt(at, "CFI state restore without previous remember")
			return
		}
		f.cfaOffset = f.saved[len(f.saved)-1]
		f.saved = f.saved[:len(f.saved)-1]
	}
	a.advance(f)
	f.insts = append(f.insts, in)
	a.endLine()
}

// cfiList reads a list of registers, one instruction each.
func (a *assembler) cfiList(at int, op int) {
	f := a.openFDE(at)
	if f == nil {
		return
	}
	a.advance(f)
	for {
		r, ok := a.cfiRegister()
		if !ok {
			return
		}
		f.insts = append(f.insts, cfaInst{op: op, r1: r})
		if !a.comma() {
			break
		}
	}
	a.endLine()
}

// dwarfNumbers are the DWARF numbers of the low eight 64-bit registers by
// their encoding (psABI, figure 3.36).
var dwarfNumbers = [8]int64{0, 2, 1, 3, 7, 6, 4, 5}

// cfiRegister reads a register by name or DWARF number.
func (a *assembler) cfiRegister() (int64, bool) {
	if a.blanks() != '%' {
		return a.absolute()
	}
	at := a.pos
	id, ok := a.register()
	if !ok {
		start := a.pos + 1
		end := start
		for class[a.buf[end]]&isName != 0 {
			end++
		}
		if string(a.buf[start:end]) == "rflags" {
			a.pos = end
			return 49, true
		}
		a.errorAt(at, "bad register name `%s'", a.wordAt(at))
		return 0, false
	}
	r := &regs[id]
	n := int64(r.num)
	switch {
	case r.mask&mR64 != 0 && n < 8:
		return dwarfNumbers[n], true
	case r.mask&mR64 != 0:
		return n, true
	case r.name == "rip":
		return dwarfRIP, true
	case r.mask&mXMM != 0:
		return 17 + n, true
	case r.mask&mST != 0:
		return 33 + n, true
	case r.mask&mMM != 0:
		return 41 + n, true
	case r.mask&mSeg != 0:
		return 50 + n, true
	}
	a.errorAt(at, "`%%%s' has no DWARF number", r.name)
	return 0, false
}

// cfiEncoded handles .cfi_personality and .cfi_lsda ENCODING[, EXPRESSION].
func (a *assembler) cfiEncoded(at int, personality bool) {
	f := a.openFDE(at)
	if f == nil {
		return
	}
	enc, ok := a.absolute()
	if !ok {
		return
	}
	var e expr
	if enc != ehOmit {
		switch enc &^ (ehIndirect | ehPcrel) {
		case ehAbsptr, ehUdata2, ehUdata4, ehUdata8, ehSdata2, ehSdata4, ehSdata8:
		default:
			a.errorAt(at, "invalid or unsupported encoding 0x%x", enc)
			a.skipStatement()
			return
		}
		if !a.comma() {
			a.errorAt(a.pos, "this encoding needs an expression")
			return
		}
		if e, ok = a.expression(); !ok {
			return
		}
	}
	if personality {
		f.perEnc, f.personality = enc, e
	} else {
		f.lsdaEnc, f.lsda = enc, e
	}
	a.endLine()
}

func cfiEscape(a *assembler, at int) {
	f := a.openFDE(at)
	if f == nil {
		return
	}
	a.advance(f)
	in := cfaInst{isEscape: true}
	for {
		e, ok := a.expression()
		if !ok {
			return
		}
		in.bytes = append(in.bytes, e)
		if !a.comma() {
			break
		}
	}
	f.insts = append(f.insts, in)
	a.endLine()
}

func cfiSignalFrame(a *assembler, at int) {
	if f := a.openFDE(at); f != nil {
		f.signal = true
	}
}

func cfiReturnColumn(a *assembler, at int) {
	if f := a.openFDE(at); f != nil {
		if r, ok := a.cfiRegister(); ok {
			f.returnCol = r
		}
	}
}

// cfiLabel notes a label in the unwind table.
func cfiLabel(a *assembler, at int) {
	f := a.openFDE(at)
	if f == nil {
		return
	}
	name := a.symbolName()
	if name == "" {
		a.errorAt(a.pos, "expected a symbol name")
		return
	}
	a.advance(f)
	f.insts = append(f.insts, cfaInst{isEscape: true, to: a.lookup([]byte(name))})
}

// finishCFI writes .eh_frame and .debug_frame.
func (a *assembler) finishCFI() {
	for _, f := range a.cfi.all {
		if f.end == nil {
			a.errorPos(f.pos, "open CFI at the end of file; missing .cfi_endproc directive")
			f.end = f.start
		}
	}
	eh, debug := false, false
	for _, f := range a.cfi.all {
		eh, debug = eh || f.eh, debug || f.debug
	}
	if eh {
		s := a.section(".eh_frame")
		s.align = max(s.align, 8)
		a.writeFrames(s, true)
	}
	if debug {
		s := a.section(".debug_frame")
		s.align = max(s.align, 8)
		a.writeFrames(s, false)
	}
}

// writeFrames writes the entries of one section.
func (a *assembler) writeFrames(s *section, eh bool) {
	a.cur = s
	var all []*fde
	for _, f := range a.cfi.all {
		if eh && f.eh || !eh && f.debug {
			all = append(all, f)
		}
	}
	var cies []*cie
	for i, f := range all {
		var c *cie
		first := 0
		for _, k := range cies {
			if n, ok := k.covers(f); ok {
				c, first = k, n
				break
			}
		}
		if c == nil {
			c = &cie{fde: f, insts: f.prologue()}
			first = c.insts
			cies = append(cies, c)
			a.writeCIE(c, eh)
		}
		align := int64(4)
		if !eh || i == len(all)-1 {
			align = 8
		}
		a.writeFDE(f, c, first, eh, align)
	}
}

// ends reports whether the instruction cannot be part of a common entry.
func (i *cfaInst) ends() bool {
	return i.op == cfaAdvance || i.op == cfaRemember || i.op == cfaArgsSize || i.isEscape
}

// prologue counts the instructions that a common entry takes over.
func (f *fde) prologue() int {
	for i := range f.insts {
		if f.insts[i].ends() {
			return i
		}
	}
	return len(f.insts)
}

// covers reports whether f may use the common entry, and from which
// instruction on f goes its own way.
func (c *cie) covers(f *fde) (int, bool) {
	g := c.fde
	if f.returnCol != g.returnCol || f.signal != g.signal || f.perEnc != g.perEnc || f.lsdaEnc != g.lsdaEnc {
		return 0, false
	}
	if f.perEnc != ehOmit && (f.personality.kind != g.personality.kind || f.personality.add != g.personality.add || f.personality.n != g.personality.n) {
		return 0, false
	}
	for i := 0; i < c.insts; i++ {
		if i >= len(f.insts) {
			return 0, false
		}
		x, y := &g.insts[i], &f.insts[i]
		if x.op != y.op || x.r1 != y.r1 || x.r2 != y.r2 || x.off != y.off || y.ends() {
			return 0, false
		}
	}
	return c.insts, true
}

// encodedSize is the size of a pointer in an encoding.
func encodedSize(enc int64) int {
	switch enc & 7 {
	case ehUdata2:
		return 2
	case ehUdata4:
		return 4
	}
	return 8
}

// writeEncoded emits a pointer in an encoding.
func (a *assembler) writeEncoded(enc int64, e expr) {
	size := encodedSize(enc)
	if e.kind == exConst {
		a.putLE(uint64(e.n), size)
		return
	}
	f := a.fix(e, size)
	f.pcrel = enc&ehPcrel != 0
	a.putLE(0, size)
}

// lengthField emits the four-byte distance from here to the end of the entry.
func (a *assembler) lengthField() (end *symbol) {
	end = &symbol{name: ".", anonymous: true}
	after := a.tempSymbol()
	after.off += 4
	a.fix(expr{kind: exDiff, add: end, sub: after}, 4)
	a.putLE(0, 4)
	return end
}

// writeCIE emits a common information entry.
func (a *assembler) writeCIE(c *cie, eh bool) {
	s, f := a.cur, c.fde
	c.start = a.tempSymbol()
	end := a.lengthField()
	id, version := uint64(0), byte(1)
	if !eh {
		id = 0xffffffff
	}
	a.putLE(id, 4)
	s.buf = append(s.buf, version)
	if eh {
		aug := "z"
		if f.perEnc != ehOmit {
			aug += "P"
		}
		if f.lsdaEnc != ehOmit {
			aug += "L"
		}
		aug += "R"
		if f.signal {
			aug += "S"
		}
		s.buf = append(s.buf, aug...)
	}
	s.buf = append(s.buf, 0, 1)
	s.buf = appendLEB(s.buf, cfaDataAlign, true, 0)
	s.buf = append(s.buf, byte(f.returnCol))
	if eh {
		size := int64(1)
		if f.perEnc != ehOmit {
			size += 1 + int64(encodedSize(f.perEnc))
		}
		if f.lsdaEnc != ehOmit {
			size++
		}
		s.buf = appendLEB(s.buf, size, false, 0)
		if f.perEnc != ehOmit {
			s.buf = append(s.buf, byte(f.perEnc))
			a.writeEncoded(f.perEnc, f.personality)
		}
		if f.lsdaEnc != ehOmit {
			s.buf = append(s.buf, byte(f.lsdaEnc))
		}
		s.buf = append(s.buf, ehPcrel|ehSdata4)
	}
	for i := 0; i < c.insts; i++ {
		a.writeCFA(&f.insts[i])
	}
	align := int64(4)
	if !eh {
		align = 8
	}
	a.padFrame(align, end)
}

// padFrame aligns the end of an entry with DW_CFA_nop.
func (a *assembler) padFrame(align int64, end *symbol) {
	save := a.cur.align
	a.alignTo(align, true, []byte{0}, 0)
	a.cur.align = max(save, 1)
	a.place0(end)
}

// writeFDE emits a frame description entry.
func (a *assembler) writeFDE(f *fde, c *cie, first int, eh bool, align int64) {
	s := a.cur
	end := a.lengthField()
	if eh {
		here := a.tempSymbol()
		a.fix(expr{kind: exDiff, add: here, sub: c.start}, 4)
		a.putLE(0, 4)
		x := a.fix(expr{kind: exSym, add: f.start}, 4)
		x.pcrel = true
		a.putLE(0, 4)
		a.fix(expr{kind: exDiff, add: f.end, sub: f.start}, 4)
		a.putLE(0, 4)
		size := int64(0)
		if f.lsdaEnc != ehOmit {
			size = int64(encodedSize(f.lsdaEnc))
		}
		s.buf = appendLEB(s.buf, size, false, 0)
		if f.lsdaEnc != ehOmit {
			a.writeEncoded(f.lsdaEnc, f.lsda)
		}
	} else {
		a.fix(expr{kind: exSym, add: c.start}, 4)
		a.putLE(0, 4)
		a.fix(expr{kind: exSym, add: f.start}, 8)
		a.putLE(0, 8)
		a.fix(expr{kind: exDiff, add: f.end, sub: f.start}, 8)
		a.putLE(0, 8)
	}
	for i := first; i < len(f.insts); i++ {
		a.writeCFA(&f.insts[i])
	}
	a.padFrame(align, end)
}

// writeCFA emits one call frame instruction.
func (a *assembler) writeCFA(in *cfaInst) {
	s := a.cur
	leb := func(vs ...int64) {
		for _, v := range vs {
			s.buf = appendLEB(s.buf, v, false, 0)
		}
	}
	op := func(o int) { s.buf = append(s.buf, byte(o)) }
	switch {
	case in.isEscape && in.to != nil:
		a.define(in.to, a.pos)
	case in.isEscape:
		for _, e := range in.bytes {
			a.value(e, 1, a.pos)
		}
	case in.op == cfaAdvance:
		g := s.closeFrag(fragCFA)
		g.val = expr{kind: exDiff, add: in.to, sub: in.from}
	case in.op == cfaDefCFA && in.off < 0:
		op(cfaDefCFASF)
		leb(in.r1)
		s.buf = appendLEB(s.buf, in.off/cfaDataAlign, true, 0)
	case in.op == cfaDefCFA:
		op(cfaDefCFA)
		leb(in.r1, in.off)
	case in.op == cfaDefOffset && in.off < 0:
		op(cfaDefOffsetSF)
		s.buf = appendLEB(s.buf, in.off/cfaDataAlign, true, 0)
	case in.op == cfaDefOffset:
		op(cfaDefOffset)
		leb(in.off)
	case in.op == cfaOffset, in.op == cfaValOffset:
		a.writeOffset(in)
	case in.op == cfaRestore && in.r1 < 0x40:
		op(cfaRestore | int(in.r1))
	case in.op == cfaRestore:
		op(cfaRestoreExt)
		leb(in.r1)
	case in.op == cfaRegister:
		op(cfaRegister)
		leb(in.r1, in.r2)
	case in.op == cfaRemember, in.op == cfaRestoreState, in.op == cfaWindowSave:
		op(in.op)
	default: // def_cfa_register, undefined, same_value
		op(in.op)
		leb(in.r1)
	}
}

// writeOffset emits "register saved at offset", the offset in units of the
// data alignment.
func (a *assembler) writeOffset(in *cfaInst) {
	s := a.cur
	n := in.off / cfaDataAlign
	switch {
	case in.op == cfaOffset && n < 0:
		s.buf = appendLEB(append(s.buf, cfaOffsetExtSF), in.r1, false, 0)
	case in.op == cfaOffset && in.r1 < 0x40:
		s.buf = append(s.buf, byte(cfaOffset|in.r1))
	case in.op == cfaOffset:
		s.buf = appendLEB(append(s.buf, cfaOffsetExtended), in.r1, false, 0)
	case n < 0:
		s.buf = appendLEB(append(s.buf, cfaValOffsetSF), in.r1, false, 0)
	default:
		s.buf = appendLEB(append(s.buf, cfaValOffset), in.r1, false, 0)
	}
	s.buf = appendLEB(s.buf, n, n < 0, 0)
}

// cfaSize is the size of an advance by delta bytes.
func cfaSize(delta int64) int {
	switch {
	case delta == 0:
		return 0
	case delta < 0x40:
		return 1
	case delta < 0x100:
		return 2
	case delta < 0x10000:
		return 3
	}
	return 5
}

// appendAdvance appends an advance by delta bytes.
func appendAdvance(dst []byte, delta int64) []byte {
	switch cfaSize(delta) {
	case 0:
		return dst
	case 1:
		return append(dst, cfaAdvance|byte(delta))
	case 2:
		return append(dst, cfaAdvance1, byte(delta))
	case 3:
		return append(dst, cfaAdvance2, byte(delta), byte(delta>>8))
	}
	return append(dst, cfaAdvance4, byte(delta), byte(delta>>8), byte(delta>>16), byte(delta>>24))
}
