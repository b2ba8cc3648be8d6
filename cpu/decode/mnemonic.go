package decode

import "strings"

// suffixes by operand size in bytes.
var suffix = map[uint8]string{1: "b", 2: "w", 4: "l", 8: "q"}

// byWidth are mnemonics that AT&T syntax gives to the widths of one Op.
var byWidth = map[Op]map[uint8]string{
	CBW:       {2: "cbtw", 4: "cwtl", 8: "cltq"},
	CWD:       {2: "cwtd", 4: "cltd", 8: "cqto"},
	CMPXCHG8B: {8: "cmpxchg8b", 16: "cmpxchg16b"},
	LODS:      {1: "lods", 2: "lods", 4: "lods", 8: "lods"},
	STOS:      {1: "stos", 2: "stos", 4: "stos", 8: "stos"},
	SCAS:      {1: "scas", 2: "scas", 4: "scas", 8: "scas"},
	MOVS:      {1: "movsb", 2: "movsw", 4: "movsl", 8: "movsq"},
	CMPS:      {1: "cmpsb", 2: "cmpsw", 4: "cmpsl", 8: "cmpsq"},
	INS:       {1: "insb", 2: "insw", 4: "insl"},
	OUTS:      {1: "outsb", 2: "outsw", 4: "outsl"},
	FXSAVE:    {2: "fxsave", 4: "fxsave", 8: "fxsave64"},
	FXRSTOR:   {2: "fxrstor", 4: "fxrstor", 8: "fxrstor64"},
}

// plain are operations that never take a suffix, though they may have nothing
// but a memory operand to tell the width.
var plain = map[Op]bool{
	SET: true, PREFETCH: true, PREFETCHNTA: true, PREFETCHT0: true, PREFETCHT1: true, PREFETCHT2: true,
	PREFETCHW: true, CLFLUSH: true, INVLPG: true, SLDT: true, STR: true, SMSW: true, LMSW: true, LLDT: true,
	LTR: true, VERR: true, VERW: true, LGDT: true, LIDT: true, SGDT: true, SIDT: true,
	MOVFROMSEG: true, MOVTOSEG: true, LDMXCSR: true, STMXCSR: true, XLATB: true, BOUND: true,
}

// mnemonic returns the mnemonic with its suffix.
func (p *printer) mnemonic() string {
	in := &p.in
	if m, ok := byWidth[in.Op][in.Size]; ok {
		return m
	}
	name := opNames[in.Op]
	if f := spelled[in.Op]; f != nil {
		return f(p, name)
	}
	if isX87(in.Op) {
		return p.x87Mnemonic()
	}
	return name + p.widthSuffix()
}

// widthSuffix is the suffix that tells a width which no operand tells.
func (p *printer) widthSuffix() string {
	if p.in.Op < F2XM1 && !plain[p.in.Op] && p.needsSuffix() {
		return suffix[p.in.Size]
	}
	return ""
}

// spelled are the operations with rules of their own; name is the mnemonic
// without suffix.
var spelled = map[Op]func(p *printer, name string) string{
	JCC:  func(p *printer, name string) string { return name + condNames[p.in.Cond&15] + p.branchHint() },
	SET:  func(p *printer, name string) string { return name + condNames[p.in.Cond&15] },
	CMOV: func(p *printer, name string) string { return name + condNames[p.in.Cond&15] },
	LOOP: (*printer).loopMnemonic, LOOPE: (*printer).loopMnemonic, LOOPNE: (*printer).loopMnemonic,
	JCXZ: func(p *printer, name string) string {
		return map[uint8]string{2: "jcxz", 4: "jecxz", 8: "jrcxz"}[p.in.AddrSize] + p.branchHint()
	},
	MOVZX: (*printer).extendMnemonic, MOVSX: (*printer).extendMnemonic,
	MOV:  (*printer).movMnemonic,
	LGDT: (*printer).tableMnemonic, LIDT: (*printer).tableMnemonic, SGDT: (*printer).tableMnemonic, SIDT: (*printer).tableMnemonic,
	SYSEXIT: (*printer).sysretMnemonic, SYSRET: (*printer).sysretMnemonic,
	IRET: (*printer).iretMnemonic,
	CRC32: func(p *printer, name string) string {
		if p.in.Args[1].Kind == Mem {
			return name + suffix[p.in.Args[1].Size]
		}
		return name
	},
	PUSH: (*printer).stackMnemonic, POP: (*printer).stackMnemonic, PUSHSEG: (*printer).stackMnemonic, POPSEG: (*printer).stackMnemonic,
	PUSHF: (*printer).stackMnemonic, POPF: (*printer).stackMnemonic, PUSHA: (*printer).stackMnemonic, POPA: (*printer).stackMnemonic,
	CALL: (*printer).stackMnemonic, JMP: (*printer).stackMnemonic, RET: (*printer).stackMnemonic,
	LEAVE: (*printer).stackMnemonic, ENTER: (*printer).stackMnemonic,
	LJMP: (*printer).farMnemonic, LCALL: (*printer).farMnemonic, LRET: (*printer).farMnemonic,
	NOP: (*printer).nopMnemonic,
	BSF: (*printer).scanMnemonic, BSR: (*printer).scanMnemonic,
	CMPPS: (*printer).cmpMnemonic, CMPPD: (*printer).cmpMnemonic, CMPSS: (*printer).cmpMnemonic, CMPSD: (*printer).cmpMnemonic,
	CVTSI2SD: (*printer).cvtMnemonic, CVTSI2SS: (*printer).cvtMnemonic,
}

// loopMnemonic shows an unusual width of the counter.
func (p *printer) loopMnemonic(name string) string {
	if p.in.AddrSize != usualSize[p.s.mode] {
		name += suffix[p.in.AddrSize]
	}
	return name + p.branchHint()
}

func (p *printer) movMnemonic(name string) string {
	if p.wideImmediate() {
		return "movabs"
	}
	return name + p.widthSuffix()
}

// tableMnemonic: outside 64-bit mode LGDT and its kin come in two widths.
func (p *printer) tableMnemonic(name string) string {
	if p.s.mode != Mode64 {
		return name + suffix[p.in.Size]
	}
	return name
}

func (p *printer) sysretMnemonic(name string) string {
	switch {
	case p.s.mode != Mode64:
		return name
	case p.in.Size == 8:
		return name + "q"
	}
	return name + "l"
}

func (p *printer) iretMnemonic(name string) string {
	switch {
	case p.in.Size == 8:
		return name + "q"
	case p.in.Size == 2 && p.s.mode != Mode16:
		return name + "w"
	case p.in.Size == 4 && p.s.mode == Mode16:
		return name + "l"
	}
	return name
}

// scanMnemonic: with F3, what newer processors make of the same bytes.
func (p *printer) scanMnemonic(name string) string {
	if p.s.rep == 0xf3 {
		return map[Op]string{BSF: "tzcnt", BSR: "lzcnt"}[p.in.Op]
	}
	return name
}

func (p *printer) cmpMnemonic(name string) string {
	if pred := p.cmpPredicate(); pred != "" {
		return "cmp" + pred + name[3:]
	}
	return name
}

// cvtMnemonic tells the width of an integer in memory.
func (p *printer) cvtMnemonic(name string) string {
	if p.in.Args[1].Kind == Mem && p.s.mode == Mode64 {
		return name + suffix[p.in.Args[1].Size]
	}
	return name
}

// needsSuffix reports a memory operand without a register to tell its width.
func (p *printer) needsSuffix() bool {
	mem := false
	for i, a := range p.in.Args[:p.in.NArgs] {
		switch a.Kind {
		case Mem:
			mem = true
		case Reg, High:
			if i == 0 || !isShift(p.in.Op) || i == 1 && (p.in.Op == SHLD || p.in.Op == SHRD) {
				return false
			}
		}
	}
	return mem
}

func isShift(op Op) bool { return op >= SHL && op <= SHRD }

// wideImmediate reports the MOV forms with a 64-bit immediate or address.
func (p *printer) wideImmediate() bool {
	if p.s.opmap != mapOne || p.s.mode != Mode64 {
		return false
	}
	moffs := p.s.opcode >= 0xa0 && p.s.opcode <= 0xa3
	imm64 := p.s.opcode >= 0xb8 && p.s.opcode <= 0xbf && p.in.Size == 8
	return moffs && p.in.AddrSize == 8 || imm64
}

// extendMnemonic is movzbl, movslq...: both widths in the name.
func (p *printer) extendMnemonic(string) string {
	name, from, to := "movz", p.in.Args[1].Size, p.in.Size
	if p.in.Op == MOVSX {
		name = "movs"
		if from >= 4 && to < 8 {
			return "movsxd"
		}
	}
	return name + suffix[from] + suffix[to]
}

// usualSize is the width of stack operations and addresses without prefixes.
var usualSize = map[Mode]uint8{Mode64: 8, Mode32: 4, Mode16: 2}

// stackMnemonic shows an operand size that is not the mode's own.
func (p *printer) stackMnemonic(name string) string {
	in := &p.in
	if in.Size == usualSize[p.s.mode] {
		return name
	}
	if in.Op == PUSH || in.Op == POP {
		if a := in.Args[0].Kind; a == Reg {
			return name
		}
	}
	return name + suffix[in.Size]
}

// farMnemonic: the width of a far pointer's offset.
func (p *printer) farMnemonic(name string) string {
	switch {
	case p.in.Size == 8 && p.in.Op == LRET:
		return name + "q"
	case p.in.Size == 2 && p.s.mode != Mode16:
		return name + "w"
	case p.in.Size == 4 && p.s.mode == Mode16:
		return name + "l"
	}
	return name
}

func (p *printer) nopMnemonic(string) string {
	if p.s.opcode == 0x90 && p.s.opmap == mapOne {
		switch {
		case p.s.data && p.s.rex&8 == 0:
			p.in.NArgs, p.in.Args = 2, [4]Arg{{Kind: Reg, Size: 2}, {Kind: Reg, Size: 2}}
			return "xchg"
		}
		return "nop"
	}
	if p.in.Args[0].Kind == Reg {
		return "nop"
	}
	return "nop" + suffix[p.in.Size]
}

var cmpPredicates = [8]string{"eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord"}

// cmpPredicate names the comparison of CMPPS and its kin.
func (p *printer) cmpPredicate() string {
	switch p.in.Op {
	case CMPPS, CMPPD, CMPSS, CMPSD:
		if p.in.Imm >= 0 && p.in.Imm < 8 {
			return cmpPredicates[p.in.Imm]
		}
	}
	return ""
}

// swapped are the x87 operations that AT&T syntax names the other way round
// when the destination is not the top of the stack (DC and DE forms), an old
// mistake of its first assembler that nobody dares to mend.
var swapped = map[Op]string{
	FSUB: "fsubr", FSUBR: "fsub", FDIV: "fdivr", FDIVR: "fdiv",
	FSUBP: "fsubrp", FSUBRP: "fsubp", FDIVP: "fdivrp", FDIVRP: "fdivp",
}

func (p *printer) x87Mnemonic() string {
	in, name := &p.in, opNames[p.in.Op]
	if s, ok := swapped[in.Op]; ok && in.Args[0].Kind == ST && (p.s.opcode == 0xdc || p.s.opcode == 0xde) {
		return s
	}
	if in.Args[0].Kind != Mem {
		return name
	}
	switch in.Op {
	case FILD, FIST, FISTP, FISTTP:
		return name + map[uint8]string{2: "s", 4: "l", 8: "ll"}[in.Size]
	case FIADD, FIMUL, FICOM, FICOMP, FISUB, FISUBR, FIDIV, FIDIVR:
		return name + map[uint8]string{2: "s", 4: "l"}[in.Size]
	case FBLD, FBSTP, FLDCW, FNSTCW, FNSTSW:
		return name
	case FLDENV, FNSTENV, FNSAVE, FRSTOR:
		if p.s.data {
			return name + "s"
		}
		return name
	}
	return name + map[uint8]string{4: "s", 8: "l", 10: "t"}[in.Size]
}

// branchHint reads the segment prefixes that once predicted branches
// (SDM vol. 2A, section 2.1.1).
func (p *printer) branchHint() string {
	switch p.in.Op {
	case JCC, LOOP, LOOPE, LOOPNE, JCXZ:
	default:
		return ""
	}
	for i := p.s.prefix - 1; i >= 0; i-- {
		switch p.b[i] {
		case 0x2e:
			return ",pn"
		case 0x3e:
			return ",pt"
		}
	}
	return ""
}

// prefixes returns the prefixes that the operands do not show.
func (p *printer) prefixes() string {
	var out []string
	in := &p.in
	segs := map[byte]string{0x26: "es", 0x2e: "cs", 0x36: "ss", 0x3e: "ds"}
	if p.s.mode == Mode64 {
		for _, c := range p.b[:p.s.prefix] {
			if name, ok := segs[c]; ok && p.branchHint() == "" {
				out = append(out, p.segmentHint(name))
			}
		}
	}
	if in.Prefix&Lock != 0 {
		out = append(out, "lock")
	}
	if r := p.repPrefix(); r != "" {
		out = append(out, r)
	}
	if in.Size == 8 && (in.Op == LJMP || in.Op == LCALL) {
		out = append(out, "rex.W")
	}
	if len(out) == 0 {
		return ""
	}
	return strings.Join(out, " ") + " "
}

// segmentHint: DS before an indirect branch reads notrack.
func (p *printer) segmentHint(name string) string {
	if name == "ds" && (p.in.Op == JMP || p.in.Op == CALL) && p.in.Args[0].Kind != Rel {
		return "notrack"
	}
	return name
}

// repPrefix names F2 and F3 where they are not part of the opcode.
func (p *printer) repPrefix() string {
	rep := p.s.rep
	switch {
	case rep == 0 || p.in.Op >= EMMS || p.mandatory():
		return ""
	case p.in.Op == CMPS || p.in.Op == SCAS:
		return map[byte]string{0xf2: "repnz", 0xf3: "repz"}[rep]
	case isString(p.in.Op):
		return map[byte]string{0xf2: "repnz", 0xf3: "rep"}[rep]
	case rep == 0xf2 && isBounded(p.in.Op):
		return "bnd"
	}
	return map[byte]string{0xf2: "repnz", 0xf3: "repz"}[rep]
}

// isBounded reports the branches that F2 was the BND prefix of.
func isBounded(op Op) bool { return op == JMP || op == JCC || op == CALL || op == RET }

// mandatory reports integer operations that F2 or F3 is part of.
func (p *printer) mandatory() bool {
	switch p.in.Op {
	case POPCNT, CRC32, PAUSE, ENDBR64, ENDBR32, RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE:
		return true
	case BSF, BSR:
		return p.s.rep == 0xf3
	}
	return false
}
