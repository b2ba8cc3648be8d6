# uint64 crc(uint64 n): n times the CRC-32 (IEEE 802.3, reflected) of the same
# 64 KiB by a table of 256 words, each round starting from the last result.
	.set	TABLE, 0x800000
	.set	BUF, 0x810000
	.set	LEN, 65536
	.text
	.globl	bench
bench:
	mov	$TABLE, %r8d
	xor	%ecx, %ecx
1:	mov	%ecx, %eax
	mov	$8, %edx
2:	shr	$1, %eax
	jnc	3f
	xor	$0xedb88320, %eax
3:	dec	%edx
	jnz	2b
	mov	%eax, (%r8,%rcx,4)
	inc	%ecx
	cmp	$256, %ecx
	jb	1b
	mov	$BUF, %esi
	xor	%ecx, %ecx
4:	imul	$167, %ecx, %eax
	shr	$3, %eax
	mov	%al, (%rsi,%rcx)
	inc	%ecx
	cmp	$LEN, %ecx
	jb	4b
	xor	%eax, %eax
round:
	not	%eax
	xor	%ecx, %ecx
5:	movzbl	(%rsi,%rcx), %edx
	xor	%al, %dl
	shr	$8, %eax
	xor	(%r8,%rdx,4), %eax
	inc	%rcx
	cmp	$LEN, %rcx
	jb	5b
	not	%eax
	dec	%rdi
	jnz	round
	ret
