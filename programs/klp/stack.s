# klp_check_stack: may this task be switched?

	.include "layout.inc"
	.include "macros.inc"

	.text

# bool klp_check_stack(task): 1 if the code that the transition takes away from
# it has an address on its stack: the replaced code when patching, the
# replacement when unpatching. The task is current or switched out, and its run
# queue is locked. Looks at every word, so it errs on the safe side.
FUNC klp_check_stack
	mov	klp_transition_patch, %rcx
	mov	PATCH_func(%rcx), %rcx
	mov	KFUNC_old_func(%rcx), %r8
	mov	KFUNC_old_end(%rcx), %r9
	cmpl	$KLP_PATCHED, klp_target_state
	je	1f
	mov	KFUNC_new_func(%rcx), %r8
	mov	KFUNC_new_end(%rcx), %r9
1:	mov	TASK_stack_top(%rdi), %rsi
	mov	%rsp, %rax
	cmp	%gs:PCPU_current, %rdi
	je	2f
	mov	TASK_sp(%rdi), %rax
2:	mov	(%rax), %rdx
	cmp	%r8, %rdx
	jb	3f
	cmp	%r9, %rdx
	jb	4f
3:	add	$8, %rax
	cmp	%rsi, %rax
	jb	2b
	xor	%eax, %eax
	ret
4:	mov	$1, %eax
	ret
END klp_check_stack
