// Package guest is the small kernel that klpsim's machines run, and what Go has
// to do with it: assembling it together with a program, laying out the image,
// crafting the state in which a run starts, and looking at tasks, locks and run
// queues while it runs.
//
// The kernel itself is assembly (src/*.s) in the shape of Linux: pt_regs, swapgs,
// irqentry_exit with preemption, run queues with locks, __switch_to that leaves
// the callee-saved registers on the outgoing task's stack, an exit-to-user loop
// that honours the TIF_ bits, RCU by quiescent states. Scheduling happens there,
// executed by the machine; nothing in this package moves a machine.
//
// Invariants:
//   - a booted machine's state depends on the Config alone, byte for byte;
//   - structure offsets have one source, package layout;
//   - the guest counts nothing that only time changes, so a guest that spins or
//     idles comes back to a state it was in before;
//   - a View never changes a machine, and reads memory, not store buffers.
//
// Non-goals: processes with address spaces of their own, task migration,
// priorities, signals, file systems, booting from a reset.
package guest
