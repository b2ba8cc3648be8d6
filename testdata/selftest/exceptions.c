// Exceptions that single instructions raise, with frame and error code.
#include "selftest.h"

// SDM vol. 3A, section 6.15: faults point at the instruction, and RF is set in
// the pushed flags for them (section 17.3.1.1).
TEST(ud2_frame)
{
	u64 at;
	asm volatile("lea 5f(%%rip), %0" : "=r"(at));
	u64 v = TRY("5: ud2");
	CHECK(1, v == UD);
	CHECK(2, last.rip == at);
	CHECK(3, last.cs == KCODE && last.ss == KDATA);
	CHECK(4, last.code == 0);
	return 0;
}

TEST(divide_by_zero)
{
	CHECK(1, TRY("xor %%ecx, %%ecx; div %%ecx", "a"(1), "d"(0)) == DE);
	CHECK(2, TRY("mov $1, %%ecx; div %%ecx", "a"(0), "d"(1)) == DE);
	CHECK(3, TRY("mov $-1, %%ecx; idiv %%ecx", "a"(0x80000000u), "d"(-1)) == DE);
	return 0;
}

TEST(int3_is_a_trap)
{
	u64 at;
	asm volatile("lea 5f(%%rip), %0" : "=r"(at));
	CHECK(1, TRY("int3; 5: nop") == BP);
	CHECK(2, last.rip == at);
	return 0;
}

TEST(int_n_from_user_needs_dpl)
{
	CHECK(1, USER("nop", 0) == SYSCALL_VECTOR);
	CHECK(2, last.cs == UCODE && last.ss == UDATA);
	CHECK(3, USER("int $0x30", 0) == GP);
	CHECK(4, USER("int $14", 0) == GP);
	CHECK(5, USER("int3", 0) == BP);
	CHECK(6, USER("inu1: int $0x30", 0) == GP);
	u64 at;
	asm("lea inu1(%%rip), %0" : "=r"(at));
	CHECK(7, last.rip == at + USER_OFFSET); // a fault of the INT, not after it
	return 0;
}

// SDM vol. 3A, section 6.13: the error code holds the vector in bits 3 to 10
// and says by bit 1 that it is an index into the IDT.
TEST(int_n_error_code)
{
	CHECK(1, USER("int $0x30", 0) == GP);
	CHECK(2, last.code == 0x30 * 8 + 2);
	CHECK(3, USER("int $14", 0) == GP);
	CHECK(4, last.code == 14 * 8 + 2);
	return 0;
}

TEST(privileged_in_user)
{
	CHECK(1, USER("hlt", 0) == GP && last.code == 0);
	CHECK(2, USER("cli", 0) == GP && last.code == 0);
	CHECK(3, USER("mov %%cr0, %%rax", 0) == GP);
	CHECK(4, USER("wrmsr", 0) == GP);
	CHECK(5, USER("lgdt (%%rsp)", 0) == GP);
	CHECK(6, USER("in $0x80, %%al", 0) == GP);
	CHECK(7, USER("invlpg (%%rsp)", 0) == GP);
	CHECK(8, USER("clts", 0) == GP);
	CHECK(9, USER("swapgs", 0) == GP);
	CHECK(10, USER("mov %%rax, %%dr7", 0) == GP);
	return 0;
}

TEST(non_canonical)
{
	u64 bad = 0x8000000000000000ul;
	CHECK(1, TRY("mov (%0), %%rax", "b"(bad)) == GP);
	CHECK(2, last.code == 0);
	CHECK(3, TRY("push (%0)", "b"(bad)) == GP);
	return 0;
}
