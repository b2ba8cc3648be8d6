// Package litmus reads litmus tests in herd7's X86 and X86_64 format, runs
// them exhaustively on the real decoder and core, and prints herd7's report.
//
// A test is a handful of short threads over a few shared variables, an initial
// state and a question about final states. Each thread is translated to AT&T
// text, assembled by package asm and placed on a core of a bare machine (long
// mode, identity mapping, interrupts off, HLT behind the last instruction), so
// that what is tested is the same decoder, the same handlers and the same
// store buffers that everything else runs on; nothing here knows a memory model.
//
// # The format
//
//	X86 SB                           architecture and name
//	"Fre PodWR Fre PodWR"            description and Key=Value lines
//	{ x=0; 0:EAX=1; uint64_t y; }    initial values and types
//	 P0          | P1          ;     one column for each thread
//	 MOV [x],$1  | MOV [y],$1  ;
//	 MOV EAX,[y] | MOV EAX,[x] ;
//	locations [x;y;]                 what to print besides
//	filter (...)                     final states that count
//	exists (0:EAX=0 /\ 1:EAX=0)      or ~exists, or forall
//
// X86 has Intel's operand order with bracketed variables, X86_64 has AT&T's
// with (x) for the variable x; both accept comments (* ... *). A line that
// neither the translation nor the assembler knows is an error that names it:
// a test is never run with a line left out.
//
// # Invariants
//
//   - Reports depend on the test and the model only.
//   - The set of final states is complete, or the verdict says it is not.
//
// # Non-goals
//
// No axiomatic model, and so no count of candidate executions: where herd7
// counts executions, Positive and Negative here count distinct final states.
package litmus
