package cpu

import "klpsim/cpu/decode"

// MemClass says how an instruction uses its explicit or implicit memory
// operand when it has one.
type MemClass uint8

// The memory classes.
const (
	MemNone  MemClass = iota // never touches memory (LEA, NOP Ev, PREFETCH included)
	MemLoad                  // reads
	MemStore                 // writes it as the first operand, reads it elsewhere
	MemRMW                   // reads and writes it as the first operand, reads it elsewhere
	MemBoth                  // reads one place and writes another (MOVS, PUSH mem)
)

// Row is one line of the instruction table: everything that dispatch, traces,
// the explorer's test for visible accesses and the generated support table
// need to know about an operation.
type Row struct {
	Op   decode.Op
	Name string                    // mnemonic without size suffix
	Exec func(*Core, *decode.Inst) // nil: announced by no CPUID bit, #UD
	Mem  MemClass

	Implicit    bool // touches memory by Mem without naming it: the stack, strings
	Lockable    bool // LOCK is allowed with a memory destination
	AlwaysLock  bool // XCHG with memory is locked without the prefix
	Serialising bool // needs the store buffer empty before it runs (fences, I/O, IRET, CPUID...)
	Privileged  bool // #GP(0) unless CPL is 0

	Reads  uint16 // flags it reads, low 16 bits of RFLAGS
	Writes uint16 // flags it writes
	Undef  uint16 // of the written ones, those the manual leaves undefined

	Fast FastRule // what the generated loop of the fast path computes
}

// FastRule is an operation as the fast path's generator (internal/fastgen)
// needs it: Result is a Go expression over the operands x and y, or x and the
// count n of a shift, of the unsigned type of the operand's width (U; the
// signed one is I); Lazy names the family of lazy flags that it leaves. The
// zero rule: the loop has no case for the operation, or one of its own making.
type FastRule struct{ Result, Lazy string }
