# uint64 strings(uint64 n): n rounds of filling, copying, measuring and
# comparing strings, by rep instructions and by hand; returns a checksum.
	.set	SRC, 0x800000
	.set	DST, 0x810000
	.set	LEN, 4096
	.text
	.globl	bench
bench:
	push	%rbx
	mov	%rdi, %r8
	xor	%ebx, %ebx
	cld
round:
	# Fill the source: rep stosq, then an end mark that moves with the round.
	lea	1(%r8), %eax
	and	$0x7f, %eax
	or	$1, %eax
	movabs	$0x0101010101010101, %rdx
	imul	%rdx, %rax
	mov	$SRC, %edi
	mov	$LEN/8, %ecx
	rep stosq
	mov	%r8d, %r9d
	and	$0x7ff, %r9d
	movb	$0, SRC+1024(%r9)
	# Copy: rep movsq, then rep movsb.
	mov	$SRC, %esi
	mov	$DST, %edi
	mov	$LEN/16, %ecx
	rep movsq
	mov	$LEN/2, %ecx
	rep movsb
	# Length of the copy: repne scasb.
	mov	$DST, %edi
	xor	%eax, %eax
	mov	$-1, %rcx
	repne scasb
	not	%rcx
	add	%rcx, %rbx
	# Length by hand.
	mov	$DST, %edi
1:	cmpb	$0, (%rdi)
	je	2f
	inc	%rdi
	jmp	1b
2:	sub	$DST, %rdi
	add	%rdi, %rbx
	# Copy by hand, bytes, up to and with the end mark.
	mov	$SRC, %esi
	mov	$DST+0x8000, %edi
3:	mov	(%rsi), %al
	mov	%al, (%rdi)
	inc	%rsi
	inc	%rdi
	test	%al, %al
	jnz	3b
	# Copy by hand, eight bytes at a time, four words a turn.
	mov	$SRC, %esi
	mov	$DST+0xa000, %edi
	mov	$LEN/32, %ecx
4:	mov	(%rsi), %rax
	mov	8(%rsi), %rdx
	mov	16(%rsi), %r10
	mov	24(%rsi), %r11
	mov	%rax, (%rdi)
	mov	%rdx, 8(%rdi)
	mov	%r10, 16(%rdi)
	mov	%r11, 24(%rdi)
	add	$32, %rsi
	add	$32, %rdi
	dec	%ecx
	jnz	4b
	# Compare the two copies: repe cmpsb meets the byte after the mark.
	movb	$1, DST+0xa000+3000
	mov	$SRC, %esi
	mov	$DST+0xa000, %edi
	mov	$LEN, %ecx
	repe cmpsb
	add	%rcx, %rbx
	# Sum of the bytes.
	mov	$DST+0x8000, %esi
	xor	%ecx, %ecx
5:	movzbl	(%rsi,%rcx), %eax
	add	%rax, %rbx
	rol	$1, %rbx
	inc	%ecx
	cmp	$1024, %ecx
	jb	5b
	dec	%r8
	jnz	round
	mov	%rbx, %rax
	pop	%rbx
	ret
