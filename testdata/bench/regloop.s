# uint64 regloop(uint64 n): register arithmetic only, seven instructions a turn.
	.text
	.globl	bench
bench:
	mov	%rdi, %rcx
	mov	$1, %eax
	movabs	$0x9e3779b97f4a7c15, %rdx
1:	add	%rdx, %rax
	rol	$13, %rax
	xor	%rcx, %rax
	lea	(%rax,%rax,4), %rax
	sub	%rdx, %rax
	dec	%rcx
	jnz	1b
	ret
