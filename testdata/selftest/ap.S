// How another core comes up: from the start-up IPI in real mode to long mode
// with this image's tables, then ap_main on a stack of its own. The code up to
// ap_end is copied to AP_PAGE, the page that the start-up IPI names.

	.set	AP_PAGE, 0x8000

	.section .rodata
	.code16
	.globl	ap_begin, ap_end
ap_begin:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	AP_PAGE + ap_gdt_pointer - ap_begin
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	$0x30, $ap_start32
	.p2align 2
ap_gdt_pointer:
	.word	0xd7
	.long	gdt
ap_end:

	.section .start, "awx"
	.code32
ap_start32:
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x901, %eax
	wrmsr
	mov	%cr0, %eax
	and	$0x9fffffff, %eax
	or	$0x80010023, %eax
	mov	%eax, %cr0
	ljmp	$0x08, $ap_start64
	.code64
ap_start64:
	mov	$ap_stack_top, %rsp
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	lidt	idt_pointer
	call	ap_main
1:	cli
	hlt
	jmp	1b

	.bss
	.p2align 4
	.skip	8192
ap_stack_top:
