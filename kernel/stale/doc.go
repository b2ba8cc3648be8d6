// Package stale finds values that were overwritten in memory while a core, or
// a switched-out task, still carried them.
//
// A Tracker watches a run as an observer. Every value that an instruction
// loads from memory outside stacks is a Load. The tracker follows it through
// registers, arithmetic, pushes, spills, saved frames and back. When another
// core, another task or an interrupt handler changes what the load had read,
// the load is overwritten; when such a value is then stored outside stacks, or
// compared, that is a Use, and worth telling: loaded here, overwritten there,
// used here, carried meanwhile in these places.
//
// A report is no verdict. Optimistic code loads, compares and tries again;
// checks decide what is harm.
//
// Approximations, on the side of telling more: a result of arithmetic carries
// the loads of all its operands; flags carry none, so a branch is reported as
// the comparison before it; x87 and vector registers carry none. An address
// computed from a stale value is not a use of it.
package stale
