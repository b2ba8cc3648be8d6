# Waiting for every CPU: synchronize_sched and schedule_on_each_cpu.

	.include "layout.inc"
	.include "macros.inc"

	.text

# note_quiescent_state(pcpu in rbp): called by __schedule. The locked exchange,
# because a plain store could wait in the store buffer until after the next
# request and answer that one too; the look before it may miss a request, which
# then waits for the next switch.
FUNC note_quiescent_state
	cmpl	$0, PCPU_need_qs(%rbp)
	je	1f
	xor	%eax, %eax
	xchg	%eax, PCPU_need_qs(%rbp)
1:	ret
END note_quiescent_state

# void synchronize_sched(void): returns once every other CPU has been through
# schedule(), so that every preempt_disable section that ran when it was called
# is over. The caller's own CPU is in none.
FUNC synchronize_sched
	push	%rbx
	push	%rbp
	xor	%ebx, %ebx
1:	mov	pcpu_table(,%rbx,8), %rbp
	cmp	%gs:PCPU_self, %rbp
	je	2f
	mov	$1, %eax
	xchg	%eax, PCPU_need_qs(%rbp)
	call	resched_cpu
2:	inc	%ebx
	cmp	nr_cpus, %ebx
	jb	1b
	xor	%ebx, %ebx
3:	mov	pcpu_table(,%rbx,8), %rbp
	cmp	%gs:PCPU_self, %rbp
	je	5f
4:	cmpl	$0, PCPU_need_qs(%rbp)
	je	5f
	call	cond_resched
	jmp	4b
5:	inc	%ebx
	cmp	nr_cpus, %ebx
	jb	3b
	pop	%rbp
	pop	%rbx
	ret
END synchronize_sched

# void cond_resched(void): let others of this CPU run, if there are any.
FUNC cond_resched
	cmpl	$0, %gs:PCPU_rq_nr
	jne	schedule
	pause
	ret
END cond_resched

# void schedule_on_each_cpu(void (*fn)(void)): fn runs in every CPU's worker
# thread; returns when all have run it. One caller at a time.
FUNC schedule_on_each_cpu
	push	%rbx
	push	%rbp
	push	%r13
	mov	%rdi, %r13
	xor	%ebx, %ebx
1:	mov	pcpu_table(,%rbx,8), %rbp
	mov	%r13, %rax
	xchg	%rax, PCPU_work_fn(%rbp)
	mov	PCPU_kworker(%rbp), %rdi
	call	wake_up_process
	inc	%ebx
	cmp	nr_cpus, %ebx
	jb	1b
	xor	%ebx, %ebx
2:	mov	pcpu_table(,%rbx,8), %rbp
3:	cmpq	$0, PCPU_work_fn(%rbp)
	je	4f
	call	cond_resched
	jmp	3b
4:	inc	%ebx
	cmp	nr_cpus, %ebx
	jb	2b
	pop	%r13
	pop	%rbp
	pop	%rbx
	ret
END schedule_on_each_cpu

# void schedule_delayed_work(void): the next tick makes delayed_work_fn due in
# the worker thread that delayed_work_task names.
FUNC schedule_delayed_work
	movl	$1, delayed_work_armed
	ret
END schedule_delayed_work

# The worker thread of a CPU. State before the look, so that a wake-up between
# the look and schedule() is not lost; the exchange orders the two.
FUNC kworker_thread
	mov	%gs:PCPU_current, %rbx
	mov	%gs:PCPU_self, %rbp
1:	mov	$TASK_INTERRUPTIBLE, %eax
	xchg	%eax, TASK_state(%rbx)
	mov	PCPU_work_fn(%rbp), %rax
	test	%rax, %rax
	jnz	2f
	cmp	delayed_work_task, %rbx
	jne	4f
	cmpl	$0, delayed_work_due
	jne	3f
4:	call	schedule
	jmp	1b
2:	movl	$TASK_RUNNING, TASK_state(%rbx)
	call	*%rax
	movq	$0, PCPU_work_fn(%rbp)
	jmp	1b
3:	movl	$TASK_RUNNING, TASK_state(%rbx)
	movl	$0, delayed_work_due
	mov	delayed_work_fn, %rax
	test	%rax, %rax
	jz	1b
	call	*%rax
	jmp	1b
END kworker_thread

	.data
	.p2align 3
VAR delayed_work_task, 8	# worker that runs delayed work
	.quad	0
VAR delayed_work_fn, 8
	.quad	0
VAR delayed_work_armed, 4	# waits for the tick
	.long	0
VAR delayed_work_due, 4	# waits for the worker
	.long	0
