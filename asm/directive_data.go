package asm

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

var dataDirectives = map[string]directive{
	"byte":     func(a *assembler, at int) { a.values(1, at) },
	"dc.b":     func(a *assembler, at int) { a.values(1, at) },
	"2byte":    func(a *assembler, at int) { a.values(2, at) },
	"short":    func(a *assembler, at int) { a.values(2, at) },
	"hword":    func(a *assembler, at int) { a.values(2, at) },
	"word":     func(a *assembler, at int) { a.values(2, at) },
	"value":    func(a *assembler, at int) { a.values(2, at) },
	"dc.w":     func(a *assembler, at int) { a.values(2, at) },
	"dc":       func(a *assembler, at int) { a.values(2, at) },
	"4byte":    func(a *assembler, at int) { a.values(4, at) },
	"int":      func(a *assembler, at int) { a.values(4, at) },
	"long":     func(a *assembler, at int) { a.values(4, at) },
	"dc.l":     func(a *assembler, at int) { a.values(4, at) },
	"8byte":    func(a *assembler, at int) { a.values(8, at) },
	"quad":     func(a *assembler, at int) { a.values(8, at) },
	"dc.a":     func(a *assembler, at int) { a.values(8, at) },
	"octa":     octa,
	"ascii":    func(a *assembler, at int) { a.strings(1, false) },
	"asciz":    func(a *assembler, at int) { a.strings(1, true) },
	"string":   func(a *assembler, at int) { a.strings(1, true) },
	"string8":  func(a *assembler, at int) { a.strings(1, true) },
	"string16": func(a *assembler, at int) { a.strings(2, true) },
	"string32": func(a *assembler, at int) { a.strings(4, true) },
	"string64": func(a *assembler, at int) { a.strings(8, true) },
	"skip":     func(a *assembler, at int) { a.space(1, at) },
	"space":    func(a *assembler, at int) { a.space(1, at) },
	"zero":     func(a *assembler, at int) { a.space(1, at) },
	"ds":       func(a *assembler, at int) { a.space(2, at) },
	"ds.b":     func(a *assembler, at int) { a.space(1, at) },
	"ds.w":     func(a *assembler, at int) { a.space(2, at) },
	"ds.l":     func(a *assembler, at int) { a.space(4, at) },
	"ds.d":     func(a *assembler, at int) { a.space(8, at) },
	"ds.p":     func(a *assembler, at int) { a.space(12, at) },
	"ds.s":     func(a *assembler, at int) { a.space(4, at) },
	"ds.x":     func(a *assembler, at int) { a.space(12, at) },
	"dcb":      func(a *assembler, at int) { a.dcb(2, at) },
	"dcb.b":    func(a *assembler, at int) { a.dcb(1, at) },
	"dcb.w":    func(a *assembler, at int) { a.dcb(2, at) },
	"dcb.l":    func(a *assembler, at int) { a.dcb(4, at) },
	"fill":     fill,
	"org":      org,
	"align":    func(a *assembler, at int) { a.alignment(false, 1, at) },
	"balign":   func(a *assembler, at int) { a.alignment(false, 1, at) },
	"balignw":  func(a *assembler, at int) { a.alignment(false, 2, at) },
	"balignl":  func(a *assembler, at int) { a.alignment(false, 4, at) },
	"p2align":  func(a *assembler, at int) { a.alignment(true, 1, at) },
	"p2alignw": func(a *assembler, at int) { a.alignment(true, 2, at) },
	"p2alignl": func(a *assembler, at int) { a.alignment(true, 4, at) },
	"uleb128":  func(a *assembler, at int) { a.leb128(false, at) },
	"sleb128":  func(a *assembler, at int) { a.leb128(true, at) },
	"float":    func(a *assembler, at int) { a.floats(4) },
	"single":   func(a *assembler, at int) { a.floats(4) },
	"dc.s":     func(a *assembler, at int) { a.floats(4) },
	"double":   func(a *assembler, at int) { a.floats(8) },
	"dc.d":     func(a *assembler, at int) { a.floats(8) },
	"tfloat":   func(a *assembler, at int) { a.floats(10) },
	"dc.x":     func(a *assembler, at int) { a.floats(10) },
	"nops":     nopsDirective,
	"nop":      nopDirective,
	"reloc":    relocDirective,
}

// values emits a list of expressions of a size in bytes.
func (a *assembler) values(size int, at int) {
	if a.atEnd() {
		return
	}
	a.mark(at)
	for {
		a.blanks()
		where := a.pos
		e, ok := a.expression()
		if !ok {
			return
		}
		a.value(e, size, where)
		if !a.comma() {
			break
		}
	}
	a.endLine()
}

// value emits one datum.
func (a *assembler) value(e expr, size int, at int) {
	switch {
	case e.kind == exReg:
		a.errorAt(at, "register value used as expression")
	case e.kind == exConst && e.mod == modNone:
		if !a.inData(at, e.n) {
			return
		}
		if size < 8 {
			lim := int64(1) << (8 * size)
			if e.n >= lim || e.n < -lim {
				a.warnAt(at, "value 0x%x truncated to 0x%x", uint64(e.n), uint64(e.n)&uint64(lim-1))
			}
		}
		a.putLE(uint64(e.n), size)
	default:
		if !a.inData(at, 1) {
			return
		}
		if e.kind == exSym {
			e.add.seen = true
		}
		a.fix(e, size)
		a.putLE(0, size)
	}
}

// inData reports whether the section can hold contents other than zeros.
func (a *assembler) inData(at int, v int64) bool {
	if a.cur.isBSS() && v != 0 {
		a.errorAt(at, "attempt to store non-zero value in section `%s'", a.cur.name)
		return false
	}
	return true
}

// octa emits 128-bit integers.
func octa(a *assembler, at int) {
	a.mark(at)
	for !a.atEnd() {
		start := a.pos
		for c := a.buf[a.pos]; class[c]&isName != 0 || c == '-' || c == '+' || c == '~'; c = a.buf[a.pos] {
			a.pos++
		}
		n, ok := new(big.Int).SetString(string(a.buf[start:a.pos]), 0)
		if !ok {
			a.errorAt(start, "bad number %s", a.describe(start))
			return
		}
		mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1))
		b := n.And(n, mask).Bytes()
		for i := 0; i < 16; i++ {
			v := byte(0)
			if i < len(b) {
				v = b[len(b)-1-i]
			}
			a.cur.buf = append(a.cur.buf, v)
		}
		if !a.comma() {
			break
		}
	}
	a.endLine()
}

// strings emits string constants with characters of size bytes.
func (a *assembler) strings(size int, zero bool) {
	a.mark(a.pos)
	for !a.atEnd() {
		at := a.pos
		for a.buf[a.pos] == '<' { // <12> is one character by number
			a.pos++
			n, ok := a.absolute()
			if !ok || a.blanks() != '>' {
				a.errorAt(at, "expected <nn>")
				return
			}
			a.pos++
			a.putLE(uint64(n), size)
		}
		if a.blanks() != '"' {
			if a.buf[a.pos] != ',' && !a.atEnd() {
				a.errorAt(at, "expected a string in quotes, found %s", a.describe(at))
				return
			}
		}
		for a.buf[a.pos] == '"' {
			s, ok := a.quoted()
			if !ok {
				return
			}
			if len(s) > 0 && !a.inData(at, 1) {
				return
			}
			if size == 1 {
				a.cur.buf = append(a.cur.buf, s...)
			} else {
				for _, c := range s {
					a.putLE(uint64(c), size)
				}
			}
			if a.blanks() == '"' && zero {
				continue
			}
		}
		if zero {
			a.putLE(0, size)
		}
		if !a.comma() {
			break
		}
	}
	a.endLine()
}

// maxFixed bounds the fills that become fixed bytes at once.
const maxFixed = 1 << 16

// maxSection bounds a section, so that a wrong count cannot eat all memory.
const maxSection = 1 << 30

// space handles .skip COUNT[, FILL].
func (a *assembler) space(unit int64, at int) {
	if a.atEnd() {
		a.errorAt(a.pos, "expected a count")
		return
	}
	where := a.pos
	count, ok := a.expression()
	if !ok {
		return
	}
	v := int64(0)
	if a.comma() {
		if v, ok = a.absolute(); !ok {
			return
		}
	}
	if v != 0 && !a.inData(at, v) {
		return
	}
	a.mark(at)
	if n, ok := a.constantNow(&count); ok {
		if n < 0 {
			a.warnAt(where, ".space repeat count is negative, ignored")
			return
		}
		count = constant(n)
	}
	if count.kind == exConst && unit > 1 {
		count.n *= unit
	}
	a.fillFrag(count, []byte{byte(v)}, where)
	a.endLine()
}

// fillFrag emits pattern count times.
func (a *assembler) fillFrag(count expr, pattern []byte, at int) {
	s := a.cur
	if count.kind == exConst {
		total := count.n * int64(len(pattern))
		if count.n > maxSection || total > maxSection {
			a.errorAt(at, "fill of %d bytes is too large", count.n)
			return
		}
		if total <= maxFixed && !s.isBSS() {
			for i := int64(0); i < count.n; i++ {
				s.buf = append(s.buf, pattern...)
			}
			return
		}
	}
	f := s.closeFrag(fragFill)
	f.val, f.fill, f.pos = count, pattern, a.here()
}

// dcb emits COUNT values of a size.
func (a *assembler) dcb(size int, at int) {
	where := a.pos
	n, ok := a.absolute()
	if !ok {
		return
	}
	v := int64(0)
	if a.comma() {
		if v, ok = a.absolute(); !ok {
			return
		}
	}
	if n < 0 {
		a.warnAt(where, "negative repeat count ignored")
		return
	}
	a.fillFrag(constant(n), littleEndian(v, size), where)
	a.endLine()
}

func littleEndian(v int64, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		if i < 8 {
			b[i] = byte(v >> (8 * i))
		}
	}
	return b
}

// fill handles .fill REPEAT[, SIZE[, VALUE]].
func fill(a *assembler, at int) {
	a.blanks()
	where := a.pos
	count, ok := a.expression()
	if !ok {
		return
	}
	size, v := int64(1), int64(0)
	if a.comma() {
		if a.buf[a.pos] != ',' && !a.atEnd() {
			if size, ok = a.absolute(); !ok {
				return
			}
		}
		if a.comma() {
			if v, ok = a.absolute(); !ok {
				return
			}
		}
	}
	if size > 8 {
		a.warnAt(where, ".fill size clamped to 8")
		size = 8
	}
	if size < 0 {
		a.warnAt(where, "size negative; .fill ignored")
		return
	}
	if n, ok := a.constantNow(&count); ok {
		if n < 0 {
			a.warnAt(where, "repeat < 0; .fill ignored")
			return
		}
		count = constant(n)
	}
	a.mark(at)
	pattern := littleEndian(v, int(size))
	if size > 4 { // as in GNU as, the value has four bytes, the rest are zeros
		pattern = append(littleEndian(v, 4), make([]byte, size-4)...)
	}
	if size > 0 {
		a.fillFrag(count, pattern, where)
	}
	a.endLine()
}

// org handles .org PLACE[, FILL].
func org(a *assembler, at int) {
	e, ok := a.expression()
	if !ok {
		return
	}
	v := int64(0)
	if a.comma() {
		if v, ok = a.absolute(); !ok {
			return
		}
	}
	f := a.cur.closeFrag(fragOrg)
	f.val, f.fill, f.pos = e, []byte{byte(v)}, a.here()
	a.endLine()
}

// maxAlign is the largest alignment, in bytes.
const maxAlign = 1 << 31

// alignment handles .balign/.p2align N[, FILL[, MAX]].
func (a *assembler) alignment(power bool, size int, at int) {
	n, fillValue, max := int64(0), int64(0), int64(0)
	given := false
	ok := true
	if !a.atEnd() {
		if n, ok = a.absolute(); !ok {
			return
		}
	}
	if a.comma() {
		if a.buf[a.pos] != ',' && !a.atEnd() {
			given = true
			if fillValue, ok = a.absolute(); !ok {
				return
			}
		}
		if a.comma() && !a.atEnd() {
			if max, ok = a.absolute(); !ok {
				return
			}
		}
	}
	if n, ok = a.checkAlign(n, power, at); !ok {
		return
	}
	a.alignTo(n, given, littleEndian(fillValue, size), max)
	a.endLine()
}

// checkAlign turns the argument of an alignment directive into bytes.
func (a *assembler) checkAlign(n int64, power bool, at int) (int64, bool) {
	if power {
		if n < 0 || n > 31 {
			a.errorAt(at, "alignment too large: %d", n)
			return 0, false
		}
		return 1 << n, true
	}
	if n == 0 {
		n = 1
	}
	if n < 0 || n&(n-1) != 0 {
		a.errorAt(at, "alignment not a power of 2")
		return 0, false
	}
	if n > maxAlign {
		a.errorAt(at, "alignment too large: %d", n)
		return 0, false
	}
	return n, true
}

// alignTo emits an alignment; without a fill value code gets no-operations.
func (a *assembler) alignTo(n int64, given bool, pattern []byte, max int64) {
	s := a.cur
	if r := s.root(); uint64(n) > r.align {
		r.align = uint64(n)
	}
	if n == 1 {
		return
	}
	f := s.closeFrag(fragAlign)
	f.align, f.max, f.fill, f.pos = n, max, pattern, a.here()
	if !given && s.isCode() {
		f.sub = a.mode
	}
}

// leb128 emits LEB128 numbers.
func (a *assembler) leb128(signed bool, at int) {
	a.mark(at)
	for {
		e, ok := a.expression()
		if !ok {
			return
		}
		if n, ok := a.constantNow(&e); ok {
			a.cur.buf = appendLEB(a.cur.buf, n, signed, 0)
		} else {
			f := a.cur.closeFrag(fragLEB)
			f.val, f.pos = e, a.here()
			if signed {
				f.sub = 1
			}
		}
		if !a.comma() {
			break
		}
	}
	a.endLine()
}

// floats emits floating-point constants of 4, 8 or 10 bytes.
func (a *assembler) floats(size int) {
	a.mark(a.pos)
	for !a.atEnd() {
		start := a.pos
		for c := a.buf[a.pos]; class[c]&isName != 0 || c == '-' || c == '+'; c = a.buf[a.pos] {
			a.pos++
		}
		text := string(a.buf[start:a.pos])
		if len(text) > 2 && text[0] == '0' && strings.ContainsRune("fFdDeErRsSxX", rune(text[1])) && !(text[1] == 'e' || text[1] == 'E') && text[1] != 'x' && text[1] != 'X' {
			text = text[2:]
		}
		if !a.float(text, size) {
			a.errorAt(start, "bad floating-point constant %s", a.describe(start))
			return
		}
		if !a.comma() {
			break
		}
	}
	a.endLine()
}

func (a *assembler) float(text string, size int) bool {
	switch size {
	case 4:
		v, err := strconv.ParseFloat(text, 32)
		if err != nil && !math.IsInf(v, 0) {
			return false
		}
		a.putLE(uint64(math.Float32bits(float32(v))), 4)
	case 8:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil && !math.IsInf(v, 0) {
			return false
		}
		a.putLE(math.Float64bits(v), 8)
	default:
		f, _, err := big.ParseFloat(text, 10, 64, big.ToNearestEven)
		if err != nil {
			return false
		}
		a.putExtended(f)
	}
	return true
}

// putExtended emits the 80-bit format: 64 bits of significand, 15 of
// exponent biased by 16383, sign.
func (a *assembler) putExtended(f *big.Float) {
	if f.Sign() == 0 {
		a.putLE(0, 8)
		top := uint64(0)
		if f.Signbit() {
			top = 0x8000
		}
		a.putLE(top, 2)
		return
	}
	mant := new(big.Float)
	exp := f.MantExp(mant)
	mant.SetMantExp(mant.Abs(mant), 64)
	m, _ := mant.Uint64()
	e := uint64(exp-1+16383) & 0x7fff
	if f.Signbit() {
		e |= 0x8000
	}
	a.putLE(m, 8)
	a.putLE(e, 2)
}

// nopsDirective handles .nops SIZE[, CONTROL].
func nopsDirective(a *assembler, at int) {
	n, ok := a.absolute()
	if !ok {
		return
	}
	max := int64(0)
	if a.comma() {
		if max, ok = a.absolute(); !ok {
			return
		}
	}
	if n < 0 || n > maxSection {
		a.errorAt(at, "bad size of .nops: %d", n)
		return
	}
	a.mark(at)
	if max <= 0 || max > 11 {
		max = 11
	}
	a.cur.buf = appendShortNops(a.cur.buf, int(n), a.mode, int(max))
	a.endLine()
}

func nopDirective(a *assembler, at int) {
	a.mark(at)
	a.cur.buf = append(a.cur.buf, 0x90)
	a.skipStatement()
}
