// What a self-test file may use. A test is a function that returns 0 if the
// processor did right, and otherwise a number that says which check failed
// (make each number unique within the test: it is printed).
//
//	TEST(name_of_the_test)
//	{
//		CHECK(1, TRY("ud2") == UD);
//		return 0;
//	}
//
// Every test leaves the machine as it found it: segment registers, control
// registers, the page tables below 2 GiB, IDT, MSRs.
#ifndef SELFTEST_H
#define SELFTEST_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

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

// A test that needs a feature which the processor does not announce returns SKIP.
#define SKIP (-1)

enum { DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8,
       TS = 10, NP = 11, SS = 12, GP = 13, PF = 14, MF = 16, AC = 17, XM = 19,
       SYSCALL_VECTOR = 0x80, NONE = 0x1000 };

// Selectors of the table in start.S; SPARE and above are free for tests.
enum { KCODE = 0x08, KDATA = 0x10, UCODE32 = 0x1b, UDATA = 0x23, UCODE = 0x2b,
       KCODE32 = 0x30, KCODE16 = 0x38, KDATA16 = 0x40, TSSSEL = 0x48, SPARE = 0x58 };

// What the entry stubs push, from the stack pointer up.
struct frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, code;
	u64 rip, cs, rflags, rsp, ss;
};

// The last exception that a test provoked: a copy of its frame, CR2, and DR6
// of a #DB. vector is NONE if there was none.
struct last {
	u64 vector, code, rip, cs, rflags, rsp, ss, cr2, dr6;
	u64 rax, frame; // frame: address of the frame, to see which stack it was on
};
extern volatile struct last last;

// Where execution goes on after an expected exception; 0: it is unexpected.
extern volatile u64 resume asm("resume");

// A handler of a vector, called instead of recording; 0: none.
extern void (*volatile handler[256])(struct frame *);

// TRY executes instructions and returns the vector of the exception they
// raised, or NONE. Further arguments are input operands. The instructions may
// change RAX, RCX, RDX, R8 and the flags; R9 to R11 and the label 1 are taken.
#define TRY(insn, ...)                                                         \
	({                                                                     \
		last.vector = NONE;                                            \
		asm volatile("mov %%rax, %%r9; mov %%rcx, %%r10; mov %%rdx, %%r11\n\t" \
			     "movq $1f, resume(%%rip)\n\t" insn                \
			     "\n1:\tmovq $0, resume(%%rip)\n\t"                \
			     "mov %%r9, %%rax; mov %%r10, %%rcx; mov %%r11, %%rdx\n" \
			     :                                                 \
			     : __VA_ARGS__                                     \
			     : "memory", "cc", "r8", "r9", "r10", "r11");      \
		last.vector;                                                   \
	})

// USER runs instructions in ring 3, 64-bit mode, and returns the vector of the
// exception that ended them: SYSCALL_VECTOR if all went well. They see the
// image's memory 1 GiB higher (user_addr), have a stack of their own, and RDI
// holds the given argument.
#define USER(insn, arg) USER_IN(insn, arg, UCODE)
#define USER_IN(insn, arg, cs)                                                 \
	({                                                                     \
		u64 code;                                                      \
		asm volatile("lea 2f(%%rip), %0\n\tjmp 3f\n2:\n\t" insn        \
			     "\n\tint $0x80\n3:\n" : "=r"(code));              \
		user_call(code + USER_OFFSET, (u64)(arg), cs);                 \
	})

enum { USER_OFFSET = 0x40000000 };
u64 user_call(u64 rip, u64 arg, u64 cs);
static inline u64 user_addr(const volatile void *p) { return (u64)p + USER_OFFSET; }

// Page tables. A test owns the addresses from WINDOW on for 1 GiB. map returns
// the address of the entry that maps va (a 4 KiB page), with tables above it
// that allow everything; the tables come from a pool that window_reset empties.
#define WINDOW 0x80000000ul
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX (1ul << 63)
volatile u64 *map(u64 va, u64 entry);
volatile u64 *entry_at(u64 va, int level); // 1 the page's entry, 2 its directory's, 3, 4
void window_reset(void);
u8 *page(int i); // one of 16 zeroed pages of memory, by number

void print(const char *s);
void print_hex(u64 v);
void set_gate(int vector, void *target, int ist, int type); // type: 0x8e, 0xee, 0x8f...

static inline u64 rdmsr(u32 n)
{
	u32 lo, hi;
	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n));
	return lo | (u64)hi << 32;
}
static inline void wrmsr(u32 n, u64 v)
{
	asm volatile("wrmsr" : : "c"(n), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
static inline void outb(u16 port, u8 v) { asm volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { asm volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }
static inline u8 inb(u16 port)
{
	u8 v;
	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
#define READ_CR(n) ({ u64 v_; asm volatile("mov %%cr" #n ", %0" : "=r"(v_)); v_; })
#define WRITE_CR(n, v) asm volatile("mov %0, %%cr" #n : : "r"((u64)(v)) : "memory")
#define READ_DR(n) ({ u64 v_; asm volatile("mov %%dr" #n ", %0" : "=r"(v_)); v_; })
#define WRITE_DR(n, v) asm volatile("mov %0, %%dr" #n : : "r"((u64)(v)) : "memory")
static inline void invlpg(u64 va) { asm volatile("invlpg (%0)" : : "r"(va) : "memory"); }
struct regs4 { u32 a, b, c, d; };
static inline struct regs4 cpuid(u32 leaf, u32 sub)
{
	struct regs4 r;
	asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
	return r;
}
extern u64 gdt[], idt[];
extern u8 tss[], stack_top[], ist1_top[], ist2_top[], user_stack_top[];
extern u64 pml4[512], pd0[512], pd1[512];

#endif
