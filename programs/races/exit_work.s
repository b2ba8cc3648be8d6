# The last look before user mode. A kernel that tests its work flags with
# interrupts on and then leaves can be interrupted in between; the interrupt asks
# for a reschedule, returns to the kernel, and the task goes to user mode with
# the request pending, until some other interrupt.
#
# EXIT_IRQS_OFF=1 turns interrupts off before the last look, as Linux does.

	.include "layout.inc"
	.include "macros.inc"
	.ifndef	EXIT_IRQS_OFF
	.set	EXIT_IRQS_OFF, 0
	.endif

	.text

FUNC leave_kernel
	movl	$1, %gs:PCPU_in_kernel
	mov	%gs:PCPU_current, %rbx
1:
	.if	EXIT_IRQS_OFF
	cli
	.endif
	testl	$_TIF_NEED_RESCHED, TASK_flags(%rbx)
	jz	2f
	.if	EXIT_IRQS_OFF
	sti
	.endif
	lock andl $~_TIF_NEED_RESCHED, TASK_flags(%rbx)	# schedule()
	jmp	1b
2:	movl	$0, %gs:PCPU_in_kernel		# as iretq to user mode would
	sti
	.globl	user_mode
user_mode:
	nop
	cli
	hlt
END leave_kernel

# A tick that wants another task to run. From user mode it is served at once.
FUNC vector_ec
	push	%rax
	push	%rcx
	push	%rdx
	cmpl	$0, %gs:PCPU_in_kernel
	je	1f
	mov	%gs:PCPU_current, %rax
	lock orl $_TIF_NEED_RESCHED, TASK_flags(%rax)
1:	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
END vector_ec
