// IRETQ: every check, and what it restores (SDM vol. 2, IRET).
#include "selftest.h"

struct iret_frame { u64 rip, cs, rflags, rsp, ss; };

static u64 here asm("here") __attribute__((used)); // where the frames return to

// IRET executes IRETQ with a frame and returns the vector it raised, or NONE if
// it arrived at label 6; the stack is put back either way.
#define IRET_TO(f)                                                             \
	({                                                                     \
		last.vector = NONE;                                            \
		asm volatile("mov %%rsp, %%rbx; lea 6f(%%rip), %%rax; mov %%rax, here(%%rip);" \
			     "movq $6f, resume(%%rip); cmpq $0, (%0); jne 4f; mov %%rax, (%0); 4:" \
			     "cmpq $0, 24(%0); jne 5f; mov %%rsp, 24(%0);"   \
			     "5: mov %0, %%rsp; iretq; 6: mov %%rbx, %%rsp; movq $0, resume(%%rip)" \
			     : : "r"(f) : "memory", "rax", "rbx", "cc");     \
		last.vector;                                                   \
	})
#define FRAME(...) struct iret_frame f = { .cs = KCODE, .rflags = 2, .ss = KDATA, ##__VA_ARGS__ }

TEST(iretq_same_level)
{
	{ FRAME(); CHECK(1, IRET_TO(&f) == NONE); }
	{ FRAME(.cs = 0); CHECK(2, IRET_TO(&f) == GP && last.code == 0); }
	{ FRAME(.cs = 0xff8); CHECK(3, IRET_TO(&f) == GP && last.code == 0xff8); }
	{ FRAME(.cs = KDATA); CHECK(4, IRET_TO(&f) == GP && last.code == KDATA); }
	{ FRAME(.ss = 0xff8); CHECK(5, IRET_TO(&f) == GP && last.code == 0xff8); }
	{ FRAME(.ss = KCODE); CHECK(6, IRET_TO(&f) == GP && last.code == KCODE); }
	{ FRAME(.ss = UDATA); CHECK(7, IRET_TO(&f) == GP && last.code == (UDATA & ~3)); }
	{ FRAME(.ss = 0); CHECK(8, IRET_TO(&f) == NONE); }
	asm volatile("mov %0, %%ss" : : "r"(KDATA));
	{ FRAME(.rip = 0x8000000000000000ul); CHECK(9, IRET_TO(&f) == GP && last.code == 0); }
	return 0;
}

// SDM vol. 3A, section 6.14.4 and vol. 2, IRET: NT is #GP(0) in IA-32e mode.
TEST(iretq_nested_task)
{
	FRAME();
	asm volatile("pushfq; orq $0x4000, (%rsp); popfq");
	u64 v = IRET_TO(&f), code = last.code;
	asm volatile("pushfq; andq $~0x4000, (%rsp); popfq");
	CHECK(1, v == GP && code == 0);
	return 0;
}

TEST(iretq_not_present)
{
	volatile u64 *g = (volatile u64 *)gdt + SPARE / 8;
	*g = 0x00af1a000000ffff; // code, not present
	{ FRAME(.cs = SPARE); CHECK(1, IRET_TO(&f) == NP && last.code == SPARE); }
	// The manual's pseudo code and AMD's say #SS, its list of exceptions #NP.
	*g = 0x00cf12000000ffff; // data, not present
	{ FRAME(.ss = SPARE); u64 v = IRET_TO(&f); CHECK(2, (v == SS || v == NP) && last.code == SPARE); }
	*g = 0;
	return 0;
}

// L and D must not both be set in a code segment (SDM vol. 3A, section 5.2.1).
TEST(iretq_to_l_and_d)
{
	((volatile u64 *)gdt)[SPARE / 8] = 0x00ef9a000000ffff;
	FRAME(.cs = SPARE);
	u64 v = IRET_TO(&f), code = last.code;
	((volatile u64 *)gdt)[SPARE / 8] = 0;
	CHECK(1, v == GP && code == SPARE);
	return 0;
}

// Ring 3 cannot change IOPL or IF by POPF or IRET, and RPL 3 needs ring 3 segments.
TEST(flags_by_privilege)
{
	CHECK(1, USER("pushq $0x3000|0x200|2; popfq; pushfq; pop %%rax", 0) == SYSCALL_VECTOR);
	CHECK(2, (last.rax & 0x3200) == 0x200);
	CHECK(3, USER("pushq $2; popfq; pushfq; pop %%rax", 0) == SYSCALL_VECTOR);
	CHECK(4, (last.rax & 0x200) == 0x200);
	u64 fl;
	asm volatile("pushfq; pushq $0x3002; popfq; pushfq; pop %0; popfq" : "=r"(fl));
	CHECK(5, (fl & 0x3200) == 0x3000);
	asm volatile("pushfq; pushq $0x200002; popfq; pushfq; pop %0; popfq" : "=r"(fl));
	CHECK(6, fl & 0x200000); // ID
	asm volatile("pushfq; pushq $0x10002; popfq; pushfq; pop %0; popfq" : "=r"(fl));
	CHECK(7, !(fl & 0x10000)); // RF is not for POPF
	CHECK(8, USER("mov %%rsp, %%rax; pushq $0x10; push %%rax; pushq $0x202; pushq $0x2b; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:", 0) == GP && last.code == 0x10);
	CHECK(9, USER("mov %%rsp, %%rax; pushq $0x23; push %%rax; pushq $0x202; pushq $0x08; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:", 0) == GP && last.code == 0x08);
	CHECK(10, USER("mov %%rsp, %%rax; pushq $0x23; push %%rax; pushq $0x202; pushq $0x2b; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:", 0) == SYSCALL_VECTOR);
	return 0;
}

// The interrupt stack is aligned to 16 bytes, and the frame holds the old one.
TEST(frame_and_stack)
{
	u64 sp;
	asm volatile("mov %%rsp, %0" : "=r"(sp));
	last.vector = NONE;
	u64 odd;
	asm volatile("mov %%rsp, %%rbx; and $-16, %%rsp; sub $3, %%rsp; mov %%rsp, %0; movq $6f, resume(%%rip); ud2; 6: mov %%rbx, %%rsp; movq $0, resume(%%rip)"
		     : "=r"(odd) : : "rbx", "memory");
	CHECK(1, last.vector == UD && last.rsp == odd);
	CHECK(2, (last.frame & 7) == 0);
	idt[2 * UD] |= 1ul << 32; // IST1
	u64 v = TRY("ud2"), at = last.frame;
	idt[2 * UD] &= ~(7ul << 32);
	CHECK(3, v == UD && at == (u64)ist1_top - sizeof(struct frame));
	CHECK(4, USER("ud2", 0) == UD && last.ss == UDATA && last.cs == UCODE);
	return 0;
}

// An interrupt gate clears IF, a trap gate does not; TF, NT, RF are cleared.
static u64 seen_flags;
static void note_flags(struct frame *f)
{
	asm volatile("pushfq; pop %0" : "=r"(seen_flags));
}
TEST(gate_types)
{
	handler[0x30] = note_flags;
	asm volatile("pushfq; sti; nop; int $0x30; popfq" : : : "memory");
	u64 a = seen_flags;
	idt[2 * 0x30] |= 1ul << 40; // trap gate
	asm volatile("pushfq; sti; nop; int $0x30; popfq" : : : "memory");
	u64 b = seen_flags;
	idt[2 * 0x30] &= ~(1ul << 40);
	handler[0x30] = 0;
	CHECK(1, !(a & 0x200));
	CHECK(2, b & 0x200);
	return 0;
}

// Gates that cannot be used (SDM vol. 3A, section 6.13 and 6.14).
TEST(bad_gates)
{
	u64 old0 = idt[2 * 0x30], old1 = idt[2 * 0x30 + 1];
	idt[2 * 0x30] = old0 & ~(1ul << 47); // not present
	u64 v1 = TRY("int $0x30"), c1 = last.code;
	idt[2 * 0x30] = (old0 & ~(0xffful << 16)) | KDATA << 16; // not code
	u64 v2 = TRY("int $0x30"), c2 = last.code;
	idt[2 * 0x30] = old0 & ~(0xfffful << 16); // null
	u64 v3 = TRY("int $0x30"), c3 = last.code;
	idt[2 * 0x30] = (old0 & ~(0xfffful << 16)) | 0x30 << 16; // 32-bit code
	u64 v4 = TRY("int $0x30"), c4 = last.code;
	idt[2 * 0x30] = old0, idt[2 * 0x30 + 1] = old1;
	CHECK(1, v1 == NP && (c1 & ~4ul) == 0x182);
	CHECK(2, v2 == GP && c2 == KDATA);
	CHECK(3, v3 == GP && c3 == 0);
	CHECK(4, v4 == GP && c4 == 0x30);
	return 0;
}

// A fault while a contributory fault is delivered is a double fault, code 0
// (SDM vol. 3A, table 6-5).
TEST(double_fault)
{
	u64 old = idt[2 * GP];
	idt[2 * GP] = old & ~(1ul << 47);
	u64 v = TRY("mov $0x13, %%eax; mov $0x8000000000000000, %%rcx; mov (%%rcx), %%rax"), code = last.code;
	idt[2 * GP] = old;
	CHECK(1, v == DF && code == 0);
	old = idt[2 * UD];
	idt[2 * UD] = old & ~(1ul << 47); // UD is benign: the second fault is delivered
	v = TRY("ud2"), code = last.code;
	idt[2 * UD] = old;
	CHECK(2, v == NP && (code & ~1ul) == 6 * 8 + 2);
	old = idt[2 * PF];
	idt[2 * PF] = old & ~(1ul << 47);
	v = TRY("mov (%0), %%rax", "b"(WINDOW)), code = last.code;
	idt[2 * PF] = old;
	CHECK(3, v == DF && code == 0);
	return 0;
}
