package asm

import (
	"fmt"
	"strconv"
	"strings"
)

// row is one line of the instruction table, in the notation of the manual.
//
//	name   mnemonic without its size suffix
//	args   operands in AT&T order (source first), see argKinds
//	enc    opcode: mandatory prefix, bytes, then /r (ModRM with a register),
//	       /0../7 (ModRM with an opcode extension) or +r (register in the opcode);
//	       =xx is a byte behind the operands;
//	       +w adds one to the opcode for operands wider than a byte
//	attrs  first word: the size suffixes the form has ("-" for none); then
//	       d64 (64-bit operands without REX.W), n64 (not in 64-bit mode),
//	       o64 (only there), lock (may be locked), rep (may be repeated),
//	       any flags that encode.go names
type row struct{ name, args, enc, attrs string }

// argKind describes one operand notation.
type argKind struct {
	mask uint32 // classes accepted; width classes are filled in by the form's width
	role argRole
	wide bool    // follows the form's width
	imm  immKind // for immediates
	size uint8   // fixed memory size in bytes, 0 if none
}

// argRole says where an operand goes in the encoding.
type argRole uint8

const (
	roleNone   argRole = iota // implied
	roleReg                   // ModRM.reg
	roleRM                    // ModRM.rm
	roleOp                    // low three bits of the opcode
	roleImm                   // immediate
	roleRel                   // branch target
	roleMoffs                 // absolute address
	roleSrcStr                // string source, DS:rSI
	roleDstStr                // string destination, ES:rDI
	roleSeg                   // bits 3 to 5 of the last opcode byte (push and pop of a segment register)
	roleBoth                  // ModRM.reg and ModRM.rm (imul imm,reg)
)

// immKind says which constants an immediate accepts and how it is stored.
type immKind uint8

const (
	immNone immKind = iota
	immWide         // the form's width; 32 bits sign-extended for 64
	imm8            // a byte
	imm8s           // a byte, sign-extended to the form's width
	imm16           // a word
	imm32s          // a doubleword, sign-extended
	imm64           // a quadword
	immOne          // the constant 1, not stored
	imm3            // the constant 3, not stored (int3)
)

// argKinds are the operand notations of the table.
var argKinds = map[string]argKind{
	"r":     {role: roleReg, wide: true},
	"rm":    {mask: mMem, role: roleRM, wide: true},
	"rn":    {role: roleRM, wide: true},
	"rr":    {role: roleBoth, wide: true},
	"ro":    {role: roleOp, wide: true},
	"a":     {mask: mAcc, wide: true},
	"m":     {mask: mMem, role: roleRM},
	"r8":    {mask: mR8, role: roleReg},
	"r16":   {mask: mR16, role: roleReg},
	"r32":   {mask: mR32, role: roleReg},
	"r64":   {mask: mR64, role: roleReg},
	"r16o":  {mask: mR16, role: roleOp},
	"r32o":  {mask: mR32, role: roleOp},
	"r64o":  {mask: mR64, role: roleOp},
	"rn8":   {mask: mR8, role: roleRM},
	"rn16":  {mask: mR16, role: roleRM},
	"rn32":  {mask: mR32, role: roleRM},
	"rn64":  {mask: mR64, role: roleRM},
	"rm8":   {mask: mR8 | mMem, role: roleRM, size: 1},
	"rm16":  {mask: mR16 | mMem, role: roleRM, size: 2},
	"rm32":  {mask: mR32 | mMem, role: roleRM, size: 4},
	"rm64":  {mask: mR64 | mMem, role: roleRM, size: 8},
	"*rm":   {mask: mMem | mStar, role: roleRM, wide: true},
	"*m":    {mask: mMem | mStar, role: roleRM},
	"al":    {mask: mAcc | mR8},
	"ax":    {mask: mAcc | mR16},
	"eax":   {mask: mAcc | mR32},
	"rax":   {mask: mAcc | mR64},
	"cl":    {mask: mCL},
	"dx":    {mask: mDX | mMemDX},
	"i":     {mask: mImm, role: roleImm, imm: immWide},
	"ib":    {mask: mImm, role: roleImm, imm: imm8},
	"is":    {mask: mImm, role: roleImm, imm: imm8s},
	"iw":    {mask: mImm, role: roleImm, imm: imm16},
	"id":    {mask: mImm, role: roleImm, imm: imm32s},
	"iq":    {mask: mImm, role: roleImm, imm: imm64},
	"1":     {mask: mImm, role: roleNone, imm: immOne},
	"3":     {mask: mImm, role: roleNone, imm: imm3},
	"rel":   {mask: mTarget, role: roleRel},
	"moffs": {mask: mTarget, role: roleMoffs},
	"seg":   {mask: mSeg, role: roleReg},
	"fsgs":  {mask: mFSGS, role: roleSeg},
	"lows":  {mask: mLowSeg, role: roleSeg},
	"cr":    {mask: mCR, role: roleReg},
	"dr":    {mask: mDR, role: roleReg},
	"srcs":  {mask: mMem, role: roleSrcStr},
	"dsts":  {mask: mMem, role: roleDstStr},
	"x":     {mask: mXMM, role: roleReg},
	"xm":    {mask: mXMM | mMem, role: roleRM},
	"xn":    {mask: mXMM, role: roleRM},
	"x0":    {mask: mXMM | mAcc},
	"mm":    {mask: mMM, role: roleReg},
	"mmm":   {mask: mMM | mMem, role: roleRM},
	"mmn":   {mask: mMM, role: roleRM},
	"st0":   {mask: mST0},
	"st":    {mask: mST, role: roleOp},
}

// form is a row for one operand width, ready for matching and encoding.
type form struct {
	nargs   uint8
	width   uint8 // operand width in bytes, 0 if the form has none
	prefix  byte  // mandatory prefix 66, F2 or F3, or 0
	nop     uint8 // opcode bytes
	ext     int8  // ModRM.reg, -1: a register, -2: no ModRM
	tail    int16 // byte after the operands (cmpeqps and the like), -1: none
	op      [4]byte
	mask    [4]uint32
	role    [4]argRole
	imm     [4]immKind
	attr    attrs
	several bool   // the row has other widths too
	wide    uint8  // bit i: operand i follows the width
	acc     uint8  // bit i: operand i must be the accumulator
	suffix  string // size suffixes of the row
}

// attrs are the properties of a form.
type attrs uint32

const (
	atD64     attrs = 1 << iota // 64-bit operands in 64-bit mode without REX.W
	atNo64                      // not in 64-bit mode
	atOnly64                    // only in 64-bit mode
	atLock                      // lock is allowed
	atRep                       // rep is allowed
	atRepE                      // repe and repne are allowed
	atBnd                       // bnd is allowed
	atNotrack                   // notrack is allowed
	atW                         // REX.W whatever the width
	atNoW                       // no REX.W and no 66 whatever the width
	atJcc                       // relaxable conditional jump
	atJmp                       // relaxable jump
	atLoop                      // loop and jcxz: the width is the address size
	atX87                       // wait-prefixed
	atCall                      // call
	atFar                       // direct far jump
	atDef                       // the form used when there is no suffix
	atQuiet                     // no warning about a missing suffix
	atBare                      // the widths are no suffixes of the mnemonic
	atXbegin                    // branch with a 32-bit displacement that is never relaxed
	atWarn                      // warn that the size is a guess
	atAmb                       // the width is ambiguous without a suffix, as in rows of several widths
	atNoSelf                    // not for exchanging EAX with itself: that would be NOP
)

var attrNames = map[string]attrs{
	"d64": atD64, "n64": atNo64, "o64": atOnly64, "lock": atLock, "rep": atRep, "repe": atRepE,
	"bnd": atBnd, "notrack": atNotrack, "W": atW, "noW": atNoW, "jcc": atJcc, "jmp": atJmp,
	"loop": atLoop, "wait": atX87, "call": atCall, "far": atFar, "def": atDef,
	"quiet": atQuiet, "xbegin": atXbegin, "warn": atWarn, "bare": atBare, "amb": atAmb, "noself": atNoSelf,
}

// candidate is a form that a mnemonic can mean, with the suffix it was
// spelled with (0 if none).
type candidate struct {
	*form
	suffixed uint8 // width that the suffix says, 0 without
}

// mnemonic is everything that one spelling can mean, in order of preference.
type mnemonic struct {
	name   string
	cands  []candidate
	prefix *prefixInfo
}

var suffixWidth = map[byte]uint8{'b': 1, 'w': 2, 'l': 4, 'q': 8}

var widthMask = [...]uint32{1: mR8, 2: mR16, 4: mR32, 8: mR64}

// mnemonics is the look-up table of every spelling. It is built from the
// rows once and never changed.
var mnemonics = buildMnemonics()

func buildMnemonics() map[string]*mnemonic {
	t := make(map[string]*mnemonic, 4096)
	entry := func(name string) *mnemonic {
		m := t[name]
		if m == nil {
			m = &mnemonic{name: name}
			t[name] = m
		}
		return m
	}
	for i := range prefixes {
		entry(prefixes[i].name).prefix = &prefixes[i]
	}
	type late struct {
		name string
		c    candidate
	}
	var suffixed []late
	for _, table := range allTables() {
		for i := range table {
			r := &table[i]
			forms, err := r.compile()
			if err != nil {
				panic("BUG: instruction table: " + r.name + " " + r.args + ": " + err.Error())
			}
			for _, f := range forms {
				m := entry(r.name)
				m.cands = append(m.cands, candidate{f, 0})
				for _, c := range []byte("bwlq") {
					if f.attr&atBare == 0 && suffixWidth[c] == f.width && strings.IndexByte(f.suffix, c) >= 0 {
						suffixed = append(suffixed, late{r.name + string(c), candidate{f, f.width}})
					}
				}
			}
		}
	}
	for _, s := range suffixed {
		m := entry(s.name)
		m.cands = append(m.cands, s.c)
	}
	return t
}

// compile expands a row into one form per width.
func (r *row) compile() ([]*form, error) {
	words := strings.Fields(r.attrs)
	suffixes := ""
	if len(words) > 0 && words[0] != "-" {
		suffixes = words[0]
	}
	base := form{ext: -2, tail: -1, suffix: suffixes}
	for i, w := range words {
		if i == 0 {
			continue
		}
		at, ok := attrNames[w]
		if !ok {
			return nil, fmt.Errorf("unknown attribute %q", w)
		}
		base.attr |= at
	}
	plusW, err := base.parseEncoding(r.enc)
	if err != nil {
		return nil, err
	}
	var kinds []argKind
	if r.args != "" {
		for _, n := range strings.Split(r.args, ",") {
			k, ok := argKinds[n]
			if !ok {
				return nil, fmt.Errorf("unknown operand %q", n)
			}
			kinds = append(kinds, k)
		}
	}
	if suffixes == "" {
		f := base
		f.setArgs(kinds, 0)
		return []*form{&f}, nil
	}
	var out []*form
	for i := 0; i < len(suffixes); i++ {
		f := base
		f.width = suffixWidth[suffixes[i]]
		f.several = len(suffixes) > 1
		if plusW && f.width != 1 {
			f.op[f.nop-1]++
		}
		f.setArgs(kinds, f.width)
		out = append(out, &f)
	}
	return out, nil
}

// setArgs fills in the operands for a width.
func (f *form) setArgs(kinds []argKind, width uint8) {
	f.nargs = uint8(len(kinds))
	for i, k := range kinds {
		f.mask[i], f.role[i], f.imm[i] = k.mask, k.role, k.imm
		if k.mask&mAcc != 0 && !k.wide {
			f.acc |= 1 << i
			f.mask[i] &^= mAcc
		}
		if k.wide {
			f.wide |= 1 << i
			if k.mask&mAcc != 0 {
				f.acc |= 1 << i
				f.mask[i] = widthMask[width]
			}
			f.mask[i] |= widthMask[width]
		}
	}
}

// parseEncoding reads the opcode notation of a row.
func (f *form) parseEncoding(enc string) (plusW bool, err error) {
	for i, w := range strings.Fields(enc) {
		switch {
		case w == "/r":
			f.ext = -1
		case w[0] == '/':
			n, err := strconv.ParseInt(w[1:], 8, 8)
			if err != nil {
				return false, err
			}
			f.ext = int8(n)
		case w == "+w":
			plusW = true
		case w == "+r":
		case w[0] == '=':
			n, err := strconv.ParseUint(w[1:], 16, 8)
			if err != nil {
				return false, err
			}
			f.tail = int16(n)
		default:
			b, err := strconv.ParseUint(w, 16, 8)
			if err != nil {
				return false, err
			}
			if i == 0 && (b == 0x66 || b == 0xf2 || b == 0xf3) && strings.HasPrefix(enc[2:], " 0f") {
				f.prefix = byte(b)
				continue
			}
			f.op[f.nop] = byte(b)
			f.nop++
		}
	}
	return plusW, nil
}
