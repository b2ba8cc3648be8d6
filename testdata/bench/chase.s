# uint64 chase(uint64 n): n dependent loads through one cycle over 2^17 pointers
# (1 MiB, what a second-level cache holds) in an order made by Sattolo's
# shuffle; returns the index of the last node.
	.set	NODES, 0x800000
	.set	COUNT, 0x20000
	.text
	.globl	bench
bench:
	mov	$NODES, %esi
	xor	%ecx, %ecx
1:	mov	%rcx, (%rsi,%rcx,8)
	inc	%ecx
	cmp	$COUNT, %ecx
	jb	1b
	mov	$COUNT-1, %ecx
	mov	$12345, %r8d
	movabs	$6364136223846793005, %r9
	movabs	$1442695040888963407, %r10
2:	imul	%r9, %r8
	add	%r10, %r8
	mov	%r8, %rax
	shr	$33, %rax
	xor	%edx, %edx
	div	%ecx
	mov	(%rsi,%rcx,8), %rax
	xchg	%rax, (%rsi,%rdx,8)
	mov	%rax, (%rsi,%rcx,8)
	dec	%ecx
	jnz	2b
	xor	%eax, %eax
3:	mov	(%rsi,%rax,8), %rax
	dec	%rdi
	jnz	3b
	ret
