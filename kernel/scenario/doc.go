// Package scenario reads scenario files: plain text that a person can paste
// into a mail and that says everything a run needs.
//
// A file is a list of lines; # begins a comment where a word could begin, and
// a line that ends in \ continues on the next. The first word says what a line
// is. An example with every kind of line:
//
//	scenario rfc-v2 "klp_patch_task() stores a stale target"
//	about The interleaving of the mail: an interrupt between the load of
//	about klp_target_state and the store, a reversal meanwhile.
//
//	machine cores=2 memory=tso      # also storebuffer=N; memory=sc
//	kernel                          # the guest kernel; or: bare
//	include klp/checks.inc          # more scenario lines, from the bundle
//	                                # or from beside this file
//	define KLP_PREEMPT_OFF=1        # a symbol for every assembly source
//	load klp/transition.s           # assembly, from the bundle or from
//	load klp/core.s                 # beside this file
//	code                            # inline assembly, up to a line "end"
//		.globl my_entry
//	my_entry:
//		call klp_patch_task
//	end
//
//	task 123 "victim" on 0 running entry exit_loop user user_nop state=KLP_UNPATCHED
//	task 200 "admin" on 1 running entry klp_admin
//	task 124 "other" on 0 entry user_spin flags=_TIF_PATCH_PENDING
//	                                # running: current on its CPU when the run
//	                                # starts; asleep; neither: queued. Also
//	                                # user SYM, frames SYM,SYM and irqs-off.
//	entry 1 thread1                 # bare: where core 1 starts
//	init klp_target_state = 0       # memory; also: init u8 x = 1,
//	init klp_patches = &klp_patch1  # and the address of a symbol
//	init %rdi@1 = 5                 # a register of core 1
//
//	enum klp_state KLP_UNDEFINED=-1 KLP_UNPATCHED=0 KLP_PATCHED=1
//	bits tif TIF_NEED_RESCHED=3 TIF_PATCH_PENDING=13
//	type klp_target_state int klp_state      # how to read a symbol:
//	type klp_transition_patch long           # TYPE [ENUM or BITS]
//	type klp_patch1 struct klp_patch         # a struct of the guest kernel
//	type task_struct.flags tif               # or the field of a struct
//	shared klp_target_state klp_transition_patch task_struct.patch_state
//	                                # what the diagram always tells about
//
//	check complete-means-done "no transition ends while a task lags" always: \
//	  klp_target_state == KLP_UNDEFINED => forall(t, t.patch_state == KLP_UNDEFINED)
//	check no-warning "the warning never fires" at klp_warn: 0
//	check all-done "every task is patched" final: forall(t, t.patch_state == 1)
//
//	run                             # the schedule, in commands of the prompt
//	  cpu 0                         # (package script), up to a line "end"
//	  until klp_patch_task:`mov klp_target_state, %r12d` after
//	  inject irq ec
//	end
//	expect violated complete-means-done
//	expect holds                    # or: every check holds
//	limit 20000                     # steps; past it the run is inconclusive
//	explore irq=1 vectors=ec,fd cores=0 in=klp_patch_task  # what may strike,
//	explore nmi=1 preempt=2 steps=5000                     # for the explorer
//
// Bundled scenarios are the files programs/**/NAME.scenario; `klpsim list`
// shows them.
//
// Invariants: Parse reports every problem of a file, each with file, line,
// column and the text that is wrong, and accepts nothing that it does not
// understand. It resolves no symbols: those are the linker's and package
// session's to know.
//
// Non-goals: conditionals and loops; a scenario that needs them is two
// scenarios.
package scenario
