# A lost wake-up: a sleeper that says it sleeps and then looks for work, and a
# waker that puts work there and then looks for sleepers. Each store must be
# visible before the load that follows it. x86 does not promise that: both loads
# may run ahead of both stores, which wait in the store buffers, and then the
# sleeper sleeps on work that is there. Linux's set_current_state() has the
# barrier for this reason.
#
# WAKE_BARRIER=1 puts it in: an exchange on the sleeper's side, mfence on the
# waker's.

	.include "layout.inc"
	.include "macros.inc"
	.ifndef	WAKE_BARRIER
	.set	WAKE_BARRIER, 0
	.endif

	.text

FUNC sleeper
	.if	WAKE_BARRIER
	mov	$TASK_INTERRUPTIBLE, %eax
	xchg	%eax, sleeper_state
	.else
	movl	$TASK_INTERRUPTIBLE, sleeper_state
	.endif
	mov	work, %eax
	test	%eax, %eax
	jnz	1f
	movl	$1, asleep
2:	cmpl	$TASK_RUNNING, sleeper_state	# asleep until somebody changes it
	je	1f
	pause
	jmp	2b
1:	movl	$TASK_RUNNING, sleeper_state
	movl	$1, worked
	mfence
	cli
	hlt
END sleeper

FUNC waker
	movl	$1, work
	.if	WAKE_BARRIER
	mfence
	.endif
	cmpl	$TASK_RUNNING, sleeper_state
	je	1f
	movl	$TASK_RUNNING, sleeper_state
1:	movl	$1, waker_done
	mfence
	cli
	hlt
END waker

	.data
	.p2align 6
VAR sleeper_state, 4
	.long	TASK_RUNNING
	.p2align 6
VAR work, 4
	.long	0
VAR worked, 4
	.long	0
VAR asleep, 4			# the sleeper has found nothing to do
	.long	0
VAR waker_done, 4
	.long	0
