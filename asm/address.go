package asm

// emitModRM appends the ModRM byte, SIB and displacement.
func (a *assembler) emitModRM(f *form, reg byte, o *operand) {
	s := a.cur
	if o.reg != 0 {
		s.buf = append(s.buf, 0xc0|reg<<3|regs[o.reg].num&7)
		return
	}
	b, x := &regs[o.base], &regs[o.index]
	if (b.mask|x.mask)&mR16 != 0 || o.base == 0 && o.index == 0 && a.addressSize() == 2 {
		a.emitModRM16(reg, o)
		return
	}
	switch {
	case o.base != 0 && b.mask&mRegIP != 0:
		s.buf = append(s.buf, reg<<3|5)
		a.displacement(o, 4, true)
	case o.base == 0 && o.index == 0 && a.mode != 8:
		s.buf = append(s.buf, reg<<3|5)
		a.displacement(o, 4, false)
	case o.base == 0:
		sib := byte(0x25)
		if o.index != 0 {
			sib = o.scale<<6 | indexBits(x)<<3 | 5
		}
		s.buf = append(s.buf, reg<<3|4, sib)
		a.displacement(o, 4, false)
	default:
		size := a.dispSize(o, b.num&7 == 5)
		mod := byte(0)
		switch size {
		case 1:
			mod = 0x40
		case 4:
			mod = 0x80
		}
		if o.index != 0 || b.num&7 == 4 {
			idx := byte(4)
			if o.index != 0 {
				idx = indexBits(x)
			}
			s.buf = append(s.buf, mod|reg<<3|4, o.scale<<6|idx<<3|b.num&7)
		} else {
			s.buf = append(s.buf, mod|reg<<3|b.num&7)
		}
		a.displacement(o, size, false)
	}
}

// indexBits is the SIB index field; %riz encodes as none.
func indexBits(x *regInfo) byte {
	if x.mask&mRegIP != 0 {
		return 4
	}
	return x.num & 7
}

// addressSize is the address size in force, in bytes.
func (a *assembler) addressSize() uint8 {
	if a.ins.prefix[slotAddr] == 0 {
		return a.mode
	}
	if a.mode == 4 {
		return 2
	}
	return 4
}

// dispSize is the size of the displacement beside a base register.
func (a *assembler) dispSize(o *operand, needed bool) int {
	if o.val.kind == exConst {
		n := o.val.n
		if a.addressSize() == 4 {
			n = signedFor(n, 4)
		}
		if n == 0 && !needed {
			return 0
		}
		if n == int64(int8(n)) {
			return 1
		}
		return 4
	}
	if o.val.kind == exAbsent {
		if needed {
			return 1
		}
		return 0
	}
	return 4
}

// displacement appends a displacement of the given size.
func (a *assembler) displacement(o *operand, size int, pcrel bool) {
	if size == 0 {
		return
	}
	if o.val.kind == exConst || o.val.kind == exAbsent {
		n := o.val.n
		as := a.addressSize()
		if size == 4 && n != int64(int32(n)) && (as == 8 || uint64(n)>>32 != 0) {
			a.errorAt(o.at, "0x%x out of signed 32bit range", uint64(n))
		}
		a.putLE(uint64(n), size)
		return
	}
	a.touch(&o.val)
	f := a.fix(o.val, size)
	f.pcrel = pcrel
	f.signed = !pcrel && a.addressSize() == 8
	a.putLE(0, size)
}

// emitModRM16 appends a 16-bit address.
func (a *assembler) emitModRM16(reg byte, o *operand) {
	s := a.cur
	if o.base == 0 && o.index == 0 {
		s.buf = append(s.buf, reg<<3|6)
		a.displacement16(o, 2)
		return
	}
	rm, _ := modrm16(o)
	size := 2
	n := o.val.n
	switch {
	case o.val.kind == exAbsent, o.val.kind == exConst && n == 0:
		size = 0
		if rm == 6 && o.index == 0 {
			size = 1
		}
	case o.val.kind == exConst && signedFor(n, 2) == int64(int8(signedFor(n, 2))):
		size = 1
	}
	s.buf = append(s.buf, byte(size)<<6|reg<<3|rm)
	a.displacement16(o, size)
}

func (a *assembler) displacement16(o *operand, size int) {
	if size != 0 && o.val.kind != exConst && o.val.kind != exAbsent {
		a.fix(o.val, size)
		a.putLE(0, size)
		return
	}
	a.putLE(uint64(o.val.n), size)
}
