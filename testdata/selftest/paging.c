// Page-table walks: permissions, error codes, accessed and dirty bits, large
// pages, reserved bits, stale translations. SDM vol. 3A, chapter 4.
#include "selftest.h"

// The bits of a page fault's error code (section 4.7).
enum { EC_P = 1, EC_W = 2, EC_U = 4, EC_RSVD = 8, EC_I = 16 };

#define VA (WINDOW + 0x5000)
#define READ(va) TRY("mov (%0), %%rax", "b"((u64)(va)))
#define WRITE(va) TRY("movb $1, (%0)", "b"((u64)(va)))
// CALL puts the stack pointer back when the call's target cannot be fetched:
// the return address has been pushed then.
#define CALL(va) TRY("mov %%rsp, %%r8; call *%0; 1: mov %%r8, %%rsp; jmp 2f; 1: 2:", "b"((u64)(va)))
#define UREAD(va) USER("mov (%%rdi), %%rax", va)
#define UWRITE(va) USER("movb $1, (%%rdi)", va)

static int faulted(u64 vector, u64 va, u64 code)
{
	return vector == PF && last.cr2 == va && last.code == code;
}

TEST(not_present)
{
	map(VA, 0);
	CHECK(1, faulted(READ(VA + 8), VA + 8, 0));
	CHECK(2, faulted(WRITE(VA + 9), VA + 9, EC_W));
	CHECK(3, faulted(UREAD(VA), VA, EC_U));
	CHECK(4, faulted(UWRITE(VA), VA, EC_U | EC_W));
	return 0;
}

TEST(supervisor_page)
{
	map(VA, (u64)page(0) | P | W);
	CHECK(1, READ(VA) == NONE);
	CHECK(2, WRITE(VA) == NONE);
	CHECK(3, faulted(UREAD(VA), VA, EC_U | EC_P));
	CHECK(4, faulted(UWRITE(VA), VA, EC_U | EC_W | EC_P));
	return 0;
}

TEST(user_page)
{
	map(VA, (u64)page(0) | P | W | U);
	CHECK(1, UREAD(VA) == SYSCALL_VECTOR);
	CHECK(2, UWRITE(VA) == SYSCALL_VECTOR);
	CHECK(3, READ(VA) == NONE && WRITE(VA) == NONE);
	CHECK(4, page(0)[0] == 1);
	return 0;
}

TEST(read_only_and_wp)
{
	map(VA, (u64)page(0) | P | U);
	CHECK(1, READ(VA) == NONE);
	CHECK(2, faulted(WRITE(VA), VA, EC_W | EC_P));
	CHECK(3, faulted(UWRITE(VA), VA, EC_U | EC_W | EC_P));
	u64 cr0 = READ_CR(0);
	WRITE_CR(0, cr0 & ~0x10000ul);
	u64 v = WRITE(VA);
	u64 user = UWRITE(VA);
	WRITE_CR(0, cr0);
	CHECK(4, v == NONE && page(0)[0] == 1);
	CHECK(5, faulted(user, VA, EC_U | EC_W | EC_P));
	CHECK(6, faulted(WRITE(VA), VA, EC_W | EC_P));
	return 0;
}

// Each level takes rights away (section 4.6).
TEST(rights_of_upper_levels)
{
	for (int level = 2; level <= 4; level++) {
		u64 va = level == 4 ? 0x8000005000ul * 2 : VA;
		map(va, (u64)page(0) | P | W | U);
		volatile u64 *e = entry_at(va, level);
		u64 old = *e;
		*e = old & ~(u64)W;
		invlpg(va);
		CHECK(level * 10 + 1, faulted(WRITE(va), va, EC_W | EC_P));
		*e = old & ~(u64)U;
		invlpg(va);
		CHECK(level * 10 + 2, faulted(UREAD(va), va, EC_U | EC_P));
		CHECK(level * 10 + 3, READ(va) == NONE);
		*e = old | NX;
		invlpg(va);
		page(0)[0] = 0xc3;
		CHECK(level * 10 + 4, faulted(CALL(va), va, EC_I | EC_P));
		*e = 0;
		invlpg(va);
		CHECK(level * 10 + 5, faulted(READ(va), va, 0));
		*e = old;
		invlpg(va);
		CHECK(level * 10 + 6, READ(va) == NONE);
	}
	return 0;
}

TEST(no_execute)
{
	page(0)[0] = 0xc3; // ret
	map(VA, (u64)page(0) | P | W);
	CHECK(1, CALL(VA) == NONE);
	map(VA, (u64)page(0) | P | W | NX);
	CHECK(2, faulted(CALL(VA), VA, EC_I | EC_P));
	CHECK(3, READ(VA) == NONE);
	map(VA, 0);
	CHECK(4, faulted(CALL(VA), VA, EC_I));
	return 0;
}

// Without EFER.NXE bit 63 is reserved (section 4.5, table 4-19).
TEST(nx_reserved_without_nxe)
{
	map(VA, (u64)page(0) | P | W | NX);
	u64 efer = rdmsr(0xc0000080);
	wrmsr(0xc0000080, efer & ~0x800ul);
	invlpg(VA);
	u64 v = READ(VA);
	u64 code = last.code, cr2 = last.cr2;
	wrmsr(0xc0000080, efer);
	CHECK(1, v == PF && code == (EC_RSVD | EC_P) && cr2 == VA);
	return 0;
}

TEST(reserved_bits)
{
	map(VA, (u64)page(0) | P | W | U | 1ul << 51);
	CHECK(1, faulted(READ(VA), VA, EC_RSVD | EC_P));
	CHECK(2, faulted(UWRITE(VA), VA, EC_RSVD | EC_P | EC_W | EC_U));
	map(VA, (u64)page(0) | P | W | U);
	volatile u64 *top = entry_at(0x10000005000ul, 4);
	map(0x10000005000ul, (u64)page(0) | P | W);
	*top |= PS; // reserved in a PML4 entry
	WRITE_CR(3, READ_CR(3));
	CHECK(3, faulted(READ(0x10000005000ul), 0x10000005000ul, EC_RSVD | EC_P));
	*top = 0;
	// A 2 MiB page at an address that is not a multiple of 2 MiB.
	volatile u64 *pd = entry_at(VA, 2);
	u64 old = *pd;
	*pd = 0x2000 | P | W | PS;
	WRITE_CR(3, READ_CR(3));
	u64 v = READ(VA);
	*pd = old;
	WRITE_CR(3, READ_CR(3));
	CHECK(4, faulted(v, VA, EC_RSVD | EC_P));
	return 0;
}

TEST(accessed_and_dirty)
{
	volatile u64 *pte = map(VA, (u64)page(0) | P | W);
	volatile u64 *pde = entry_at(VA, 2);
	*pde &= ~(u64)(A | D);
	invlpg(VA);
	READ(VA);
	CHECK(1, (*pte & (A | D)) == A);
	CHECK(2, (*pde & (A | D)) == A); // no dirty bit in an entry that maps no page
	WRITE(VA);
	CHECK(3, (*pte & (A | D)) == (A | D));
	*pte &= ~(u64)(A | D);
	invlpg(VA);
	WRITE(VA);
	CHECK(4, (*pte & (A | D)) == (A | D));
	// A fault sets neither bit of the page's entry.
	*pte = (u64)page(0) | P;
	invlpg(VA);
	CHECK(5, WRITE(VA) == PF);
	CHECK(6, (*pte & D) == 0);
	return 0;
}

TEST(large_pages)
{
	volatile u64 *pd = entry_at(VA, 2);
	*pd = P | W | PS; // physical 0
	invlpg(VA);
	CHECK(1, *(volatile u64 *)(WINDOW + 0x100000) == *(volatile u64 *)0x100000);
	CHECK(2, (*pd & (A | D)) == A);
	CHECK(3, WRITE(WINDOW + (u64)page(1)) == NONE);
	CHECK(4, (*pd & (A | D)) == (A | D) && page(1)[0] == 1);
	*pd = 0;
	volatile u64 *pdpt = entry_at(VA, 3);
	*pdpt = P | W | PS; // 1 GiB
	WRITE_CR(3, READ_CR(3));
	u64 v = READ(WINDOW + 0x2fffff8);
	u64 w = WRITE(WINDOW + (u64)page(2));
	u64 e = *pdpt;
	*pdpt = 0;
	WRITE_CR(3, READ_CR(3));
	CHECK(5, v == NONE && w == NONE && page(2)[0] == 1);
	CHECK(6, (e & (A | D)) == (A | D));
	return 0;
}

// An access that crosses pages faults with the address of the page's part
// that is missing, and changes nothing (section 4.7).
TEST(crossing_pages)
{
	map(VA, (u64)page(0) | P | W | U);
	map(VA + 0x1000, 0);
	*(volatile u32 *)(page(0) + 0xffc) = 0x11223344;
	CHECK(1, faulted(READ(VA + 0xffc), VA + 0x1000, 0));
	CHECK(2, faulted(TRY("movq $-1, (%0)", "b"(VA + 0xffc)), VA + 0x1000, EC_W));
	CHECK(3, *(volatile u32 *)(page(0) + 0xffc) == 0x11223344);
	CHECK(4, faulted(TRY("addq $1, (%0)", "b"(VA + 0xffd)), VA + 0x1000, EC_W) ||
			 faulted(last.vector, VA + 0x1000, 0));
	map(VA + 0x1000, (u64)page(3) | P | W | U);
	CHECK(5, TRY("movq $-1, (%0)", "b"(VA + 0xffc)) == NONE);
	CHECK(6, *(volatile u32 *)page(3) == 0xffffffff);
	return 0;
}

// An instruction that crosses into a page that is missing faults there with
// RIP still at its beginning.
TEST(fetch_crossing_pages)
{
	u8 *p = page(0);
	p[0xffe] = 0x48; // mov $imm, %rax: seven bytes
	p[0xfff] = 0xc7;
	map(VA, (u64)p | P);
	map(VA + 0x1000, 0);
	CHECK(1, faulted(TRY("jmp *%0", "b"(VA + 0xffe)), VA + 0x1000, EC_I));
	CHECK(2, last.rip == VA + 0xffe);
	return 0;
}

TEST(push_and_string_restart)
{
	map(VA, 0);
	map(VA + 0x1000, (u64)page(1) | P | W);
	u64 rsi = VA + 0x1800, rdi = VA + 0x1008, rcx = 8;
	last.vector = NONE;
	// Downwards: two words fit, the third store faults.
	asm volatile("movq $1f, resume(%%rip); std; rep movsq; 1: cld; movq $0, resume(%%rip)"
		     : "+S"(rsi), "+D"(rdi), "+c"(rcx) : : "memory", "cc");
	CHECK(1, faulted(last.vector, VA + 0xff8 + 0, EC_W) && rcx == 6);
	CHECK(2, rdi == VA + 0xff8 && rsi == VA + 0x17f0);
	u64 sp = 0;
	asm volatile("mov %%rsp, %%r8; movq $2f, resume(%%rip); mov %1, %%rsp; pushq $5; 2: mov %%rsp, %0; mov %%r8, %%rsp; movq $0, resume(%%rip)"
		     : "=&r"(sp) : "r"(VA + 0x2000 - 8) : "memory", "r8");
	CHECK(3, sp == VA + 0x2000 - 16);
	return 0;
}

// A translation may stay in use until it is invalidated, and is gone after
// INVLPG or a load of CR3; a page that was not present is seen at once
// (section 4.10.4.3).
TEST(invalidation)
{
	volatile u64 *pte = map(VA, 0);
	CHECK(1, READ(VA) == PF);
	*pte = (u64)page(0) | P | W;
	CHECK(2, READ(VA) == NONE); // nothing to invalidate
	page(0)[8] = 1;
	page(1)[8] = 2;
	*pte = (u64)page(1) | P | W;
	invlpg(VA);
	CHECK(3, *(volatile u8 *)(VA + 8) == 2);
	*pte = (u64)page(0) | P | W;
	WRITE_CR(3, READ_CR(3));
	CHECK(4, *(volatile u8 *)(VA + 8) == 1);
	// More rights without invalidation: at most one spurious fault, which
	// itself invalidates (section 4.10.4.3).
	*pte = (u64)page(0) | P;
	invlpg(VA);
	READ(VA);
	*pte = (u64)page(0) | P | W;
	WRITE(VA);
	CHECK(5, WRITE(VA) == NONE);
	return 0;
}

// Global translations stay over a load of CR3 and go with CR4.PGE.
TEST(global_pages)
{
	u64 cr4 = READ_CR(4);
	WRITE_CR(4, cr4 | 0x80);
	volatile u64 *pte = map(VA, (u64)page(0) | P | W | G);
	READ(VA);
	*pte = 0;
	WRITE_CR(3, READ_CR(3));
	READ(VA); // may or may not still be cached
	WRITE_CR(4, cr4 & ~0x80ul);
	u64 v = READ(VA);
	WRITE_CR(4, cr4);
	CHECK(1, v == PF && last.cr2 == VA);
	return 0;
}

TEST(smep)
{
	if (!(cpuid(7, 0).b & 1 << 7))
		return SKIP;
	page(0)[0] = 0xc3;
	map(VA, (u64)page(0) | P | W | U);
	CHECK(1, CALL(VA) == NONE);
	u64 cr4 = READ_CR(4);
	WRITE_CR(4, cr4 | 1 << 20);
	u64 v = CALL(VA);
	WRITE_CR(4, cr4);
	CHECK(2, faulted(v, VA, EC_I | EC_P));
	return 0;
}

TEST(non_canonical_control_flow)
{
	u64 bad = 0x0000800000000000ul;
	CHECK(1, TRY("jmp *%0", "b"(bad)) == GP && last.code == 0);
	map(bad - 0x1000, (u64)page(0) | P | W);
	CHECK(2, TRY("mov (%0), %%rax", "b"(bad - 8)) == NONE);
	CHECK(3, TRY("mov (%0), %%rax", "b"(bad - 4)) == GP); // crosses into the hole
	return 0;
}

TEST(cr2_only_on_page_faults)
{
	map(VA, 0);
	READ(VA + 0x123);
	TRY("ud2");
	CHECK(1, READ_CR(2) == VA + 0x123);
	WRITE_CR(2, 0xdeadbeef00ul);
	CHECK(2, READ_CR(2) == 0xdeadbeef00ul);
	return 0;
}

// ON_BAD_STACK executes instructions with RSP set to the operand b; handlers
// of #DF, #SS and #GP run on the stack IST 1 meanwhile.
#define ON_BAD_STACK(insn, ...)                                                \
	({                                                                     \
		use_ist1(1);                                                   \
		u64 got = TRY("mov %%rsp, %%r8; mov %0, %%rsp; " insn          \
			      "; 1: mov %%r8, %%rsp; jmp 2f; 1: 2:",           \
			      __VA_ARGS__);                                    \
		use_ist1(0);                                                   \
		got;                                                           \
	})

static void use_ist1(u64 on)
{
	static const int vectors[] = { DF, SS, GP };
	for (int i = 0; i < 3; i++)
		idt[2 * vectors[i]] = (idt[2 * vectors[i]] & ~(7ul << 32)) | on << 32;
}

static int on_ist1(void)
{
	return last.frame >= (u64)ist1_top - 512 && last.frame < (u64)ist1_top;
}

// A page fault while delivering a page fault is a double fault (section 6.15,
// table 6-5), here on a stack of its own.
TEST(double_fault_on_ist)
{
	map(VA, 0);
	CHECK(1, ON_BAD_STACK("mov (%1), %%rax", "b"(VA + 0x800), "S"(VA)) == DF && last.code == 0);
	CHECK(2, on_ist1());
	CHECK(3, last.rsp == VA + 0x800);
	return 0;
}

// Stack accesses to addresses that are not canonical raise #SS (SDM vol. 1,
// section 3.3.7.1), by RSP or RBP as the base too.
TEST(non_canonical_stack)
{
	u64 bad = 0x0000800000000000ul;
	CHECK(1, ON_BAD_STACK("push %%rax", "b"(bad + 8)) == SS && last.code == 0);
	CHECK(2, ON_BAD_STACK("pop %%rax", "b"(bad)) == SS && last.code == 0);
	CHECK(3, ON_BAD_STACK("mov 16(%%rsp), %%rax", "b"(bad)) == SS);
	CHECK(4, TRY("mov %%rbp, %%r8; mov %0, %%rbp; mov (%%rbp), %%rax; 1: mov %%r8, %%rbp; jmp 2f; 1: 2:", "b"(bad)) == SS);
	CHECK(5, on_ist1() == 0);
	return 0;
}
