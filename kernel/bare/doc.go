// Package bare makes machines without a kernel: cores in long mode at ring 0
// under an identity mapping, each with its own code and stack, and interrupt
// gates where they are asked for. Litmus tests, lock algorithms and the
// explorer's own tests run on them.
//
// # Layout (physical = linear)
//
//	0x01000  PML4, PDPT and page directory: 2 MiB pages, user and writable,
//	         accessed and dirty already, so that no walk ever writes
//	0x04000  GDT: 0x08 64-bit code, 0x10 data, 0x18 a TSS for each core
//	0x05000  IDT: gates for the vectors given to SetHandler
//	0x06000  task state segments, 128 bytes a core; IST 1 is the NMI stack
//	0x10000  stacks, one page a core (grow down from StackTop)
//	0x20000  IST stacks, one page a core
//	0x30000  free for data
//	0x100000 code, 64 KiB a core (CodeAddr), handlers behind them
//
// # Non-goals
//
// No rings other than 0, no paging games, no devices: that is the guest
// kernel's work.
package bare
