package cpu

// The exception vectors (SDM vol. 3A, table 6-1).
const (
	VecDE  uint8 = 0
	VecDB  uint8 = 1
	VecNMI uint8 = 2
	VecBP  uint8 = 3
	VecOF  uint8 = 4
	VecBR  uint8 = 5
	VecUD  uint8 = 6
	VecNM  uint8 = 7
	VecDF  uint8 = 8
	VecTS  uint8 = 10
	VecNP  uint8 = 11
	VecSS  uint8 = 12
	VecGP  uint8 = 13
	VecPF  uint8 = 14
	VecMF  uint8 = 16
	VecAC  uint8 = 17
	VecMC  uint8 = 18
	VecXM  uint8 = 19
)

// fault is the exception that the current instruction raised, if any. The
// first one raised in a step wins: it is sticky.
type fault struct {
	set     bool
	trap    bool // reported after the instruction: its effects stay
	soft    bool // INT n, INT3, INTO: the gate's DPL is checked
	intr    bool // a maskable interrupt
	nmi     bool // the NMI
	gd      bool // #DB by general detect: the #DB that is a fault and sets RF
	ext     bool // not caused by the program itself
	hasCode bool
	vec     uint8
	code    uint32
	dr6     uint64 // #DB: the bits that say why
	cr2     uint64 // page faults: the linear address
	mxcsr   uint32 // flags of MXCSR that stay set although the instruction faults (#XM)
}

// raise makes the current instruction fault with vector vec and no error code,
// unless it has faulted already.
func (c *Core) raise(vec uint8) {
	if !c.fault.set {
		c.fault = fault{set: true, vec: vec}
	}
}

// raiseCode makes the current instruction fault with an error code.
func (c *Core) raiseCode(vec uint8, code uint32) {
	if !c.fault.set {
		c.fault = fault{set: true, vec: vec, hasCode: true, code: code}
	}
}

// raisePF makes the current instruction page-fault at linear address lin.
func (c *Core) raisePF(lin uint64, code uint32) {
	if !c.fault.set {
		c.fault = fault{set: true, vec: VecPF, hasCode: true, code: code, cr2: lin}
	}
}

// faulted reports whether the current instruction has faulted.
func (c *Core) faulted() bool { return c.fault.set }
