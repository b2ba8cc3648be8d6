// Segment registers, descriptors and the instructions that ask about them.
#include "selftest.h"

enum { S0 = SPARE, S1 = SPARE + 8, S2 = SPARE + 16, S3 = SPARE + 24 };

static void set_descriptor(int sel, u64 v) { ((volatile u64 *)gdt)[sel / 8] = v; }
#define DATA_LDT 0x00cf92000000fffful

// SDM vol. 3A, section 5.4.1.1: in 64-bit mode below ring 3 even SS may be null.
TEST(null_selectors)
{
	CHECK(1, TRY("xor %%eax, %%eax; mov %%eax, %%ds; mov %%eax, %%es") == NONE);
	CHECK(2, TRY("xor %%eax, %%eax; mov %%eax, %%ss") == NONE);
	u64 ss;
	asm volatile("mov %%ss, %0" : "=r"(ss));
	CHECK(3, ss == 0);
	CHECK(4, TRY("mov $0x10, %%eax; mov %%eax, %%ds; mov %%eax, %%es; mov %%eax, %%ss") == NONE);
	CHECK(6, USER("xor %%eax, %%eax; mov %%eax, %%ss", 0) == GP && last.code == 0);
	CHECK(7, USER("mov $3, %%eax; mov %%eax, %%ds", 0) == SYSCALL_VECTOR);
	return 0;
}

// SDM vol. 2, MOV: a null SS must have the RPL of the current level.
TEST(null_ss_of_other_rpl)
{
	u64 v = TRY("mov $3, %%eax; mov %%eax, %%ss"), code = last.code;
	TRY("mov $0x10, %%eax; mov %%eax, %%ss");
	CHECK(1, v == GP && code == 0);
	return 0;
}

// SDM vol. 2, MOV: the error code is the selector without its RPL.
TEST(bad_selectors)
{
	CHECK(1, TRY("mov $0xff8, %%eax; mov %%eax, %%ds") == GP && last.code == 0xff8);
	CHECK(2, TRY("mov $0x4c, %%eax; mov %%eax, %%es") == GP && last.code == 0x4c);
	CHECK(3, TRY("mov $0x48, %%eax; mov %%eax, %%es") == GP && last.code == 0x48);
	CHECK(4, TRY("mov $0x08, %%eax; mov %%eax, %%ss") == GP && last.code == 0x08);
	CHECK(5, TRY("mov $0x23, %%eax; mov %%eax, %%ss") == GP && last.code == 0x20);
	CHECK(6, USER("mov $0x10, %%eax; mov %%eax, %%ds", 0) == GP && last.code == 0x10);
	CHECK(7, USER("mov $0x13, %%eax; mov %%eax, %%ss", 0) == GP && last.code == 0x10);
	set_descriptor(S0, 0x00cf12000000ffff); // writable data, not present
	CHECK(8, TRY("mov %0, %%ds", "a"(S0)) == NP && last.code == S0);
	CHECK(9, TRY("mov %0, %%ss", "a"(S0)) == SS && last.code == S0);
	set_descriptor(S0, 0x00cf90000000ffff); // read-only data
	CHECK(10, TRY("mov %0, %%ss", "a"(S0)) == GP && last.code == S0);
	CHECK(11, TRY("mov %0, %%fs; xor %%eax, %%eax; mov %%eax, %%fs", "a"(S0)) == NONE);
	set_descriptor(S0, 0x00af98000000ffff); // execute-only code
	CHECK(12, TRY("mov %0, %%ds", "a"(S0)) == GP && last.code == S0);
	return 0;
}

// Loading a segment sets the accessed bit of its descriptor.
TEST(accessed_bit)
{
	set_descriptor(S0, 0x00cf92000000ffff);
	CHECK(1, TRY("mov %0, %%es; mov $0x10, %%eax; mov %%eax, %%es", "a"(S0)) == NONE);
	CHECK(2, ((volatile u64 *)gdt)[S0 / 8] == 0x00cf93000000ffff);
	return 0;
}

// FS and GS have bases in 64-bit mode, those of descriptors are 32 bits wide.
TEST(fs_base_from_descriptor)
{
	volatile u32 word = 0x1234567;
	u64 at = (u64)&word;
	set_descriptor(S0, 0x00cf92000000fffful | (at & 0xffffff) << 16 | (at >> 24 & 0xff) << 56);
	u32 got = 0;
	asm volatile("mov %1, %%fs; mov %%fs:0, %0; xor %%eax, %%eax; mov %%eax, %%fs" : "=&c"(got) : "d"(S0) : "rax");
	CHECK(1, got == 0x1234567);
	wrmsr(0xc0000100, 0x123456789abcul);
	CHECK(2, rdmsr(0xc0000100) == 0x123456789abcul);
	wrmsr(0xc0000100, 0);
	return 0;
}

struct answer { u64 value, zf; };
#define ASK(insn, sel)                                                          \
	({                                                                      \
		struct answer a_ = { 0x5555, 0 };                               \
		asm volatile(insn " %w2, %k0; setz %b1"                         \
			     : "+r"(a_.value), "+q"(a_.zf) : "r"(sel) : "cc");  \
		a_;                                                             \
	})
#define VERIFY(insn, sel)                                                       \
	({                                                                      \
		u8 z_;                                                          \
		asm volatile(insn " %w1; setz %0" : "=q"(z_) : "r"(sel) : "cc"); \
		z_;                                                             \
	})

// SDM vol. 2, LAR and LSL. Bits 16 to 19 of LAR's result are undefined.
TEST(lar_lsl)
{
	struct answer a = ASK("lar", KDATA);
	CHECK(1, a.zf && (a.value & 0xf0ff00) == 0xc09300);
	a = ASK("lar", 0);
	CHECK(2, !a.zf && a.value == 0x5555);
	a = ASK("lar", 0xff8);
	CHECK(3, !a.zf);
	a = ASK("lsl", KDATA);
	CHECK(4, a.zf && a.value == 0xffffffff);
	a = ASK("lsl", KDATA16);
	CHECK(5, a.zf && a.value == 0xffff);
	a = ASK("lsl", TSSSEL);
	CHECK(6, a.zf && a.value == 0x67);
	a = ASK("lar", TSSSEL);
	CHECK(7, a.zf && (a.value & 0xf0ff00) == 0x8b00);
	a = ASK("lsl", KDATA | 3); // RPL 3 does not see DPL 0
	CHECK(8, !a.zf);
	set_descriptor(S0, 0x00008c0000000000); // 64-bit call gate: LAR sees it, LSL does not
	set_descriptor(S1, 0);
	a = ASK("lar", S0);
	CHECK(9, a.zf && (a.value & 0xf0ff00) == 0x8c00);
	a = ASK("lsl", S0);
	CHECK(10, !a.zf);
	set_descriptor(S0, 0);
	return 0;
}

// SDM vol. 2, LTR: a null selector is #GP(0).
TEST(ltr_null)
{
	u64 v = TRY("ltr %w0", "a"(0)), code = last.code;
	if (v == NONE) { // put it back
		((volatile u64 *)gdt)[TSSSEL / 8] &= ~(2ul << 40);
		TRY("ltr %w0", "a"(TSSSEL));
	}
	CHECK(1, v == GP && code == 0);
	return 0;
}

// SDM vol. 2, table 3-53: LAR accepts no 16-bit system types in IA-32e mode.
TEST(lar_types_of_long_mode)
{
	set_descriptor(S0, 0x0000810000000067); // 16-bit TSS
	CHECK(1, !ASK("lar", S0).zf && !ASK("lsl", S0).zf);
	set_descriptor(S0, 0x0000840000000000); // 16-bit call gate
	CHECK(2, !ASK("lar", S0).zf);
	set_descriptor(S0, 0x0000850000000000); // task gate
	CHECK(3, !ASK("lar", S0).zf);
	set_descriptor(S0, 0);
	return 0;
}

TEST(verr_verw)
{
	CHECK(1, VERIFY("verr", KDATA) && VERIFY("verw", KDATA));
	CHECK(2, VERIFY("verr", KCODE) && !VERIFY("verw", KCODE));
	CHECK(3, !VERIFY("verr", 0) && !VERIFY("verw", 0));
	CHECK(4, !VERIFY("verr", TSSSEL));
	CHECK(5, !VERIFY("verr", KDATA | 3));
	set_descriptor(S0, 0x00cf98000000ffff); // execute-only
	CHECK(6, !VERIFY("verr", S0));
	set_descriptor(S0, 0x00cf90000000ffff); // read-only
	CHECK(7, VERIFY("verr", S0) && !VERIFY("verw", S0));
	set_descriptor(S0, 0x00cf9e000000ffff); // conforming, readable: any privilege
	CHECK(8, VERIFY("verr", S0 | 3));
	set_descriptor(S0, 0);
	return 0;
}

// SDM vol. 2, LTR and LLDT.
TEST(ltr_lldt)
{
	CHECK(2, TRY("ltr %w0", "a"(TSSSEL)) == GP && last.code == TSSSEL); // busy already
	CHECK(3, TRY("ltr %w0", "a"(KDATA)) == GP && last.code == KDATA);
	CHECK(4, TRY("lldt %w0", "a"(0)) == NONE);
	CHECK(5, TRY("lldt %w0", "a"(TSSSEL)) == GP && last.code == TSSSEL);
	set_descriptor(S0, 0x0000020000000067); // LDT, not present
	set_descriptor(S1, 0);
	CHECK(6, TRY("lldt %w0", "a"(S0)) == NP && last.code == S0);
	u64 *ldt = (u64 *)page(0);
	ldt[1] = DATA_LDT;
	u64 at = (u64)ldt;
	set_descriptor(S0, 0x0000820000000017ul | (at & 0xffffff) << 16 | (at >> 24 & 0xff) << 56);
	CHECK(7, TRY("lldt %w0", "a"(S0)) == NONE);
	CHECK(8, TRY("mov $12, %%eax; mov %%eax, %%es") == NONE);
	CHECK(9, TRY("mov $0x1c, %%eax; mov %%eax, %%es") == GP && last.code == 0x1c);
	u64 sel;
	asm volatile("sldt %0" : "=r"(sel));
	CHECK(10, sel == S0);
	CHECK(11, TRY("lldt %w0; mov $0x10, %%eax; mov %%eax, %%es", "a"(0)) == NONE);
	set_descriptor(S0, 0);
	asm volatile("str %0" : "=r"(sel));
	CHECK(12, sel == TSSSEL);
	CHECK(13, USER("sldt %%eax", 0) == SYSCALL_VECTOR);
	CHECK(14, USER("lldt %%ax", 0) == GP && last.code == 0);
	return 0;
}

// Far transfers within ring 0 (SDM vol. 2, CALL and RET).
TEST(far_call_and_return)
{
	struct { u64 off; u16 sel; } __attribute__((packed)) to;
	u64 off;
	asm volatile("lea 7f(%%rip), %0; jmp 8f; 7: rex.W lret; 8:" : "=r"(off));
	to.off = off;
	to.sel = KCODE;
	u64 before, after;
	asm volatile("mov %%rsp, %0; rex.W lcall *%2; mov %%rsp, %1" : "=&r"(before), "=&r"(after) : "m"(to) : "memory");
	CHECK(1, before == after);
	to.sel = KDATA;
	CHECK(2, TRY("rex.W lcall *(%0)", "b"(&to)) == GP && last.code == KDATA);
	to.sel = 0;
	CHECK(3, TRY("rex.W lcall *(%0)", "b"(&to)) == GP && last.code == 0);
	to.sel = UCODE;
	CHECK(4, TRY("rex.W ljmp *(%0)", "b"(&to)) == GP && last.code == (UCODE & ~3));
	to.sel = KCODE;
	to.off = 0x8000000000000000ul;
	CHECK(5, TRY("rex.W ljmp *(%0)", "b"(&to)) == GP && last.code == 0);
	return 0;
}

// A 64-bit call gate from ring 3 switches to the TSS's stack and pushes no
// parameters (SDM vol. 3A, section 5.8.5).
extern u8 gate_entry[];
asm("gate_entry: mov (%rsp), %r12; mov 8(%rsp), %r13; mov 16(%rsp), %r14; mov %rsp, %r15; rex.W lret");
TEST(call_gate)
{
	u64 at = (u64)gate_entry;
	set_descriptor(S0, (at & 0xffff) | KCODE << 16 | 0xec00ul << 32 | (at >> 16 & 0xffff) << 48);
	set_descriptor(S1, at >> 32);
	volatile u64 got[4] = { 0 };
	struct { u64 off; u16 sel; } __attribute__((packed)) to = { 0, S0 | 3 };
	CHECK(1, USER("mov %%rsp, %%rbx; rex.W lcall *(%%rdi); mov %%rsp, %%rcx; sub %%rbx, %%rcx; mov %%r13, %%rax", user_addr(&to)) == SYSCALL_VECTOR);
	CHECK(2, last.cs == UCODE && last.rax == UCODE);
	set_descriptor(S0, (at & 0xffff) | KCODE << 16 | 0x8c00ul << 32 | (at >> 16 & 0xffff) << 48);
	CHECK(3, USER("rex.W lcall *(%%rdi)", user_addr(&to)) == GP && last.code == S0); // DPL 0
	set_descriptor(S0, (at & 0xffff) | KCODE << 16 | 0x6c00ul << 32 | (at >> 16 & 0xffff) << 48);
	CHECK(4, USER("rex.W lcall *(%%rdi)", user_addr(&to)) == NP && last.code == S0);
	(void)got;
	set_descriptor(S0, 0);
	set_descriptor(S1, 0);
	return 0;
}

// A read-modify-write instruction asks for write access at once, and the error
// code says so.
TEST(rmw_is_a_write)
{
	CHECK(1, TRY("addq $1, (%0)", "b"(WINDOW)) == PF && last.code == 2);
	CHECK(2, TRY("lock addq $1, (%0)", "b"(WINDOW)) == PF && last.code == 2);
	CHECK(3, TRY("cmpxchg %%rcx, (%0)", "b"(WINDOW)) == PF && last.code == 2);
	return 0;
}
