package asm

// regID is a register: its class mask in regInfo and its number.
type regID uint16

// Operand classes. A parsed operand has the bits of everything it can be; a
// form accepts an operand that shares a bit with it.
const (
	mR8 = 1 << iota
	mR16
	mR32
	mR64
	mSeg
	mCR
	mDR
	mMM
	mXMM
	mST
	mAcc // with mR8..mR64: AL, AX, EAX, RAX; with mXMM: XMM0
	mCL
	mDX
	mST0
	mMem    // memory
	mTarget // a bare address: memory or a branch target
	mImm
	mStar  // written with '*'
	mMemDX // (%dx)
	mRegIP
	mFSGS   // FS or GS, besides mSeg
	mLowSeg // ES, CS, SS or DS, besides mSeg

	mReg = mR8 | mR16 | mR32 | mR64
)

// regInfo describes a register.
type regInfo struct {
	name string
	mask uint32
	num  uint8
	high bool // AH, CH, DH, BH
	rex  bool // SPL, BPL, SIL, DIL: need a REX prefix
}

var (
	regs    = makeRegs()
	regHash = makeRegHash()
)

// segment register numbers
const (
	segES = iota
	segCS
	segSS
	segDS
	segFS
	segGS
)

func makeRegs() []regInfo {
	r := []regInfo{{}}
	add := func(mask uint32, names ...string) {
		for i, n := range names {
			r = append(r, regInfo{name: n, mask: mask, num: uint8(i)})
		}
	}
	numbered := func(mask uint32, prefix, suffix string, from, to int) {
		for i := from; i < to; i++ {
			r = append(r, regInfo{name: prefix + itoa(i) + suffix, mask: mask, num: uint8(i)})
		}
	}
	add(mR64, "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi")
	numbered(mR64, "r", "", 8, 16)
	add(mR32, "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
	numbered(mR32, "r", "d", 8, 16)
	add(mR16, "ax", "cx", "dx", "bx", "sp", "bp", "si", "di")
	numbered(mR16, "r", "w", 8, 16)
	add(mR8, "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil")
	numbered(mR8, "r", "b", 8, 16)
	for i, n := range []string{"ah", "ch", "dh", "bh"} {
		r = append(r, regInfo{name: n, mask: mR8, num: uint8(4 + i), high: true})
	}
	add(mSeg, "es", "cs", "ss", "ds", "fs", "gs")
	numbered(mCR, "cr", "", 0, 16)
	numbered(mDR, "db", "", 0, 16)
	numbered(mDR, "dr", "", 0, 16)
	numbered(mMM, "mm", "", 0, 8)
	numbered(mXMM, "xmm", "", 0, 16)
	numbered(mST, "st(", ")", 0, 8)
	r = append(r, regInfo{name: "st", mask: mST | mST0},
		regInfo{name: "rip", mask: mRegIP, num: 8}, regInfo{name: "eip", mask: mRegIP, num: 4},
		regInfo{name: "riz", mask: mRegIP, num: 16 + 8}, regInfo{name: "eiz", mask: mRegIP, num: 16 + 4})
	for i := range r {
		switch n := r[i].name; {
		case n == "al" || n == "ax" || n == "eax" || n == "rax" || n == "xmm0":
			r[i].mask |= mAcc
		case n == "cl":
			r[i].mask |= mCL
		case n == "fs" || n == "gs":
			r[i].mask |= mFSGS
		case r[i].mask&mSeg != 0:
			r[i].mask |= mLowSeg
		case n == "dx":
			r[i].mask |= mDX
		case n == "st(0)":
			r[i].mask |= mST0
		case n == "spl" || n == "bpl" || n == "sil" || n == "dil":
			r[i].rex = true
		}
	}
	return r
}

func itoa(i int) string {
	if i >= 10 {
		return string([]byte{byte('0' + i/10), byte('0' + i%10)})
	}
	return string([]byte{byte('0' + i)})
}

// regHashSize is the size of the register look-up table, a power of two.
const regHashSize = 1024

// regSlot is an entry of the register look-up: the name packed in a word.
type regSlot struct {
	key uint64
	id  regID
}

func regIndex(key uint64) uint64 { return key * 0x9e3779b97f4a7c15 >> 54 }

func makeRegHash() (t [regHashSize]regSlot) {
	for i, r := range regs {
		if i == 0 {
			continue
		}
		k := packName([]byte(r.name))
		j := regIndex(k)
		for t[j].key != 0 {
			j = (j + 1) & (regHashSize - 1)
		}
		t[j] = regSlot{k, regID(i)}
	}
	return t
}

// packName packs up to eight bytes of a name, in lower case.
func packName(s []byte) uint64 {
	k := uint64(0)
	for _, c := range s {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		k = k<<8 | uint64(c)
	}
	return k
}

func findReg(key uint64) regID {
	for j := regIndex(key); regHash[j].key != 0; j = (j + 1) & (regHashSize - 1) {
		if regHash[j].key == key {
			return regHash[j].id
		}
	}
	return 0
}

// register scans a register at the cursor, which is at its '%'. The cursor
// stays where it is if there is none.
func (a *assembler) register() (regID, bool) {
	b := a.buf
	p := a.pos + 1
	for class[b[p]]&isBlank != 0 {
		p++
	}
	start := p
	for class[b[p]]&isName != 0 {
		p++
	}
	if p-start > 7 || p == start {
		return 0, false
	}
	id := findReg(packName(b[start:p]))
	if id == 0 || a.mode != 8 && !a.validInMode(id) {
		return 0, false
	}
	if regs[id].mask&mRegIP != 0 && regs[id].num >= 16 && !a.indexReg {
		return 0, false // %riz and %eiz, which only .allow_index_reg makes known
	}
	if regs[id].mask&mST0 != 0 {
		p, id = stackIndex(b, p, id)
	}
	a.pos = p
	return id, true
}

// stackIndex reads the "(n)" that may follow %st, blanks allowed.
func stackIndex(b []byte, p int, id regID) (int, regID) {
	q := p
	skip := func() {
		for class[b[q]]&isBlank != 0 {
			q++
		}
	}
	skip()
	if b[q] != '(' {
		return p, id
	}
	q++
	skip()
	d := b[q]
	if d < '0' || d > '7' {
		return p, id
	}
	q++
	skip()
	if b[q] != ')' {
		return p, id
	}
	return q + 1, findReg(packName([]byte{'s', 't', '(', d, ')'}))
}

// validInMode reports whether 16- and 32-bit code can name the register.
func (a *assembler) validInMode(id regID) bool {
	r := &regs[id]
	if r.mask&mR64 != 0 || r.rex || r.name == "rip" || r.name == "riz" || r.name == "eip" {
		return false
	}
	return r.num < 8 || r.mask&mRegIP != 0
}
