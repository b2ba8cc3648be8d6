# A patched function, and the ftrace handler that chooses which of its versions
# a task runs (klp_ftrace_handler).

	.include "layout.inc"
	.include "macros.inc"
	.include "klp.inc"

	.text

# The function as callers know it; the call of the handler stands where ftrace
# has its own. The handler's choice is jumped to after preemption is on again,
# as ftrace does it by changing the saved instruction pointer.
FUNC foo
	PREEMPT_DISABLE
	mov	foo_stack, %rax			# top of the function's stack
	test	%rax, %rax
	jz	2f
	cmpl	$0, KFUNC_transition(%rax)	# smp_rmb(): before patch_state
	je	1f
	mov	%gs:PCPU_current, %rcx
	mov	TASK_patch_state(%rcx), %ecx
	cmp	$KLP_UNDEFINED, %ecx
	jne	3f
	movl	$1, klp_reader_warned		# WARN_ON_ONCE
3:	cmp	$KLP_UNPATCHED, %ecx
	jne	1f
	mov	KFUNC_next(%rax), %rax
	test	%rax, %rax
	jz	2f
1:	mov	KFUNC_new_func(%rax), %rax
	jmp	4f
2:	mov	$foo_v0, %rax			# as it was compiled
4:	push	%rax
	PREEMPT_ENABLE
	pop	%rax
	jmp	*%rax
END foo

# Notes that a patch's code runs after it was given back, where the real thing
# would run whatever lies there now.
	.macro	RUN_OF patch
	cmpl	$0, \patch+PATCH_freed
	je	8f
	movl	$1, klp_freed_code_ran
8:
	.endm

# The versions: as compiled, from patch 1, from patch 2.
FUNC foo_v0
	mov	$0, %eax
	ret
END foo_v0
foo_v0_end:

# While foo_hold is set, version 1 keeps whoever called it: a task that is
# switched out here has the function on its stack.
FUNC foo_v1
	cmpl	$0, foo_hold
	je	1f
	pause
	jmp	foo_v1
1:	RUN_OF	klp_patch1
	mov	$1, %eax
	ret
END foo_v1
foo_v1_end:

FUNC foo_v2
	RUN_OF	klp_patch2
	mov	$2, %eax
	ret
END foo_v2
foo_v2_end:

	.data
	.p2align 3
VAR klp_func1, KFUNC_SIZE
	.quad	0, foo_stack, foo_v0, foo_v0_end, foo_v1, foo_v1_end
	.long	0, 1
VAR klp_func2, KFUNC_SIZE
	.quad	0, foo_stack, foo_v1, foo_v1_end, foo_v2, foo_v2_end
	.long	0, 0
VAR klp_patch1, PATCH_SIZE	# enabled already
	.quad	klp_func1
	.long	1, 0
VAR klp_patch2, PATCH_SIZE
	.quad	klp_func2
	.long	0, 0
VAR foo_stack, 8	# klp_ops.func_stack of foo
	.quad	klp_func1
VAR foo_hold, 4
	.long	0
VAR klp_reader_warned, 4	# 1 once the handler saw KLP_UNDEFINED in a transition
	.long	0
VAR klp_freed_code_ran, 4	# 1 once code ran that had been given back
	.long	0
