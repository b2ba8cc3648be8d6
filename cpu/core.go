package cpu

import (
	"klpsim/cpu/decode"
)

// Names of the general registers as indices of Regs.GPR (SDM vol. 1, section 3.4.1).
const (
	RAX = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
)

// Names of the segment registers as indices of Sys.Seg.
const (
	ES = iota
	CS
	SS
	DS
	FS
	GS
)

// The bits of RFLAGS (SDM vol. 1, section 3.4.3).
const (
	FlagCF   uint64 = 1 << 0
	Flag1    uint64 = 1 << 1 // always one
	FlagPF   uint64 = 1 << 2
	FlagAF   uint64 = 1 << 4
	FlagZF   uint64 = 1 << 6
	FlagSF   uint64 = 1 << 7
	FlagTF   uint64 = 1 << 8
	FlagIF   uint64 = 1 << 9
	FlagDF   uint64 = 1 << 10
	FlagOF   uint64 = 1 << 11
	FlagIOPL uint64 = 3 << 12
	FlagNT   uint64 = 1 << 14
	FlagRF   uint64 = 1 << 16
	FlagVM   uint64 = 1 << 17
	FlagAC   uint64 = 1 << 18
	FlagVIF  uint64 = 1 << 19
	FlagVIP  uint64 = 1 << 20
	FlagID   uint64 = 1 << 21

	// FlagsStatus are the flags that arithmetic sets.
	FlagsStatus = FlagCF | FlagPF | FlagAF | FlagZF | FlagSF | FlagOF
)

// The bits of CR0, CR4 and EFER that the machine knows (SDM vol. 3A, section 2.5).
const (
	CR0PE uint64 = 1 << 0
	CR0MP uint64 = 1 << 1
	CR0EM uint64 = 1 << 2
	CR0TS uint64 = 1 << 3
	CR0ET uint64 = 1 << 4
	CR0NE uint64 = 1 << 5
	CR0WP uint64 = 1 << 16
	CR0AM uint64 = 1 << 18
	CR0NW uint64 = 1 << 29
	CR0CD uint64 = 1 << 30
	CR0PG uint64 = 1 << 31

	CR4VME        uint64 = 1 << 0
	CR4PVI        uint64 = 1 << 1
	CR4TSD        uint64 = 1 << 2
	CR4DE         uint64 = 1 << 3
	CR4PSE        uint64 = 1 << 4
	CR4PAE        uint64 = 1 << 5
	CR4MCE        uint64 = 1 << 6
	CR4PGE        uint64 = 1 << 7
	CR4PCE        uint64 = 1 << 8
	CR4OSFXSR     uint64 = 1 << 9
	CR4OSXMMEXCPT uint64 = 1 << 10
	CR4UMIP       uint64 = 1 << 11
	CR4FSGSBASE   uint64 = 1 << 16
	CR4SMEP       uint64 = 1 << 20

	EFERSCE uint64 = 1 << 0
	EFERLME uint64 = 1 << 8
	EFERLMA uint64 = 1 << 10
	EFERNXE uint64 = 1 << 11
)

// SegReg is a segment register with its hidden part (SDM vol. 3A, section 3.4.3).
// Attr holds the descriptor's access byte in bits 0-7 (type, S, DPL, P) and
// its flags in bits 12-15 (AVL, L, D/B, G), as VMX lays out access rights;
// Limit is in bytes, already scaled by G. The struct has no padding.
type SegReg struct {
	Base  uint64
	Limit uint32
	Attr  uint16
	Sel   uint16
}

// The bits of SegReg.Attr.
const (
	AttrAccessed   = 1 << 0
	AttrWrite      = 1 << 1 // data: writable
	AttrRead       = 1 << 1 // code: readable
	AttrExpandDown = 1 << 2 // data
	AttrConforming = 1 << 2 // code
	AttrCode       = 1 << 3
	AttrS          = 1 << 4 // code or data, not a system segment
	AttrDPL        = 3 << 5
	AttrP          = 1 << 7
	AttrAVL        = 1 << 12
	AttrL          = 1 << 13 // 64-bit code
	AttrDB         = 1 << 14 // 32-bit default size
	AttrG          = 1 << 15
)

// DPL returns the descriptor privilege level.
func (s *SegReg) DPL() uint8 { return uint8(s.Attr>>5) & 3 }

// TableReg is GDTR or IDTR; Limit is in bytes, 16 bits.
type TableReg struct {
	Base  uint64
	Limit uint64
}

// Regs is the hot block of a core: what almost every instruction changes. A
// step saves it and puts it back when the instruction faults.
type Regs struct {
	GPR   [16]uint64
	none  uint64 // always zero: the absent base or index register of the fast path
	RIP   uint64 // while a handler runs: the address of the next instruction
	Flags uint64 // RFLAGS, bit 1 always set
}

// Activity is what a core is doing (SDM vol. 3C, section 24.4.2 has the names).
type Activity uint64

// The activity states.
const (
	Running  Activity = iota
	Halted            // HLT: any due event wakes it
	WaitSIPI          // after INIT: only SIPI wakes it
	Shutdown          // after a triple fault: only INIT (and NMI, not modelled) wakes it
)

// Blocking and pending bits of Sys.Blocked and Sys.Pending.
const (
	BlockSTI   uint64 = 1 << 0 // the instruction after STI: no maskable interrupts
	BlockMovSS uint64 = 1 << 1 // the instruction after MOV/POP SS: no interrupts, NMIs or debug traps
	BlockNMI   uint64 = 1 << 2 // between an NMI's delivery and the next IRET

	PendNMI  uint64 = 1 << 0
	PendINIT uint64 = 1 << 1
	PendSIPI uint64 = 1 << 2
)

// Sys is the system state of a core: everything but the hot block and the
// floating-point registers. It is comparable, holds no pointers and has no
// padding, so that journal and hash can look at it as words.
type Sys struct {
	Seg        [6]SegReg
	LDTR, TR   SegReg
	GDTR, IDTR TableReg

	CR0, CR2, CR3, CR4 uint64
	DR                 [8]uint64 // 4 and 5 unused
	EFER               uint64
	STAR, LSTAR, CSTAR uint64
	SFMASK             uint64
	KernelGSBase       uint64
	SysenterCS         uint64
	SysenterESP        uint64
	SysenterEIP        uint64
	PAT                uint64
	TSCAux             uint64
	MiscEnable         uint64 // IA32_MISC_ENABLE: storage only
	TSCOffset          uint64 // added to the count of steps by WRMSR IA32_TSC

	Activity  Activity
	Blocked   uint64 // BlockSTI, BlockMovSS, BlockNMI
	Pending   uint64 // PendNMI, PendINIT, PendSIPI
	PendDebug uint64 // DR6 bits of a #DB trap due after the instruction (bit 12: one is due)
	SIPIPage  uint64 // start page of the pending SIPI

	APIC APIC
}

// Float80 is an x87 register: the 64-bit significand and, in the low 16 bits
// of Exp, sign and biased exponent (SDM vol. 1, section 8.1.2).
type Float80 struct {
	Mant uint64
	Exp  uint64
}

// FP is the floating-point and vector state of a core.
type FP struct {
	XMM   [16][2]uint64 // little-endian: [0] is bits 0-63
	FPR   [8]Float80    // the physical registers R0-R7; ST(i) is FPR[(top+i)&7]; MMX registers are FPR[i].Mant
	FCW   uint16
	FSW   uint16 // TOP in bits 11-13
	FTW   uint16 // abridged as in FXSAVE: bit i set when FPR[i] is not empty
	FOP   uint16
	FIP   uint64
	FDP   uint64
	MXCSR uint32
	FCSDS uint32 // FCS in the low, FDS in the high half
}

// Core is one processor of a Machine. Its exported fields are its
// architectural state; set-up code and views may use them freely between
// choices. Instruction handlers change the hot block directly and the rest by
// the methods of access.go and system.go, which save what a fault or an undo
// must put back.
type Core struct {
	Regs
	Sys
	FP

	m  *Machine
	id int

	ip       uint64      // address of the instruction being executed
	mode     decode.Mode // derived from CS, EFER and CR0
	cpl      uint8       // derived from SS and CR0
	apicPage uint64      // derived from IA32_APIC_BASE: where the registers are mapped
	fault    fault       // sticky for the rest of the step
	locked   bool        // the current instruction is a locked operation
	touched  uint8       // which blocks are saved for this step

	keepRF     bool   // the instruction loaded RF itself (IRET)
	noTrap     bool   // the instruction suppresses its single-step trap
	unblockNMI bool   // IRET ends NMI blocking even when it faults
	dbHit      uint64 // DR6 bits of data breakpoints hit by this instruction

	saved    Regs // hot block before the step
	savedSys Sys  // valid when touched has touchSys
	savedFP  FP   // valid when touched has touchFP

	pend []pendingStore // stores of the current instruction, in program order
	sb   storeBuffer
	tlb  tlb

	steps uint64 // taken steps: the time base of TSC and APIC timer

	fast *fastCore // nil until Run

	hashed coreHash // cached block hashes
}

// ID returns the core's number in the machine, counted from 0.
func (c *Core) ID() int { return c.id }

// CPL returns the current privilege level.
func (c *Core) CPL() uint8 { return c.cpl }

// Mode returns the mode in which instructions are decoded now.
func (c *Core) Mode() decode.Mode { return c.mode }

const (
	touchSys = 1 << iota
	touchFP
)

// touchSys saves the system block before its first change in a step.
func (c *Core) touchSys() {
	if c.touched&touchSys == 0 {
		c.touch()
		c.touched |= touchSys
		c.savedSys = c.Sys
	}
}

// touchFP saves the floating-point block before its first change in a step.
func (c *Core) touchFP() {
	if c.touched&touchFP == 0 {
		c.touch()
		c.touched |= touchFP
		c.savedFP = c.FP
	}
}

// touch notes that the current choice changes this core, so that the end of
// the choice finds it even when it is another core's.
func (c *Core) touch() {
	if c.touched == 0 {
		c.m.others = append(c.m.others, c)
	}
}

// derive recomputes what is cached from the architectural state: the decoding
// mode and the privilege level (SDM vol. 3A, sections 2.2 and 5.5).
func (c *Core) derive() {
	switch {
	case c.EFER&EFERLMA != 0 && c.Seg[CS].Attr&AttrL != 0:
		c.mode = decode.Mode64
	case c.Seg[CS].Attr&AttrDB != 0 && c.CR0&CR0PE != 0:
		c.mode = decode.Mode32
	default:
		c.mode = decode.Mode16
	}
	c.apicPage = c.apicPageOf()
	switch {
	case c.CR0&CR0PE == 0:
		c.cpl = 0
	case c.Flags&FlagVM != 0:
		c.cpl = 3
	default:
		c.cpl = c.Seg[SS].DPL()
	}
}
