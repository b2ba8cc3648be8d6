// Package decode turns bytes into instructions and instructions into text.
//
// Decode is golang.org/x/arch/x86/x86asm behind one function of ours. The
// bytes are scanned first (prefixes, opcode, ModRM), forms that x86asm rejects
// or misreads are rewritten into forms of the same shape that it reads well,
// and its answer is lowered into Inst: widths made explicit, displacements
// sign-extended, condition codes and segments resolved. Nothing above this
// package sees x86asm.
//
// Invariants: Decode never panics, never claims more bytes than it was given,
// and is a pure function of its arguments, safe on many goroutines. What it
// accepts is exactly what the processor announces by CPUID (x86-64-v2 and the
// system instructions; no VEX, EVEX or XOP encodings): everything else is
// ErrUndefined, which executes as #UD.
//
// Not a goal: telling apart encodings that mean the same. An Inst cannot be
// assembled back to the bytes it came from; Text, which looks at the bytes
// again, prints the redundant prefixes that an assembler can reproduce.
package decode
