package native

// Record is one run: a state, a window of memory and an instruction.
type Record struct {
	Code   []byte     // the instruction, 1..15 bytes
	GPR    [16]uint64 // in encoding order: RAX RCX RDX RBX RSP RBP RSI RDI R8..R15
	Flags  uint64     // RFLAGS; TF and NT must be clear
	Code32 bool       // run it in compatibility mode, as 32-bit code with flat segments
	UseFX  bool       // load FX before and store it after
	FX     [512]byte  // x87, MMX, XMM and MXCSR as FXSAVE64 lays them out
	WinOff int        // offset of the window in the arena, in bytes
	WinLen int        // length of the window in bytes: a multiple of 8, at most MaxWindow
	Mem    [MaxWindow]byte
}

// Result is the state after a run. Of a Code32 record only the low halves of
// the first eight registers mean anything, and the others are 0. Where Trap is a vector, the instruction
// faulted, Code and CR2 are what the kernel was given, and the rest is the
// state that the fault left.
type Result struct {
	GPR   [16]uint64
	Flags uint64
	RIP   uint64 // the next instruction's address (that of a landing pad), or the faulting one's
	Trap  int    // exception vector, or -1
	Code  uint32 // its error code, 0 if it has none
	CR2   uint64 // the faulting address of a page fault
	FX    [512]byte
	Mem   [MaxWindow]byte
}
