// Package native runs single instructions on the host's own processor, so that
// tests can compare klpsim with silicon.
//
// A small static helper process (helper.gas) shares memory with the test. The
// test fills records: general registers, flags, the FXSAVE image of x87, MMX,
// XMM and MXCSR, a window of memory and the bytes of one instruction. For each
// record the helper loads all of it, jumps to the instruction and, by way of a
// landing pad that follows it, stores all of it again. A fault is data: the
// helper's signal handler records trap number, error code, CR2 and RIP.
//
// Invariants: a record's result depends on nothing but the record; an
// instruction can reach only its window of the arena, and addresses where
// nothing is mapped. The caller keeps both: it must not let an instruction
// enter the kernel (SYSCALL, SYSENTER, INT 0x80), write to mapped memory
// outside the window, or branch to mapped code that is no landing pad.
//
// The package is for tests on linux/amd64; elsewhere New skips. It is not a
// debugger and knows nothing of rings, paging or interrupts: what user mode
// cannot run has other oracles.
package native
