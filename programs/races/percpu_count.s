# A per-CPU counter needs no lock, but it does need one instruction: an interrupt
# that counts between the load and the store is forgotten.
#
# ONE_INSTRUCTION=1 counts with a single unlocked increment instead, which no
# interrupt can split.

	.include "layout.inc"
	.include "macros.inc"
	.ifndef	ONE_INSTRUCTION
	.set	ONE_INSTRUCTION, 0
	.endif

	.text

	.macro	COUNT
	.if	ONE_INSTRUCTION
	incl	%gs:PCPU_rq_nr
	.else
	mov	%gs:PCPU_rq_nr, %eax
	inc	%eax
	mov	%eax, %gs:PCPU_rq_nr
	.endif
	.endm

FUNC counter
	COUNT
	COUNT
	cli
	movl	$1, counter_done
	mfence
	hlt
END counter

# The interrupt counts too, and counts itself.
FUNC vector_ec
	push	%rax
	push	%rcx
	push	%rdx
	COUNT
	incl	interrupts
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
END vector_ec

	.data
	.p2align 3
VAR interrupts, 4
	.long	0
VAR counter_done, 4
	.long	0
