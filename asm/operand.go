package asm

// operand is a parsed instruction operand.
type operand struct {
	mask  uint32
	reg   regID
	seg   int8 // segment override, -1 if none
	base  regID
	index regID
	scale uint8 // log2
	val   expr  // immediate, displacement or branch target
	at    int   // where it starts in the source
	end   int
}

// operands parses the comma-separated operands of an instruction.
func (a *assembler) operands() bool {
	a.nops = 0
	if a.atEnd() {
		return true
	}
	for {
		if a.nops == len(a.ops) {
			a.errorAt(a.pos, "too many operands for `%s'", a.mnem)
			return false
		}
		o := &a.ops[a.nops]
		a.nops++
		if !a.operand(o) {
			return false
		}
		if a.blanks() != ',' {
			break
		}
		a.pos++
		if a.atEnd() {
			a.errorAt(a.pos, "expecting operand after ','; got nothing")
			return false
		}
	}
	if !a.atEnd() {
		a.errorAt(a.pos, "junk %s after operand", a.describe(a.pos))
		return false
	}
	return true
}

// operand parses one operand into o.
func (a *assembler) operand(o *operand) bool {
	c := a.blanks()
	*o = operand{seg: -1, at: a.pos}
	ok := true
	switch c {
	case '$':
		a.pos++
		a.blanks()
		o.mask = mImm
		o.val, ok = a.expression()
		if ok && o.val.kind == exReg {
			a.errorAt(o.at, "illegal immediate register operand %s", a.textBetween(o.at, a.pos))
			ok = false
		}
	case '*':
		a.pos++
		a.blanks()
		ok = a.plainOperand(o)
		o.mask |= mStar
	default:
		ok = a.plainOperand(o)
	}
	o.end = a.pos
	return ok
}

// plainOperand parses a register or memory operand.
func (a *assembler) plainOperand(o *operand) bool {
	if a.buf[a.pos] != '%' {
		return a.memory(o)
	}
	r, ok := a.register()
	if !ok {
		a.errorAt(a.pos, "bad register name `%s'", a.wordAt(a.pos))
		return false
	}
	if regs[r].mask&mSeg != 0 && a.blanks() == ':' {
		a.pos++
		a.blanks()
		o.seg = int8(regs[r].num)
		if a.buf[a.pos] == '*' { // %fs:*foo
			a.pos++
			a.blanks()
			o.mask |= mStar
		}
		return a.memory(o)
	}
	o.reg = r
	o.mask |= regs[r].mask
	if o.mask&mRegIP != 0 {
		a.errorAt(o.at, "`%%%s' is not valid here", regs[r].name)
		return false
	}
	return true
}

// memory parses [displacement][(base,index,scale)].
func (a *assembler) memory(o *operand) bool {
	o.mask |= mMem
	if a.buf[a.pos] != '(' || !a.baseIndexAhead() {
		var ok bool
		if o.val, ok = a.expression(); !ok {
			return false
		}
		if o.val.kind == exReg { // a register by another name (.set)
			o.mask = o.mask&mStar | regs[o.val.n].mask
			o.reg = regID(o.val.n)
			return true
		}
		if a.blanks() != '(' {
			o.mask |= mTarget
			return true
		}
	}
	return a.baseIndex(o)
}

// baseIndexAhead tells "(%rax..." and "(,..." from a parenthesised
// displacement. The cursor is at the parenthesis.
func (a *assembler) baseIndexAhead() bool {
	p := a.pos + 1
	for class[a.buf[p]]&isBlank != 0 {
		p++
	}
	if a.buf[p] == '%' || a.buf[p] == ',' {
		return true
	}
	if class[a.buf[p]]&isNameStart == 0 {
		return false
	}
	start := p
	for class[a.buf[p]]&isName != 0 {
		p++
	}
	s := a.symbols[string(a.buf[start:p])]
	return s != nil && s.kind == symEquated && s.eq.kind == exReg
}

// addressReg parses a register inside the parentheses.
func (a *assembler) addressReg() (regID, bool) {
	at := a.pos
	if a.buf[at] == '%' {
		if r, ok := a.register(); ok {
			return r, true
		}
	} else if n := a.name(); n != nil {
		if s := a.symbols[string(n)]; s != nil && s.kind == symEquated && s.eq.kind == exReg {
			return regID(s.eq.n), true
		}
	}
	a.errorAt(at, "bad register name `%s'", a.wordAt(at))
	return 0, false
}

// baseIndex parses "(base,index,scale)" at the cursor.
func (a *assembler) baseIndex(o *operand) bool {
	at := a.pos
	a.pos++
	ok := true
	if c := a.blanks(); c != ',' && c != ')' {
		if o.base, ok = a.addressReg(); !ok {
			return false
		}
	}
	if a.blanks() == ',' {
		a.pos++
		if !a.indexScale(o) {
			return false
		}
	}
	if a.blanks() != ')' {
		a.errorAt(a.pos, "expecting `)' after base/index, found %s", a.describe(a.pos))
		return false
	}
	a.pos++
	return a.checkAddress(o, at)
}

// indexScale parses "index,scale" after the base's comma.
func (a *assembler) indexScale(o *operand) bool {
	c := a.blanks()
	ok := true
	if c == '%' || class[c]&isNameStart != 0 {
		if o.index, ok = a.addressReg(); !ok {
			return false
		}
		if a.blanks() != ',' {
			return true
		}
		a.pos++
		if a.blanks() == ')' {
			return true
		}
	}
	if a.blanks() == ',' {
		a.pos++
		a.blanks()
	}
	if a.buf[a.pos] == ')' {
		return true
	}
	at := a.pos
	n, ok := a.absolute()
	if !ok {
		return false
	}
	switch n {
	case 1, 2, 4, 8:
		for 1<<o.scale < n {
			o.scale++
		}
	default:
		a.errorAt(at, "expecting scale factor of 1, 2, 4, or 8: got `%s'", a.textBetween(at, a.pos))
		return false
	}
	if o.index == 0 && n != 1 {
		a.warnAt(at, "scale factor of %d without an index register", n)
		o.scale = 0
	}
	return true
}

// checkAddress refuses base and index registers that no address can have.
func (a *assembler) checkAddress(o *operand, at int) bool {
	b, x := &regs[o.base], &regs[o.index]
	if o.base != 0 && b.mask&mDX != 0 && o.index == 0 && o.val.kind == exAbsent {
		o.mask = mMemDX
		return true
	}
	ok := true
	switch {
	case o.base != 0 && b.mask&(mR16|mR32|mR64|mRegIP) == 0:
		ok = false
	case o.base != 0 && b.mask&mRegIP != 0 && b.num >= 16:
		ok = false
	case o.base != 0 && b.mask&mRegIP != 0:
		ok = o.index == 0
	case o.index != 0 && x.mask&mRegIP != 0 && x.num < 16:
		ok = false
	case o.index != 0 && x.mask&(mR16|mR32|mR64|mRegIP) == 0:
		ok = false
	case o.index != 0 && x.mask&(mR32|mR64) != 0 && x.num == 4:
		ok = false
	case o.base != 0 && o.index != 0 && addrSize(b) != addrSize(x):
		ok = false
	case a.mode == 8 && (b.mask|x.mask)&mR16 != 0:
		ok = false
	case (b.mask|x.mask)&mR16 != 0:
		_, ok = modrm16(o)
	}
	if !ok {
		a.errorAt(at, "`%s' is not a valid base/index expression", a.textBetween(at, a.pos))
	}
	return ok
}

// addrSize is the address size in bytes that a base or index register means.
func addrSize(r *regInfo) uint8 {
	switch {
	case r.mask&mR16 != 0:
		return 2
	case r.mask&mR32 != 0:
		return 4
	case r.mask&mRegIP != 0:
		return r.num &^ 16
	}
	return 8
}

// modrm16 returns the r/m field of a 16-bit address (SDM vol. 2A, table 2-1).
func modrm16(o *operand) (byte, bool) {
	const bx, bp, si, di = 3, 5, 6, 7
	b, x := regs[o.base].num, regs[o.index].num
	if o.scale != 0 {
		return 0, false
	}
	if o.base != 0 && o.index != 0 {
		if b == si || b == di {
			b, x = x, b
		}
		switch {
		case b == bx && x == si:
			return 0, true
		case b == bx && x == di:
			return 1, true
		case b == bp && x == si:
			return 2, true
		case b == bp && x == di:
			return 3, true
		}
		return 0, false
	}
	if o.base == 0 {
		return 0, false
	}
	switch b {
	case si:
		return 4, true
	case di:
		return 5, true
	case bp:
		return 6, true
	case bx:
		return 7, true
	}
	return 0, false
}
