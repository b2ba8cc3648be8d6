# Changing an instruction that another core may be executing: a nop of five bytes
# becomes a jump. No store writes five bytes at once, so a core that fetches in
# between sees bytes of both.
#
# POKE_INT3=1 does it as Linux's text_poke_bp: first the one byte of int3, which
# always makes sense, and whose handler steps over the site; every other core
# serialises; then the tail; again; then the first byte. Code is written through
# its alias in the direct map, as it is not writable where it runs.

	.include "layout.inc"
	.include "macros.inc"
	.ifndef	POKE_INT3
	.set	POKE_INT3, 0
	.endif
	.ifndef	RUNS
	.set	RUNS, 3
	.endif

	.text

# What the site jumps to; before it, so that the offset's top byte is not the
# nop's.
	.globl	jumped
jumped:
	jmp	after

# A core that runs over the site again and again.
FUNC runner
	mov	$RUNS, %ebx
	.globl	site
site:
	.byte	0x0f, 0x1f, 0x44, 0x00, 0x00	# nop
	.globl	after
after:
	dec	%ebx
	jnz	site
	cli
	movl	$1, runner_done
	mfence
	hlt
END runner

# The core that changes it.
FUNC poker
	movabs	$TEXT_ALIAS, %rsi
	add	$site, %rsi
	.if	POKE_INT3
	movb	$0xcc, (%rsi)
	call	sync_others
	mov	new_insn+1, %eax
	mov	%eax, 1(%rsi)
	call	sync_others
	mov	new_insn, %al
	mov	%al, (%rsi)
	call	sync_others
	.else
	mov	new_insn, %eax
	mov	%eax, (%rsi)
	mov	new_insn+4, %al
	mov	%al, 4(%rsi)
	.endif
	movl	$1, poker_done
	mfence
	cli
	hlt
END poker

# Core 0 serialises: an interrupt's iretq does. It is not waited for once it has
# stopped.
FUNC sync_others
	movl	$1, sync_wanted
	mfence
	mov	$MSR_X2APIC_ICR, %ecx
	mov	$VECTOR_CALL_FUNCTION, %eax
	xor	%edx, %edx
	wrmsr
1:	cmpl	$0, sync_wanted
	je	2f
	cmpl	$0, runner_done
	jne	2f
	pause
	jmp	1b
2:	ret
END sync_others

FUNC vector_fb
	push	%rax
	push	%rcx
	push	%rdx
	movl	$0, sync_wanted
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
END vector_fb

# The int3 handler lets the site be a nop: on to the instruction after it.
FUNC vector_03
	movq	$after, (%rsp)
	iretq
END vector_03

# Whatever else happens comes of a torn instruction.
FUNC vector_06
	jmp	torn
END vector_06

FUNC vector_0d
	jmp	torn
END vector_0d

FUNC vector_0e
	jmp	torn
END vector_0e

FUNC torn
	movl	$1, torn_seen
	mfence
	cli
	hlt
END torn

	.section .rodata
VAR new_insn, 5
	.byte	0xe9
	.long	jumped - after

	.data
	.p2align 3
VAR sync_wanted, 4
	.long	0
VAR runner_done, 4
	.long	0
VAR poker_done, 4
	.long	0
VAR torn_seen, 4		# 1 once a core has died of what it fetched
	.long	0
