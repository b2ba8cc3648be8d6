package decode

// Mode is the processor mode that an instruction is decoded for: it sets the
// default operand and address sizes (SDM vol. 2A, section 2.2.1.7, and vol. 3A, section 3.1).
type Mode uint8

// The three decoding modes. Compatibility mode decodes as Mode32 or Mode16.
const (
	Mode64 Mode = iota
	Mode32
	Mode16
)

// Kind says what an operand is.
type Kind uint8

// The operand kinds.
const (
	None Kind = iota
	Reg       // general register N (0 RAX .. 15 R15), Inst.Size or Arg.Size wide
	High      // AH, CH, DH, BH: N is 0..3
	Mem       // the instruction's memory operand (Inst.Base, Index, ...)
	Imm       // Inst.Imm
	Imm2      // Inst.Imm2 (the second immediate of ENTER, EXTRQ)
	Rel       // branch target: next RIP + Inst.Imm
	Seg       // segment register N (0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS)
	CR        // control register N
	DR        // debug register N
	XMM       // XMM register N
	MM        // MMX register N
	ST        // x87 stack register ST(N)
)

// Arg is one explicit operand, in Intel order (destination first).
type Arg struct {
	Kind Kind
	N    uint8 // register number
	Size uint8 // width of the operand in bytes: 1, 2, 4, 8, 10, 16
}

// Prefix is a set of prefixes that change what an instruction means.
type Prefix uint8

// The prefixes that execution has to see. Segment overrides and the size
// prefixes are folded into Inst.Segment, Inst.Size and Inst.AddrSize.
const (
	Lock   Prefix = 1 << iota // F0 on a lockable form with a memory destination
	Rep                       // F3 on a string instruction
	RepNE                     // F2 on a string instruction
	Data16                    // 66 seen (and not a mandatory prefix)
	Rex                       // a REX prefix counts
	RexW                      // REX.W counts
)

// NoReg marks an absent base or index register; RegIP as a base means
// RIP-relative (the disp is relative to the end of the instruction).
const (
	NoReg = 0xff
	RegIP = 0x10
)

// Inst is one instruction, lowered from x86asm's form into the only form the
// rest of klpsim knows. It is 48 bytes and holds no pointers.
type Inst struct {
	Imm      int64 // immediate, sign-extended; or the branch displacement
	Disp     int64 // displacement, sign-extended (64 bits for moffs)
	Imm2     uint16
	Op       Op
	Len      uint8 // length in bytes, 1..15
	Size     uint8 // operand size in bytes (of the operation, not of an operand)
	AddrSize uint8 // address size in bytes: 2, 4, 8
	Cond     uint8 // condition code 0..15 of Jcc, SETcc, CMOVcc
	Prefix   Prefix
	Segment  uint8 // segment of the memory operand, after overrides (Arg.N numbering)
	Base     uint8
	Index    uint8
	Scale    uint8 // 1, 2, 4, 8
	NArgs    uint8
	Args     [4]Arg
}
