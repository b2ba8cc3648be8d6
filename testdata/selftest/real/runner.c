// Self-tests of real mode: the integer instructions with 16-bit defaults, the
// interrupt table, segment arithmetic and limits, and the way to protected
// mode and back. SDM vol. 3B, chapter 20.
asm(".code16gcc");

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

struct test {
	const char *name;
	int (*run)(void);
};

#define TEST(name)                                                             \
	static int test_##name(void);                                          \
	static const struct test entry_##name                                  \
		__attribute__((section(".tests"), used, aligned(8))) = {       \
			#name, test_##name };                                  \
	static int test_##name(void)
#define CHECK(n, cond)                                                         \
	do {                                                                   \
		if (!(cond))                                                   \
			return n;                                              \
	} while (0)

enum { DE = 0, UD = 6, SS = 12, GP = 13, NONE = 0x1000 };

struct frame {
	u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
	u16 vector, ip, cs, flags;
};

volatile u32 last, last_ip, last_cs, last_flags;
volatile u16 resume asm("resume");
extern u8 stubs[];
extern const struct test tests_begin[], tests_end[];

void trap(struct frame *f)
{
	last = f->vector;
	last_ip = f->ip;
	last_cs = f->cs;
	last_flags = f->flags;
	if (resume) {
		f->ip = resume;
		f->cs = 0;
		resume = 0;
	}
}

// TRY runs instructions and returns the vector that they raised, or NONE.
#define TRY(insn, ...)                                                         \
	({                                                                     \
		last = NONE;                                                   \
		asm volatile("movw $1f, resume\n\t" insn "\n1:\tmovw $0, resume\n" \
			     : : __VA_ARGS__ : "memory", "cc");                \
		last;                                                          \
	})

static void outb(u16 port, u8 v) { asm volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static u8 inb(u16 port)
{
	u8 v;
	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static void print(const char *s)
{
	for (; *s; s++) {
		while (!(inb(0x3fd) & 0x20))
			;
		outb(0x3f8, *s);
	}
}

static void print_dec(u32 v)
{
	char b[12], *p = b + 11;
	*p = 0;
	do
		*--p = '0' + v % 10;
	while (v /= 10);
	print(p);
}

TEST(real_arithmetic)
{
	u16 a;
	u32 d;
	asm volatile("movw $0x8000, %%ax; addw $0x8000, %%ax; pushfw; popw %w0" : "=r"(a) : : "eax", "cc");
	CHECK(1, (a & 0x8d5) == 0x845); // OF, ZF, PF, CF
	asm volatile("movl $0xffff0001, %%eax; decw %%ax; movl %%eax, %0" : "=r"(d) : : "eax", "cc");
	CHECK(2, d == 0xffff0000);
	asm volatile("movl $0x12345678, %%eax; imulw $-2, %%ax, %%ax; movl %%eax, %0" : "=r"(d) : : "eax", "cc");
	CHECK(3, d == 0x12345310);
	return 0;
}

TEST(real_bcd)
{
	u32 d;
	asm volatile("movl $0x0f, %%eax; addb $0, %%al; aaa; movl %%eax, %0" : "=r"(d) : : "eax", "cc");
	CHECK(1, d == 0x105);
	asm volatile("movl $0x9a, %%eax; addb $0, %%al; daa; movl %%eax, %0" : "=r"(d) : : "eax", "cc");
	CHECK(2, d == 0);
	asm volatile("movl $0x12345678, %%eax; aad; movl %%eax, %0" : "=r"(d) : : "eax", "cc");
	CHECK(3, d == 0x123400d4);
	asm volatile("movl $0x76543210, %%eax; aam; movl %%eax, %0" : "=r"(d) : : "eax", "cc");
	CHECK(4, d == 0x76540106);
	CHECK(5, TRY("aam $0") == DE);
	asm volatile("stc; .byte 0xd6; movzbl %%al, %0" : "=r"(d) : : "eax", "cc"); // SALC
	CHECK(6, d == 0xff);
	return 0;
}

TEST(real_pusha)
{
	static u32 sp, saved;
	asm volatile("movl %%esp, %0; pushaw; movl %%esp, %1; popaw" : "=m"(sp), "=m"(saved));
	CHECK(1, sp - saved == 16);
	u16 ax, di;
	asm volatile("movl $0x1111, %%eax; movl $0x2222, %%edi; pushaw; popw %w1; addw $12, %%sp; popw %w0"
		     : "=&b"(ax), "=&c"(di) : : "eax", "edi", "cc");
	CHECK(2, ax == 0x1111 && di == 0x2222);
	return 0;
}

// Sixteen-bit pushes and an address size of 16 wrap at 64 KiB, and bits 16 and
// up of ESP stay (SDM vol. 1, section 6.2.3).
TEST(real_high_esp)
{
	u32 v;
	asm volatile("xorl $0x12340000, %%esp; pushw $0x77; xorl $0x12340000, %%esp; popw %w0" : "=r"(v) : "0"(0) : "cc");
	CHECK(1, v == 0x77);
	return 0;
}

TEST(real_segments)
{
	static u16 cell;
	u16 v;
	cell = 0xabcd;
	u32 at = (u32)&cell, seg = at >> 4, off = at & 15;
	asm volatile("movw %w1, %%es; movw %%es:(%2), %w0; movw %w3, %%es" : "=&r"(v) : "r"(seg), "b"(off), "r"(0) : "memory");
	CHECK(1, v == 0xabcd);
	static const u16 far_pointer[2] = { 0x1234, 0x0567 };
	u32 bx, es;
	asm volatile("lesw %2, %%bx; movzwl %%bx, %0; movw %%es, %w1; pushw $0; popw %%es" : "=&r"(bx), "=&r"(es) : "m"(far_pointer) : "ebx");
	CHECK(2, bx == 0x1234 && (es & 0xffff) == 0x567);
	return 0;
}

// Offsets beyond the limit of 64 KiB raise #GP, or #SS on the stack.
TEST(real_limits)
{
	u32 at = 0x10000, v;
	last = NONE;
	asm volatile("movw $1f, resume; movb (%1), %b0; 1: movw $0, resume" : "=&a"(v) : "b"(at) : "memory");
	CHECK(2, last == GP);
	last = NONE;
	asm volatile("movw $1f, resume; movw (%1), %w0; 1: movw $0, resume" : "=&a"(v) : "b"(0xffff) : "memory");
	CHECK(3, last == GP); // a word at 0xffff
	last = NONE;
	asm volatile("movw $1f, resume; movl %%ss:(%1), %0; 1: movw $0, resume" : "=&a"(v) : "b"(at) : "memory");
	CHECK(4, last == SS);
	return 0;
}

TEST(real_interrupts)
{
	last = NONE;
	asm volatile("int $0x21" : : : "memory");
	CHECK(1, last == 0x21 && last_cs == 0 && last_ip > 0x2000);
	CHECK(2, TRY("ud2") == UD);
	CHECK(3, TRY("xorl %%ecx, %%ecx; divl %%ecx", "a"(1), "d"(0)) == DE);
	u16 flags;
	asm volatile("sti; nop; int $0x21; pushfw; popw %w0; cli" : "=r"(flags) : : "memory", "cc");
	CHECK(4, flags & 0x200);	// IRET brings IF back
	CHECK(5, last_flags & 0x200); // pushed before it is cleared
	return 0;
}

TEST(real_iret_flags)
{
	u32 flags;
	asm volatile("pushfl; popl %%eax; orl $0xffc18028, %%eax; andl $~2, %%eax; pushl %%eax;"
		     "pushl %%cs; calll 1f; jmp 2f; 1: iretl; 2: pushfl; popl %0"
		     : "=r"(flags) : : "eax", "cc", "memory");
	CHECK(1, (flags & 0xffc18028) == 0 && flags & 2);
	return 0;
}

TEST(real_far_calls)
{
	u32 v;
	asm volatile("lcallw $0, $1f; jmp 2f; 1: movl $0x1234, %0; lretw; 2:" : "=&r"(v));
	CHECK(1, v == 0x1234);
	asm volatile("pushw %%cs; callw 1f; jmp 2f; 1: movl $0x4321, %0; lretw; 2:" : "=&r"(v));
	CHECK(2, v == 0x4321);
	asm volatile("subw $10, %%sp; jmp 2f; 1: retw $10; 2: callw 1b; movl $5, %0" : "=&r"(v) : : "memory");
	CHECK(3, v == 5);
	return 0;
}

TEST(real_loops)
{
	u32 n = 0, c;
	asm volatile("movl $0x1000a, %%ecx; 1: incl %0; loop 1b; movl %%ecx, %1" : "+r"(n), "=&r"(c) : : "ecx", "cc");
	CHECK(1, n == 10 && c == 0x10000); // CX counts
	n = 0;
	asm volatile("movl $0x10000, %%ecx; jcxz 1f; movl $1, %0; 1:" : "+r"(n) : : "ecx");
	CHECK(2, n == 0);
	asm volatile("movl $0x10000, %%ecx; jecxz 1f; movl $1, %0; 1:" : "+r"(n) : : "ecx");
	CHECK(3, n == 1);
	return 0;
}

TEST(real_strings)
{
	static u8 from[64], to[64];
	for (int i = 0; i < 64; i++)
		from[i] = i * 3, to[i] = 0;
	u32 si = (u32)from, di = (u32)to, cx = 0x10020; // CX is 0x20
	asm volatile("cld; rep movsb" : "+S"(si), "+D"(di), "+c"(cx) : : "memory");
	CHECK(1, to[31] == 93 && to[32] == 0 && cx == 0x10000);
	si = (u32)from, di = (u32)to, cx = 0x30;
	asm volatile("addr32 rep movsb" : "+S"(si), "+D"(di), "+c"(cx) : : "memory");
	CHECK(2, to[47] == 141 && to[48] == 0);
	return 0;
}

// Loading a segment register in protected mode leaves its limit behind when
// PE is cleared: "unreal" mode (SDM vol. 3A, section 9.9.2).
TEST(real_big_segments)
{
	u32 v;
	last = NONE;
	asm volatile("movl %%cr0, %%eax; orl $1, %%eax; movl %%eax, %%cr0; movw $0x18, %%dx; movw %%dx, %%fs;"
		     "andl $~1, %%eax; movl %%eax, %%cr0; movl $0x100000, %%edx; movl $0xcafe, %%fs:(%%edx); movl %%fs:(%%edx), %0;"
		     : "=&r"(v) : : "eax", "edx", "memory", "cc");
	CHECK(1, last == NONE && v == 0xcafe);
	asm volatile("movw $0x1000, %%dx; movw %%dx, %%fs; movl $0xf0000, %%edx; movl %%fs:(%%edx), %0; xorw %%dx, %%dx; movw %%dx, %%fs"
		     : "=&r"(v) : : "edx", "memory");
	CHECK(2, last == NONE && v == 0xcafe); // the base is new, the limit stays
	// Back to 64 KiB.
	asm volatile("movl %%cr0, %%eax; orl $1, %%eax; movl %%eax, %%cr0; movw $0x10, %%dx; movw %%dx, %%fs;"
		     "andl $~1, %%eax; movl %%eax, %%cr0; xorw %%dx, %%dx; movw %%dx, %%fs" : : : "eax", "edx", "cc");
	return 0;
}

TEST(real_system)
{
	u32 cr0, msw;
	asm volatile("movl %%cr0, %0; smswl %1" : "=r"(cr0), "=r"(msw));
	CHECK(1, cr0 == msw && !(cr0 & 1));
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) idt;
	asm volatile("sidt %0" : "=m"(idt));
	CHECK(2, idt.limit == 0x3ff && idt.base == 0);
	CHECK(3, TRY("lldt %w0", "a"(0)) == UD); // not recognised in real mode
	u16 fcw = 0, fsw = 0xffff;
	asm volatile("fninit; fnstcw %0; fnstsw %1" : "=m"(fcw), "=m"(fsw));
	CHECK(5, fcw == 0x37f && fsw == 0);
	return 0;
}

// Thirty-two-bit code is a far jump away, and so is the way back.
TEST(real_to_protected_and_back)
{
	u32 v;
	asm volatile("movl %%cr0, %%eax; orl $1, %%eax; movl %%eax, %%cr0; ljmpl $0x20, $1f;"
		     ".code32; 1: movw $0x10, %%dx; movw %%dx, %%ds; movw %%dx, %%ss; movl $0x89abcdef, %0; pushl %0; popl %0; ljmpl $0x08, $2f;"
		     ".code16gcc; 2: movl %%cr0, %%eax; andl $~1, %%eax; movl %%eax, %%cr0; ljmpw $0, $3f;"
		     "3: xorw %%dx, %%dx; movw %%dx, %%ds; movw %%dx, %%ss"
		     : "=&r"(v) : : "eax", "edx", "memory", "cc");
	CHECK(1, v == 0x89abcdef);
	return 0;
}

int run_tests(void)
{
	int passed = 0, failed = 0;
	for (int i = 0; i < 34; i++) {
		asm volatile("movl %0, (%1)" : : "r"((u32)stubs + 8 * i), "r"(4 * i) : "memory"); // segment 0
	}
	outb(0x3fb, 3); // 8 bits a character
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	for (const struct test *t = tests_begin; t != tests_end; t++) {
		int r = t->run();
		resume = 0;
		print(r ? "FAIL " : "PASS ");
		print(t->name);
		if (r) {
			print(" check ");
			print_dec(r);
			print(" vector ");
			print_dec(last);
		}
		print("\n");
		r ? failed++ : passed++;
	}
	print("DONE ");
	print_dec(passed);
	print(" passed ");
	print_dec(failed);
	print(" failed\n");
	while (!(inb(0x3fd) & 0x40))
		;
	outb(0xf4, failed != 0);
	for (const char *s = "Shutdown"; *s; s++)
		outb(0x8900, *s);
	return 0;
}
