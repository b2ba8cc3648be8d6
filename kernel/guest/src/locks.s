# Locks. Each comes back to the very state it had before, so that a free lock
# does not tell how often it was taken.

	.include "layout.inc"
	.include "macros.inc"

	.text

# raw_spin_lock(&lock in rdi): 0 free, 1 held; clobbers rax only. Whoever holds
# it gives it back by storing 0.
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

# spin_lock(&lock): with preemption off while it is held.
FUNC spin_lock
	PREEMPT_DISABLE
	jmp	raw_spin_lock
END spin_lock

FUNC spin_unlock
	movl	$0, (%rdi)
	PREEMPT_ENABLE
	ret
END spin_unlock

# The task list's lock: the number of readers, minus 0x10000 while written.
FUNC tasklist_read_lock
	PREEMPT_DISABLE
1:	lock incl tasklist_lock
	js	2f
	ret
2:	lock decl tasklist_lock
3:	pause
	cmpl	$0, tasklist_lock
	jl	3b
	jmp	1b
END tasklist_read_lock

FUNC tasklist_read_unlock
	lock decl tasklist_lock
	PREEMPT_ENABLE
	ret
END tasklist_read_unlock

FUNC tasklist_write_lock
	PREEMPT_DISABLE
1:	xor	%eax, %eax
	mov	$-0x10000, %ecx
	lock cmpxchgl %ecx, tasklist_lock
	je	2f
	pause
	jmp	1b
2:	ret
END tasklist_write_lock

FUNC tasklist_write_unlock
	lock addl $0x10000, tasklist_lock
	PREEMPT_ENABLE
	ret
END tasklist_write_unlock

# void mutex_lock(struct mutex *): sleeps.
FUNC mutex_lock
	xor	%eax, %eax
	mov	%gs:PCPU_current, %rcx
	lock cmpxchgq %rcx, MUTEX_owner(%rdi)
	jne	1f
	ret
1:	push	%rbx
	mov	%rdi, %rbx
2:	lea	MUTEX_wait_lock(%rbx), %rdi
	call	spin_lock
	xor	%eax, %eax
	mov	%gs:PCPU_current, %rcx
	lock cmpxchgq %rcx, MUTEX_owner(%rbx)
	je	3f
	mov	MUTEX_waiters(%rbx), %rax	# wait under the lock that unlock takes
	mov	%rax, TASK_wait_next(%rcx)
	mov	%rcx, MUTEX_waiters(%rbx)
	movl	$TASK_UNINTERRUPTIBLE, TASK_state(%rcx)
	lea	MUTEX_wait_lock(%rbx), %rdi
	call	spin_unlock
	call	schedule
	jmp	2b
3:	lea	MUTEX_wait_lock(%rbx), %rdi
	call	spin_unlock
	pop	%rbx
	ret
END mutex_lock

# void mutex_unlock(struct mutex *): wakes one waiter, which tries again.
FUNC mutex_unlock
	push	%rbx
	push	%rbp
	mov	%rdi, %rbx
	lea	MUTEX_wait_lock(%rbx), %rdi
	call	spin_lock
	movq	$0, MUTEX_owner(%rbx)
	mov	MUTEX_waiters(%rbx), %rbp
	test	%rbp, %rbp
	jz	1f
	mov	TASK_wait_next(%rbp), %rax
	mov	%rax, MUTEX_waiters(%rbx)
	movq	$0, TASK_wait_next(%rbp)
1:	lea	MUTEX_wait_lock(%rbx), %rdi
	call	spin_unlock
	test	%rbp, %rbp
	jz	2f
	mov	%rbp, %rdi
	call	wake_up_process
2:	pop	%rbp
	pop	%rbx
	ret
END mutex_unlock

	.data
	.p2align 3
VAR tasklist_lock, 4
	.long	0
