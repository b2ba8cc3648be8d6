# The transition of all tasks from one state to the other, in the shape of
# kernel/livepatch/transition.c: RFC v2, the fix that the mail proposes and the
# upstream form are combinations of the parts in klp.inc.
#
# smp_wmb() is no instruction on x86: stores reach memory in their order.
#
# TASK_counted is there for the checks alone: which tasks the transition has
# counted as done, from when klp_try_switch_task lets them pass until the next
# start or the end.

	.include "layout.inc"
	.include "macros.inc"
	.include "klp.inc"

	.text

	.macro	KLP_SYNCHRONIZE
	.if	KLP_SYNC_EACH_CPU
	mov	$klp_sync, %rdi
	call	schedule_on_each_cpu
	.else
	call	synchronize_sched
	.endif
	.endm

# What schedule_on_each_cpu runs: that it was scheduled is all that matters.
FUNC klp_sync
	ret
END klp_sync

# bool klp_for_each_task(bool (*fn)(task)): calls fn for every task under
# tasklist_lock, then for the idle tasks; 1 if fn returned 1 every time.
FUNC klp_for_each_task
	push	%rbx
	push	%rbp
	push	%r13
	push	%r14
	mov	%rdi, %rbp
	mov	$1, %r13d
	call	tasklist_read_lock
	mov	task_list, %rbx
	test	%rbx, %rbx
	jz	2f
1:	mov	%rbx, %rdi
	call	*%rbp
	and	%eax, %r13d
	mov	TASK_next(%rbx), %rbx
	test	%rbx, %rbx
	jnz	1b
2:	call	tasklist_read_unlock
	xor	%r14d, %r14d
3:	mov	pcpu_table(,%r14,8), %rax
	mov	PCPU_idle(%rax), %rdi
	test	%rdi, %rdi
	jz	4f
	call	*%rbp
	and	%eax, %r13d
4:	inc	%r14d
	cmp	nr_cpus, %r14d
	jb	3b
	mov	%r13d, %eax
	pop	%r14
	pop	%r13
	pop	%rbp
	pop	%rbx
	ret
END klp_for_each_task

# void klp_init_transition(struct klp_patch *patch, int state)
FUNC klp_init_transition
	mov	%rdi, klp_transition_patch
	mov	%esi, klp_target_state
	mov	$klp_init_task, %rdi
	call	klp_for_each_task
	mov	klp_transition_patch, %rax	# smp_wmb(): states before func->transition
	mov	PATCH_func(%rax), %rax
	movl	$1, KFUNC_transition(%rax)
	ret
END klp_init_transition

# Every task starts in the state that is not the target.
FUNC klp_init_task
	.if	KLP_RESET
	cmpl	$KLP_UNDEFINED, TASK_patch_state(%rdi)
	je	1f
	movl	$1, klp_warned			# WARN_ON_ONCE
	.endif
1:	movl	$0, TASK_counted(%rdi)
	mov	klp_target_state, %eax
	xor	$1, %eax
	mov	%eax, TASK_patch_state(%rdi)
	mov	$1, %eax
	ret
END klp_init_task

# void klp_start_transition(void)
FUNC klp_start_transition
	mov	$klp_start_task, %rdi
	jmp	klp_for_each_task
END klp_start_transition

FUNC klp_start_task
	movl	$0, TASK_counted(%rdi)
	mov	klp_target_state, %eax
	cmp	%eax, TASK_patch_state(%rdi)
	je	1f
	lock btsl $TIF_PATCH_PENDING, TASK_flags(%rdi)
1:	mov	$1, %eax
	ret
END klp_start_task

# bool klp_try_switch_task(struct task_struct *): 1 if the task is in the target
# state, by itself or now. The first look takes no lock.
FUNC klp_try_switch_task
	mov	klp_target_state, %eax
	cmp	%eax, TASK_patch_state(%rdi)
	je	4f
	push	%rbx
	mov	%rdi, %rbx
	call	task_rq_lock
	cmp	%gs:PCPU_current, %rbx
	je	1f
	cmpl	$0, TASK_on_cpu(%rbx)
	jne	3f
	.if	KLP_ONLY_CURRENT
	cmpl	$TASK_RUNNING, TASK_state(%rbx)
	je	3f
	.endif
1:	mov	%rbx, %rdi
	call	klp_check_stack
	test	%eax, %eax
	jnz	3f
	lock btrl $TIF_PATCH_PENDING, TASK_flags(%rbx)
	mov	klp_target_state, %eax
	mov	%eax, TASK_patch_state(%rbx)
	mov	%rbx, %rdi
	movl	$1, TASK_counted(%rdi)
	call	task_rq_unlock
	pop	%rbx
	mov	$1, %eax
	ret
4:	movl	$1, TASK_counted(%rdi)
	mov	$1, %eax
	ret
3:	mov	%rbx, %rdi
	call	task_rq_unlock
	pop	%rbx
	xor	%eax, %eax
	ret
END klp_try_switch_task

# bool klp_try_complete_transition(void): 1 if it is complete. Otherwise delayed
# work tries again.
FUNC klp_try_complete_transition
	mov	$klp_try_switch_task, %rdi
	call	klp_for_each_task
	test	%eax, %eax
	jz	1f
	call	klp_complete_transition
	.if	KLP_SYNC_END
	KLP_SYNCHRONIZE
	.endif
	mov	$1, %eax
	ret
1:	call	schedule_delayed_work
	xor	%eax, %eax
	ret
END klp_try_complete_transition

# void klp_complete_transition(void): every task is in the target state.
FUNC klp_complete_transition
	push	%rbx
	mov	klp_transition_patch, %rax
	mov	PATCH_func(%rax), %rbx
	cmpl	$KLP_UNPATCHED, klp_target_state
	jne	1f
	mov	%rbx, %rdi
	call	klp_unpatch_func
	.if	KLP_SYNC_UNPATCH
	KLP_SYNCHRONIZE				# no handler sees the function any more
	.endif
1:	movl	$0, KFUNC_transition(%rbx)
	.if	KLP_SYNC_BEFORE
	KLP_SYNCHRONIZE				# no handler sees KLP_UNDEFINED
	.endif
	.if	KLP_SYNC_PATCHED
	cmpl	$KLP_PATCHED, klp_target_state
	jne	2f
	KLP_SYNCHRONIZE
2:
	.endif
	mov	$klp_finish_task, %rdi
	call	klp_for_each_task
	.if	KLP_SYNC_AFTER
	KLP_SYNCHRONIZE
	.endif
	.if	KLP_RESET
	movl	$KLP_UNDEFINED, klp_target_state
	.endif
	.globl	klp_transition_done
klp_transition_done:
	movq	$0, klp_transition_patch
	pop	%rbx
	ret
END klp_complete_transition

FUNC klp_finish_task
	movl	$0, TASK_counted(%rdi)
	lock btrl $TIF_PATCH_PENDING, TASK_flags(%rdi)
	.if	KLP_RESET
	movl	$KLP_UNDEFINED, TASK_patch_state(%rdi)
	.endif
	mov	$1, %eax
	ret
END klp_finish_task

# void klp_reverse_transition(void)
FUNC klp_reverse_transition
	mov	klp_transition_patch, %rax
	xorl	$1, PATCH_enabled(%rax)
	mov	klp_target_state, %eax
	xor	$1, %eax
	mov	%eax, klp_target_state
	.if	KLP_REVERSE_CLEAR
	mov	$klp_clear_task, %rdi
	call	klp_for_each_task
	.endif
	.if	KLP_REVERSE_SYNC
	KLP_SYNCHRONIZE				# no klp_update_patch_state runs any more
	.endif
	call	klp_start_transition		# smp_wmb(): target before the pending bits
	.if	KLP_REVERSE_LATER
	jmp	schedule_delayed_work
	.else
	jmp	klp_try_complete_transition
	.endif
END klp_reverse_transition

FUNC klp_clear_task
	lock btrl $TIF_PATCH_PENDING, TASK_flags(%rdi)
	mov	$1, %eax
	ret
END klp_clear_task

# Delayed work: klp_transition_work_fn.
FUNC klp_transition_work_fn
	mov	$klp_mutex, %rdi
	call	mutex_lock
	cmpq	$0, klp_transition_patch
	je	1f
	call	klp_try_complete_transition
1:	mov	$klp_mutex, %rdi
	jmp	mutex_unlock
END klp_transition_work_fn

	.data
	.p2align 3
VAR klp_transition_patch, 8	# the patch in transition, or 0
	.quad	0
VAR klp_mutex, MUTEX_SIZE	# held over every operation on patches
	.skip	MUTEX_SIZE
VAR klp_target_state, 4
	.if	KLP_RESET
	.long	KLP_UNDEFINED
	.else
	.long	KLP_PATCHED
	.endif
VAR klp_warned, 4	# 1 once a transition began with a task in a wrong state
	.long	0
