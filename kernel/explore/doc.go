// Package explore searches all runs of a machine within bounds: every way in
// which its cores can interleave, its stores can be delayed, and interrupts
// and NMIs can strike.
//
// # How
//
// States are visited explicitly, cheapest first: by injected events, then by
// preemptive switches between cores (if asked for), then by choices. The first
// state that violates a check is therefore reached by a minimal run, and an
// empty queue means that every run within the bounds has been covered. Visited
// states are known by 128-bit hashes; queued ones are saved as differences from
// the initial state (cpu.Base).
//
// The search goes level by level, a level being all queued states of one cost.
// Workers expand a level's states in any order, each block of states into
// results of its own; the results are merged in the order of the blocks. So
// nothing in a report depends on the number of workers.
//
// # Reductions
//
// A transition is a macro-step: a core's instructions up to and including the
// first that another core, a check or an injection could tell apart. Which
// words of memory only one core touches is not declared but found out: a word
// counts as the core's own until another one touches it; if that happens after
// the search relied on it, it starts again knowing better. RATIONALE.md argues
// why this and the merging of injection points lose no run; the tests compare
// with plain enumeration.
//
// # Invariants
//
//   - Every counterexample can be replayed by plain steps (Replay).
//   - Never is answered only if the queue ran empty and nothing was cut.
//
// # Non-goals
//
// No partial-order reduction beyond macro-steps; no symbolic values.
package explore
