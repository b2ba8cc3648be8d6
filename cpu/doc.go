// Package cpu is the machine: cores that execute x86-64 code, their local
// APICs, physical memory and a few devices, moved by choices alone.
//
// A Machine does nothing by itself. Take moves it by one Choice (a step of a
// core, a drain of a store buffer, an injected interrupt, a timer's tick), and
// from a given state the same choices always lead to the same state and the
// same events. A step of a core delivers the event that is due or executes one
// instruction, an iteration of a repeated string instruction counting as one.
//
// # Where things are
//
//	machine.go step.go      the machine, its choices, the step of a core
//	event.go deliver.go     which event is due; delivery through the IDT
//	exception.go            how handlers raise faults
//	access.go memory.go     operands, and the way of a data access
//	paging.go tlb.go        translation
//	storebuffer.go          x86-TSO
//	segment.go system.go    descriptors, far transfers, IRET, SYSCALL
//	control.go msr.go cpuid.go apic.go port.go
//	table.go op_*.go        the instruction table and its handlers
//	journal.go snapshot.go delta.go  undo, copies, hash, differences
//	fast*.go                Run: the same steps, many at once
//	cpu/decode cpu/mem      decoding; pages of memory
//
// # Invariants
//
// An instruction is a transaction. Handlers change the hot block (general
// registers, RIP, RFLAGS) directly, save the other blocks before they change
// them, and make stores pending; a fault puts everything back and only then is
// delivered. What a manual lets an instruction keep across a fault (accessed
// bits, TLB entries) stays.
//
// Hash and AppendState cover the architectural state and nothing else. What a
// program cannot tell apart counts as equal until one could: see Sticky.
//
// Run is Take many times over. What it does faster it does to the same state.
//
// The processor is what CPUID says: x86-64-v2 with the system features of
// cpuid.go, Intel's behaviour where vendors differ, except that flags which the
// manuals leave undefined follow AMD's processors.
//
// # Not modelled
//
// Caches and memory types, timing, performance counters, machine checks, SMM,
// virtualisation, hardware task switches, virtual-8086 mode, AVX and later.
package cpu
