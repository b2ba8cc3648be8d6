// Package bench holds the workloads that klpsim's speed is measured with.
//
// Each workload is one function of the System V ABI, uint64 bench(uint64 n),
// in our own assembly under testdata/bench, or generated (bigcode). Linked at
// Base it is a flat blob that needs no system call, no relocation and no
// processor beyond x86-64-v1: whoever runs it puts it at Base, points RSP
// below StackTop, pushes a return address and reads RAX afterwards. So the
// same bytes run in ring 0 on klpsim and Bochs, in ring 3 under qemu-user, and
// in a library such as Unicorn.
//
// Invariants: a blob touches only [Base, MemBytes); for every n the result
// equals Want(n), which is computed in Go by another route (a bitmap, a loop,
// hash/crc32, an interpreter of the generated operations).
//
// Non-goals: the package times nothing by itself; benchmarks and the
// comparison with other emulators are in its tests, run by make bench and
// make bench-peers only.
package bench
