# System calls.

	.include "layout.inc"
	.include "macros.inc"

	.text

FUNC sys_nop
	xor	%eax, %eax
	ret
END sys_nop

FUNC sys_yield
	call	schedule
	xor	%eax, %eax
	ret
END sys_yield

# Calls a kernel function that the program chose.
FUNC sys_call
	mov	sys_call_target, %rax
	test	%rax, %rax
	jz	1f
	call	*%rax
	.globl	sys_call_return
sys_call_return:
1:	xor	%eax, %eax
	ret
END sys_call

FUNC sys_pause
	mov	%gs:PCPU_current, %rax
	movl	$TASK_INTERRUPTIBLE, TASK_state(%rax)
	call	schedule
	xor	%eax, %eax
	ret
END sys_pause

# Also what kernel threads end with.
FUNC do_exit
sys_exit:
	mov	%gs:PCPU_current, %rax
	movl	$TASK_DEAD, TASK_state(%rax)
	call	schedule
	ud2
END do_exit

	.section .rodata
	.p2align 3
VAR sys_call_table, 8*NR_syscalls
	.quad	sys_nop, sys_yield, sys_call, sys_pause, sys_exit

	.data
	.p2align 3
VAR sys_call_target, 8
	.quad	0
