// Start-up of the real-mode self-test image: from 32-bit protected mode back
// to real mode, in segment 0, and then C compiled for 16-bit code. Everything
// lies below 64 KiB, so addresses are offsets in every segment that is 0.

	.set	MAGIC, 0x1badb002

	.section .start, "awx"
	.code32
	.globl	start, real_gdt
	.p2align 2
header:
	.long	MAGIC, 0x10000, -(MAGIC + 0x10000)
	.long	header, header, load_end, bss_end, start
start:
	cli
	cld
	lgdt	gdt_pointer
	ljmp	$0x08, $1f
	.code16
1:	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmp	$0, $2f
2:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %fs
	mov	%ax, %gs
	mov	%ax, %ss
	mov	$stack_top, %esp
	lidt	idt_pointer
	calll	run_tests
3:	hlt
	jmp	3b

// Entries of the interrupt table: each pushes its number and goes to C.
	.p2align 3
	.globl	stubs
stubs:
	vector = 0
	.rept	34
	.p2align 3
	pushw	$vector
	jmp	common
	vector = vector + 1
	.endr
common:
	pushal
	movzwl	%sp, %eax
	pushl	%eax
	calll	trap
	addw	$4, %sp
	popal
	addw	$2, %sp
	iretw

	.p2align 3
real_gdt:
	.quad	0
	.quad	0x00009b000000ffff	// 0x08 code, 16 bits
	.quad	0x000093000000ffff	// 0x10 data, 64 KiB
	.quad	0x00cf93000000ffff	// 0x18 data, 4 GiB
	.quad	0x00cf9b000000ffff	// 0x20 code, 32 bits
gdt_pointer:
	.word	39
	.long	real_gdt
idt_pointer:
	.word	0x3ff
	.long	0

	.bss
	.p2align 4
	.skip	8192
stack_top:
