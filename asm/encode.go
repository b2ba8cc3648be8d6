package asm

// insn is the instruction being encoded.
type insn struct {
	prefix [numSlots]byte
	need   attrs  // what the prefixes ask of the instruction
	needBy string // the prefix that asked
	start  int    // offset in the section's buffer
	nfix   int    // fixups of the section before the instruction
}

// statement of an instruction: at is the offset of its first word, name the
// word, which the cursor is behind.
func (a *assembler) instruction(name []byte, at int) {
	a.ins.prefix = [numSlots]byte{}
	a.ins.need = 0
	for {
		m := mnemonics[string(name)]
		if m == nil {
			m = mnemonics[string(a.lower(name))]
		}
		if m == nil {
			a.unknownMnemonic(name, at)
			return
		}
		if m.prefix == nil || m.prefix.slot == slotSeg && len(m.cands) > 0 {
			a.mnem = m.name
			a.branchHint(m)
			if a.operands() {
				a.assemble(m, at)
			}
			return
		}
		if !a.addPrefix(m.prefix, at) {
			return
		}
		if a.atEnd() {
			a.beginCode(at)
			a.emitPrefixes()
			return
		}
		at = a.pos
		if name = a.name(); name == nil {
			a.errorAt(at, "expected an instruction after `%s'", m.name)
			return
		}
	}
}

// branchHint handles ",pt" and ",pn" behind the mnemonic of a conditional
// jump: prefixes that once told the processor which way it goes.
func (a *assembler) branchHint(m *mnemonic) {
	if a.buf[a.pos] != ',' || a.buf[a.pos+1] != 'p' || len(m.cands) == 0 || m.cands[0].attr&(atJcc|atLoop) == 0 {
		return
	}
	switch a.buf[a.pos+2] {
	case 't':
		a.ins.prefix[slotSeg] = 0x3e
	case 'n':
		a.ins.prefix[slotSeg] = 0x2e
	default:
		return
	}
	a.pos += 3
}

// unknownMnemonic reports a word that is no instruction, with the nearest
// one that is.
func (a *assembler) unknownMnemonic(name []byte, at int) {
	n := string(a.lower(name))
	msg := "no such instruction: `" + string(name) + "'"
	if s := nearestMnemonic(n); s != "" {
		msg += "; did you mean `" + s + "'?"
	}
	a.errorAt(at, "%s", msg)
}

// addPrefix notes a prefix that was written as a mnemonic.
func (a *assembler) addPrefix(p *prefixInfo, at int) bool {
	b := p.b
	switch {
	case p.name == "data32" && a.mode != 2, p.name == "data16" && a.mode == 2, p.name == "word" && a.mode == 2, p.name == "dword" && a.mode != 2:
		a.errorAt(at, "invalid use of `%s' in %d-bit code", p.name, int(a.mode)*8)
		return false
	case p.name == "addr16" && a.mode != 4, p.name == "addr32" && a.mode == 4:
		a.errorAt(at, "`%s' is not supported in %d-bit code", p.name, int(a.mode)*8)
		return false
	case p.slot == slotRex && a.mode != 8:
		a.errorAt(at, "`%s' is only supported in 64-bit mode", p.name)
		return false
	case a.ins.prefix[p.slot] != 0 && p.slot == slotRex:
		b |= a.ins.prefix[p.slot]
	case a.ins.prefix[p.slot] != 0:
		a.errorAt(at, "same type of prefix used twice: `%s'", p.name)
		return false
	}
	a.ins.prefix[p.slot] = b
	if p.need != 0 {
		a.ins.need |= p.need
		a.ins.needBy = p.name
	}
	return true
}

// beginCode prepares the current section for instruction bytes.
func (a *assembler) beginCode(at int) {
	if a.dwarf.pending {
		a.emitRow()
	}
	s := a.cur
	a.ins.start = len(s.buf)
	a.ins.nfix = len(s.fixups)
	a.mark(at)
}

// assemble picks the form for the parsed operands and emits it.
func (a *assembler) assemble(m *mnemonic, at int) {
	if a.nops == 0 && len(m.cands) == 0 {
		a.errorAt(at, "no such instruction: `%s'", m.name)
		return
	}
	c := a.match(m)
	if c == nil {
		a.explainMismatch(m, at)
		return
	}
	if !a.checkPrefixes(c.form, at) {
		return
	}
	a.beginCode(at)
	if a.defaulted {
		a.warnAt(at, "no instruction mnemonic suffix given and no register operands; using default for `%s'", m.name)
	}
	a.reparsed = c.suffixed != 0 && m.cands[0].suffixed == 0
	a.emit(c.form, at)
}

// match returns the first candidate that accepts the operands.
func (a *assembler) match(m *mnemonic) *candidate {
	a.defaulted = false
	byReg := false
	for i := 0; i < a.nops; i++ {
		byReg = byReg || a.ops[i].mask&mReg != 0
	}
	for i := range m.cands {
		c := &m.cands[i]
		a.unsized = c.suffixed == 0 && !byReg
		if int(c.nargs) != a.nops || !a.formMatches(c.form) {
			continue
		}
		if c.suffixed == 0 && (c.several || c.attr&atAmb != 0) && !a.sized(c.form) {
			if w := c.defaultWidth(a.mode); c.attr&atAmb != 0 && c.width != 4 && c.attr&atDef == 0 || c.attr&atAmb == 0 && c.width != w {
				continue
			}
			a.defaulted = c.attr&atQuiet == 0 && c.attr&atD64 == 0
		}
		a.defaulted = a.defaulted || c.attr&atWarn != 0
		return c
	}
	return nil
}

// formMatches reports whether the form accepts every operand.
func (a *assembler) formMatches(f *form) bool {
	for i := 0; i < a.nops; i++ {
		o := &a.ops[i]
		if o.mask&f.mask[i]&^mStar == 0 {
			return false
		}
		if (o.mask^f.mask[i])&mStar != 0 && !a.starOptional(f, o, i) {
			return false
		}
		if f.acc&(1<<i) != 0 && o.mask&(mReg|mXMM) != 0 && o.mask&mAcc == 0 {
			return false
		}
		if f.imm[i] != immNone && !a.immFits(f, i, o) {
			return false
		}
		if f.role[i] == roleMoffs && !a.moffsFits(f, o) {
			return false
		}
	}
	if f.attr&(atNo64|atOnly64|atNoSelf) != 0 {
		if f.attr&atNo64 != 0 && a.mode == 8 || f.attr&atOnly64 != 0 && a.mode != 8 {
			return false
		}
		if f.attr&atNoSelf != 0 && a.mode == 8 && f.width == 4 && a.ops[0].reg == a.ops[1].reg {
			return false
		}
	}
	return true
}

// starOptional allows an indirect branch through a register without its '*'.
func (a *assembler) starOptional(f *form, o *operand, i int) bool {
	return f.mask[i]&mStar != 0 && o.mask&(mR16|mR32|mR64) != 0 && o.mask&f.mask[i]&mReg != 0 ||
		f.mask[i]&mStar != 0 && o.mask&mTarget == 0 && o.mask&mMem != 0
}

// moffsFits: in 64-bit mode, mov only takes the address form for numbers
// that a displacement cannot hold.
func (a *assembler) moffsFits(f *form, o *operand) bool {
	if a.mode != 8 || len(a.mnem) >= 6 {
		return true
	}
	return o.val.kind == exConst && (o.val.n != int64(int32(o.val.n)) || a.ins.prefix[slotAddr] != 0)
}

// immFits checks constants against what the form can store.
func (a *assembler) immFits(f *form, i int, o *operand) bool {
	n, known := o.val.n, o.val.kind == exConst
	switch f.imm[i] {
	case immWide:
		if f.width == 8 && known {
			return n == int64(int32(n))
		}
		return true
	case imm8s:
		if !known {
			return false
		}
		if !a.unsized {
			n = signedFor(n, f.width)
		}
		return n == int64(int8(n))
	case imm8:
		return !known || n >= -128 && n <= 255
	case imm16:
		return !known || n >= -0x8000 && n <= 0xffff
	case imm64:
		return true
	case immOne:
		return known && n == 1
	case imm3:
		return known && n == 3
	}
	return true
}

// signedFor reads an unsigned constant of the operand width as the signed
// number with the same bits, as GNU as does before choosing a form.
func signedFor(n int64, width uint8) int64 {
	switch {
	case width == 2 && n&^0xffff == 0:
		return int64(int16(n))
	case width == 4 && n&^0xffffffff == 0:
		return int64(int32(n))
	}
	return n
}

// sized reports whether a register operand says how wide the operation is.
func (a *assembler) sized(f *form) bool {
	if f.attr&atAmb != 0 {
		return a.ops[0].mask&mReg != 0
	}
	for i := 0; i < a.nops; i++ {
		if f.wide&(1<<i) != 0 && a.ops[i].mask&mReg != 0 {
			return true
		}
	}
	return false
}

// defaultWidth is the width assumed when neither suffix nor register says.
func (f *form) defaultWidth(mode uint8) uint8 {
	w := uint8(4)
	switch {
	case f.attr&(atD64|atLoop) != 0 && mode == 8:
		w = 8
	case mode == 2:
		w = 2
	}
	for i := 0; i < len(f.suffix); i++ {
		if suffixWidth[f.suffix[i]] == w {
			return w
		}
	}
	return suffixWidth[f.suffix[0]]
}

// checkPrefixes refuses prefixes that the instruction does not allow.
func (a *assembler) checkPrefixes(f *form, at int) bool {
	need := a.ins.need
	if need == 0 {
		return true
	}
	switch {
	case need&atLock != 0 && (f.attr&atLock == 0 || !a.memoryDestination(f)):
		a.errorAt(at, "expecting lockable instruction after `lock'")
	case need&(atRep|atRepE) != 0 && f.attr&(atRep|atRepE) == 0:
		a.errorAt(at, "invalid instruction `%s' after `%s'", a.mnem, a.ins.needBy)
	case need&atBnd != 0 && f.attr&atBnd == 0:
		a.errorAt(at, "expecting valid branch instruction after `bnd'")
	case need&atNotrack != 0 && f.attr&atNotrack == 0:
		a.errorAt(at, "expecting indirect branch instruction after `notrack'")
	default:
		return true
	}
	return false
}

// memoryDestination reports whether the operand that the instruction writes
// is in memory: the last one, or either one of xchg.
func (a *assembler) memoryDestination(f *form) bool {
	for i := 0; i < a.nops; i++ {
		if a.ops[i].mask&mMem != 0 && (i == a.nops-1 || f.op[0]&0xfe == 0x86) {
			return true
		}
	}
	return false
}

// emit encodes the operands in the form.
func (a *assembler) emit(f *form, at int) {
	in := &a.ins
	if f.attr&(atJmp|atJcc) != 0 {
		a.emitJump(f)
		return
	}
	a.sizePrefixes(f)
	var modrm, rm *operand
	rex := byte(0)
	needRex, high := false, false
	regField := f.ext
	op := f.op
	for i := 0; i < a.nops; i++ {
		o := &a.ops[i]
		r := &regs[o.reg]
		if r.mask&mR8 != 0 {
			needRex = needRex || r.rex
			high = high || r.high
		}
		switch f.role[i] {
		case roleReg, roleBoth:
			regField = int8(r.num & 7)
			rex |= r.num >> 3 << 2
			if f.role[i] == roleBoth {
				rm = o
			}
		case roleRM:
			rm = o
		case roleOp:
			op[f.nop-1] |= r.num & 7
			rex |= r.num >> 3
		case roleSeg:
			op[f.nop-1] |= r.num << 3
		case roleSrcStr, roleDstStr:
			if !a.stringOperand(f.role[i], o) {
				return
			}
		}
	}
	if regField >= 0 && rm != nil {
		modrm = rm
		rex |= a.rmRex(rm)
	}
	if f.width == 8 && f.attr&(atD64|atNoW|atLoop) == 0 || f.attr&atW != 0 {
		rex |= 8
	}
	if !a.putRex(rex, needRex, high, at) {
		return
	}
	in.mandatory(f)
	a.emitPrefixes()
	s := a.cur
	s.buf = append(s.buf, op[:f.nop]...)
	if modrm != nil {
		a.emitModRM(f, byte(regField), modrm)
	}
	a.emitTail(f)
	if f.tail >= 0 {
		s.buf = append(s.buf, byte(f.tail))
	}
	a.endCode()
}

// mandatory notes the prefixes that are part of the form.
func (in *insn) mandatory(f *form) {
	switch f.prefix {
	case 0:
	case 0x66:
		in.prefix[slotData] = f.prefix
	default:
		in.prefix[slotRep] = f.prefix
	}
	if f.attr&atX87 != 0 {
		in.prefix[slotWait] = 0x9b
	}
}

// putRex stores the REX prefix and refuses AH..BH beside one.
func (a *assembler) putRex(rex byte, needed, high bool, at int) bool {
	if rex == 0 && !needed {
		if high && a.ins.prefix[slotRex] != 0 {
			a.errorAt(at, "can't encode a high byte register in an instruction with a REX prefix")
			return false
		}
		return true
	}
	if high {
		for i := 0; i < a.nops; i++ {
			if r := &regs[a.ops[i].reg]; r.high {
				at = a.ops[i].at
				a.errorAt(at, "can't encode register '%%%s' in an instruction requiring REX prefix", r.name)
			}
		}
		return false
	}
	if a.mode != 8 {
		a.errorAt(at, "`%s' with these operands is only supported in 64-bit mode", a.mnem)
		return false
	}
	a.ins.prefix[slotRex] |= 0x40 | rex
	return true
}

// rmRex is the REX.X and REX.B bits of a ModRM operand.
func (a *assembler) rmRex(o *operand) byte {
	if o.reg != 0 {
		return regs[o.reg].num >> 3
	}
	b, x := &regs[o.base], &regs[o.index]
	r := byte(0)
	if o.base != 0 && b.mask&mRegIP == 0 {
		r |= b.num >> 3
	}
	if o.index != 0 && x.mask&mRegIP == 0 {
		r |= x.num >> 3 << 1
	}
	return r
}

// sizePrefixes sets the operand-size, address-size and segment prefixes.
func (a *assembler) sizePrefixes(f *form) {
	in := &a.ins
	if f.attr&(atNoW|atLoop) == 0 && (f.width == 2 && a.mode != 2 || f.width == 4 && a.mode == 2) {
		in.prefix[slotData] = 0x66
	}
	if f.attr&atLoop != 0 && f.width != a.mode {
		if f.width == 2 && a.mode == 8 {
			in.prefix[slotData] = 0x66
		} else {
			in.prefix[slotAddr] = 0x67
		}
	}
	for i := 0; i < a.nops; i++ {
		o := &a.ops[i]
		if o.mask&mMem == 0 {
			continue
		}
		implied := f.role[i] == roleDstStr || o.seg == o.defaultSegment()
		if o.seg >= 0 && !implied {
			in.prefix[slotSeg] = segPrefix[o.seg]
		}
		r := o.base
		if r == 0 {
			r = o.index
		}
		if r != 0 && addrSize(&regs[r]) != a.mode {
			in.prefix[slotAddr] = 0x67
		}
	}
}

// defaultSegment is the segment that the operand's address implies, for which
// GNU as emits no override.
func (o *operand) defaultSegment() int8 {
	if r := &regs[o.base]; r.mask&(mR64|mR32|mR16) != 0 && (r.num == 4 || r.num == 5) {
		return segSS
	}
	return segDS
}

var segPrefix = [...]byte{segES: 0x26, segCS: 0x2e, segSS: 0x36, segDS: 0x3e, segFS: 0x64, segGS: 0x65}

// stringOperand checks the memory operand of a string instruction, whose
// address registers are fixed.
func (a *assembler) stringOperand(role argRole, o *operand) bool {
	r := &regs[o.base]
	want := uint8(6)
	if role == roleDstStr {
		want = 7
	}
	if a.mnem[0] == 'x' { // xlat: GNU as looks at the segment only
		return true
	}
	if o.base == 0 || o.index != 0 || r.num != want || r.mask&mRegIP != 0 || o.val.kind != exAbsent && !(o.val.kind == exConst && o.val.n == 0) {
		a.errorAt(o.at, "`%s' is not a valid operand of `%s', which needs (%%%s)", a.textBetween(o.at, o.end), a.mnem,
			map[uint8]string{6: "rsi", 7: "rdi"}[want])
		return false
	}
	if role == roleDstStr && o.seg > segES {
		a.errorAt(o.at, "`%s' operand of `%s' must use `%%es' segment", a.textBetween(o.at, o.end), a.mnem)
		return false
	}
	for i := 0; i < a.nops; i++ {
		if p := &a.ops[i]; p.mask&mMem != 0 && p.base != 0 && addrSize(&regs[p.base]) != addrSize(r) {
			a.errorAt(p.at, "mixed address sizes in the operands of `%s'", a.mnem)
			return false
		}
	}
	return true
}

// emitPrefixes appends the noted prefixes in GNU as's order.
func (a *assembler) emitPrefixes() {
	s := a.cur
	for _, b := range &a.ins.prefix {
		if b != 0 {
			s.buf = append(s.buf, b)
		}
	}
}

// immSize is the number of bytes that immediate operand i takes.
func (a *assembler) immSize(f *form, i int) int {
	switch f.imm[i] {
	case imm8, imm8s:
		return 1
	case imm16:
		return 2
	case imm32s:
		return 4
	case imm64:
		return 8
	}
	if f.width == 8 {
		return 4
	}
	return int(f.width)
}

// emitTail appends immediates, branch targets and absolute addresses.
func (a *assembler) emitTail(f *form) {
	if f.attr&atFar != 0 {
		a.immediate(f, 1)
		a.immediate(f, 0)
		return
	}
	if f.op[0] == 0xc8 && f.nop == 1 && f.nargs == 2 { // enter: the frame size comes first
		a.immediate(f, 0)
		a.immediate(f, 1)
		return
	}
	for i := 0; i < a.nops; i++ {
		switch f.role[i] {
		case roleImm:
			a.immediate(f, i)
		case roleRel:
			a.branchTarget(f, &a.ops[i])
		case roleMoffs:
			a.absoluteAddress(&a.ops[i])
		}
	}
}

// immediate appends immediate operand i.
func (a *assembler) immediate(f *form, i int) {
	o := &a.ops[i]
	size := a.immSize(f, i)
	if o.val.kind != exConst {
		x := a.fix(o.val, size)
		x.signed = size == 4 && f.width == 8
		a.putLE(0, size)
		return
	}
	n := o.val.n
	if size < 8 && f.width != 8 {
		lim := int64(1) << (8 * size)
		if f.imm[i] == immWide && (n >= lim || n < -lim) {
			a.warnAt(o.at, "0x%x shortened to 0x%x", uint64(n), uint64(n)&uint64(lim-1))
		}
	}
	a.putLE(uint64(n), size)
}

// branchTarget appends the displacement of a branch that is not relaxed.
func (a *assembler) branchTarget(f *form, o *operand) {
	size := 4
	switch {
	case f.attr&atLoop != 0:
		size = 1
	case f.attr&atXbegin != 0 && a.mode == 2, f.width == 2:
		size = 2
	}
	v := o.val
	a.touch(&v)
	if v.kind == exConst && v.mod == modNone {
		v = expr{kind: exSym, add: a.absSymbol(), n: v.n}
	}
	x := a.fix(v, size)
	x.pcrel = true
	if f.attr&(atCall|atXbegin) != 0 && x.mod == modNone && size == 4 && a.mode == 8 && v.kind == exSym && v.add.needsPLT() {
		x.mod = modPLT
	}
	a.putLE(0, size)
}

// absoluteAddress appends the address of a mov between accumulator and memory.
func (a *assembler) absoluteAddress(o *operand) {
	size := int(a.addressSize())
	if o.val.kind != exConst {
		a.fix(o.val, size)
	}
	a.putLE(uint64(o.val.n), size)
}

// fix records that the next size bytes wait for the value of e.
func (a *assembler) fix(e expr, size int) *fixup {
	s := a.cur
	s.fixups = append(s.fixups, fixup{frag: s.fragNo(), off: int32(len(s.buf)), size: uint8(size), mod: e.mod, val: e, pos: a.here()})
	return &s.fixups[len(s.fixups)-1]
}

// putLE appends the low size bytes of v.
func (a *assembler) putLE(v uint64, size int) {
	s := a.cur
	for ; size > 0; size-- {
		s.buf = append(s.buf, byte(v))
		v >>= 8
	}
}

// endCode finishes an instruction: a PC-relative field counts from the end of
// the instruction, a relocation from the field itself.
func (a *assembler) endCode() {
	s := a.cur
	for i := a.ins.nfix; i < len(s.fixups); i++ {
		f := &s.fixups[i]
		if f.pcrel {
			f.val.n -= int64(len(s.buf)) - int64(f.off)
		}
		if f.mod == modGOTPCREL && f.size == 4 && f.pcrel {
			f.mod = a.relaxableGOT()
		}
	}
}

// relaxableGOT picks the relocation of a GOTPCREL load: the linker may turn
// mov, test, call, jmp and the arithmetic loads into direct accesses (psABI, B.2).
func (a *assembler) relaxableGOT() relocMod {
	b := a.cur.buf[a.ins.start:]
	rex := false
	for len(b) > 2 && (b[0] == 0x66 || b[0] == 0x67 || b[0] >= 0x40 && b[0] <= 0x4f || b[0] == 0xf2 || b[0] == 0x3e) {
		rex = rex || b[0]&0xf0 == 0x40
		b = b[1:]
	}
	op, reg := b[0], b[1]>>3&7
	switch {
	case op == 0x8b, op == 0x85, op&0xc7 == 0x03, op == 0xf7 && reg == 0, op == 0xc7 && reg == 0, op == 0x81:
	case op == 0xff && (reg == 2 || reg == 4):
		return modGOTPCRELX
	default:
		return modGOTPCREL
	}
	if rex {
		return modREXGOTPCRELX
	}
	return modGOTPCRELX
}

// emitJump ends the fragment with a branch that relaxation sizes.
func (a *assembler) emitJump(f *form) {
	s := a.cur
	o := &a.ops[0]
	if o.val.mod != modNone && o.val.mod != modPLT || a.ins.prefix[slotData] != 0 {
		a.emitLongJump(f, o)
		return
	}
	a.emitPrefixes()
	v := o.val
	a.touch(&v)
	switch {
	case v.kind == exConst:
		v = expr{kind: exSym, add: a.absSymbol(), n: v.n}
	case v.kind != exSym:
		v = expr{kind: exSym, add: a.exprSymbol(v)}
	}
	g := s.closeFrag(fragJump)
	g.sub = f.op[0]
	g.val = v
	g.val.mod = o.val.mod
	g.align = int64(a.mode)
	g.pos = a.here()
}

// emitLongJump emits a branch that must keep its long form.
func (a *assembler) emitLongJump(f *form, o *operand) {
	size := 4
	if a.mode == 2 || a.ins.prefix[slotData] != 0 && a.mode == 4 {
		size = 2
	}
	a.emitPrefixes()
	s := a.cur
	if f.op[0] == 0xeb {
		s.buf = append(s.buf, 0xe9)
	} else {
		s.buf = append(s.buf, 0x0f, f.op[0]+0x10)
	}
	x := a.fix(o.val, size)
	x.pcrel = true
	a.putLE(0, size)
	a.endCode()
}
