// The older modes: from long mode through compatibility mode, 32-bit
// protected mode with and without paging, 16-bit protected mode and real mode,
// and back. One piece of assembly goes through them all below 1 MiB and notes
// what it sees as a list of numbers; the tests look at the list.
#include "selftest.h"

#define BLOB 0x8000ul	// where the piece is copied to
#define NOTES 0xa000ul	// what it notes: a serial number and a value, 32 bits each
#define NOTE_MAX 100

asm(".pushsection .data\n"
    "	.set BLOB, 0x8000\n	.set NOTES, 0xa000\n"
    "	.macro note n, v:vararg\n"
    "	movl $\\n, (%edi)\n	movl \\v, 4(%edi)\n	add $8, %edi\n"
    "	.endm\n"
    "	.set KCODE, 0x08; .set KDATA, 0x10; .set UCODE32, 0x1b; .set UDATA, 0x23\n"
    "	.set KCODE32, 0x30; .set KCODE16, 0x38; .set KDATA16, 0x40\n"
    "	.set SMALL, 0x58; .set DOWN, 0x60; .set TSS32, 0x68; .set GATE, 0x70; .set CONF, 0x78\n"
    ".globl legacy_blob, legacy_end, legacy_go\n"
    "legacy_blob:\n");

asm(
    "	.macro at name\n	.set \\name\\()_at, \\name - legacy_blob + BLOB\n	.endm\n"
    ".code32\n"
    "	mov $NOTES, %edi\n"
    // Compatibility mode: INC is 40h, addresses wrap at 4 GiB, PUSHA works.
    "	mov $0x7fffffff, %eax\n"
    "	inc %eax\n"
    "	note 1, %eax\n"
    "	mov $0xfffffff0, %ebx\n"
    "	movl $0x12345678, NOTES + 0xf00\n"
    "	mov NOTES + 0xf10(%ebx), %eax\n"
    "	note 2, %eax\n"
    "	mov %esp, %edx\n	pusha\n	sub %esp, %edx\n	popa\n"
    "	pushl $-2\n	mov (%esp), %eax\n	add $4, %esp\n"
    "	note 3, %eax\n"
    "	mov %cs, %eax\n"
    "	note 4, %eax\n"
    "	mov $0x1234, %ax\n	mov $9, %cl\n	mov $0x39, %al\n	add $8, %al\n	daa\n"
    "	movzwl %ax, %eax\n"
    "	note 5, %eax\n"
    // Paging off, then long mode off: protected mode.
    "	mov %cr0, %eax\n	and $0x7fffffff, %eax\n	mov %eax, %cr0\n"
    "	mov $0xc0000080, %ecx\n	rdmsr\n	note 6, %eax\n"
    "	and $~0x100, %eax\n	wrmsr\n"
    "	lidt protected_idt_at\n"
    "	int $0x40\n"
    "	mov 4(%esp), %ecx\n	mov 8(%esp), %ecx\n"
    "	note 8, %esp\n"
    // Limits: the last byte is inside, one further is not.
    "	mov $SMALL, %eax\n	mov %eax, %fs\n"
    "	movb $0x5a, %fs:0xfff\n"
    "	movl $1f - legacy_blob + BLOB, %ebp\n	xor %ebx, %ebx\n"
    "	mov %fs:0xffd, %eax\n"
    "1:	note 9, %ebx\n"
    "	movl $1f - legacy_blob + BLOB, %ebp\n	xor %ebx, %ebx\n"
    "	mov $DOWN, %eax\n	mov %eax, %gs\n"
    "	mov %gs:0x1000, %eax\n"
    "	mov %gs:0xfff, %eax\n"
    "1:	note 10, %ebx\n"
    "	movl $1f - legacy_blob + BLOB, %ebp\n	xor %ebx, %ebx\n"
    "	movb $1, %cs:0\n"
    "1:	note 11, %ebx\n"
    "	movl $1f - legacy_blob + BLOB, %ebp\n	xor %ebx, %ebx\n"
    "	xor %eax, %eax\n	mov %eax, %fs\n	mov %fs:0, %al\n"
    "1:	note 12, %ebx\n"
    // Ring 3 and back through an interrupt gate, on the TSS's stack.
    "	mov $TSS32, %eax\n	ltr %ax\n"
    "	mov %esp, saved_esp_at\n"
    "	pushl $UDATA\n	pushl $0x7f00\n	pushl $0x3002\n	pushl $UCODE32\n	pushl $ring3_at\n"
    "	iret\n"
    "ring3:	at ring3\n"
    "	mov %ds, %edx\n"
    "	mov $UDATA, %eax\n	mov %eax, %ds\n	mov %eax, %es\n"
    "	mov %cs, %eax\n	note 13, %eax\n	note 14, %edx\n"
    // A call gate with two parameters, and the far return that releases them.
    "	push $0x111\n	push $0x222\n"
    "	lcall $GATE + 3, $0\n"
    "	note 18, %esp\n"
    "	int $0x41\n"
    "gate:	at gate\n"
    "	mov 8(%esp), %eax\n	note 15, %eax\n	mov 12(%esp), %eax\n	note 16, %eax\n	note 17, %esp\n"
    "	lret $8\n"
    "back0:	at back0\n"
    "	mov $KDATA, %eax\n	mov %eax, %ds\n	mov %eax, %es\n	mov %eax, %ss\n"
    "	mov saved_esp_at, %esp\n"
    // 32-bit paging with 4 MiB pages, then PAE paging.
    "	movl $0x00000083, 0xb000\n	movl $0x00000083, 0xb004\n"
    "	mov %cr4, %eax\n	and $~0x20, %eax\n	or $0x10, %eax\n	mov %eax, %cr4\n"
    "	mov $0xb000, %eax\n	mov %eax, %cr3\n"
    "	mov %cr0, %eax\n	or $0x80000000, %eax\n	mov %eax, %cr0\n"
    "	movl $0x600dcafe, 0x9000\n"
    "	mov 0x409000, %eax\n	note 19, %eax\n"
    "	mov 0xb004, %eax\n	note 20, %eax\n"
    "	movl $1f - legacy_blob + BLOB, %ebp\n	xor %ebx, %ebx\n"
    "	mov 0x800000, %eax\n"
    "1:	note 21, %ebx\n	mov %cr2, %eax\n	note 22, %eax\n"
    "	mov %cr0, %eax\n	and $0x7fffffff, %eax\n	mov %eax, %cr0\n"
    "	movl $0xc001, 0xb000\n	movl $0, 0xb004\n	movl $0, 0xb008\n	movl $0, 0xb00c\n"
    "	movl $0, 0xb010\n	movl $0, 0xb014\n	movl $0, 0xb018\n	movl $0, 0xb01c\n"
    "	movl $0x83, 0xc000\n	movl $0, 0xc004\n	movl $0x83, 0xc008\n	movl $0, 0xc00c\n"
    "	movl $0, 0xc010\n	movl $0, 0xc014\n"
    "	mov %cr4, %eax\n	or $0x20, %eax\n	mov %eax, %cr4\n"
    "	mov $0xb000, %eax\n	mov %eax, %cr3\n"
    "	mov %cr0, %eax\n	or $0x80000000, %eax\n	mov %eax, %cr0\n"
    "	mov 0x209000, %eax\n	note 23, %eax\n"
    "	mov 0xc008, %eax\n	note 24, %eax\n"
    "	mov %cr0, %eax\n	and $0x7fffffff, %eax\n	mov %eax, %cr0\n"
    // 16-bit protected mode.
    "	mov %esp, saved_esp_at\n"
    "	ljmp $KCODE16, $code16_at\n"
    ".code16\n"
    "code16:	at code16\n"
    "	mov $KDATA16, %ax\n	mov %ax, %ds\n	mov %ax, %es\n	mov %ax, %ss\n	mov %ax, %fs\n	mov $KDATA, %ax\n	mov %ax, %gs\n"
    "	mov $0x7000, %sp\n"
    "	mov $0x12345678, %eax\n	push %ax\n	push %eax\n"
    "	movzwl %sp, %eax\n"
    "	note 25, %eax\n"
    "	mov $0xffff, %bx\n	xor %eax, %eax\n	lea 0x9001(%bx), %eax\n"
    "	note 26, %eax\n"
    "	call 1f\n"
    "1:	pop %ax\n	movzwl %ax, %eax\n	sub $1b - legacy_blob + BLOB, %eax\n"
    "	note 27, %eax\n"
    // Real mode.
    "	mov %cr0, %eax\n	and $0xfffffffe, %eax\n	mov %eax, %cr0\n"
    "	ljmp $BLOB >> 4, $real - legacy_blob\n"
    "real:\n"
    "	xor %ax, %ax\n	mov %ax, %ds\n	mov %ax, %es\n	mov %ax, %ss\n	mov %ax, %fs\n	mov %ax, %gs\n"
    "	mov $0x7000, %sp\n"
    "	lidtl real_idt_at\n"
    "	mov %cs, %eax\n"
    "	note 28, %eax\n"
    "	movw $real_int - legacy_blob, 0x50 * 4\n	movw $BLOB >> 4, 0x50 * 4 + 2\n"
    "	movw $real_fault - legacy_blob, 13 * 4\n	movw $BLOB >> 4, 13 * 4 + 2\n"
    "	movw $real_fault - legacy_blob, 6 * 4\n	movw $BLOB >> 4, 6 * 4 + 2\n"
    "	movw $real_fault - legacy_blob, 12 * 4\n	movw $BLOB >> 4, 12 * 4 + 2\n"
    "	stc\n"
    "	int $0x50\n"
    "	movzwl %sp, %eax\n"
    "	note 31, %eax\n"
    "	mov $0x900, %ax\n	mov %ax, %fs\n	mov %fs:0, %eax\n"
    "	note 32, %eax\n"
    "	mov $1f - legacy_blob, %bp\n	xor %ebx, %ebx\n"
    "	mov $0xffff, %si\n	mov (%si), %ax\n"
    "1:	note 33, %ebx\n"
    "	mov $1f - legacy_blob, %bp\n	xor %ebx, %ebx\n"
    "	ud2\n"
    "1:	note 34, %ebx\n"
    "	mov $0xfff0, %ax\n	mov %ax, %fs\n	mov $0x1234, %cx\n	push %fs\n	pop %fs\n	mov %fs, %eax\n"
    "	movzwl %ax, %eax\n"
    "	note 35, %eax\n"
    "	lcall $BLOB >> 4, $real_far - legacy_blob\n"
    "	mov $3, %cx\n	xor %eax, %eax\n"
    "2:	inc %ax\n	loop 2b\n"
    "	note 37, %eax\n"
    // The instructions that 16-bit code is made of.
    "	mov $1f - legacy_blob, %bp\n"
    "	movw $real_fault - legacy_blob, 0 * 4\n	movw $BLOB >> 4, 0 * 4 + 2\n"
    "	movw $real_fault - legacy_blob, 5 * 4\n	movw $BLOB >> 4, 5 * 4 + 2\n"
    "	movw $real_trap - legacy_blob, 3 * 4\n	movw $BLOB >> 4, 3 * 4 + 2\n"
    "	movw $real_trap - legacy_blob, 4 * 4\n	movw $BLOB >> 4, 4 * 4 + 2\n"
    "	pushaw\n	mov %sp, 0x9100\n	popaw\n	movzwl 0x9100, %eax\n	note 50, %eax\n"
    "	enterw $8, $1\n	movzwl %sp, %eax\n	note 51, %eax\n	leavew\n"
    "	push %edi\n	mov $0xffff, %di\n	stosb\n	movzwl %di, %eax\n	pop %edi\n	note 52, %eax\n"
    "	mov $0x10000, %ecx\n	xor %eax, %eax\n	jcxz 1f\n	inc %ax\n1:	jecxz 1f\n	inc %ax\n1:	note 53, %eax\n"
    "	mov $0x10002, %ecx\n2:	loop 2b\n	note 54, %ecx\n"
    "	movl $0x20001234, 0x9100\n	les 0x9100, %bx\n	mov %es, %ax\n	shl $16, %eax\n	mov %bx, %ax\n	note 55, %eax\n"
    "	xor %ax, %ax\n	mov %ax, %es\n"
    "	movl $0x00090003, 0x9100\n	mov $3, %bx\n	boundw %bx, 0x9100\n"
    "	mov $1f - legacy_blob, %bp\n	xor %ebx, %ebx\n	mov $0xa, %ax\n	boundw %ax, 0x9100\n1:	note 56, %ebx\n"
    "	xor %ebx, %ebx\n	mov $0x7f, %al\n	inc %al\n	into\n	int3\n	note 57, %ebx\n"
    "	mov $0x4f, %al\n	aam\n	movzwl %ax, %eax\n	note 58, %eax\n	aad\n	movzwl %ax, %eax\n	note 59, %eax\n"
    "	mov $0x0f, %ax\n	aaa\n	movzwl %ax, %eax\n	note 60, %eax\n	mov $0x0205, %ax\n	sub $7, %al\n	aas\n	movzwl %ax, %eax\n	note 61, %eax\n"
    "	mov $0x42, %al\n	sub $0x15, %al\n	das\n	movzbl %al, %eax\n	note 62, %eax\n"
    "	mov $0x9000, %bx\n	mov $2, %al\n	xlat\n	movzbl %al, %eax\n	note 63, %eax\n"
    "	push $-2\n	pop %ax\n	movzwl %ax, %eax\n	note 64, %eax\n	push %sp\n	pop %ax\n	movzwl %ax, %eax\n	note 65, %eax\n"
    "	pushl $0x12345678\n	pop %bx\n	pop %cx\n	movzwl %bx, %eax\n	shl $16, %eax\n	mov %cx, %ax\n	note 66, %eax\n"
    "	mov $0x9000, %ebx\n	mov (%ebx), %eax\n	note 67, %eax\n"
    "	mov $1f - legacy_blob, %bp\n	xor %ebx, %ebx\n	mov $0x1000, %ax\n	mov $16, %cl\n	div %cl\n1:	note 68, %ebx\n"
    "	push $0x7002\n	popfw\n	pushfw\n	pop %ax\n	movzwl %ax, %eax\n	and $0x7000, %eax\n	note 69, %eax\n	push $2\n	popfw\n"
    "	push %cs\n	push $1f - legacy_blob\n	lretw\n1:	movw $1f - legacy_blob, 0x9100\n	movw $BLOB >> 4, 0x9102\n	ljmpw *0x9100\n1:"
    "	movw $1f - legacy_blob, 0x9100\n	jmpw *0x9100\n	ud2\n1:	movzwl %sp, %eax\n	note 70, %eax\n"
    "	push %edi\n	mov $3, %cx\n	mov $0x9000, %si\n	mov $0x9200, %di\n	rep movsw\n	movzwl %si, %eax\n	shl $16, %eax\n	mov %di, %ax\n	pop %edi\n	note 71, %eax\n	mov 0x9200, %eax\n	note 72, %eax\n"
    "	mov $0x100000, %ebx\n	mov %gs:(%ebx), %eax\n	note 73, %eax\n"
    "	mov $0x12345678, %eax\n	mov $0xfffe, %bx\n	mov $4, %si\n	mov 0x9000 - 2(%bx, %si), %ax\n	note 74, %eax\n"
    // And back: protected mode, long mode.
    "	mov %cr0, %eax\n	or $1, %eax\n	mov %eax, %cr0\n"
    "	ljmpl $KCODE32, $code32_at\n"
    "real_int:\n"
    "	mov %sp, %si\n	movzwl 4(%si), %eax\n	and $0x201, %eax\n"
    "	note 29, %eax\n"
    "	movzwl 2(%si), %eax\n"
    "	note 30, %eax\n"
    "	iret\n"
    "real_fault:\n"
    "	mov %sp, %si\n	mov %bp, (%si)\n	mov $0x77, %ebx\n	iret\n"
    "real_trap:\n"
    "	inc %ebx\n	shl $4, %ebx\n	iret\n"
    "real_far:\n"
    "	mov %sp, %si\n	movzwl 2(%si), %eax\n"
    "	note 36, %eax\n"
    "	lret\n"
    ".code32\n"
    "code32:	at code32\n"
    "	mov $KDATA, %eax\n	mov %eax, %ds\n	mov %eax, %es\n	mov %eax, %ss\n"
    "	mov saved_esp_at, %esp\n"
    "	lidt long_idt_at\n"
    "	mov %cr4, %eax\n	or $0x20, %eax\n	and $~0x10, %eax\n	mov %eax, %cr4\n"
    "	mov saved_cr3_at, %eax\n	mov %eax, %cr3\n"
    "	mov $0xc0000080, %ecx\n	rdmsr\n	or $0x100, %eax\n	wrmsr\n"
    "	mov %cr0, %eax\n	or $0x80000000, %eax\n	mov %eax, %cr0\n"
    "	rdmsr\n	note 38, %eax\n"
    "	note 0, $0\n"
    "	ljmp *far_back_at\n"
    // Handlers of protected mode: 40h notes and returns, 41h goes back to ring
    // 0 for good, a fault notes vector and error code and goes on at EBP.
    "on40:	at on40\n"
    "	note 7, %esp\n	iret\n"
    "on41:	at on41\n"
    "	mov 12(%esp), %eax\n"
    "	mov %ss, %edx\n"
    "	push %ds\n	mov $KDATA, %ebx\n	mov %ebx, %ds\n"
    "	note 39, %eax\n	note 40, %edx\n	note 41, %esp\n"
    "	jmp back0\n"
    "	.irp v, 10, 11, 12, 13, 14\n"
    "on\\v:	at on\\v\n"
    "	pop %ebx\n	or $\\v << 16, %ebx\n	mov %ebp, (%esp)\n	iret\n"
    "	.endr\n"
    "	.p2align 3\n"
    "idt32:	at idt32\n"
    "	.skip 10 * 8\n"
    "	.irp v, 10, 11, 12, 13, 14\n"
    "	.word on\\v\\()_at, KCODE32, 0x8e00, 0\n"
    "	.endr\n"
    "	.skip (0x40 - 15) * 8\n"
    "	.word on40_at, KCODE32, 0x8e00, 0\n"
    "	.word on41_at, KCODE32, 0xee00, 0\n"
    "idt32_end:\n"
    "protected_idt:	at protected_idt\n"
    "	.word idt32_end - idt32 - 1\n	.long idt32_at\n"
    "real_idt:	at real_idt\n"
    "	.word 0x3ff\n	.long 0\n"
    "long_idt:	at long_idt\n"
    "	.word 16 * 256 - 1\n	.long idt\n	.long 0\n"
    "saved_esp:	at saved_esp\n	.long 0\n"
    "saved_cr3:	at saved_cr3\n	.long pml4\n"
    "far_back:	at far_back\n	.long legacy_back\n	.word KCODE\n"
    "	.p2align 3\n"
    "tss32:	at tss32\n	.long 0, 0x7800, KDATA\n	.skip 92\n	.word 0, 0x68\n"
    "legacy_end:\n"
    ".popsection\n"
    ".code64\n"
    "legacy_go:\n"
    "	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n	push %r14\n	push %r15\n	pushfq\n"
    "	mov %rsp, legacy_rsp(%rip)\n"
    "	mov $0x7e00, %esp\n"
    "	ljmp *legacy_in(%rip)\n"
    "legacy_back:\n"
    "	mov legacy_rsp(%rip), %rsp\n"
    "	mov $0x10, %eax\n	mov %eax, %ss\n	mov %eax, %ds\n	mov %eax, %es\n"
    "	xor %eax, %eax\n	mov %eax, %fs\n	mov %eax, %gs\n"
    "	popfq\n	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbp\n	pop %rbx\n"
    "	ret\n"
    ".pushsection .data\n"
    "legacy_in:	.long 0x8000\n	.word 0x30\n"
    "legacy_rsp:	.quad 0\n"
    ".globl legacy_gate_at, legacy_tss_at\n"
    "legacy_gate_at:	.quad gate_at\n"
    "legacy_tss_at:	.quad tss32_at\n"
    ".popsection\n");

extern u8 legacy_blob[], legacy_end[];
extern u64 legacy_gate_at, legacy_tss_at;
void legacy_go(void);

static u32 seen[NOTE_MAX];
static int ran;

// run goes through the modes once and sorts the notes by number.
static void run(void)
{
	if (ran)
		return;
	ran = 1;
	volatile u8 *to = (volatile u8 *)BLOB;
	for (u64 i = 0; i < (u64)(legacy_end - legacy_blob); i++)
		to[i] = legacy_blob[i];
	u64 gate = legacy_gate_at, tss32 = legacy_tss_at;
	gdt[SPARE / 8] = 0x0040930000000fff;			     // SMALL: 4 KiB
	gdt[SPARE / 8 + 1] = 0x0040970000000fff;		     // DOWN: expand down
	gdt[SPARE / 8 + 2] = 0x0000890000000067 | tss32 << 16;	     // TSS32
	gdt[SPARE / 8 + 3] = 0x0000ec0200300000 | (gate & 0xffff);   // GATE: two parameters, DPL 3
	legacy_go();
	volatile u32 *p = (volatile u32 *)NOTES;
	for (; p[0] != 0 && p[0] < NOTE_MAX; p += 2)
		seen[p[0]] = p[1];
	for (int i = 0; i < 4; i++)
		gdt[SPARE / 8 + i] = 0;
	// The machine's own TSS again.
	gdt[TSSSEL / 8] &= ~(2ul << 40);
	asm volatile("ltr %w0" : : "r"(TSSSEL));
}

// SDM vol. 3A, section 5.2: 32-bit code under IA-32e mode.
TEST(compatibility_mode)
{
	run();
	CHECK(1, seen[1] == 0x80000000);
	CHECK(2, seen[2] == 0x12345678);
	CHECK(3, seen[3] == 0xfffffffe);
	CHECK(4, seen[4] == KCODE32);
	CHECK(5, (seen[5] & 0xff) == 0x47);
	CHECK(6, (seen[6] & 0x500) == 0x100); // LMA is clear with paging off
	CHECK(7, (seen[38] & 0x500) == 0x500);
	return 0;
}

TEST(protected_mode_interrupts)
{
	run();
	CHECK(1, seen[7] == seen[8] - 12);
	CHECK(2, seen[8] == 0x7e00);
	return 0;
}

TEST(protected_mode_limits)
{
	run();
	CHECK(1, seen[9] == GP << 16);
	CHECK(2, seen[10] == GP << 16);
	CHECK(3, seen[11] == GP << 16);
	CHECK(4, seen[12] == GP << 16);
	return 0;
}

TEST(protected_mode_rings)
{
	run();
	CHECK(1, seen[13] == UCODE32);
	CHECK(2, seen[14] == 0); // IRET to an outer ring drops DS of ring 0
	CHECK(3, seen[15] == 0x222);
	CHECK(4, seen[16] == 0x111);
	CHECK(5, seen[17] == 0x7800 - 24);
	CHECK(6, seen[18] == 0x7f00);
	CHECK(7, seen[39] == 0x7f00);
	CHECK(8, seen[40] == KDATA);
	CHECK(9, seen[41] == 0x7800 - 24);
	return 0;
}

TEST(legacy_paging)
{
	run();
	CHECK(1, seen[19] == 0x600dcafe);
	CHECK(2, seen[20] == 0xa3); // accessed
	CHECK(3, seen[21] == PF << 16);
	CHECK(4, seen[22] == 0x800000);
	CHECK(5, seen[23] == 0x600dcafe);
	CHECK(6, seen[24] == 0xa3);
	return 0;
}

TEST(sixteen_bit_mode)
{
	run();
	CHECK(1, seen[25] == 0x7000 - 6);
	CHECK(2, seen[26] == 0x9000);
	CHECK(3, seen[27] == 0);
	return 0;
}

TEST(real_mode)
{
	run();
	CHECK(1, seen[28] == BLOB >> 4);
	CHECK(2, seen[29] == 1); // CF pushed, IF clear
	CHECK(3, seen[30] == BLOB >> 4);
	CHECK(4, seen[31] == 0x7000);
	CHECK(5, seen[32] == 0x600dcafe);
	CHECK(6, seen[33] == 0x77);
	CHECK(7, seen[34] == 0x77);
	CHECK(8, seen[35] == 0xfff0);
	CHECK(9, seen[36] == BLOB >> 4);
	CHECK(10, seen[37] == 3);
	return 0;
}

// Flags and results are those of SDM vol. 2 at each instruction's page.
TEST(real_mode_instructions)
{
	run();
	static const struct { u8 n; u32 v; } want[] = {
		{ 50, 0x7000 - 16 },  // PUSHA: eight words
		{ 51, 0x7000 - 12 },  // ENTER 8, 1: BP, one frame pointer, 8 bytes
		{ 52, 0 },	      // DI wraps
		{ 53, 1 },	      // JCXZ looks at CX, JECXZ at ECX
		{ 54, 0x10000 },      // LOOP counts CX
		{ 55, 0x20001234 },   // LES
		{ 56, 0x77 },	      // BOUND out of bounds
		{ 57, 0x110 },	      // INTO and INT3 both came
		{ 58, 0x0709 }, { 59, 0x4f }, // AAM, AAD
		{ 60, 0x0105 }, { 61, 0x0108 }, { 62, 0x27 }, // AAA, AAS, DAS
		{ 63, 0x0d },	      // XLAT
		{ 64, 0xfffe }, { 65, 0x7000 }, // PUSH of an immediate, of SP
		{ 66, 0x56781234 }, { 67, 0x600dcafe },
		{ 68, 0x77 },	      // the quotient does not fit
		{ 69, 0x7000 },	      // POPF sets IOPL and NT
		{ 70, 0x7000 },	      // far return, far and near indirect jump
		{ 71, 0x90069206 }, { 72, 0x600dcafe },
		{ 73, 0x1badb002 },   // a segment keeps its limit into real mode
		{ 74, 0x1234cafe },   // BX+SI wraps at 16 bits
	};
	for (u64 i = 0; i < sizeof want / sizeof want[0]; i++)
		CHECK(want[i].n, seen[want[i].n] == want[i].v);
	return 0;
}
