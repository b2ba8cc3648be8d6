# The livepatch code without a kernel around it, for searching all runs: each
# core runs one task, in ring 0 throughout, and what the livepatch code needs of
# a kernel is here in its smallest honest form.
#
# User mode is a flag: in_kernel is 0 while the task is in it. Preemption is a
# visit to the scheduler and back: the tick's handler gives the task's on_cpu
# up, reports a quiescent state, and takes on_cpu again under the run queue's
# lock, which keeps it away while somebody switches the task's state. Whatever
# another task would have done in between only takes time.

	.include "layout.inc"
	.include "macros.inc"
	.include "klp.inc"
	KLP_PART BARE_READER		# call the patched function when so many rounds are left
	KLP_PART BARE_STAY		# end in user mode, on its CPU, not asleep
	.ifndef	BARE_ROUNDS
	.set	BARE_ROUNDS, 2
	.endif

# In user mode nothing of a kernel entry is left: what lies below the stack
# pointer, and on the NMI stack, is cleared, so that states that differ only in
# what nobody will read again are one state for a search.
	.macro	FORGET
	.irp	off, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112
	movq	$0, -\off(%rsp)
	.endr
	mov	%gs:PCPU_tss_ist1, %rax
	.irp	off, 8, 16, 24, 32, 40
	movq	$0, -\off(%rax)
	.endr
	xor	%eax, %eax
	.endm

	.text

# A user task: BARE_ROUNDS times into the kernel and out again, then it sleeps,
# or stays in user mode for good.
FUNC bare_task
	mov	$BARE_ROUNDS, %r15d
1:	mov	$1, %eax
	xchg	%eax, %gs:PCPU_in_kernel
	mov	%gs:PCPU_current, %rbx
	.if	BARE_READER
	cmp	$BARE_READER, %r15d
	jne	2f
	call	foo
	.endif
2:	testl	$_TIF_PATCH_PENDING, TASK_flags(%rbx)	# klp_patch_pending(current)
	jz	3f
	mov	%rbx, %rdi
	.if	KLP_UPSTREAM
	call	klp_update_patch_state
	.else
	call	klp_patch_task
	.endif
	jmp	2b
3:	xor	%eax, %eax
	xchg	%eax, %gs:PCPU_in_kernel
	FORGET
	dec	%r15d
	jnz	1b
	cli
	.if	BARE_STAY == 0
	mov	%gs:PCPU_self, %rbp
	lea	PCPU_rq_lock(%rbp), %rdi
	call	raw_spin_lock
	movl	$TASK_INTERRUPTIBLE, TASK_state(%rbx)
	movl	$0, TASK_on_cpu(%rbx)
	movl	$0, PCPU_rq_lock(%rbp)
	.endif
	.globl	bare_task_done
bare_task_done:
	hlt
	jmp	bare_task_done
END bare_task

# The tick.
FUNC vector_ec
	push	%rax
	push	%rcx
	push	%rdx
	push	%rdi
	push	%rbx
	push	%rbp
	cmpl	$0, %gs:PCPU_preempt_count
	jne	1f
	cmpl	$0, %gs:PCPU_in_kernel
	je	1f
	mov	%gs:PCPU_self, %rbp
	mov	PCPU_current(%rbp), %rbx
	test	%rbx, %rbx
	jz	1f
	xor	%eax, %eax
	xchg	%eax, TASK_on_cpu(%rbx)		# away
	xor	%eax, %eax
	xchg	%eax, PCPU_need_qs(%rbp)	# the next schedule()
	lea	PCPU_rq_lock(%rbp), %rdi
	call	raw_spin_lock			# and back
	movl	$1, TASK_on_cpu(%rbx)
	movl	$0, PCPU_rq_lock(%rbp)
1:	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rbp
	pop	%rbx
	pop	%rdi
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
END vector_ec

# An NMI that only takes time.
FUNC vector_02
	iretq
END vector_02

# Another core's task has passed a quiescent state once it was preempted, or is
# in user mode.
FUNC synchronize_sched
	push	%rbx
	push	%rbp
	xor	%ebx, %ebx
1:	mov	pcpu_table(,%rbx,8), %rbp
	cmp	%gs:PCPU_self, %rbp
	je	3f
	mov	$1, %eax
	xchg	%eax, PCPU_need_qs(%rbp)
2:	cmpl	$0, PCPU_in_kernel(%rbp)
	je	3f
	cmpl	$0, PCPU_need_qs(%rbp)
	je	3f
	pause
	jmp	2b
3:	inc	%ebx
	cmp	nr_cpus, %ebx
	jb	1b
	pop	%rbp
	pop	%rbx
	ret
END synchronize_sched

FUNC raw_spin_lock
	mov	$1, %eax
	xchg	%eax, (%rdi)
	test	%eax, %eax
	jnz	1f
	ret
1:	pause
	cmpl	$0, (%rdi)
	jne	1b
	jmp	raw_spin_lock
END raw_spin_lock

FUNC task_rq_lock
	cli
	mov	TASK_pcpu(%rdi), %rax
	lea	PCPU_rq_lock(%rax), %rdi
	jmp	raw_spin_lock
END task_rq_lock

FUNC task_rq_unlock
	mov	TASK_pcpu(%rdi), %rax
	movl	$0, PCPU_rq_lock(%rax)
	sti
	ret
END task_rq_unlock

# Nobody writes the task list here; what remains of its lock is the barrier.
FUNC tasklist_read_lock
	lock orl $0, (%rsp)
	ret
END tasklist_read_lock

FUNC tasklist_read_unlock
	lock orl $0, (%rsp)
	ret
END tasklist_read_unlock

# The administrator is alone, its own retry stands for delayed work, no task has
# the patched function on its stack, and a reschedule is a tick that comes or not.
FUNC mutex_lock
	ret
END mutex_lock

FUNC mutex_unlock
	ret
END mutex_unlock

FUNC schedule_delayed_work
	ret
END schedule_delayed_work

FUNC preempt_check_resched
	ret
END preempt_check_resched

FUNC klp_check_stack
	xor	%eax, %eax
	ret
END klp_check_stack

FUNC cond_resched
	pause
	ret
END cond_resched

FUNC do_exit
	cli
1:	hlt
	jmp	1b
END do_exit
