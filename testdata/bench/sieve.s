# uint64 sieve(uint64 n): n times the sieve of Eratosthenes below 65536 with
# one byte a number; returns the primes found in all rounds.
	.set	FLAGS, 0x800000
	.set	LIMIT, 65536
	.text
	.globl	bench
bench:
	xor	%eax, %eax
round:
	mov	$FLAGS, %esi
	mov	$LIMIT/8, %ecx
1:	movq	$0, -8(%rsi,%rcx,8)
	dec	%ecx
	jnz	1b
	mov	$2, %edx
number:
	cmpb	$0, (%rsi,%rdx)
	jne	next
	inc	%rax
	mov	%rdx, %rcx
	imul	%rdx, %rcx
	jmp	3f
2:	movb	$1, (%rsi,%rcx)
	add	%rdx, %rcx
3:	cmp	$LIMIT, %rcx
	jb	2b
next:
	inc	%edx
	cmp	$LIMIT, %edx
	jb	number
	dec	%rdi
	jnz	round
	ret
