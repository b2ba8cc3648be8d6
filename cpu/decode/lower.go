package decode

import (
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// lower turns x86asm's instruction into ours. op, if not Invalid, replaces the
// operation that x86asm found.
func (s *scanned) lower(x *x86asm.Inst, op Op) (Inst, error) {
	f := fold[x.Op]
	if op == Invalid {
		op = f.op
	}
	if op == Invalid {
		return Inst{}, ErrUndefined // x86asm knows it, the processor does not
	}
	in := Inst{Op: op, Cond: f.cond, AddrSize: s.addressSize(), Base: NoReg, Index: NoReg}
	if s.data {
		in.Prefix |= Data16
	}
	if s.rex != 0 {
		in.Prefix |= Rex | Prefix(s.rex>>3&1)*RexW
	}
	s.lowerArgs(&in, x)
	in.Op = splitMove(&in)
	s.setSize(&in, x, f.size)
	s.setArgSizes(&in, x)
	if isString(in.Op) {
		s.lowerString(&in)
	}
	if in.Op == MASKMOVDQU || in.Op == MASKMOVQ { // DS:rDI is implied
		in.Segment = s.segment(NoReg)
	}
	if s.lock {
		if !in.Op.Lockable() || in.Args[0].Kind != Mem {
			return Inst{}, ErrUndefined // SDM vol. 2, LOCK
		}
		in.Prefix |= Lock
	}
	return in, nil
}

// folded is what an x86asm operation becomes: several that differ in width or
// condition only become one.
type folded struct {
	op   Op
	cond uint8
	size uint8 // element or operand size if the name tells it, else 0
}

// fold maps x86asm's operations to ours: by equal name, by condition, or by
// the list of exceptions. What is in none of them (AES, SHA, XSAVE, AVX...) is
// not announced by CPUID.
var fold = makeFold()

func makeFold() map[x86asm.Op]folded {
	byName := map[string]Op{}
	for op := Op(1); op < NumOps; op++ {
		byName[opNames[op]] = op
	}
	// Names that are ours only or mean something else in x86asm.
	for _, name := range []string{"mov", "push", "pop", "movs", "cmps", "set", "movsd", "cmpsd", "cmov", "j"} {
		delete(byName, name)
	}
	m := map[x86asm.Op]folded{}
	for x := x86asm.AAA; x <= x86asm.XTEST; x++ {
		name := strings.ToLower(x.String())
		if op, ok := byName[name]; ok {
			m[x] = folded{op: op}
		}
		for prefix, op := range map[string]Op{"j": JCC, "set": SET, "cmov": CMOV} {
			for cond, cc := range condNames {
				if name == prefix+cc {
					m[x] = folded{op: op, cond: uint8(cond)}
				}
			}
		}
	}
	for x, f := range foldExceptions {
		m[x] = f
	}
	return m
}

// condNames are the condition codes 0..15 (SDM vol. 1, appendix B).
var condNames = [16]string{"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"}

var foldExceptions = map[x86asm.Op]folded{
	x86asm.MOV: {op: MOV}, x86asm.PUSH: {op: PUSH}, x86asm.POP: {op: POP},
	x86asm.MOVSXD: {op: MOVSX}, x86asm.XLATB: {op: XLATB}, x86asm.ICEBP: {op: ICEBP},
	x86asm.INSB: {op: INS, size: 1}, x86asm.INSW: {op: INS, size: 2}, x86asm.INSD: {op: INS, size: 4},
	x86asm.OUTSB: {op: OUTS, size: 1}, x86asm.OUTSW: {op: OUTS, size: 2}, x86asm.OUTSD: {op: OUTS, size: 4},
	x86asm.MOVSB: {op: MOVS, size: 1}, x86asm.MOVSW: {op: MOVS, size: 2}, x86asm.MOVSD: {op: MOVS, size: 4}, x86asm.MOVSQ: {op: MOVS, size: 8},
	x86asm.CMPSB: {op: CMPS, size: 1}, x86asm.CMPSW: {op: CMPS, size: 2}, x86asm.CMPSD: {op: CMPS, size: 4}, x86asm.CMPSQ: {op: CMPS, size: 8},
	x86asm.SCASB: {op: SCAS, size: 1}, x86asm.SCASW: {op: SCAS, size: 2}, x86asm.SCASD: {op: SCAS, size: 4}, x86asm.SCASQ: {op: SCAS, size: 8},
	x86asm.LODSB: {op: LODS, size: 1}, x86asm.LODSW: {op: LODS, size: 2}, x86asm.LODSD: {op: LODS, size: 4}, x86asm.LODSQ: {op: LODS, size: 8},
	x86asm.STOSB: {op: STOS, size: 1}, x86asm.STOSW: {op: STOS, size: 2}, x86asm.STOSD: {op: STOS, size: 4}, x86asm.STOSQ: {op: STOS, size: 8},
	x86asm.MOVSD_XMM: {op: MOVSD}, x86asm.CMPSD_XMM: {op: CMPSD},
	x86asm.PUSHA: {op: PUSHA, size: 2}, x86asm.PUSHAD: {op: PUSHA, size: 4},
	x86asm.POPA: {op: POPA, size: 2}, x86asm.POPAD: {op: POPA, size: 4},
	x86asm.PUSHF: {op: PUSHF, size: 2}, x86asm.PUSHFD: {op: PUSHF, size: 4}, x86asm.PUSHFQ: {op: PUSHF, size: 8},
	x86asm.POPF: {op: POPF, size: 2}, x86asm.POPFD: {op: POPF, size: 4}, x86asm.POPFQ: {op: POPF, size: 8},
	x86asm.IRET: {op: IRET, size: 2}, x86asm.IRETD: {op: IRET, size: 4}, x86asm.IRETQ: {op: IRET, size: 8},
	x86asm.CBW: {op: CBW, size: 2}, x86asm.CWDE: {op: CBW, size: 4}, x86asm.CDQE: {op: CBW, size: 8},
	x86asm.CWD: {op: CWD, size: 2}, x86asm.CDQ: {op: CWD, size: 4}, x86asm.CQO: {op: CWD, size: 8},
	x86asm.JCXZ: {op: JCXZ}, x86asm.JECXZ: {op: JCXZ}, x86asm.JRCXZ: {op: JCXZ},
	x86asm.CMPXCHG8B: {op: CMPXCHG8B, size: 8}, x86asm.CMPXCHG16B: {op: CMPXCHG8B, size: 16},
	x86asm.FXSAVE64: {op: FXSAVE}, x86asm.FXRSTOR64: {op: FXRSTOR},
}

// lowerArgs converts the operands. A second immediate goes to Imm2: the
// nesting level of ENTER, the selector of a far pointer.
func (s *scanned) lowerArgs(in *Inst, x *x86asm.Inst) {
	imms := 0
	for _, a := range x.Args {
		var arg Arg
		switch a := a.(type) {
		case nil:
			continue
		case x86asm.Reg:
			arg = lowerReg(a)
		case x86asm.Mem:
			s.lowerMem(in, a)
			arg = Arg{Kind: Mem}
		case x86asm.Rel:
			in.Imm = int64(a)
			arg = Arg{Kind: Rel}
		case x86asm.Imm:
			arg = Arg{Kind: Imm}
			if imms++; imms == 1 {
				in.Imm = int64(a)
			} else if in.Op == ENTER {
				arg.Kind, in.Imm2 = Imm2, uint16(a)
			} else { // far pointer: selector first, then the offset
				arg.Kind, in.Imm2, in.Imm = Imm2, uint16(in.Imm), int64(a)
			}
		}
		if int(in.NArgs) < len(in.Args) {
			in.Args[in.NArgs] = arg
			in.NArgs++
		}
	}
	switch in.Op {
	case INT:
		if s.opcode == 0xcc {
			in.Op, in.NArgs, in.Args, in.Imm = INT3, 0, [4]Arg{}, 3
		}
	case LJMP, LCALL: // offset first, as the one that Inst.Imm holds
		if in.NArgs == 2 {
			in.Args[0].Kind, in.Args[1].Kind = Imm, Imm2
		}
	}
}

// lowerReg classifies a register.
func lowerReg(r x86asm.Reg) Arg {
	switch {
	case r >= x86asm.AL && r <= x86asm.BL:
		return Arg{Kind: Reg, N: uint8(r - x86asm.AL), Size: 1}
	case r >= x86asm.AH && r <= x86asm.BH:
		return Arg{Kind: High, N: uint8(r - x86asm.AH), Size: 1}
	case r >= x86asm.SPB && r <= x86asm.R15B:
		return Arg{Kind: Reg, N: uint8(r-x86asm.SPB) + 4, Size: 1}
	case r >= x86asm.AX && r <= x86asm.R15W:
		return Arg{Kind: Reg, N: uint8(r - x86asm.AX), Size: 2}
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return Arg{Kind: Reg, N: uint8(r - x86asm.EAX), Size: 4}
	case r >= x86asm.RAX && r <= x86asm.R15:
		return Arg{Kind: Reg, N: uint8(r - x86asm.RAX), Size: 8}
	case r >= x86asm.F0 && r <= x86asm.F7:
		return Arg{Kind: ST, N: uint8(r - x86asm.F0), Size: 10}
	case r >= x86asm.M0 && r <= x86asm.M7:
		return Arg{Kind: MM, N: uint8(r - x86asm.M0), Size: 8}
	case r >= x86asm.X0 && r <= x86asm.X15:
		return Arg{Kind: XMM, N: uint8(r - x86asm.X0), Size: 16}
	case r >= x86asm.ES && r <= x86asm.GS:
		return Arg{Kind: Seg, N: uint8(r - x86asm.ES), Size: 2}
	case r >= x86asm.CR0 && r <= x86asm.CR15:
		return Arg{Kind: CR, N: uint8(r - x86asm.CR0)}
	case r >= x86asm.DR0 && r <= x86asm.DR7:
		return Arg{Kind: DR, N: uint8(r - x86asm.DR0)}
	}
	return Arg{}
}

// lowerMem converts the memory operand. x86asm gives disp32 without its sign
// and disp16 likewise; moffs (A0..A3) is a full address.
func (s *scanned) lowerMem(in *Inst, m x86asm.Mem) {
	in.Disp = m.Disp
	if s.hasRM {
		if in.AddrSize == 2 {
			in.Disp = int64(int16(m.Disp))
		} else {
			in.Disp = int64(int32(m.Disp))
		}
	}
	in.Base, in.Index, in.Scale = addrReg(m.Base), addrReg(m.Index), 1
	if in.Index != NoReg && m.Scale != 0 {
		in.Scale = m.Scale
	}
	in.Segment = s.segment(in.Base)
}

// addrReg numbers a base or index register.
func addrReg(r x86asm.Reg) uint8 {
	switch {
	case r == 0:
		return NoReg
	case r == x86asm.IP || r == x86asm.EIP || r == x86asm.RIP:
		return RegIP
	}
	return lowerReg(r).N
}

// The numbers of the segment registers.
const (
	SegES = iota
	SegCS
	SegSS
	SegDS
	SegFS
	SegGS
)

// segment is the segment of a memory operand: the override, or SS for a stack
// base, or DS (SDM vol. 1, section 3.7.4).
func (s *scanned) segment(base uint8) uint8 {
	switch s.seg {
	case 0x26:
		return SegES
	case 0x2e:
		return SegCS
	case 0x36:
		return SegSS
	case 0x3e:
		return SegDS
	case 0x64:
		return SegFS
	case 0x65:
		return SegGS
	}
	if base == 4 || base == 5 {
		return SegSS
	}
	return SegDS
}

// splitMove gives the forms of MOV, PUSH and POP that touch system or segment
// registers an Op of their own.
func splitMove(in *Inst) Op {
	a, b := in.Args[0].Kind, in.Args[1].Kind
	switch in.Op {
	case MOV:
		switch {
		case a == Seg:
			return MOVTOSEG
		case b == Seg:
			return MOVFROMSEG
		case a == CR:
			return MOVTOCR
		case b == CR:
			return MOVFROMCR
		case a == DR:
			return MOVTODR
		case b == DR:
			return MOVFROMDR
		}
	case PUSH:
		if a == Seg {
			return PUSHSEG
		}
	case POP:
		if a == Seg {
			return POPSEG
		}
	}
	return in.Op
}

func isString(op Op) bool { return op >= MOVS && op <= OUTS }

// lowerString drops the operands of a string instruction: they are implied by
// Size, AddrSize and Segment.
func (s *scanned) lowerString(in *Inst) {
	in.Args, in.NArgs = [4]Arg{}, 0
	in.Base, in.Index, in.Scale, in.Disp = NoReg, NoReg, 0, 0
	in.Segment = s.segment(NoReg)
	if in.Op == STOS || in.Op == SCAS || in.Op == INS {
		in.Segment = SegES // no source in memory
	}
	switch s.rep {
	case 0xf2:
		in.Prefix |= RepNE
	case 0xf3:
		in.Prefix |= Rep
	}
}

// Lockable reports whether LOCK is allowed on the operation's forms with a
// memory destination (SDM vol. 2, LOCK).
func (op Op) Lockable() bool {
	switch op {
	case ADD, ADC, AND, BTC, BTR, BTS, CMPXCHG, CMPXCHG8B, DEC, INC, NEG, NOT, OR, SBB, SUB, XOR, XADD, XCHG:
		return true
	}
	return false
}
