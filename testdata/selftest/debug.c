// Single step, breakpoints and debug registers (SDM vol. 3B, chapter 17).
#include "selftest.h"

enum { TF = 0x100, BS = 1 << 14, BD = 1 << 13 };
static u64 trap_rip[64], trap_dr6[64], traps;
static u64 trap_flags[64];
static u64 resume_flags; // flags that the handler sets in the interrupted code

static void on_db(struct frame *f)
{
	if (traps < 64) {
		trap_flags[traps] = f->rflags;
		trap_rip[traps] = f->rip;
		trap_dr6[traps++] = READ_DR(6);
	}
	WRITE_DR(6, 0xffff0ff0);
	f->rflags |= resume_flags;
}

static void db_begin(void)
{
	traps = 0;
	resume_flags = 0;
	WRITE_DR(6, 0xffff0ff0);
	handler[DB] = on_db;
}
static void db_end(void)
{
	WRITE_DR(7, 0x400);
	handler[DB] = 0;
}

#define LABEL(name) ({ u64 a_; asm("lea " name "(%%rip), %0" : "=r"(a_)); a_; })

TEST(single_step)
{
	db_begin();
	asm volatile("pushfq; orq $0x100, (%rsp); popfq\n"
		     "ss1: nop\n ss2: nop\n ss3: pushfq; ss4: andq $~0x100, (%rsp); ss5: popfq\n ss6: nop");
	db_end();
	CHECK(1, traps == 5); // after nop, nop, pushfq, andq, popfq
	CHECK(2, trap_rip[0] == LABEL("ss2") && trap_rip[1] == LABEL("ss3"));
	CHECK(3, trap_rip[4] == LABEL("ss6"));
	CHECK(4, (trap_dr6[0] & (BS | 15)) == BS);
	return 0;
}

// REP traps after each iteration.
TEST(single_step_rep)
{
	db_begin();
	u8 buffer[8];
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq\n"
		     "rs1: rep stosb\n rs2: nop\n pushfq; andq $~0x100, (%%rsp); popfq"
		     : : "a"(0), "c"(4), "D"(buffer) : "memory");
	db_end();
	CHECK(1, traps == 4 + 1 + 3);
	CHECK(2, trap_rip[0] == LABEL("rs1") && trap_rip[2] == LABEL("rs1"));
	CHECK(3, trap_rip[3] == LABEL("rs2"));
	return 0;
}

// MOV SS and POP SS hold the trap back until after the next instruction.
TEST(single_step_mov_ss)
{
	db_begin();
	asm volatile("mov %%ss, %%eax; pushfq; orq $0x100, (%%rsp); popfq\n"
		     "ms1: mov %%eax, %%ss\n ms2: nop\n ms3: pushfq; andq $~0x100, (%%rsp); popfq" : : : "rax");
	db_end();
	CHECK(1, traps == 4);
	CHECK(2, trap_rip[0] == LABEL("ms3"));
	return 0;
}

// An interrupt's handler runs without TF; the trap comes first, with INT's own
// trap suppressed (SDM vol. 3A, section 6.9).
static void on_int(struct frame *f) {}
TEST(single_step_int)
{
	db_begin();
	handler[0x30] = on_int;
	asm volatile("pushfq; orq $0x100, (%rsp); popfq\n"
		     "si1: int $0x30\n si2: nop\n si3: pushfq; andq $~0x100, (%rsp); popfq");
	handler[0x30] = 0;
	db_end();
	CHECK(1, traps == 4);
	CHECK(2, trap_rip[0] == LABEL("si3"));
	return 0;
}

TEST(execution_breakpoint)
{
	db_begin();
	WRITE_DR(0, LABEL("eb1"));
	WRITE_DR(7, 0x402);
	// A fault, before the instruction, and the one fault that leaves RF clear in
	// the frame: the handler sets it to get past (section 17.3.1.1).
	resume_flags = 0x10000;
	asm volatile("nop\n eb1: nop\n nop" : : : "memory");
	db_end();
	CHECK(1, traps >= 1);
	CHECK(2, trap_rip[0] == LABEL("eb1"));
	CHECK(3, (trap_dr6[0] & (BS | 15)) == 1);
	CHECK(4, traps == 1);
	CHECK(5, !(trap_flags[0] & 0x10000));
	return 0;
}

TEST(data_breakpoint)
{
	static volatile u64 word;
	db_begin();
	WRITE_DR(1, (u64)&word);
	WRITE_DR(7, 0x400 | 2 << 2 | 1ul << 20 | 2ul << 22); // G1, write, 8 bytes
	asm volatile("db1: movb $1, 3(%0)\n db2: nop\n mov (%0), %%rax\n" : : "r"(&word) : "memory", "rax");
	u64 n = traps;
	WRITE_DR(7, 0x400 | 2 << 2 | 3ul << 20 | 2ul << 22); // reads and writes
	asm volatile("db3: mov (%0), %%rax\n db4: nop\n" : : "r"(&word) : "memory", "rax");
	db_end();
	CHECK(1, n == 1 && trap_rip[0] == LABEL("db2"));
	CHECK(2, (trap_dr6[0] & (BS | 15)) == 2);
	CHECK(3, traps == 2 && trap_rip[1] == LABEL("db4"));
	return 0;
}

TEST(debug_registers)
{
	WRITE_DR(0, 0x123456789abcul);
	CHECK(1, READ_DR(0) == 0x123456789abcul);
	WRITE_DR(0, 0);
	CHECK(2, (READ_DR(7) & 0x400) == 0x400);
	CHECK(3, TRY("mov %0, %%dr7", "b"(1ul << 32)) == GP && last.code == 0);
	CHECK(4, TRY("mov %0, %%dr6", "b"(1ul << 32)) == GP && last.code == 0);
	WRITE_DR(6, 0);
	CHECK(5, (READ_DR(6) & 0xffff0ff0ul) == 0xffff0ff0ul);
	u64 cr4 = READ_CR(4);
	WRITE_CR(4, cr4 & ~8ul); // DE off: DR4 and DR5 are DR6 and DR7
	u64 v = TRY("mov %%dr5, %%rax");
	WRITE_CR(4, cr4 | 8);
	u64 w = TRY("mov %%dr5, %%rax");
	WRITE_CR(4, cr4);
	CHECK(6, v == NONE);
	CHECK(7, w == UD);
	return 0;
}

// DR7.GD makes every access to a debug register a #DB (section 17.2.4).
TEST(general_detect)
{
	WRITE_DR(6, 0xffff0ff0);
	WRITE_DR(7, 0x400 | 1 << 13);
	CHECK(1, TRY("gd1: mov %%dr0, %%rax") == DB);
	CHECK(2, last.rip == LABEL("gd1") && last.dr6 & BD);
	CHECK(3, !(READ_DR(7) & 1 << 13)); // cleared on entry to the handler
	WRITE_DR(6, 0xffff0ff0);
	return 0;
}

// INT1 is a trap that no DPL check guards.
TEST(icebp)
{
	CHECK(1, TRY(".byte 0xf1; ib1: nop") == DB && last.rip == LABEL("ib1"));
	CHECK(2, USER(".byte 0xf1", 0) == DB);
	return 0;
}

// SYSCALL with TF: SFMASK clears TF, and the trap does not come in the kernel.
TEST(step_over_fault)
{
	db_begin();
	asm volatile("movq $sf2, resume(%rip); pushfq; orq $0x100, (%rsp); popfq\n sf1: ud2\n sf2: pushfq; andq $~0x100, (%rsp); popfq");
	db_end();
	CHECK(1, last.vector == UD && last.rip == LABEL("sf1"));
	CHECK(2, last.rflags & TF);
	CHECK(3, traps == 0); // trap() returned with TF clear
	return 0;
}
