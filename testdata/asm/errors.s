# Lines that are wrong say so; every other line is right. STRICT lines are
# wrong for us only: GNU as warns and goes on with zero.
start:
	mov %rax, %rbx
	mvo %rax, %rbx			# ERROR "no such instruction: `mvo'; did you mean `mov'"
	mov %eax			# ERROR "number of operands mismatch for `mov'"
	mov %eax, %rbx			# ERROR "operand 2 `%rbx' does not fit `mov'"
	movl %rax, %ebx			# ERROR "operand 1 `%rax' does not fit `movl'"
	lea %eax, %ebx			# ERROR "operand 1 `%eax' does not fit `lea'"
	mov (%eax,%rbx), %eax		# ERROR "`\(%eax,%rbx\)' is not a valid base/index expression"
	mov (%rsp,%rsp), %eax		# ERROR "`\(%rsp,%rsp\)' is not a valid base/index expression"
	mov (%rax,%rbx,3), %eax		# ERROR "expecting scale factor of 1, 2, 4, or 8: got `3'"
	mov %rxx, %rax			# ERROR "bad register name `%rxx'"
	lock mov %eax, (%rax)		# ERROR "expecting lockable instruction after `lock'"
	rep add %eax, %ebx		# ERROR "invalid instruction `add' after `rep'"
	pusha				# ERROR "`pusha' is not supported in 64-bit mode"
	mov %ah, %r8b			# ERROR "can't encode register '%ah'"
	addq $0x80000000, %rax		# ERROR "operand 1 `\$0x80000000' does not fit `addq'"
	int $256			# ERROR "operand 1 `\$256' does not fit `int'"
	jmp 1f
1:	jne 1b
	.long 3 + 			# STRICT "expected an expression, found the end of the line"
	.byte 1 / 0			# STRICT "division by zero"
	.glbol start			# ERROR "unknown directive `.glbol'; did you mean `.globl'"
	.balign 3			# ERROR "alignment not a power of 2"
start:					# ERROR "symbol `start' is already defined"
	.type start, @fnuction		# ERROR "unrecognized symbol type"
	.popsection			# STRICT ".popsection without corresponding"
	.endif				# ERROR "".endif" without matching"
	.endm				# STRICT "unexpected `.endm' outside a macro"
	.cfi_def_cfa_offset 16		# ERROR "CFI instruction used without previous .cfi_startproc"
	.err				# ERROR ".err encountered"
