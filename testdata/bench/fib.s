# uint64 fib(uint64 n): the Fibonacci number n by double recursion, with a
# frame as a compiler makes it.
	.text
	.globl	bench
bench:
	push	%rbx
	push	%rbp
	mov	%rdi, %rbx
	mov	%rdi, %rax
	cmp	$2, %rdi
	jb	1f
	lea	-1(%rbx), %rdi
	call	bench
	mov	%rax, %rbp
	lea	-2(%rbx), %rdi
	call	bench
	add	%rbp, %rax
1:	pop	%rbp
	pop	%rbx
	ret
