// The self-test image's own library: printing, the trap handler, page tables
// for tests, and the loop over all tests.
#include "selftest.h"

volatile struct last last;
volatile u64 resume;
void (*volatile handler[256])(struct frame *);
static volatile int in_user;

extern const struct test tests_begin[], tests_end[];
extern u8 leave_user[];

static void put(char c)
{
	while (!(inb(0x3fd) & 0x20))
		;
	outb(0x3f8, c);
}

void print(const char *s)
{
	for (; *s; s++)
		put(*s);
}

void print_hex(u64 v)
{
	print("0x");
	for (int shift = 60; shift >= 0; shift -= 4)
		if (v >> shift || shift == 0)
			put("0123456789abcdef"[v >> shift & 15]);
}

static void print_dec(u64 v)
{
	if (v >= 10)
		print_dec(v / 10);
	put('0' + v % 10);
}

// Ends the run on every machine: the debug-exit port of QEMU and klpsim, then
// the power-off port of Bochs.
void stop_machine(u32 code)
{
	while (!(inb(0x3fd) & 0x40)) // until the last character has left
		;
	outl(0xf4, code);
	for (const char *s = "Shutdown"; *s; s++)
		outb(0x8900, *s);
}

static void unexpected(struct frame *f)
{
	print("\nFAIL unexpected vector ");
	print_hex(f->vector);
	print(" code ");
	print_hex(f->code);
	print(" rip ");
	print_hex(f->rip);
	print(" cr2 ");
	print_hex(READ_CR(2));
	print("\n");
	stop_machine(2);
	for (;;)
		asm volatile("cli; hlt");
}

void trap(struct frame *f)
{
	if (handler[f->vector]) {
		handler[f->vector](f);
		return;
	}
	last.cr2 = READ_CR(2);
	last.dr6 = READ_DR(6);
	last.vector = f->vector;
	last.code = f->code;
	last.rip = f->rip;
	last.cs = f->cs;
	last.rflags = f->rflags;
	last.rsp = f->rsp;
	last.ss = f->ss;
	last.rax = f->rax;
	last.frame = (u64)f;
	if (in_user && f->cs & 3) {
		in_user = 0;
		asm volatile("jmp leave_user");
	}
	if (!resume)
		unexpected(f);
	f->rip = resume;
	f->rflags &= ~0x10100ul; // RF, TF
	resume = 0;
}

u64 user_call(u64 rip, u64 arg, u64 cs)
{
	in_user = 1;
	asm volatile("call run_user"
		     :
		     : "D"(rip), "S"(cs), "d"((u64)UDATA), "c"(arg)
		     : "memory", "cc", "rax", "r8", "r9", "r10", "r11");
	return last.vector;
}

static u64 pool[16][512] __attribute__((aligned(4096)));
static u8 pages[16][4096] __attribute__((aligned(4096)));
static int pool_used;

u8 *page(int i) { return pages[i]; }

volatile u64 *entry_at(u64 va, int level)
{
	u64 *table = pml4;
	for (int l = 4; l > level; l--) {
		u64 *e = &table[va >> (3 + 9 * l) & 511];
		if (!(*e & P)) {
			if (pool_used == 16) {
				print("\nFAIL out of page tables\n");
				stop_machine(2);
			}
			*e = (u64)pool[pool_used++] + (P | W | U);
		}
		table = (u64 *)(*e & 0xffffffffff000ul);
	}
	return &table[va >> (3 + 9 * level) & 511];
}

volatile u64 *map(u64 va, u64 entry)
{
	volatile u64 *e = entry_at(va, 1);
	*e = entry;
	invlpg(va);
	return e;
}

static void clear(void *p, u64 n)
{
	for (u64 *q = p; n; n -= 8)
		*q++ = 0;
}

void window_reset(void)
{
	u64 *top = (u64 *)(pml4[0] & 0xffffffffff000ul);
	top[2] = 0;
	for (int i = 1; i < 512; i++)
		pml4[i] = 0;
	clear(pool, sizeof pool);
	clear(pages, sizeof pages);
	pool_used = 0;
	WRITE_CR(3, READ_CR(3));
}

void set_gate(int vector, void *target, int ist, int type)
{
	u64 t = (u64)target;
	idt[2 * vector] = (t & 0xffff) | KCODE << 16 | (u64)ist << 32 | (u64)type << 40 | (t >> 16 & 0xffff) << 48;
	idt[2 * vector + 1] = t >> 32;
}

static void init_serial(void)
{
	outb(0x3f9, 0);	   // no interrupts
	outb(0x3fb, 0x80); // divisor latch
	outb(0x3f8, 1);
	outb(0x3f9, 0);
	outb(0x3fb, 3); // 8 bits, no parity, 1 stop bit
	outb(0x3fc, 3);
}

int run_tests(void)
{
	int passed = 0, failed = 0;
	init_serial();
	outb(0x21, 0xff); // no PIC interrupts, where there is a PIC
	outb(0xa1, 0xff);
	for (const struct test *t = tests_begin; t != tests_end; t++) {
		window_reset();
		int r = t->run();
		resume = 0;
		for (int i = 0; i < 256; i++)
			handler[i] = 0;
		if (r == SKIP) {
			print("SKIP ");
		} else if (r) {
			failed++;
			print("FAIL ");
		} else {
			passed++;
			print("PASS ");
		}
		print(t->name);
		if (r && r != SKIP) {
			print(" check ");
			print_dec(r);
			print(" vector ");
			print_hex(last.vector);
			print(" code ");
			print_hex(last.code);
			print(" cr2 ");
			print_hex(last.cr2);
		}
		print("\n");
	}
	print("DONE ");
	print_dec(passed);
	print(" passed ");
	print_dec(failed);
	print(" failed\n");
	return failed != 0;
}
