// Control registers, model-specific registers, SYSCALL and SYSRET.
#include "selftest.h"

enum { EFER = 0xc0000080, STAR = 0xc0000081, LSTAR = 0xc0000082, CSTAR = 0xc0000083, SFMASK = 0xc0000084,
       FS_BASE = 0xc0000100, GS_BASE = 0xc0000101, KERNEL_GS_BASE = 0xc0000102 };

#define TRY_CR(n, v) TRY("mov %0, %%cr" #n, "b"((u64)(v)))
#define TRY_WRMSR(n, v) TRY("wrmsr", "c"(n), "a"((u32)(v)), "d"((u32)((u64)(v) >> 32)))
#define TRY_RDMSR(n) TRY("rdmsr", "c"(n))

// SDM vol. 2, MOV to control registers. QEMU's interpreter checks none of
// these; what it does next is lost, so the test does not start there.
TEST(control_register_checks)
{
	if (cpuid(0x40000000, 0).b == 0x54474354) // "TCGT"
		return SKIP;
	u64 cr0 = READ_CR(0), cr4 = READ_CR(4);
	CHECK(1, TRY_CR(0, cr0 & ~1ul) == GP && last.code == 0); // PG without PE
	CHECK(2, TRY_CR(0, (cr0 & ~(1ul << 30)) | 1ul << 29) == GP); // NW without CD
	CHECK(3, TRY_CR(0, cr0 | 1ul << 32) == GP);
	CHECK(4, TRY_CR(4, cr4 & ~0x20ul) == GP); // PAE off in long mode
	CHECK(5, TRY_CR(4, cr4 | 1ul << 40) == GP);
	CHECK(6, TRY_CR(4, cr4 | 1ul << 15) == GP);
	CHECK(8, TRY_CR(3, READ_CR(3) | 1ul << 62) == GP);
	CHECK(7, READ_CR(0) == cr0 && READ_CR(4) == cr4);
	return 0;
}

TEST(cr0_and_cr4)
{
	u64 cr4 = READ_CR(4);
	CHECK(1, READ_CR(0) & 0x10); // ET is always set
	CHECK(2, TRY_CR(4, cr4 | 0x80) == NONE && READ_CR(4) == (cr4 | 0x80)); // PGE
	WRITE_CR(4, cr4);
	CHECK(3, READ_CR(4) == cr4);
	return 0;
}

TEST(cr8_and_unknown_registers)
{
	CHECK(2, TRY_CR(8, 16) == GP && last.code == 0);
	CHECK(3, TRY_CR(8, 5) == NONE && READ_CR(8) == 5);
	WRITE_CR(8, 0);
	CHECK(4, TRY(".byte 0x0f, 0x20, 0xc8") == UD); // CR1
	CHECK(5, TRY(".byte 0x0f, 0x20, 0xe8") == UD); // CR5
	CHECK(6, TRY(".byte 0x44, 0x0f, 0x20, 0xc8") == UD); // CR9
	return 0;
}

TEST(lmsw_and_smsw)
{
	u64 cr0 = READ_CR(0), v;
	CHECK(1, TRY("lmsw %w0", "b"(0)) == NONE); // PE stays
	CHECK(2, (READ_CR(0) & 0xf) == 1);
	WRITE_CR(0, cr0);
	asm volatile("smsw %0" : "=r"(v));
	CHECK(3, (v & 0xffff) == (cr0 & 0xffff));
	return 0;
}

// CR0.TS, EM and MP, CR4.OSFXSR (SDM vol. 3A, table 13-1 and section 2.5).
TEST(fpu_control)
{
	u64 cr0 = READ_CR(0), cr4 = READ_CR(4);
	WRITE_CR(4, cr4 | 0x600);
	WRITE_CR(0, (cr0 & ~4ul) | 2);
	u64 plain = TRY("fninit; movaps %%xmm0, %%xmm0");
	WRITE_CR(0, (cr0 & ~4ul) | 2 | 8); // TS
	u64 x87 = TRY("fninit"), sse = TRY("movaps %%xmm0, %%xmm0"), wait = TRY("fwait"), mmx = TRY("emms");
	WRITE_CR(0, (cr0 & ~6ul) | 8); // TS without MP
	u64 wait2 = TRY("fwait");
	WRITE_CR(0, (cr0 & ~8ul) | 4); // EM
	u64 em87 = TRY("fninit"), emsse = TRY("movaps %%xmm0, %%xmm0");
	WRITE_CR(0, (cr0 & ~4ul) | 2);
	asm volatile("clts");
	WRITE_CR(4, cr4 & ~0x600ul);
	u64 nofx = TRY("movaps %%xmm0, %%xmm0"), still = TRY("fninit");
	WRITE_CR(4, cr4);
	WRITE_CR(0, cr0);
	CHECK(1, plain == NONE);
	CHECK(2, x87 == NM);
	CHECK(6, sse == NM);
	CHECK(7, wait == NM);
	CHECK(8, mmx == NM);
	CHECK(3, wait2 == NONE);
	CHECK(4, em87 == NM && emsse == UD);
	CHECK(5, nofx == UD && still == NONE);
	return 0;
}

TEST(unknown_msrs)
{
	CHECK(1, TRY_RDMSR(0x12345678) == GP && last.code == 0);
	CHECK(2, TRY_WRMSR(0x12345678, 0) == GP && last.code == 0);
	return 0;
}

// EFER (SDM vol. 3A, section 2.2.1): reserved bits, and LME while paging is on.
TEST(efer)
{
	u64 efer = rdmsr(EFER);
	CHECK(1, (efer & 0x500) == 0x500); // LMA, LME
	CHECK(2, TRY_WRMSR(EFER, efer | 1ul << 40) == GP);
	CHECK(3, TRY_WRMSR(EFER, efer & ~0x100ul) == GP);
	CHECK(4, rdmsr(EFER) == efer);
	return 0;
}

// Addresses in MSRs must be canonical (SDM vol. 2, WRMSR).
TEST(canonical_msrs)
{
	static const u32 list[] = { LSTAR, CSTAR, FS_BASE, GS_BASE, KERNEL_GS_BASE };
	for (int i = 0; i < 5; i++) {
		u64 old = rdmsr(list[i]);
		CHECK(10 + i, TRY_WRMSR(list[i], 0x800000000000ul) == GP && last.code == 0);
		CHECK(20 + i, TRY_WRMSR(list[i], 0xffff800000000000ul) == NONE);
		CHECK(30 + i, rdmsr(list[i]) == 0xffff800000000000ul);
		wrmsr(list[i], old);
	}
	return 0;
}

TEST(swapgs_swaps)
{
	wrmsr(GS_BASE, 0x1111);
	wrmsr(KERNEL_GS_BASE, 0x2222);
	asm volatile("swapgs");
	u64 a = rdmsr(GS_BASE), b = rdmsr(KERNEL_GS_BASE);
	wrmsr(GS_BASE, 0);
	wrmsr(KERNEL_GS_BASE, 0);
	CHECK(1, a == 0x2222 && b == 0x1111);
	return 0;
}

TEST(fsgsbase)
{
	if (!(cpuid(7, 0).b & 1))
		return SKIP;
	u64 cr4 = READ_CR(4), v;
	WRITE_CR(4, cr4 & ~(1ul << 16));
	u64 off = TRY("rdfsbase %%rax");
	WRITE_CR(4, cr4 | 1ul << 16);
	u64 bad = TRY("wrgsbase %0", "b"(0x800000000000ul));
	asm volatile("wrgsbase %1; rdgsbase %0; wrgsbase %2" : "=&r"(v) : "r"(0xffff800000001234ul), "r"(0ul));
	u64 half;
	asm volatile("wrfsbase %1; rdfsbase %k0; wrfsbase %2" : "=&r"(half) : "r"(0xffff800000001234ul), "r"(0ul));
	WRITE_CR(4, cr4);
	CHECK(1, off == UD);
	CHECK(2, bad == GP && last.code == 0);
	CHECK(3, v == 0xffff800000001234ul);
	CHECK(4, half == 0x1234);
	return 0;
}

static void syscall_setup(void *entry)
{
	// SYSRET takes CS from bits 48-63 plus 16 and SS from them plus 8.
	wrmsr(STAR, (u64)(UCODE32 & ~3) << 48 | (u64)KCODE << 32);
	wrmsr(LSTAR, (u64)entry);
	wrmsr(SFMASK, 0x40700);
}

// The entry notes what SYSCALL left and returns to ring 3.
extern u8 sys_entry[], leave_kernel[];
static u64 sys_rcx asm("sys_rcx") __attribute__((used)), sys_r11 asm("sys_r11") __attribute__((used)),
	sys_flags asm("sys_flags") __attribute__((used)), sys_cs asm("sys_cs") __attribute__((used)),
	sys_ss asm("sys_ss") __attribute__((used)), sys_rsp asm("sys_rsp") __attribute__((used));
asm("sys_entry: mov %rcx, sys_rcx(%rip); mov %r11, sys_r11(%rip); mov %rsp, sys_rsp(%rip)\n"
    "lea ist2_top(%rip), %rsp; pushfq; pop sys_flags(%rip); mov %cs, sys_cs(%rip); mov %ss, sys_ss(%rip)\n"
    "mov sys_rsp(%rip), %rsp; sysretq");

TEST(syscall_and_sysret)
{
	syscall_setup(sys_entry);
	CHECK(1, USER("mov %%rsp, %%rbx; stc; std; syscall; sr1: pushfq; pop %%rax; cld", 0) == SYSCALL_VECTOR);
	u64 at;
	asm("lea sr1(%%rip), %0" : "=r"(at));
	CHECK(2, sys_rcx == at + USER_OFFSET);
	CHECK(3, (sys_r11 & 0x601) == 0x601); // CF, DF, IF before
	CHECK(4, (sys_flags & 0x700) == 0 && sys_flags & 1); // masked by SFMASK
	CHECK(5, sys_cs == KCODE && sys_ss == KDATA);
	CHECK(6, sys_rsp > USER_OFFSET); // the stack pointer stays the user's
	CHECK(7, (last.rax & 0x601) == 0x601);
	CHECK(8, last.cs == UCODE && last.ss == UDATA);
	return 0;
}

// Without EFER.SCE both are #UD; SYSRET outside ring 0 is #GP(0).
TEST(syscall_disabled)
{
	u64 efer = rdmsr(EFER);
	wrmsr(EFER, efer & ~1ul);
	u64 a = USER("syscall", 0), b = TRY("sysretq");
	wrmsr(EFER, efer);
	CHECK(1, a == UD && b == UD);
	CHECK(2, USER("sysretq", 0) == GP && last.code == 0);
	return 0;
}

// SYSRET to 32-bit code: CS from bits 48-63 without the 16, EIP from ECX.
TEST(sysretl)
{
	syscall_setup(sys_entry);
	u64 at;
	asm volatile("lea 2f(%%rip), %0; jmp 3f; .code32; 2: mov %%cs, %%ecx; int $0x80; .code64; 3:" : "=r"(at));

	// By way of ring 3: SYSCALL's entry goes on to 32-bit code.
	wrmsr(LSTAR, (u64)leave_kernel);
	CHECK(1, USER("mov %%edi, %%edx; syscall", at + USER_OFFSET) == SYSCALL_VECTOR);
	CHECK(2, last.cs == UCODE32);
	return 0;
}
asm("leave_kernel: mov %edx, %ecx; mov $0x202, %r11d; sysretl");

// Time-stamp counter and its guards.
TEST(rdtsc_guard)
{
	u64 cr4 = READ_CR(4), lo, hi;
	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	u64 a = lo | hi << 32;
	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	CHECK(1, (lo | hi << 32) > a);
	CHECK(2, USER("rdtsc", 0) == SYSCALL_VECTOR);
	WRITE_CR(4, cr4 | 4); // TSD
	u64 v = USER("rdtsc", 0), k = TRY("rdtsc");
	WRITE_CR(4, cr4);
	CHECK(3, v == GP && k == NONE);
	CHECK(4, USER("rdpmc", 0) == GP);
	return 0;
}

// Alignment: #AC only in ring 3 with CR0.AM and AC (SDM vol. 3A, section 6.15);
// CMPXCHG16B and the aligned SSE moves are #GP(0) anywhere.
TEST(alignment)
{
	u64 cr0 = READ_CR(0), cr4 = READ_CR(4);
	WRITE_CR(0, cr0 | 1ul << 18);
	u64 v = USER("pushfq; orq $0x40000, (%%rsp); popfq; mov -7(%%rsp), %%rax", 0), code = last.code;
	u64 w = USER("pushfq; orq $0x40000, (%%rsp); popfq; movb -7(%%rsp), %%al; mov -8(%%rsp), %%rax", 0);
	WRITE_CR(0, cr0);
	u64 x = USER("pushfq; orq $0x40000, (%%rsp); popfq; mov -7(%%rsp), %%rax", 0);
	CHECK(1, v == AC && code == 0);
	CHECK(2, w == SYSCALL_VECTOR);
	CHECK(3, x == SYSCALL_VECTOR);
	CHECK(4, TRY("cmpxchg16b 8(%0)", "b"(page(0))) == GP && last.code == 0);
	WRITE_CR(4, cr4 | 0x600);
	u64 y = TRY("movaps 8(%0), %%xmm0", "b"(page(0))), z = TRY("movups 8(%0), %%xmm0", "b"(page(0)));
	WRITE_CR(4, cr4);
	CHECK(5, y == GP && z == NONE);
	return 0;
}

// Encodings that are not instructions.
TEST(undefined_opcodes)
{
	CHECK(1, TRY(".byte 0xf0; mov %%eax, %%ecx") == UD); // LOCK on a register form
	CHECK(2, TRY(".byte 0x06") == UD); // push %es
	CHECK(3, TRY(".byte 0xd6") == UD); // salc
	CHECK(4, TRY(".byte 0x9a, 0, 0, 0, 0, 0, 0") == UD); // lcall
	CHECK(5, TRY(".byte 0x0f, 0xff, 0xc0") == UD); // ud0
	CHECK(6, TRY(".byte 0x0f, 0xb9, 0xc0") == UD); // ud1
	CHECK(7, TRY(".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90") == GP);
	CHECK(8, TRY(".byte 0x8c, 0xf8") == UD); // mov from segment register 7
	CHECK(9, TRY(".byte 0x8e, 0xc8") == UD); // mov to %cs
	CHECK(10, TRY(".byte 0x0f, 0xc7, 0xc8") == UD); // cmpxchg8b of a register
	return 0;
}

// The I/O permission map of the TSS (SDM vol. 1, section 18.5.2).
TEST(io_permission)
{
	CHECK(1, USER("mov $0x3fd, %%edx; inb %%dx, %%al", 0) == GP && last.code == 0);
	return 0;
}
