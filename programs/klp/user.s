# User tasks: code of ring 3, at user addresses.

	.include "layout.inc"
	.include "macros.inc"

	.section .user, "ax"

# Into the kernel and out again, for ever.
FUNC user_nop
	mov	$SYS_nop, %eax
	syscall
	jmp	user_nop
END user_nop

# The same through the kernel function that sys_call_target names.
FUNC user_call
	mov	$SYS_call, %eax
	syscall
	jmp	user_call
END user_call

# Never enters the kernel by itself.
FUNC user_spin
	pause
	jmp	user_spin
END user_spin

# Once, then never again.
FUNC user_once
	mov	$SYS_nop, %eax
	syscall
	mov	$SYS_exit, %eax
	syscall
	ud2
END user_once
