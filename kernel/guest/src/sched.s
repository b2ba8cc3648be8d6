# The scheduler: a run queue per CPU, round-robin, preemption of the kernel.
#
# The queue holds the runnable tasks except the current one. Its lock is taken
# with interrupts off and is held across __switch_to: the incoming task gives it
# back. schedule() runs with preempt_count 1, so every task that was switched
# out and is switched in again finds the count as it left it.

	.include "layout.inc"
	.include "macros.inc"

	.text

# void schedule(void): interrupts on, preempt_count 0.
FUNC schedule
	PREEMPT_DISABLE
	xor	%esi, %esi
	call	__schedule
	decl	%gs:PCPU_preempt_count
	mov	%gs:PCPU_current, %rax
	testl	$_TIF_NEED_RESCHED, TASK_flags(%rax)
	jnz	schedule
	ret
END schedule

# Preemption on the way out of an interrupt: interrupts off, preempt_count 0.
FUNC preempt_schedule_irq
	PREEMPT_DISABLE
	mov	$1, %esi
	call	__schedule
	cli
	decl	%gs:PCPU_preempt_count
	mov	%gs:PCPU_current, %rax
	testl	$_TIF_NEED_RESCHED, TASK_flags(%rax)
	jnz	preempt_schedule_irq
	ret
END preempt_schedule_irq

# The end of the outermost preempt_disable section.
FUNC preempt_check_resched
	mov	%gs:PCPU_current, %rax
	testl	$_TIF_NEED_RESCHED, TASK_flags(%rax)
	jz	1f
	pushfq
	testl	$X86_EFLAGS_IF, (%rsp)
	lea	8(%rsp), %rsp
	jz	1f
	PREEMPT_DISABLE
	mov	$1, %esi
	call	__schedule
	decl	%gs:PCPU_preempt_count
	jmp	preempt_check_resched
1:	ret
END preempt_check_resched

# void __schedule(preempt in esi): a preempted task stays runnable whatever its
# state says. Enables interrupts. Uses rbx and rbp only, so that whatever the
# interrupted code kept in r12..r15 is in those registers when __switch_to
# saves them.
FUNC __schedule
	push	%rbp
	push	%rbx
	cli
	mov	%gs:PCPU_self, %rbp
	mov	PCPU_current(%rbp), %rbx
	lea	PCPU_rq_lock(%rbp), %rdi
	call	raw_spin_lock
	call	note_quiescent_state
	lock btrl $TIF_NEED_RESCHED, TASK_flags(%rbx)
	test	%esi, %esi
	jnz	1f
	cmpl	$TASK_RUNNING, TASK_state(%rbx)
	je	1f
	movl	$0, TASK_on_rq(%rbx)
	jmp	2f
1:	cmp	PCPU_idle(%rbp), %rbx
	je	2f
	mov	%rbx, %rdi
	call	enqueue_task
2:	call	pick_next_task
	cmp	%rbx, %rsi
	je	3f
	movl	$1, TASK_on_cpu(%rsi)
	mov	%rbx, %rdi
	call	__switch_to
	movl	$0, TASK_on_cpu(%rax)
3:	movl	$0, PCPU_rq_lock(%rbp)
	sti
	pop	%rbx
	pop	%rbp
	ret
END __schedule

# struct task_struct *__switch_to(prev, next): returns, on next's stack, the
# task that ran before it. What it pushes is inactive_task_frame.
FUNC __switch_to
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, TASK_sp(%rdi)
	mov	TASK_sp(%rsi), %rsp
	mov	%rsi, %gs:PCPU_current
	mov	TASK_stack_top(%rsi), %rax
	mov	%rax, %gs:PCPU_top_of_stack
	mov	%rax, %gs:PCPU_tss_sp0
	mov	%rdi, %rax
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
END __switch_to

# enqueue_task(task in rdi, pcpu in rbp): at the tail, under the queue's lock.
FUNC enqueue_task
	movq	$0, TASK_rq_next(%rdi)
	mov	PCPU_rq_tail(%rbp), %rax
	test	%rax, %rax
	jz	1f
	mov	%rdi, TASK_rq_next(%rax)
	jmp	2f
1:	mov	%rdi, PCPU_rq_head(%rbp)
2:	mov	%rdi, PCPU_rq_tail(%rbp)
	incl	PCPU_rq_nr(%rbp)
	ret
END enqueue_task

# pick_next_task(pcpu in rbp): the head of the queue, or the idle task, in rsi.
FUNC pick_next_task
	mov	PCPU_rq_head(%rbp), %rsi
	test	%rsi, %rsi
	jz	2f
	mov	TASK_rq_next(%rsi), %rax
	movq	$0, TASK_rq_next(%rsi)
	mov	%rax, PCPU_rq_head(%rbp)
	test	%rax, %rax
	jnz	1f
	movq	$0, PCPU_rq_tail(%rbp)
1:	decl	PCPU_rq_nr(%rbp)
	ret
2:	mov	PCPU_idle(%rbp), %rsi
	ret
END pick_next_task

# void wake_up_process(task): from any context. An idle CPU is told at once; a
# busy one lets the tick decide.
FUNC wake_up_process
	pushfq
	push	%rbp
	push	%rbx
	cli
	mov	%rdi, %rbx
	mov	TASK_pcpu(%rbx), %rbp
	lea	PCPU_rq_lock(%rbp), %rdi
	call	raw_spin_lock
	cmpl	$TASK_RUNNING, TASK_state(%rbx)
	je	1f
	movl	$TASK_RUNNING, TASK_state(%rbx)
	cmpl	$0, TASK_on_rq(%rbx)
	jne	1f
	movl	$1, TASK_on_rq(%rbx)
	mov	%rbx, %rdi
	call	enqueue_task
	mov	PCPU_current(%rbp), %rax
	cmp	PCPU_idle(%rbp), %rax
	jne	1f
	lock btsl $TIF_NEED_RESCHED, TASK_flags(%rax)
	movl	$0, PCPU_rq_lock(%rbp)
	call	kick_cpu
	jmp	2f
1:	movl	$0, PCPU_rq_lock(%rbp)
2:	pop	%rbx
	pop	%rbp
	popfq
	ret
END wake_up_process

# resched_cpu(pcpu in rbp): end the time slice of whatever runs there.
FUNC resched_cpu
	pushfq
	cli
	lea	PCPU_rq_lock(%rbp), %rdi
	call	raw_spin_lock
	mov	PCPU_current(%rbp), %rax
	lock btsl $TIF_NEED_RESCHED, TASK_flags(%rax)
	movl	$0, PCPU_rq_lock(%rbp)
	call	kick_cpu
	popfq
	ret
END resched_cpu

# kick_cpu(pcpu in rbp): a reschedule IPI, unless it is this CPU.
FUNC kick_cpu
	cmp	%gs:PCPU_self, %rbp
	je	1f
	mov	PCPU_cpu(%rbp), %edi
	mov	$VECTOR_RESCHEDULE, %esi
	jmp	send_IPI
1:	ret
END kick_cpu

# task_rq_lock(task): its CPU's queue lock, with interrupts off.
FUNC task_rq_lock
	cli
	mov	TASK_pcpu(%rdi), %rax
	lea	PCPU_rq_lock(%rax), %rdi
	jmp	raw_spin_lock
END task_rq_lock

# task_rq_unlock(task): and interrupts on again.
FUNC task_rq_unlock
	mov	TASK_pcpu(%rdi), %rax
	movl	$0, PCPU_rq_lock(%rax)
	sti
	ret
END task_rq_unlock

# The idle task: preempt_count 1 all the time, so only its own look at
# need_resched lets others run. sti holds interrupts off for one instruction, so
# no wake-up is lost between the look and the hlt.
FUNC cpu_idle
	PREEMPT_DISABLE
	mov	%gs:PCPU_current, %rbx
1:	cli
	testl	$_TIF_NEED_RESCHED, TASK_flags(%rbx)
	jnz	2f
	sti
	hlt
	jmp	3f
2:	sti
	xor	%esi, %esi
	call	__schedule
3:
	.ifdef	KLP
	testl	$_TIF_PATCH_PENDING, TASK_flags(%rbx)	# klp_patch_pending(current)
	jz	1b
	mov	%rbx, %rdi
	.if	KLP_UPSTREAM
	call	klp_update_patch_state
	.else
	call	klp_patch_task
	.endif
	.endif
	jmp	1b
END cpu_idle
