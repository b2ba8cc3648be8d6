# A task takes over the target state: on its way to user mode or, for an idle
# task, from the idle loop. The function that the whole discussion is about.
#
# smp_rmb() is no instruction on x86: loads are not reordered with loads.

	.include "layout.inc"
	.include "macros.inc"
	.include "klp.inc"

	.text

	.if	KLP_UPSTREAM
FUNC klp_update_patch_state
	.else
FUNC klp_patch_task
	.endif
	.if	KLP_PREEMPT_OFF
	PREEMPT_DISABLE
	.endif
	.if	KLP_EAX
# As gcc compiles it: from -O1 to -O3 and -Os the value is in a register that
# nobody saves, for one instruction boundary.
	.if	KLP_TEST_AND_CLEAR
	lock btrl $TIF_PATCH_PENDING, TASK_flags(%rdi)
	jnc	1f
	.else
	lock andb $~(_TIF_PATCH_PENDING >> 8), TASK_flags+1(%rdi)
	.endif
	mov	klp_target_state(%rip), %eax
	mov	%eax, TASK_patch_state(%rdi)
1:
	.else
# As the mail has it: the value is in a callee-saved register, so while another
# task runs it lies on the stack of this one.
	push	%r12
	lock btrl $TIF_PATCH_PENDING, TASK_flags(%rdi)
	.if	KLP_TEST_AND_CLEAR
	jnc	1f
	.endif
	mov	klp_target_state, %r12d
	mov	%r12d, TASK_patch_state(%rdi)
1:	pop	%r12
	.endif
	.if	KLP_PREEMPT_OFF
	PREEMPT_ENABLE
	.endif
	ret
	.if	KLP_UPSTREAM
END klp_update_patch_state
	.else
END klp_patch_task
	.endif
