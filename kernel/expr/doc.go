// Package expr compiles the C-like expressions of checks, conditions and
// `print` into closures over a machine's state.
//
// The language is C's expressions (every operator except assignment, ++, --
// and the comma) with C's types and conversions, over
//
//	%r12 %eax %rip %rflags %if %cr3 %gsbase   registers of the current core
//	%r12@1                                    the same of core 1
//	klp_target_state  table[3]  *p            symbols with a declared type
//	task(123).patch_state                     a task by its number
//	current->flags  current@1->flags          the task that a core is running
//	per_cpu(preempt_count, 1)                 a per-CPU variable
//	*(int *)%rsp   (u8)x                      casts
//	KLP_PATCHED                               names declared with enum or bits
//	in(klp_patch_task)                        %rip lies in that function
//	forall(t, E)  exists(t, E)  count(t, E)   over the tasks
//	forall(c in cpus, E)                      over the cores
//	prev(E)                                   E's value before the last choice
//	A => B                                    not A, or B
//
// Task numbers and quantifiers are resolved when compiling: quantifiers are
// unrolled, so that addresses become constants. Memory means what has reached
// memory; a store that waits in a store buffer is not seen.
//
// Invariants: evaluation neither allocates nor changes anything; it ends, for
// there are no loops. A value of a type narrower than 64 bits is always held
// extended as the type says.
//
// Non-goals: floating point, assignment, calling guest functions.
package expr
