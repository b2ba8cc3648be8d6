package cpu

import "klpsim/cpu/decode"

// table is the instruction table, indexed by operation. An operation without
// handler is decoded but not announced by CPUID: it is #UD.
var table [decode.NumOps]Row

// The row lists, one for each family of handlers.
func init() {
	for _, rows := range [][]Row{integerRows, controlRows, systemRows, packedRows, floatRows, x87Rows} {
		for _, r := range rows {
			if table[r.Op].Op != decode.Invalid {
				panic("BUG: two rows for " + r.Op.String())
			}
			r.Name = r.Op.String()
			table[r.Op] = r
		}
	}
}

// Lookup returns the table's row for an operation: the zero Row if there is
// none.
func Lookup(op decode.Op) Row {
	if op >= decode.NumOps {
		return Row{}
	}
	return table[op]
}

// MemoryUse tells whether an instruction reads and writes data memory, by its
// row's memory class and by where its memory operand stands.
func MemoryUse(in *decode.Inst) (reads, writes bool) {
	row := &table[in.Op]
	explicit := false
	for i, a := range in.Args[:in.NArgs] {
		if a.Kind != decode.Mem {
			continue
		}
		explicit = true
		switch {
		case row.Mem == MemNone:
		case row.Mem == MemLoad, i > 0 && (row.Mem == MemStore || row.Mem == MemRMW):
			reads = true
		case i == 0 && row.Mem == MemStore:
			writes = true
		default:
			reads, writes = true, true
		}
	}
	if explicit || !row.Implicit {
		return reads, writes
	}
	return row.Mem == MemLoad || row.Mem >= MemRMW, row.Mem >= MemStore
}

// The flag sets of the table, the low 16 bits of RFLAGS.
const (
	fCF   = uint16(FlagCF)
	fPF   = uint16(FlagPF)
	fAF   = uint16(FlagAF)
	fZF   = uint16(FlagZF)
	fSF   = uint16(FlagSF)
	fIF   = uint16(FlagIF)
	fDF   = uint16(FlagDF)
	fOF   = uint16(FlagOF)
	fAll  = uint16(FlagsStatus)
	fSZAP = fSF | fZF | fAF | fPF
	fSys  = fAll | uint16(FlagTF|FlagIF|FlagDF|FlagIOPL|FlagNT)
)

// integerRows are data movement, arithmetic, bits, strings and atomics. What
// Undef leaves open follows one rule per operation, stated at its handler.
var integerRows = []Row{
	{Op: decode.MOV, Exec: opMov, Mem: MemStore},
	{Op: decode.MOVZX, Exec: opMovzx, Mem: MemLoad},
	{Op: decode.MOVSX, Exec: opMovsx, Mem: MemLoad},
	{Op: decode.MOVBE, Exec: opMovbe, Mem: MemStore},
	{Op: decode.MOVNTI, Exec: opMov, Mem: MemStore},
	{Op: decode.LEA, Exec: opLea},
	{Op: decode.XCHG, Exec: opXchg, Mem: MemRMW, Lockable: true, AlwaysLock: true},
	{Op: decode.BSWAP, Exec: opBswap},
	{Op: decode.XLATB, Exec: opXlat, Mem: MemLoad, Implicit: true},
	{Op: decode.CMOV, Exec: opCmov, Mem: MemLoad, Reads: fAll &^ fAF},
	{Op: decode.SET, Exec: opSet, Mem: MemStore, Reads: fAll &^ fAF},
	{Op: decode.LAHF, Exec: opLahf, Reads: fSZAP | fCF},
	{Op: decode.SAHF, Exec: opSahf, Writes: fSZAP | fCF},
	{Op: decode.CBW, Exec: opCbw},
	{Op: decode.CWD, Exec: opCwd},
	{Op: decode.PUSH, Exec: opPush, Mem: MemBoth, Implicit: true},
	{Op: decode.POP, Exec: opPop, Mem: MemBoth, Implicit: true},
	{Op: decode.PUSHA, Exec: opPusha, Mem: MemStore, Implicit: true},
	{Op: decode.POPA, Exec: opPopa, Mem: MemLoad, Implicit: true},
	{Op: decode.ENTER, Exec: opEnter, Mem: MemBoth, Implicit: true},
	{Op: decode.LEAVE, Exec: opLeave, Mem: MemLoad, Implicit: true},

	{Op: decode.ADD, Exec: opAdd, Mem: MemRMW, Lockable: true, Writes: fAll, Fast: FastRule{"x + y", "Add"}},
	{Op: decode.ADC, Exec: opAdc, Mem: MemRMW, Lockable: true, Reads: fCF, Writes: fAll},
	{Op: decode.SUB, Exec: opSub, Mem: MemRMW, Lockable: true, Writes: fAll, Fast: FastRule{"x - y", "Sub"}},
	{Op: decode.SBB, Exec: opSbb, Mem: MemRMW, Lockable: true, Reads: fCF, Writes: fAll},
	{Op: decode.CMP, Exec: opCmp, Mem: MemLoad, Writes: fAll, Fast: FastRule{"x - y", "Sub"}},
	{Op: decode.INC, Exec: opInc, Mem: MemRMW, Lockable: true, Writes: fAll &^ fCF, Fast: FastRule{"x + 1", "Inc"}},
	{Op: decode.DEC, Exec: opDec, Mem: MemRMW, Lockable: true, Writes: fAll &^ fCF, Fast: FastRule{"x - 1", "Dec"}},
	{Op: decode.NEG, Exec: opNeg, Mem: MemRMW, Lockable: true, Writes: fAll},
	{Op: decode.NOT, Exec: opNot, Mem: MemRMW, Lockable: true},
	{Op: decode.AND, Exec: opAnd, Mem: MemRMW, Lockable: true, Writes: fAll, Undef: fAF, Fast: FastRule{"x & y", "Logic"}},
	{Op: decode.OR, Exec: opOr, Mem: MemRMW, Lockable: true, Writes: fAll, Undef: fAF, Fast: FastRule{"x | y", "Logic"}},
	{Op: decode.XOR, Exec: opXor, Mem: MemRMW, Lockable: true, Writes: fAll, Undef: fAF, Fast: FastRule{"x ^ y", "Logic"}},
	{Op: decode.TEST, Exec: opTest, Mem: MemLoad, Writes: fAll, Undef: fAF, Fast: FastRule{"x & y", "Logic"}},
	{Op: decode.MUL, Exec: opMul, Mem: MemLoad, Writes: fAll, Undef: fSZAP},
	{Op: decode.IMUL, Exec: opImul, Mem: MemLoad, Writes: fAll, Undef: fSZAP},
	{Op: decode.DIV, Exec: opDiv, Mem: MemLoad, Writes: fAll, Undef: fAll},
	{Op: decode.IDIV, Exec: opIdiv, Mem: MemLoad, Writes: fAll, Undef: fAll},
	{Op: decode.AAA, Exec: opAaa, Reads: fAF, Writes: fAll, Undef: fOF | fSF | fZF | fPF},
	{Op: decode.AAS, Exec: opAas, Reads: fAF, Writes: fAll, Undef: fOF | fSF | fZF | fPF},
	{Op: decode.AAM, Exec: opAam, Writes: fAll, Undef: fOF | fAF | fCF},
	{Op: decode.AAD, Exec: opAad, Writes: fAll, Undef: fOF | fAF | fCF},
	{Op: decode.DAA, Exec: opDaa, Reads: fAF | fCF, Writes: fAll, Undef: fOF},
	{Op: decode.DAS, Exec: opDas, Reads: fAF | fCF, Writes: fAll, Undef: fOF},
	{Op: decode.SALC, Exec: opSalc, Reads: fCF},

	// OF is defined for a count of one, AF never.
	{Op: decode.SHL, Exec: opShl, Mem: MemRMW, Writes: fAll, Undef: fAF | fOF, Fast: FastRule{"x << n", "Shl"}},
	{Op: decode.SHR, Exec: opShr, Mem: MemRMW, Writes: fAll, Undef: fAF | fOF, Fast: FastRule{"x >> n", "Shr"}},
	{Op: decode.SAR, Exec: opSar, Mem: MemRMW, Writes: fAll, Undef: fAF | fOF, Fast: FastRule{"U(I(x) >> n)", "Sar"}},
	{Op: decode.ROL, Exec: opRol, Mem: MemRMW, Writes: fCF | fOF, Undef: fOF},
	{Op: decode.ROR, Exec: opRor, Mem: MemRMW, Writes: fCF | fOF, Undef: fOF},
	{Op: decode.RCL, Exec: opRcl, Mem: MemRMW, Reads: fCF, Writes: fCF | fOF, Undef: fOF},
	{Op: decode.RCR, Exec: opRcr, Mem: MemRMW, Reads: fCF, Writes: fCF | fOF, Undef: fOF},
	{Op: decode.SHLD, Exec: opShld, Mem: MemRMW, Writes: fAll, Undef: fAF | fOF},
	{Op: decode.SHRD, Exec: opShrd, Mem: MemRMW, Writes: fAll, Undef: fAF | fOF},
	{Op: decode.BT, Exec: opBt, Mem: MemLoad, Writes: fCF | fOF | fSF | fAF | fPF, Undef: fOF | fSF | fAF | fPF},
	{Op: decode.BTS, Exec: opBts, Mem: MemRMW, Lockable: true, Writes: fCF | fOF | fSF | fAF | fPF, Undef: fOF | fSF | fAF | fPF},
	{Op: decode.BTR, Exec: opBtr, Mem: MemRMW, Lockable: true, Writes: fCF | fOF | fSF | fAF | fPF, Undef: fOF | fSF | fAF | fPF},
	{Op: decode.BTC, Exec: opBtc, Mem: MemRMW, Lockable: true, Writes: fCF | fOF | fSF | fAF | fPF, Undef: fOF | fSF | fAF | fPF},
	{Op: decode.BSF, Exec: opBsf, Mem: MemLoad, Writes: fAll, Undef: fAll &^ fZF},
	{Op: decode.BSR, Exec: opBsr, Mem: MemLoad, Writes: fAll, Undef: fAll &^ fZF},
	{Op: decode.POPCNT, Exec: opPopcnt, Mem: MemLoad, Writes: fAll},
	{Op: decode.CRC32, Exec: opCrc32, Mem: MemLoad},

	{Op: decode.CMPXCHG, Exec: opCmpxchg, Mem: MemRMW, Lockable: true, Writes: fAll},
	{Op: decode.XADD, Exec: opXadd, Mem: MemRMW, Lockable: true, Writes: fAll},
	{Op: decode.CMPXCHG8B, Exec: opCmpxchg8b, Mem: MemRMW, Lockable: true, Writes: fZF},

	{Op: decode.MOVS, Exec: opMovs, Mem: MemBoth, Implicit: true, Reads: fDF},
	{Op: decode.CMPS, Exec: opCmps, Mem: MemLoad, Implicit: true, Reads: fDF, Writes: fAll},
	{Op: decode.SCAS, Exec: opScas, Mem: MemLoad, Implicit: true, Reads: fDF, Writes: fAll},
	{Op: decode.LODS, Exec: opLods, Mem: MemLoad, Implicit: true, Reads: fDF},
	{Op: decode.STOS, Exec: opStos, Mem: MemStore, Implicit: true, Reads: fDF},
	{Op: decode.INS, Exec: opIns, Mem: MemStore, Implicit: true, Serialising: true, Reads: fDF},
	{Op: decode.OUTS, Exec: opOuts, Mem: MemLoad, Implicit: true, Serialising: true, Reads: fDF},

	{Op: decode.CLC, Exec: opClc, Writes: fCF},
	{Op: decode.STC, Exec: opStc, Writes: fCF},
	{Op: decode.CMC, Exec: opCmc, Reads: fCF, Writes: fCF},
	{Op: decode.CLD, Exec: opCld, Writes: fDF},
	{Op: decode.STD, Exec: opStd, Writes: fDF},
	{Op: decode.NOP, Exec: opNop},
	{Op: decode.PAUSE, Exec: opNop},
	{Op: decode.ENDBR64, Exec: opNop},
	{Op: decode.ENDBR32, Exec: opNop},
	{Op: decode.PREFETCH, Exec: opNop},
	{Op: decode.PREFETCHNTA, Exec: opNop},
	{Op: decode.PREFETCHT0, Exec: opNop},
	{Op: decode.PREFETCHT1, Exec: opNop},
	{Op: decode.PREFETCHT2, Exec: opNop},
	{Op: decode.PREFETCHW, Exec: opNop},
	{Op: decode.CLFLUSH, Exec: opClflush},
	{Op: decode.LFENCE, Exec: opNop}, // loads are in order already
	{Op: decode.MFENCE, Exec: opNop, Serialising: true},
	{Op: decode.SFENCE, Exec: opNop, Serialising: true},
}

// controlRows are the transfers of control.
var controlRows = []Row{
	{Op: decode.JMP, Exec: opJmp, Mem: MemLoad},
	{Op: decode.JCC, Exec: opJcc, Reads: fAll &^ fAF},
	{Op: decode.JCXZ, Exec: opJcxz},
	{Op: decode.LOOP, Exec: opLoop},
	{Op: decode.LOOPE, Exec: opLoope, Reads: fZF},
	{Op: decode.LOOPNE, Exec: opLoopne, Reads: fZF},
	{Op: decode.CALL, Exec: opCall, Mem: MemBoth, Implicit: true},
	{Op: decode.RET, Exec: opRet, Mem: MemLoad, Implicit: true},
	{Op: decode.LJMP, Exec: opLjmp, Mem: MemLoad},
	{Op: decode.LCALL, Exec: opLcall, Mem: MemBoth, Implicit: true},
	{Op: decode.LRET, Exec: opLret, Mem: MemLoad, Implicit: true},
	{Op: decode.INT, Exec: opInt, Mem: MemBoth, Implicit: true, Serialising: true, Writes: fSys &^ fAll},
	{Op: decode.INT3, Exec: opInt3, Mem: MemBoth, Implicit: true, Serialising: true, Writes: fSys &^ fAll},
	{Op: decode.INTO, Exec: opInto, Mem: MemBoth, Implicit: true, Reads: fOF},
	{Op: decode.ICEBP, Exec: opIcebp},
	{Op: decode.IRET, Exec: opIret, Mem: MemLoad, Implicit: true, Serialising: true, Writes: fSys},
	{Op: decode.BOUND, Exec: opBound, Mem: MemLoad},
	{Op: decode.UD0, Exec: opUD},
	{Op: decode.UD1, Exec: opUD},
	{Op: decode.UD2, Exec: opUD},
}

// systemRows are the instructions about the processor itself.
var systemRows = []Row{
	{Op: decode.PUSHF, Exec: opPushf, Mem: MemStore, Implicit: true, Reads: fSys},
	{Op: decode.POPF, Exec: opPopf, Mem: MemLoad, Implicit: true, Writes: fSys},
	{Op: decode.CLI, Exec: opCli, Writes: fIF},
	{Op: decode.STI, Exec: opSti, Writes: fIF},
	{Op: decode.HLT, Exec: opHlt, Privileged: true},
	{Op: decode.IN, Exec: opIn, Serialising: true},
	{Op: decode.OUT, Exec: opOut, Serialising: true},
	{Op: decode.SYSCALL, Exec: opSyscall, Reads: fSys, Writes: fSys},
	{Op: decode.SYSRET, Exec: opSysret, Writes: fSys, Privileged: true},
	{Op: decode.SYSENTER, Exec: opSysenter, Writes: fIF},
	{Op: decode.SYSEXIT, Exec: opSysexit, Privileged: true},
	{Op: decode.SWAPGS, Exec: opSwapgs, Privileged: true},
	{Op: decode.CPUID, Exec: opCpuid, Serialising: true},
	{Op: decode.RDTSC, Exec: opRdtsc},
	{Op: decode.RDTSCP, Exec: opRdtscp},
	{Op: decode.RDPMC, Exec: opRdpmc},
	{Op: decode.RDMSR, Exec: opRdmsr, Privileged: true},
	{Op: decode.WRMSR, Exec: opWrmsr, Privileged: true, Serialising: true},
	{Op: decode.MOVFROMCR, Exec: opMovfromcr, Privileged: true},
	{Op: decode.MOVTOCR, Exec: opMovtocr, Privileged: true, Serialising: true},
	{Op: decode.MOVFROMDR, Exec: opMovfromdr, Privileged: true},
	{Op: decode.MOVTODR, Exec: opMovtodr, Privileged: true, Serialising: true},
	{Op: decode.CLTS, Exec: opClts, Privileged: true},
	{Op: decode.LMSW, Exec: opLmsw, Mem: MemLoad, Privileged: true, Serialising: true},
	{Op: decode.SMSW, Exec: opSmsw, Mem: MemStore},
	{Op: decode.LGDT, Exec: opLgdt, Mem: MemLoad, Privileged: true, Serialising: true},
	{Op: decode.LIDT, Exec: opLidt, Mem: MemLoad, Privileged: true, Serialising: true},
	{Op: decode.SGDT, Exec: opSgdt, Mem: MemStore},
	{Op: decode.SIDT, Exec: opSidt, Mem: MemStore},
	{Op: decode.LLDT, Exec: opLldt, Mem: MemLoad, Serialising: true}, // privilege: after #UD in real mode
	{Op: decode.SLDT, Exec: opSldt, Mem: MemStore},
	{Op: decode.LTR, Exec: opLtr, Mem: MemLoad, Serialising: true},
	{Op: decode.STR, Exec: opStr, Mem: MemStore},
	{Op: decode.LAR, Exec: opLar, Mem: MemLoad, Writes: fZF},
	{Op: decode.LSL, Exec: opLsl, Mem: MemLoad, Writes: fZF},
	{Op: decode.VERR, Exec: opVerr, Mem: MemLoad, Writes: fZF},
	{Op: decode.VERW, Exec: opVerw, Mem: MemLoad, Writes: fZF},
	{Op: decode.ARPL, Exec: opArpl, Mem: MemRMW, Writes: fZF},
	{Op: decode.PUSHSEG, Exec: opPushseg, Mem: MemStore, Implicit: true},
	{Op: decode.POPSEG, Exec: opPopseg, Mem: MemLoad, Implicit: true},
	{Op: decode.MOVFROMSEG, Exec: opMovfromseg, Mem: MemStore},
	{Op: decode.MOVTOSEG, Exec: opMovtoseg, Mem: MemLoad},
	{Op: decode.LDS, Exec: opLfar, Mem: MemLoad},
	{Op: decode.LES, Exec: opLfar, Mem: MemLoad},
	{Op: decode.LFS, Exec: opLfar, Mem: MemLoad},
	{Op: decode.LGS, Exec: opLfar, Mem: MemLoad},
	{Op: decode.LSS, Exec: opLfar, Mem: MemLoad},
	{Op: decode.INVLPG, Exec: opInvlpg, Privileged: true, Serialising: true},
	{Op: decode.INVD, Exec: opNop, Privileged: true, Serialising: true},
	{Op: decode.WBINVD, Exec: opNop, Privileged: true, Serialising: true},
	{Op: decode.RDFSBASE, Exec: opRdfsbase},
	{Op: decode.RDGSBASE, Exec: opRdgsbase},
	{Op: decode.WRFSBASE, Exec: opWrfsbase},
	{Op: decode.WRGSBASE, Exec: opWrgsbase},
}
