// Start-up of the self-test image: a Multiboot header with addresses, so that
// the flat binary itself is the image, the way from 32-bit protected mode to
// long mode, the descriptor tables, and the entry stubs of all vectors.

	.set	MAGIC, 0x1badb002
	.set	FLAGS, 0x00010003
	.set	TESTS_BASE, 0x100000

	.section .start, "awx"
	.code32
	.globl	start
	.p2align 2
header:
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)
	.long	header, TESTS_BASE, load_end, bss_end, start
start:
	cli
	cld
	mov	%ebx, boot_info
	mov	$stack_top, %esp
	// pd0: 1 GiB at its own addresses, supervisor only. pd1: the same memory
	// once more at 1 GiB, for user mode.
	mov	$0x83, %eax
	xor	%ecx, %ecx
1:	mov	%eax, pd0(,%ecx,8)
	mov	%eax, pd1(,%ecx,8)
	orl	$4, pd1(,%ecx,8)
	add	$0x200000, %eax
	inc	%ecx
	cmp	$512, %ecx
	jb	1b
	movl	$pdpt + 7, pml4
	movl	$pd0 + 7, pdpt
	movl	$pd1 + 7, pdpt + 8
	movl	$pd3 + 7, pdpt + 24
	movl	$0xfee00000 + 0x93, pd3 + 8 * 503	// the local APIC's page, uncached
	lgdt	gdt_pointer
	mov	%cr4, %eax
	or	$0x20, %eax		// PAE
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x901, %eax		// NXE, LME, SCE
	wrmsr
	mov	%cr0, %eax
	and	$0x9fffffff, %eax	// caches on
	or	$0x80010023, %eax	// PG, WP, NE, MP, PE
	mov	%eax, %cr0
	ljmp	$0x08, $start64

	.code64
start64:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	// The TSS descriptor's base is filled in here: it is split over the entry.
	mov	$tss, %eax
	mov	%ax, gdt + TSS_SEL + 2
	shr	$16, %eax
	mov	%al, gdt + TSS_SEL + 4
	mov	%ah, gdt + TSS_SEL + 7
	mov	$TSS_SEL, %eax
	ltr	%ax
	mov	$stack_top, %rsp
	lea	stubs(%rip), %rsi
	lea	idt(%rip), %rdi
	xor	%ecx, %ecx
2:	mov	%rsi, %rax
	mov	%ax, (%rdi)
	movw	$0x08, 2(%rdi)
	movw	$0x8e00, 4(%rdi)
	shr	$16, %rax
	mov	%ax, 6(%rdi)
	add	$16, %rsi
	add	$16, %rdi
	inc	%ecx
	cmp	$256, %ecx
	jb	2b
	orb	$0x60, idt + 16 * 0x80 + 5	// INT 0x80 from ring 3
	orb	$0x60, idt + 16 * 3 + 5
	orb	$0x60, idt + 16 * 4 + 5
	lidt	idt_pointer
	call	run_tests
	mov	%eax, %edi
	call	stop_machine
3:	cli
	hlt
	jmp	3b

// Sixteen bytes a vector: push a zero where the processor pushes no error
// code, then the vector.
	.text
	.p2align 4
stubs:
	vector = 0
	.rept	256
	.p2align 4
	.if	vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
	.else
	push	$0
	.endif
	pushq	$vector
	jmp	common
	vector = vector + 1
	.endr
	.p2align 4
common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	and	$-16, %rsp
	call	trap
	mov	%rbx, %rsp
	.globl	leave_trap
leave_trap:
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq

// void run_user(u64 rip, u64 cs, u64 ss, u64 arg): runs code in ring 3 until INT 0x80
// or an exception that nobody expects; trap() then comes back by leave_user.
	.globl	run_user, leave_user
run_user:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushfq
	mov	%rsp, user_return(%rip)
	mov	%rsp, tss + 4(%rip)
	push	%rdx
	lea	user_stack_top(%rip), %rax
	add	$0x40000000, %rax
	push	%rax
	pushq	$0x202
	push	%rsi
	push	%rdi
	mov	%rcx, %rdi
	iretq
leave_user:
	mov	$0x10, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	mov	user_return(%rip), %rsp
	movq	$stack_top, tss + 4(%rip)
	popfq
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.data
	.p2align 4
	.globl	gdt, idt, tss, gdt_pointer, idt_pointer, boot_info, pml4, pd0, pd1
gdt:
	.quad	0
	.quad	0x00af9b000000ffff	// 0x08 kernel code, 64 bits
	.quad	0x00cf93000000ffff	// 0x10 kernel data
	.quad	0x00cffb000000ffff	// 0x18 user code, 32 bits
	.quad	0x00cff3000000ffff	// 0x20 user data
	.quad	0x00affb000000ffff	// 0x28 user code, 64 bits
	.quad	0x00cf9b000000ffff	// 0x30 kernel code, 32 bits
	.quad	0x00009b000000ffff	// 0x38 kernel code, 16 bits
	.quad	0x000093000000ffff	// 0x40 kernel data, 16 bits
	.set	TSS_SEL, 0x48
	.quad	0x0000890000000067	// 0x48 TSS
	.quad	0
	.fill	16, 8, 0		// 0x58 to 0xd0: free for tests
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt
idt_pointer:
	.word	16 * 256 - 1
	.quad	idt
	.p2align 4
tss:
	.long	0
	.quad	stack_top, 0, 0
	.quad	0
	.quad	ist1_top, ist2_top, 0, 0, 0, 0, 0
	.quad	0
	.word	0, 0x68
boot_info:
	.quad	0
user_return:
	.quad	0

	.bss
	.p2align 12
pml4:	.skip	4096
pdpt:	.skip	4096
pd0:	.skip	4096
pd1:	.skip	4096
pd3:	.skip	4096
idt:	.skip	4096
	.skip	16384
stack_top:
	.skip	8192
ist1_top:
	.skip	8192
ist2_top:
	.skip	8192
	.globl	stack_top, user_stack_top, ist1_top, ist2_top
user_stack_top:
