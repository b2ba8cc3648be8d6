# Who does what to which patch: the tasks of the mail.

	.include "layout.inc"
	.include "macros.inc"
	.include "klp.inc"

	.text

# Task 200: enables patch 2, changes its mind, then disables patch 1, which is
# the previous one on the stack.
FUNC klp_admin
	mov	$klp_patch2, %rdi
	mov	$1, %esi
	call	klp_enabled_store
	mov	$klp_patch2, %rdi
	xor	%esi, %esi
	call	klp_enabled_store
	call	klp_wait_done
	movl	$1, klp_patch2+PATCH_freed
	mov	$klp_patch1, %rdi
	xor	%esi, %esi
	call	klp_enabled_store
	call	klp_wait_done
	movl	$1, klp_patch1+PATCH_freed
	.globl	klp_admin_done
klp_admin_done:
	call	do_exit
END klp_admin

# void klp_enabled_store(patch, value): a write to the patch's file in sysfs. A
# patch in transition is reversed; what is asked for already is left alone.
FUNC klp_enabled_store
	push	%rbx
	push	%rbp
	mov	%rdi, %rbx
	mov	%esi, %ebp
	mov	$klp_mutex, %rdi
	call	mutex_lock
	cmp	%ebp, PATCH_enabled(%rbx)
	je	3f
	cmp	%rbx, klp_transition_patch
	jne	1f
	call	klp_reverse_transition
	jmp	3f
1:	mov	%rbx, %rdi
	test	%ebp, %ebp
	jz	2f
	call	klp_enable_patch
	jmp	3f
2:	call	klp_disable_patch
3:	mov	$klp_mutex, %rdi
	call	mutex_unlock
	pop	%rbp
	pop	%rbx
	ret
END klp_enabled_store

# The administrator waits until no transition is under way.
FUNC klp_wait_done
	.if	KLP_TRIES
	push	%rbx
	mov	$KLP_TRIES, %ebx
	.endif
1:	cmpq	$0, klp_transition_patch
	je	2f
	.if	KLP_TRIES
	dec	%ebx
	js	klp_admin_done
	.endif
	.if	KLP_DRIVER_RETRY
	call	klp_transition_work_fn
	.endif
	call	cond_resched
	jmp	1b
2:
	.if	KLP_TRIES
	pop	%rbx
	.endif
	ret
END klp_wait_done
