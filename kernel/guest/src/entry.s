# Ways into the kernel and out of it: interrupts, exceptions, NMI, syscall.
#
# Every entry builds a pt_regs on the kernel stack; GS holds the per-CPU area
# from swapgs on. The way out to user mode works off the TIF_ bits with
# interrupts on and looks again with interrupts off before it leaves; the way
# out to the kernel reschedules if the interrupted code was preemptible.

	.include "layout.inc"
	.include "macros.inc"

	.text

# One stub of 16 bytes per vector. Vector 2 (NMI) has its own entry instead.
# An exception's orig_rax holds the error code below and the vector above.
	.p2align 4
FUNC exc_stubs
	.set	vector, 0
	.rept	32
	.if	(vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21)
	.else
	push	$0
	.endif
	movl	$vector, 4(%rsp)
	jmp	exc_common
	.p2align 4
	.set	vector, vector + 1
	.endr
END exc_stubs

	.p2align 4
FUNC irq_stubs
	.set	vector, 32
	.rept	224
	push	$vector
	jmp	common_interrupt
	.p2align 4
	.set	vector, vector + 1
	.endr
END irq_stubs

# No exception is expected; each ends in an oops.
FUNC exc_common
	testb	$3, 16(%rsp)
	jz	1f
	swapgs
1:	cld
	PUSH_REGS
	mov	%rsp, %rdi
	call	oops
END exc_common

FUNC common_interrupt
	testb	$3, 16(%rsp)
	jz	1f
	swapgs
1:	cld
	PUSH_REGS
	mov	%rsp, %rdi
	call	do_IRQ
	testb	$3, PT_cs(%rsp)
	jnz	return_to_user
END common_interrupt

# Back to the kernel: the preemption point of an interrupt.
FUNC irqentry_exit
	testl	$X86_EFLAGS_IF, PT_eflags(%rsp)
	jz	restore_regs
	cmpl	$0, %gs:PCPU_preempt_count
	jne	restore_regs
	mov	%gs:PCPU_current, %rax
	testl	$_TIF_NEED_RESCHED, TASK_flags(%rax)
	jz	restore_regs
	call	preempt_schedule_irq
restore_regs:
	POP_REGS
	add	$8, %rsp
	iretq
END irqentry_exit

FUNC return_to_user
	call	exit_to_user_mode_prepare
	POP_REGS
	add	$8, %rsp
	swapgs
	iretq
END return_to_user

# What is left to do before user mode may run: called and left with interrupts
# off, works with interrupts on. What it looks at is one reading of the flags
# (ti_work), as in Linux.
FUNC exit_to_user_mode_prepare
	push	%rbx
	push	%rbp
	mov	%gs:PCPU_current, %rbx
exit_to_user_mode_loop:
	mov	TASK_flags(%rbx), %ebp
	test	$_TIF_WORK, %ebp
	jz	3f
	sti
	test	$_TIF_NEED_RESCHED, %ebp
	jz	1f
	call	schedule
1:
	.ifdef	KLP
	test	$_TIF_PATCH_PENDING, %ebp	# klp_patch_pending(current)
	jz	2f
	mov	%rbx, %rdi
	.if	KLP_UPSTREAM
	call	klp_update_patch_state
	.else
	call	klp_patch_task
	.endif
	.endif
2:	cli
	jmp	exit_to_user_mode_loop
3:	pop	%rbp
	pop	%rbx
	ret
END exit_to_user_mode_prepare

# A task's first switch-in: its stack was made by hand, with a pt_regs on top.
# rax is the task that ran before. Interrupts stay off until the return.
FUNC ret_from_fork
	mov	%gs:PCPU_self, %rbp
	movl	$0, TASK_on_cpu(%rax)
	movl	$0, PCPU_rq_lock(%rbp)
	decl	%gs:PCPU_preempt_count
	testb	$3, PT_cs(%rsp)
	jnz	return_to_user
	jmp	restore_regs
END ret_from_fork

FUNC entry_SYSCALL_64
	swapgs
	mov	%rsp, %gs:PCPU_scratch
	mov	%gs:PCPU_top_of_stack, %rsp
	push	$USER_DS
	push	%gs:PCPU_scratch
	push	%r11
	push	$USER_CS
	push	%rcx
	push	%rax
	PUSH_REGS
	sti
	mov	$-38, %ecx			# -ENOSYS
	cmp	$NR_syscalls, %eax
	jae	1f
	mov	%eax, %eax
	mov	sys_call_table(,%rax,8), %rax
	call	*%rax
	.globl	syscall_return
syscall_return:
	mov	%eax, %ecx
1:	movslq	%ecx, %rcx
	mov	%rcx, PT_rax(%rsp)
	cli
	call	exit_to_user_mode_prepare
	POP_REGS
	mov	PT_rip-PT_orig_rax(%rsp), %rcx
	mov	PT_eflags-PT_orig_rax(%rsp), %r11
	mov	PT_rsp-PT_orig_rax(%rsp), %rsp
	swapgs
	sysretq
END entry_SYSCALL_64

# An NMI can strike before an entry's swapgs, so what GS holds is read from the
# MSR: kernel addresses are negative. It runs on its own stack (IST), so that it
# may strike where the stack is not usable; another NMI stays pending until the
# iretq, so nothing here may fault or return early.
FUNC asm_exc_nmi
	push	$-1
	cld
	PUSH_REGS
	mov	$MSR_GS_BASE, %ecx
	rdmsr
	xor	%ebx, %ebx
	test	%edx, %edx
	js	1f
	swapgs
	inc	%ebx
1:	call	do_nmi
	test	%ebx, %ebx
	jz	2f
	swapgs
2:	POP_REGS
	add	$8, %rsp
	iretq
END asm_exc_nmi
