// A bare Multiboot image around a workload, for machines without a system:
// enters long mode, calls the blob at BASE with COUNT, prints RAX on the serial
// port in hexadecimal, and powers off. BLOB, COUNT are given when assembled.
	.set	BASE, 0x400000
	.set	STACK_TOP, 0x1000000
	.set	MAGIC, 0x1badb002

	.section .image, "awx"
	.code32
	.p2align 2
header:
	.long	MAGIC, 0x10003, -(MAGIC + 0x10003)
	.long	header, header, 0, STACK_TOP, start
start:
	mov	$STACK_TOP, %esp
	cld
	mov	$0x83, %eax
	xor	%ecx, %ecx
1:	mov	%eax, pd(,%ecx,8)
	movl	$0, pd + 4(,%ecx,8)
	add	$0x200000, %eax
	inc	%ecx
	cmp	$512, %ecx
	jb	1b
	lgdt	gdt_pointer
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	and	$0x9fffffff, %eax
	or	$0x80000001, %eax
	mov	%eax, %cr0
	ljmp	$0x08, $2f
	.code64
2:	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$blob, %esi
	mov	$BASE, %edi
	mov	$blob_end - blob, %ecx
	rep movsb
	mov	$COUNT, %rdi
	mov	$BASE, %eax
	call	*%rax
	mov	%rax, %rbx
	mov	$0x3fb, %edx		// 8 bits a character
	mov	$3, %al
	out	%al, %dx
	mov	$16, %ecx
3:	rol	$4, %rbx
	mov	%ebx, %eax
	and	$15, %eax
	mov	digits(%rax), %al
	mov	$0x3f8, %edx
	out	%al, %dx
	mov	$0x3fd, %edx
4:	in	%dx, %al
	test	$0x40, %al
	jz	4b
	dec	%ecx
	jnz	3b
	xor	%eax, %eax
	mov	$0xf4, %edx
	out	%eax, %dx
	mov	$0x8900, %edx
	mov	$goodbye, %esi
	mov	$8, %ecx
	rep outsb
5:	hlt
	jmp	5b
digits:	.ascii	"0123456789abcdef"
goodbye: .ascii	"Shutdown"
	.p2align 3
gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	23
	.quad	gdt
	.p2align 12
pml4:	.quad	pdpt + 3
	.p2align 12
pdpt:	.quad	pd + 3
	.p2align 12
pd:	.skip	4096
blob:	.incbin	BLOB
blob_end:
