# Interrupts once the registers are saved: dispatch, the tick, IPIs, NMI, oops.

	.include "layout.inc"
	.include "macros.inc"

	.text

# void do_IRQ(struct pt_regs *regs): interrupts are off throughout.
FUNC do_IRQ
	addl	$HARDIRQ_OFFSET, %gs:PCPU_preempt_count
	mov	PT_orig_rax(%rdi), %edi
	cmp	$VECTOR_TIMER, %edi
	je	1f
	cmp	$VECTOR_RESCHEDULE, %edi	# its work is done by irqentry_exit
	je	4f
	cmp	$VECTOR_CALL_FUNCTION, %edi
	je	2f
	mov	irq_action, %rax
	test	%rax, %rax
	jz	4f
	call	*%rax
	jmp	4f
1:	call	timer_tick
	jmp	4f
2:	call	call_function_interrupt
4:	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	subl	$HARDIRQ_OFFSET, %gs:PCPU_preempt_count
	ret
END do_IRQ

# The tick counts nothing: a state that time alone changes would never repeat.
# It makes armed delayed work due and ends the time slice if somebody waits.
FUNC timer_tick
	cmpl	$0, delayed_work_armed
	je	1f
	movl	$0, delayed_work_armed
	movl	$1, delayed_work_due
	mov	delayed_work_task, %rdi
	test	%rdi, %rdi
	jz	1f
	call	wake_up_process
1:	cmpl	$0, %gs:PCPU_rq_nr
	je	2f
	mov	%gs:PCPU_current, %rax
	lock btsl $TIF_NEED_RESCHED, TASK_flags(%rax)
2:	ret
END timer_tick

FUNC call_function_interrupt
	mov	%gs:PCPU_call_fn, %rax
	test	%rax, %rax
	jz	1f
	call	*%rax
	movq	$0, %gs:PCPU_call_fn
1:	ret
END call_function_interrupt

# void smp_call_function(void (*fn)(void)): runs fn on every other CPU, with
# interrupts off there, and waits. Preemption must be off.
FUNC smp_call_function
	push	%rbx
	push	%rbp
	push	%r13
	mov	%rdi, %r13
	xor	%ebx, %ebx
1:	mov	pcpu_table(,%rbx,8), %rbp
	cmp	%gs:PCPU_self, %rbp
	je	2f
	mov	%r13, PCPU_call_fn(%rbp)
	mov	PCPU_cpu(%rbp), %edi
	mov	$VECTOR_CALL_FUNCTION, %esi
	call	send_IPI
2:	inc	%ebx
	cmp	nr_cpus, %ebx
	jb	1b
	xor	%ebx, %ebx
3:	mov	pcpu_table(,%rbx,8), %rbp
4:	cmpq	$0, PCPU_call_fn(%rbp)
	je	5f
	pause
	jmp	4b
5:	inc	%ebx
	cmp	nr_cpus, %ebx
	jb	3b
	pop	%r13
	pop	%rbp
	pop	%rbx
	ret
END smp_call_function

# void send_IPI(int cpu, int vector): the fence because writing an x2APIC
# register does not wait for older stores (SDM vol. 3A, section 11.12.3).
FUNC send_IPI
	mfence
	lfence
	mov	$MSR_X2APIC_ICR, %ecx
	mov	%esi, %eax
	mov	%edi, %edx
	wrmsr
	ret
END send_IPI

# Says nmi_printk_len characters: a long message on a slow line.
FUNC do_nmi
	push	%rbx
	push	%rsi
	addl	$NMI_OFFSET, %gs:PCPU_preempt_count
	mov	nmi_printk_len, %ebx
	mov	$nmi_message, %rsi
	test	%ebx, %ebx
	jz	2f
1:	lodsb
	call	serial_putc
	dec	%ebx
	jnz	1b
2:	subl	$NMI_OFFSET, %gs:PCPU_preempt_count
	pop	%rsi
	pop	%rbx
	ret
END do_nmi

# An unexpected exception: say which and where, then stop this CPU for good.
FUNC oops
	mov	%rdi, %rbx
	movl	$1, kernel_oops
	mov	$oops_text, %rdi
	call	printk
	mov	PT_orig_rax+4(%rbx), %edi
	call	print_hex
	mov	$oops_at, %rdi
	call	printk
	mov	PT_rip(%rbx), %rdi
	call	print_hex
	mov	$newline, %rdi
	call	printk
1:	cli
	hlt
	jmp	1b
END oops

	.section .rodata
oops_text:
	.asciz	"oops: exception 0x"
oops_at:
	.asciz	" at 0x"
newline:
	.asciz	"\n"
nmi_message:
	.ascii	"NMI: a message that takes its time on a serial line of 9600 baud\n"

	.data
	.p2align 3
VAR irq_action, 8	# handler of device interrupts, called with the vector
	.quad	0
VAR nmi_printk_len, 4	# characters an NMI prints, at most 64
	.long	0
VAR kernel_oops, 4	# 1 once a CPU has died of an exception
	.long	0
