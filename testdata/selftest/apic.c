// The local APIC: registers, priorities, self-IPIs, the timer, NMIs; and a
// second core, started from real mode. SDM vol. 3A, chapters 8 and 10.
#include "selftest.h"

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, SVR = 0xf0, ISR = 0x100, IRR = 0x200,
       ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, LVT_TIMER = 0x320, LVT_LINT0 = 0x350, TIMER_INIT = 0x380,
       TIMER_NOW = 0x390, TIMER_DIVIDE = 0x3e0 };
enum { SELF = 1 << 18, OTHERS = 3 << 18, DM_NMI = 4 << 8, DM_INIT = 5 << 8, DM_STARTUP = 6 << 8,
       ASSERT = 1 << 14 };

static u32 apic_get(u32 reg) { return *(volatile u32 *)(0xfee00000ul + reg); }
static void apic_set(u32 reg, u32 v) { *(volatile u32 *)(0xfee00000ul + reg) = v; }
static void eoi(void)
{
	if (rdmsr(0x1b) & 0x400)
		wrmsr(0x80b, 0);
	else
		apic_set(EOI, 0);
}

static void settle(void) // time for an interrupt that is under way
{
	for (int i = 0; i < 100; i++)
		asm volatile("pause");
}

static void enable(void)
{
	apic_set(SVR, 0x1ff);
	apic_set(TPR, 0);
	apic_set(LVT_TIMER, 0x10000);
}

static volatile int count[256];
static volatile int order[16], taken;

static void note(struct frame *f)
{
	count[f->vector]++;
	if (taken < 16)
		order[taken++] = f->vector;
	eoi();
}

static void listen(int vector)
{
	handler[vector] = note;
	count[vector] = 0;
	taken = 0;
}

static void sti(void) { asm volatile("sti; nop"); }
static void cli(void) { asm volatile("cli" : : : "memory"); }

TEST(apic_base_and_version)
{
	CHECK(1, (rdmsr(0x1b) & 0xfffff900) == 0xfee00900); // enabled, boot processor
	CHECK(2, (apic_get(VERSION) & 0xff) >= 0x10 && (apic_get(VERSION) & 0xff) <= 0x15);
	CHECK(3, apic_get(ID) >> 24 == cpuid(1, 0).b >> 24);
	return 0;
}

TEST(self_ipi)
{
	enable();
	listen(0x61);
	apic_set(ICR, SELF | 0x61);
	settle();
	CHECK(1, count[0x61] == 0 && apic_get(IRR + 0x30) == 2); // IF is 0
	sti();
	settle();
	cli();
	CHECK(2, count[0x61] == 1 && apic_get(IRR + 0x30) == 0 && apic_get(ISR + 0x30) == 0);
	return 0;
}

// Higher priority classes first; a class not above TPR waits (section 10.8.3).
TEST(priorities)
{
	enable();
	listen(0x45), listen(0x75), listen(0x76);
	apic_set(ICR, SELF | 0x45);
	apic_set(ICR, SELF | 0x75);
	apic_set(ICR, SELF | 0x76);
	apic_set(TPR, 0x40);
	sti();
	settle();
	CHECK(1, taken == 2 && order[0] == 0x76 && order[1] == 0x75);
	CHECK(2, READ_CR(8) == 4);
	WRITE_CR(8, 3);
	settle();
	cli();
	CHECK(3, taken == 3 && order[2] == 0x45);
	CHECK(4, apic_get(TPR) == 0x30);
	WRITE_CR(8, 0);
	return 0;
}

static volatile u32 isr_seen, ppr_seen;

static void nested(struct frame *f)
{
	isr_seen = apic_get(ISR + 0x50);
	ppr_seen = apic_get(PPR);
	apic_set(ICR, SELF | 0x45); // lower: waits
	apic_set(ICR, SELF | 0xb1); // higher: nests
	asm volatile("sti; nop; nop; cli");
	settle();
	order[taken++] = f->vector;
	eoi();
}

TEST(nesting_by_priority)
{
	enable();
	listen(0x45), listen(0xb1);
	handler[0xa5] = nested;
	apic_set(ICR, SELF | 0xa5);
	sti();
	settle();
	cli();
	CHECK(1, isr_seen == 1 << 5 && ppr_seen == 0xa0);
	CHECK(2, taken == 3 && order[0] == 0xb1 && order[1] == 0xa5 && order[2] == 0x45);
	return 0;
}

TEST(timer_one_shot)
{
	enable();
	listen(0x50);
	apic_set(TIMER_DIVIDE, 0xb); // by 1
	apic_set(LVT_TIMER, 0x50);
	apic_set(TIMER_INIT, 20000);
	CHECK(1, apic_get(TIMER_NOW) <= 20000);
	sti();
	for (u64 i = 0; i < 100000000 && !count[0x50]; i++)
		asm volatile("pause");
	CHECK(2, count[0x50] == 1);
	for (int i = 0; i < 10000; i++)
		asm volatile("pause");
	cli();
	CHECK(3, count[0x50] == 1 && apic_get(TIMER_NOW) == 0);
	apic_set(LVT_TIMER, 0x10000);
	return 0;
}

TEST(timer_periodic_wakes_hlt)
{
	enable();
	listen(0x51);
	apic_set(TIMER_DIVIDE, 0xb);
	apic_set(LVT_TIMER, 0x20051);
	apic_set(TIMER_INIT, 50000);
	for (int i = 0; i < 3; i++)
		asm volatile("sti; hlt; cli");
	apic_set(TIMER_INIT, 0);
	apic_set(LVT_TIMER, 0x10000);
	CHECK(1, count[0x51] >= 3);
	sti();
	settle();
	cli();
	return 0;
}

// STI; HLT leaves no gap: an interrupt pending before the STI wakes the HLT
// (SDM vol. 2B, STI).
TEST(sti_shadow)
{
	enable();
	listen(0x62);
	u64 seen;
	apic_set(ICR, SELF | 0x62);
	settle();
	asm volatile("mov %1, %%ecx; sti; mov %%ecx, %k0; nop; cli" : "=&r"(seen) : "m"(count[0x62]) : "rcx");
	CHECK(1, count[0x62] == 1);
	apic_set(ICR, SELF | 0x62);
	settle();
	asm volatile("sti; cli"); // the shadow covers CLI: nothing is taken
	CHECK(2, count[0x62] == 1);
	asm volatile("sti; hlt; cli");
	CHECK(3, count[0x62] == 2);
	return 0;
}

static volatile int nmis, nmi_depth, nmi_deepest;

static void nmi_twice(struct frame *f)
{
	if (++nmi_depth > nmi_deepest)
		nmi_deepest = nmi_depth;
	if (++nmis == 1) {
		apic_set(ICR, SELF | DM_NMI | ASSERT); // held until the IRET
		apic_set(ICR, SELF | DM_NMI | ASSERT); // merges with the one held
		settle();
	}
	nmi_depth--;
}

// NMIs are blocked until the handler's IRET and one is held meanwhile
// (section 6.7.1). The self shorthand does not go with NMI: by physical ID.
TEST(nmi_blocked_until_iret)
{
	enable();
	nmis = nmi_depth = nmi_deepest = 0;
	handler[NMI] = nmi_twice;
	apic_set(ICR_HIGH, apic_get(ID));
	apic_set(ICR, DM_NMI | ASSERT);
	settle();
	CHECK(1, nmis >= 1 && nmi_deepest == 1);
	return 0;
}

// A vector below 16 cannot be sent (section 10.5.3): ESR bit 5.
TEST(illegal_vector)
{
	enable();
	apic_set(ESR, 0);
	apic_set(ICR, SELF | 0x05);
	apic_set(ESR, 0);
	u32 errors = apic_get(ESR);
	apic_set(ESR, 0);
	apic_set(ESR, 0);
	listen(5); // in case it was sent all the same
	sti();
	settle();
	cli();
	CHECK(1, errors & 1 << 5);
	CHECK(2, apic_get(ESR) == 0);
	return 0;
}

TEST(disabled_by_svr)
{
	enable();
	apic_set(SVR, 0xff);
	CHECK(1, apic_get(LVT_TIMER) & 0x10000); // masked while disabled (section 10.4.7.2)
	apic_set(LVT_TIMER, 0x50);
	CHECK(2, apic_get(LVT_TIMER) & 0x10000);
	enable();
	return 0;
}

// Logical destinations in the flat model (section 10.6.2.2).
TEST(logical_self_ipi)
{
	enable();
	listen(0x64);
	apic_set(0xe0, 0xffffffff); // DFR: flat
	apic_set(0xd0, 4 << 24);    // LDR
	apic_set(ICR_HIGH, 4 << 24);
	apic_set(ICR, 1 << 11 | ASSERT | 0x64);
	sti();
	settle();
	CHECK(1, count[0x64] == 1);
	apic_set(ICR_HIGH, 2 << 24);
	apic_set(ICR, 1 << 11 | ASSERT | 0x64);
	settle();
	cli();
	CHECK(2, count[0x64] == 1);
	apic_set(0xd0, 0);
	return 0;
}

TEST(x2apic)
{
	if (!(cpuid(1, 0).c & 1 << 21))
		return SKIP;
	enable();
	u64 base = rdmsr(0x1b);
	wrmsr(0x1b, base | 0x400);
	u64 id = rdmsr(0x802), version = rdmsr(0x803);
	listen(0x63);
	wrmsr(0x83f, 0x63); // SELF IPI
	sti();
	settle();
	cli();
	u64 v1 = TRY("rdmsr", "c"(0x831)); // ICR's upper half is no register
	u64 v2 = TRY("wrmsr", "c"(0x802), "a"(0), "d"(0));
	u64 v3 = TRY("wrmsr", "c"(0x80b), "a"(1), "d"(0)); // EOI takes only 0
	u64 v4 = TRY("wrmsr", "c"(0x1b), "a"((u32)base), "d"(base >> 32)); // not back to xAPIC at once
	int n = count[0x63];
	wrmsr(0x1b, base & ~0xc00ul);
	wrmsr(0x1b, base);
	enable();
	CHECK(1, id == cpuid(1, 0).b >> 24 && (version & 0xff) >= 0x10);
	CHECK(2, n == 0 || n == 1);
	CHECK(3, v1 == GP && v2 == GP && v3 == GP && v4 == GP);
	return 0;
}

// A disabled APIC is gone from CPUID and memory, CR8 stays (sections 10.4.3
// and 10.8.6); switching it on again resets it.
TEST(disabled_by_base)
{
	enable();
	u64 base = rdmsr(0x1b);
	apic_set(TPR, 0x50);
	wrmsr(0x1b, base & ~0x800ul);
	int announced = cpuid(1, 0).d >> 9 & 1;
	u32 gone = apic_get(VERSION);
	WRITE_CR(8, 7);
	u64 cr8 = READ_CR(8);
	WRITE_CR(8, 0);
	wrmsr(0x1b, base);
	u32 svr = apic_get(SVR), version = apic_get(VERSION);
	enable();
	CHECK(1, !announced && cpuid(1, 0).d >> 9 & 1);
	CHECK(2, gone == 0xffffffff);
	CHECK(3, cr8 == 7);
	CHECK(4, svr == 0xff && version != 0xffffffff);
	return 0;
}

// The states of IA32_APIC_BASE and the ways between them (section 10.12.5).
TEST(apic_base_transitions)
{
	enable();
	u64 base = rdmsr(0x1b), off = base & ~0xc00ul;
	u64 v[6];
	v[0] = TRY("wrmsr", "c"(0x1b), "a"((u32)base | 1), "d"(0));	      // reserved
	v[1] = TRY("wrmsr", "c"(0x1b), "a"((u32)base), "d"(0x80000000u));     // beyond MAXPHYADDR
	wrmsr(0x1b, off);
	v[2] = TRY("wrmsr", "c"(0x1b), "a"((u32)off | 0x400), "d"(0)); // x2APIC alone
	v[3] = TRY("wrmsr", "c"(0x1b), "a"((u32)off | 0xc00), "d"(0)); // not from disabled
	wrmsr(0x1b, off);
	wrmsr(0x1b, base);
	enable();
	CHECK(1, v[0] == GP);
	CHECK(2, v[1] == GP);
	CHECK(3, v[2] == GP);
	CHECK(4, v[3] == GP);
	return 0;
}

// The second core. It runs what ap_call gives it, with interrupts on.

extern u8 ap_begin[], ap_end[];
static volatile int ap_online, ap_done;
static void (*volatile ap_work)(void);

void ap_main(void)
{
	apic_set(SVR, 0x1ff);
	ap_online = 1;
	for (;;) {
		asm volatile("sti; nop; nop; cli");
		if (ap_work) {
			ap_work();
			ap_work = 0;
			ap_done = 1;
		}
	}
}

static int ap_call(void (*work)(void))
{
	ap_done = 0;
	ap_work = work;
	for (u64 i = 0; i < 100000000 && !ap_done; i++)
		asm volatile("pause");
	return ap_done;
}

static int ap_up(void)
{
	static int tried;
	if (tried++)
		return ap_online;
	enable();
	for (u64 i = 0; ap_begin + i < ap_end; i++)
		((volatile u8 *)0x8000)[i] = ap_begin[i];
	apic_set(ICR, OTHERS | DM_INIT | ASSERT);
	settle();
	apic_set(ICR, OTHERS | DM_STARTUP | ASSERT | 0x08);
	for (u64 i = 0; i < 500000 && !ap_online; i++)
		asm volatile("pause");
	return ap_online;
}

#define NEED_AP                                                                \
	if (!ap_up())                                                          \
	return SKIP

TEST(second_core_starts)
{
	NEED_AP;
	return 0;
}

static volatile u32 ap_id, ap_cpuid;
static volatile u64 ap_base;

static void who(void)
{
	ap_id = apic_get(ID) >> 24;
	ap_cpuid = cpuid(1, 0).b >> 24;
	ap_base = rdmsr(0x1b);
}

TEST(second_core_identity)
{
	NEED_AP;
	CHECK(1, ap_call(who));
	CHECK(2, ap_id == ap_cpuid && ap_id != apic_get(ID) >> 24);
	CHECK(3, !(ap_base & 0x100)); // not the boot processor
	return 0;
}

static volatile int ipi_on;
static void on_ipi(struct frame *f)
{
	ipi_on = 1 + (apic_get(ID) >> 24);
	eoi();
}

TEST(ipi_to_second_core)
{
	NEED_AP;
	CHECK(1, ap_call(who));
	handler[0x70] = on_ipi;
	ipi_on = 0;
	apic_set(ICR_HIGH, ap_id << 24);
	apic_set(ICR, 0x70 | ASSERT);
	for (u64 i = 0; i < 100000000 && !ipi_on; i++)
		asm volatile("pause");
	CHECK(2, ipi_on == 1 + (int)ap_id);
	return 0;
}

static volatile int ap_nmi;
static void on_nmi(struct frame *f) { ap_nmi++; }
static void wait_nmi(void)
{
	for (u64 i = 0; i < 100000000 && !ap_nmi; i++)
		asm volatile("pause"); // interrupts are off here
}

TEST(nmi_to_second_core)
{
	NEED_AP;
	handler[NMI] = on_nmi;
	ap_nmi = ap_done = 0;
	ap_work = wait_nmi;
	apic_set(ICR_HIGH, ap_id << 24);
	apic_set(ICR, DM_NMI | ASSERT);
	for (u64 i = 0; i < 100000000 && !ap_done; i++)
		asm volatile("pause");
	CHECK(1, ap_done && ap_nmi == 1);
	return 0;
}

static volatile u32 shared;
static void add_locked(void)
{
	for (int i = 0; i < 20000; i++)
		asm volatile("lock incl %0" : "+m"(shared));
}

TEST(locked_increments)
{
	NEED_AP;
	shared = 0;
	ap_done = 0;
	ap_work = add_locked;
	add_locked();
	for (u64 i = 0; i < 100000000 && !ap_done; i++)
		asm volatile("pause");
	CHECK(1, ap_done && shared == 40000);
	return 0;
}
