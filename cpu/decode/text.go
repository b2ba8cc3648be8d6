package decode

import (
	"fmt"
	"strconv"
	"strings"
)

// SymFunc finds the symbol that an address belongs to: its name and address,
// or an empty name.
type SymFunc func(addr uint64) (name string, base uint64)

// Text returns the AT&T text of the 64-bit instruction at the start of b, as
// GNU as accepts it and objdump prints it, with symbols for branch targets and
// RIP-relative operands when sym (which may be nil) knows them. What is no
// instruction is "(bad)".
func Text(b []byte, pc uint64, sym func(addr uint64) (name string, base uint64)) string {
	return TextMode(b, pc, Mode64, sym)
}

// TextMode is Text for any mode.
func TextMode(b []byte, pc uint64, mode Mode, sym func(addr uint64) (name string, base uint64)) string {
	in, err := Decode(b, mode)
	if err != nil {
		return "(bad)"
	}
	s, err := scan(b, mode)
	if err != nil {
		return "(bad)"
	}
	if sym == nil {
		sym = func(uint64) (string, uint64) { return "", 0 }
	}
	p := printer{in: in, s: s, b: b[:in.Len], next: pc + uint64(in.Len), sym: sym}
	text := p.mnemonic()
	if ops := p.operands(); len(ops) > 0 {
		text += " " + strings.Join(ops, ",")
	}
	return p.prefixes() + text
}

// printer holds one instruction on its way to text.
type printer struct {
	in   Inst
	s    scanned
	b    []byte
	next uint64 // address of the next instruction
	sym  SymFunc
}

var regNames = [16]string{"ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// RegName returns the AT&T name without the percent sign of the low size
// bytes of general register n: rax, eax, ax, al, r8d...
func RegName(n, size uint8) string {
	name := regNames[n&15]
	if n >= 8 {
		return name + map[uint8]string{1: "b", 2: "w", 4: "d", 8: ""}[size]
	}
	switch size {
	case 1:
		if n < 4 {
			return name[:1] + "l"
		}
		return name + "l"
	case 2:
		return name
	case 4:
		return "e" + name
	}
	return "r" + name
}

var segNames = [8]string{"es", "cs", "ss", "ds", "fs", "gs", "?", "?"}

// operands returns the operands in AT&T order.
func (p *printer) operands() []string {
	if isString(p.in.Op) {
		return p.stringOperands()
	}
	var ops []string
	for i := range p.in.Args[:p.in.NArgs] {
		if s := p.operand(i); s != "" {
			ops = append(ops, s)
		}
	}
	switch p.in.Op {
	case ENTER:
		return ops
	case ENDBR64, ENDBR32:
		return nil
	case BOUND: // Intel order, a peculiarity of AT&T syntax
		return ops
	case XLATB:
		return []string{p.memAt(p.in.Segment, "("+p.addrReg(3)+")", true)}
	}
	for i, j := 0, len(ops)-1; i < j; i, j = i+1, j-1 {
		ops[i], ops[j] = ops[j], ops[i]
	}
	return ops
}

// operand returns operand i, or "" if it is not written.
func (p *printer) operand(i int) string {
	a := p.in.Args[i]
	star := ""
	switch p.in.Op {
	case CALL, JMP, LCALL, LJMP:
		star = "*"
	}
	switch a.Kind {
	case Reg:
		if (p.in.Op == IN || p.in.Op == OUT) && a.N == 2 {
			return "(%dx)"
		}
		return star + "%" + RegName(a.N, p.shownSize(i))
	case High:
		return "%" + "acdb"[a.N:a.N+1] + "h"
	case Mem:
		return star + p.memory()
	case Imm:
		return p.immediate(a.Size)
	case Imm2:
		return "$" + hexa(uint64(p.in.Imm2))
	case Rel:
		return p.target()
	case Seg:
		return "%" + segNames[a.N&7]
	case CR:
		return "%cr" + strconv.Itoa(int(a.N))
	case DR:
		return "%db" + strconv.Itoa(int(a.N))
	case XMM:
		return "%xmm" + strconv.Itoa(int(a.N))
	case MM:
		return "%mm" + strconv.Itoa(int(a.N))
	case ST:
		if !p.encodedST(i) {
			return "%st"
		}
		return fmt.Sprintf("%%st(%d)", a.N)
	}
	return ""
}

// shownSize is the width that a register is named with: for selectors the
// operand size, though only 16 bits count.
func (p *printer) shownSize(i int) uint8 {
	switch p.in.Op {
	case MOVTOSEG, LAR, LSL:
		return p.s.operandSize()
	case NOP:
		return p.in.Size
	}
	return p.in.Args[i].Size
}

// encodedST reports the operand whose register number is in the ModRM byte,
// which is written with its number even if that is 0.
func (p *printer) encodedST(i int) bool {
	if p.in.NArgs == 1 {
		return true
	}
	if p.s.opcode == 0xdc || p.s.opcode == 0xde {
		return i == 0
	}
	return i == 1
}

func hexa(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

// signedHex writes a displacement.
func signedHex(v int64) string {
	if v < 0 {
		return "-" + hexa(uint64(-v))
	}
	return hexa(uint64(v))
}

// immediate returns an immediate as wide as the operation; one that is exactly
// the address of a symbol is written with its name.
func (p *printer) immediate(size uint8) string {
	switch {
	case p.s.opmap == mapOne && p.s.opcode&^3 == 0xd0: // shift by one
		return ""
	case p.in.Op >= CMPPD && p.cmpPredicate() != "":
		return ""
	case p.in.Op == RET || p.in.Op == LRET || p.in.Op == ENTER:
		size = 2
	}
	v := uint64(p.in.Imm)
	if size < 8 {
		v &= 1<<(8*size) - 1
	}
	if v > 0xffff {
		if name, base := p.sym(v); name != "" && base == v {
			return "$" + name
		}
	}
	return "$" + hexa(v)
}

// address writes an address with its symbol if it has one.
func (p *printer) address(addr uint64) (string, bool) {
	name, base := p.sym(addr)
	switch {
	case name == "":
		return hexa(addr), false
	case base == addr:
		return name, true
	}
	return name + "+" + hexa(addr-base), true
}

// target returns the address that a relative branch goes to.
func (p *printer) target() string {
	to := p.next + uint64(p.in.Imm)
	if p.s.mode != Mode64 {
		to &= 1<<(8*p.in.Size) - 1
	}
	s, _ := p.address(to)
	return s
}

// addrReg names a base or index register, address-size wide.
func (p *printer) addrReg(n uint8) string { return "%" + RegName(n, p.in.AddrSize) }

// memAt puts the segment before an address when it was overridden, or always
// if shown is set (string instructions).
func (p *printer) memAt(seg uint8, addr string, shown bool) string {
	if shown || p.overridden() {
		return "%" + segNames[seg] + ":" + addr
	}
	return addr
}

// overridden reports a segment prefix that counts.
func (p *printer) overridden() bool { return p.s.seg != 0 }

// memory returns the memory operand.
func (p *printer) memory() string {
	in := &p.in
	if in.Base == RegIP {
		ip := "%rip"
		if in.AddrSize == 4 {
			ip = "%eip"
		}
		if s, ok := p.address(p.next + uint64(in.Disp)); ok && in.AddrSize == 8 {
			return p.memAt(in.Segment, s+"("+ip+")", false)
		}
		return p.memAt(in.Segment, signedHex(in.Disp)+"("+ip+")", false)
	}
	regs := p.baseIndex()
	disp := p.displacement(regs)
	return p.memAt(in.Segment, disp+regs, false)
}

// baseIndex returns the parenthesised part of a memory operand.
func (p *printer) baseIndex() string {
	in := &p.in
	index, scale := "", in.Scale
	switch {
	case in.Index != NoReg:
		index = p.addrReg(in.Index)
	case p.pseudoIndex():
		index, scale = map[uint8]string{4: "%eiz", 8: "%riz"}[in.AddrSize], 1<<(p.sib()>>6)
	}
	base := ""
	if in.Base != NoReg {
		base = p.addrReg(in.Base)
	}
	switch {
	case index == "" && base == "":
		return ""
	case index == "":
		return "(" + base + ")"
	case in.AddrSize == 2:
		return "(" + base + "," + index + ")"
	}
	return fmt.Sprintf("(%s,%s,%d)", base, index, scale)
}

// sib returns the SIB byte; it is there when rm is 4 and mod is not 3.
func (p *printer) sib() byte {
	if i := p.s.opStart + 2; i < len(p.b) {
		return p.b[i]
	}
	return 0
}

// pseudoIndex reports a SIB byte without index where none was needed, which
// assembles from the register name %riz.
func (p *printer) pseudoIndex() bool {
	if !p.s.mem() || p.s.rm() != 4 || p.in.AddrSize == 2 {
		return false
	}
	sib := p.sib()
	if sib>>6 != 0 {
		return true
	}
	noBase := sib&7 == 5 && p.s.mod() == 0
	return sib&7 != 4 && !(noBase && p.s.mode == Mode64)
}

// displacement returns the number or symbol before the registers.
func (p *printer) displacement(regs string) string {
	in := &p.in
	if !p.s.hasRM { // moffs
		s, _ := p.address(uint64(in.Disp) & (1<<(8*in.AddrSize-1)<<1 - 1))
		return s
	}
	if regs == "" {
		s, _ := p.address(p.absolute())
		return s
	}
	switch mod := p.s.mod(); {
	case mod == 0 && in.Base != NoReg:
		return ""
	case mod != 1 && (in.Disp > 0xffff || in.Disp < -0xffffff):
		if s, ok := p.address(uint64(in.Disp)); ok {
			return s
		}
	}
	return signedHex(in.Disp)
}

// absolute is a displacement that stands for an address.
func (p *printer) absolute() uint64 {
	v := uint64(p.in.Disp)
	if p.in.AddrSize < 8 {
		v &= 1<<(8*p.in.AddrSize) - 1
	}
	return v
}

// stringOperands returns the implied operands of a string instruction.
func (p *printer) stringOperands() []string {
	in := &p.in
	src := p.memAt(in.Segment, "("+p.addrReg(6)+")", true)
	dst := "%es:(" + p.addrReg(7) + ")"
	acc := "%" + RegName(0, in.Size)
	switch in.Op {
	case MOVS:
		return []string{src, dst}
	case CMPS:
		return []string{dst, src}
	case SCAS:
		return []string{dst, acc}
	case LODS:
		return []string{src, acc}
	case STOS:
		return []string{acc, dst}
	case INS:
		return []string{"(%dx)", dst}
	}
	return []string{src, "(%dx)"}
}
