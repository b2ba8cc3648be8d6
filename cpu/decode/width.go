package decode

import "golang.org/x/arch/x86/x86asm"

// setSize finds the operand size of the operation. x86asm's DataSize is not
// it (32 for byte operations and for what is 64 bits by default).
func (s *scanned) setSize(in *Inst, x *x86asm.Inst, named uint8) {
	a, b := in.Args[0], in.Args[1]
	switch {
	case named != 0:
		in.Size = named
	case in.Op == OUT:
		in.Size = b.Size
	case s.mode == Mode64 && isNearBranch(in.Op):
		in.Size = 8 // 66 is ignored, as on Intel processors
	case s.mode == Mode64 && isStack(in.Op):
		in.Size = 8
		if s.data && s.rex&8 == 0 {
			in.Size = 2
		}
	case isSystemReg(in.Op):
		in.Size = 4
		if s.mode == Mode64 {
			in.Size = 8
		}
	case in.Op == XLATB:
		in.Size = 1
	case s.mode == Mode64 && (in.Op == LGDT || in.Op == LIDT || in.Op == SGDT || in.Op == SIDT):
		in.Size = 8
	case in.Op == SLDT || in.Op == STR || in.Op == SMSW || in.Op == MOVFROMSEG:
		in.Size = s.operandSize()
		if a.Kind == Mem {
			in.Size = 2
		}
	case in.Op == LLDT || in.Op == LTR || in.Op == LMSW || in.Op == VERR || in.Op == VERW || in.Op == MOVTOSEG || in.Op == ARPL:
		in.Size = 2
	case in.Op == NOP:
		in.Size = s.operandSize()
	case isVector(&in.Args):
		in.Size = vectorSize(&in.Args)
	case isX87(in.Op):
		in.Size = x87Size(in, x)
	case a.Kind == Reg || a.Kind == High:
		in.Size = a.Size
	case a.Kind == Mem && x.MemBytes != 0 && in.Op != NOP && !isFarOp(in.Op) && in.Op < PREFETCH:
		in.Size = uint8(x.MemBytes)
	default:
		in.Size = s.operandSize()
	}
}

// setArgSizes fills in the widths of memory and immediate operands.
func (s *scanned) setArgSizes(in *Inst, x *x86asm.Inst) {
	for i := range in.Args[:in.NArgs] {
		a := &in.Args[i]
		switch a.Kind {
		case Mem:
			a.Size = memSize(in, x)
		case Imm, Imm2, Rel:
			a.Size = in.Size
			if immIsByte(in.Op) {
				a.Size = 1
			} else if a.Size == 1 {
				in.Imm = int64(int8(in.Imm)) // x86asm leaves byte immediates unsigned
			}
		case CR, DR:
			a.Size = in.Size
		case Reg:
			if isSystemReg(in.Op) {
				a.Size = in.Size
			} else if in.Op == MOVFROMSEG || in.Op == SLDT || in.Op == STR || in.Op == SMSW {
				a.Size = in.Size
			} else if in.Op == UD0 || in.Op == UD1 { // x86asm was asked without REX.W
				a.Size = s.operandSize()
			} else if i == 0 && s.rex&8 != 0 && (in.Op == PMOVMSKB || in.Op == MOVMSKPS || in.Op == MOVMSKPD) {
				a.Size = 8
			} else if in.Op == MOVTOSEG || i == 1 && (in.Op == LAR || in.Op == LSL) {
				a.Size = 2
			}
		}
	}
}

// memSize is the width of the memory operand; 0 for an address that is not
// accessed as data of a fixed size (LEA, NOP, prefetches, INVLPG).
func memSize(in *Inst, x *x86asm.Inst) uint8 {
	switch in.Op {
	case LEA, NOP, PREFETCH, PREFETCHNTA, PREFETCHT0, PREFETCHT1, PREFETCHT2, PREFETCHW, CLFLUSH, INVLPG:
		return 0
	case LJMP, LCALL, LDS, LES, LFS, LGS, LSS:
		return in.Size + 2
	case LGDT, LIDT, SGDT, SIDT:
		if x.Mode == 64 {
			return 10
		}
		return 6
	case BOUND:
		return 2 * in.Size
	case PUSH, POP, CALL, JMP:
		return in.Size
	case MOVFROMSEG, MOVTOSEG, SLDT, STR, SMSW, LAR, LSL:
		return 2
	case CMPXCHG8B:
		return in.Size
	case FXSAVE, FXRSTOR:
		return 0 // 512 bytes, more than a width
	case FLD, FSTP, FBLD, FBSTP:
		if x.MemBytes == 0 {
			return 10
		}
	case FLDENV, FNSTENV, FNSAVE, FRSTOR:
		return 0 // 14, 28, 94 or 108 bytes by operand size
	}
	return uint8(x.MemBytes)
}

// immIsByte reports operations whose immediate is an unsigned byte or count
// and not a value of the operand size.
func immIsByte(op Op) bool {
	switch op {
	case SHL, SHR, SAR, ROL, ROR, RCL, RCR, SHLD, SHRD, BT, BTS, BTR, BTC, IN, OUT, INT, ENTER, RET, LRET, AAM, AAD:
		return true
	}
	return op >= EMMS // immediates of vector instructions are selectors
}

func isNearBranch(op Op) bool {
	switch op {
	case JMP, JCC, JCXZ, LOOP, LOOPE, LOOPNE, CALL, RET:
		return true
	}
	return false
}

// isStack reports operations whose operand size is 64 bits by default in
// 64-bit mode (SDM vol. 1, section 6.2.5).
func isStack(op Op) bool {
	switch op {
	case PUSH, POP, PUSHSEG, POPSEG, ENTER, LEAVE:
		return true
	}
	return false
}

func isSystemReg(op Op) bool {
	switch op {
	case MOVFROMCR, MOVTOCR, MOVFROMDR, MOVTODR:
		return true
	}
	return false
}

func isFarOp(op Op) bool { return op == LJMP || op == LCALL }

func isX87(op Op) bool { return op >= F2XM1 && op <= FYL2XP1 }

// x87Size is the width of an x87 memory operand, or 10; for the environment
// instructions the operand size, which selects the layout.
func x87Size(in *Inst, x *x86asm.Inst) uint8 {
	switch in.Op {
	case FLDENV, FNSTENV, FNSAVE, FRSTOR:
		return uint8(x.DataSize / 8)
	case FNSTSW, FNSTCW, FLDCW:
		return 2
	}
	if in.Args[0].Kind == Mem && x.MemBytes != 0 {
		return uint8(x.MemBytes)
	}
	return 10
}

func isVector(args *[4]Arg) bool {
	for _, a := range args {
		if a.Kind == XMM || a.Kind == MM {
			return true
		}
	}
	return false
}

// vectorSize is the width of a general register if one takes part (CVTSI2SD,
// MOVMSKPS, PINSRW), else of the widest vector register.
func vectorSize(args *[4]Arg) uint8 {
	size := uint8(8)
	for _, a := range args {
		if a.Kind == Reg {
			return a.Size
		}
		if a.Kind == XMM {
			size = 16
		}
	}
	return size
}
