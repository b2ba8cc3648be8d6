// The last 64 KiB of a ROM of 1 MiB for Bochs, which has no -kernel: from the
// reset vector to the Multiboot entry state (SDM vol. 3A, section 9.1.4;
// Multiboot 3.2). The image is in the ROM's first part and is copied to where
// its header, which must begin it and have addresses, wants it.
	.set	ROM_BASE, 0xfff00000
	.set	ROM_IMAGE_SIZE, 0xf0000

	.section .rom, "ax"
	.code16
rom:
	cli
	lgdtl	%cs:(gdt_pointer - rom)
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$0x08, $protected
	.code32
protected:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	cld
	mov	$ROM_BASE, %esi
	mov	ROM_BASE + 16, %edi		// load_addr
	mov	$ROM_IMAGE_SIZE, %ecx
	mov	ROM_BASE + 20, %eax		// load_end_addr, 0: all
	test	%eax, %eax
	jz	1f
	sub	%edi, %eax
	mov	%eax, %ecx
1:	rep movsb
	mov	$0x2badb002, %eax
	xor	%ebx, %ebx
	jmp	*ROM_BASE + 28			// entry_addr
	.p2align 3
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdt_pointer:
	.word	23
	.long	gdt

	.org	0xfff0
	.code16
	ljmpw	$0xf000, $0
	.org	0x10000 - 1
	.byte	0
