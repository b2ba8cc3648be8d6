# uint64 matmul(uint64 n): n times C = A*B over 64x64 matrices of 8-byte
# integers, the last product's elements mixed into the next A; returns the sum
# of C.
	.set	A, 0x800000
	.set	B, 0x810000
	.set	C, 0x820000
	.set	N, 64
	.text
	.globl	bench
bench:
	push	%rbx
	push	%rbp
	push	%r12
	xor	%ecx, %ecx
1:	lea	1(%rcx,%rcx,2), %rax
	mov	%rax, A(,%rcx,8)
	mov	%rcx, %rax
	xor	$0x55, %rax
	mov	%rax, B(,%rcx,8)
	inc	%ecx
	cmp	$N*N, %ecx
	jb	1b
round:
	mov	$A, %r8d
	mov	$C, %r10d
	mov	$N, %r11d
row:	mov	$B, %r9d
	mov	$N, %r12d
col:	xor	%ebx, %ebx
	xor	%ecx, %ecx
	mov	%r9, %rbp
2:	mov	(%r8,%rcx,8), %rax
	imul	(%rbp), %rax
	add	%rax, %rbx
	add	$8*N, %rbp
	inc	%ecx
	cmp	$N, %ecx
	jb	2b
	mov	%rbx, (%r10)
	add	$8, %r10
	add	$8, %r9
	dec	%r12d
	jnz	col
	add	$8*N, %r8
	dec	%r11d
	jnz	row
	xor	%eax, %eax
	xor	%ecx, %ecx
3:	mov	C(,%rcx,8), %rdx
	add	%rdx, %rax
	xor	%rdx, A(,%rcx,8)
	inc	%ecx
	cmp	$N*N, %ecx
	jb	3b
	dec	%rdi
	jnz	round
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
