# Enabling, disabling and reversing patches, as kernel/livepatch/core.c does.
# Callers hold klp_mutex.

	.include "layout.inc"
	.include "macros.inc"
	.include "klp.inc"

	.text

# void klp_enable_patch(struct klp_patch *)
FUNC klp_enable_patch
	push	%rbx
	mov	%rdi, %rbx
	movl	$1, PATCH_enabled(%rbx)
	mov	$KLP_PATCHED, %esi
	call	klp_init_transition
	mov	PATCH_func(%rbx), %rdi
	call	klp_patch_func
	call	klp_start_transition
	pop	%rbx
	jmp	klp_try_complete_transition
END klp_enable_patch

# void klp_disable_patch(struct klp_patch *)
FUNC klp_disable_patch
	movl	$0, PATCH_enabled(%rdi)
	mov	$KLP_UNPATCHED, %esi
	call	klp_init_transition
	call	klp_start_transition
	jmp	klp_try_complete_transition
END klp_disable_patch

# klp_patch_func(func): on top of its function's stack.
FUNC klp_patch_func
	mov	KFUNC_ops(%rdi), %rax
	mov	(%rax), %rcx
	mov	%rcx, KFUNC_next(%rdi)
	mov	%rdi, (%rax)
	movl	$1, KFUNC_patched(%rdi)
	ret
END klp_patch_func

# klp_unpatch_func(func): off the stack, of which it is the top.
FUNC klp_unpatch_func
	mov	KFUNC_ops(%rdi), %rax
	mov	KFUNC_next(%rdi), %rcx
	mov	%rcx, (%rax)
	movl	$0, KFUNC_patched(%rdi)
	ret
END klp_unpatch_func
