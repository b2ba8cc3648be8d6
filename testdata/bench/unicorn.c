// Runs a workload under Unicorn: unicorn BLOB N HOOK. Prints the CPU time of
// the emulation in nanoseconds, RAX, and how many instructions the
// per-instruction hook saw (0 without it).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unicorn/unicorn.h>

enum { BASE = 0x400000, STACK_TOP = 0x1000000, END = 0x3ff000 };

static uint64_t executed;

static void each(uc_engine *uc, uint64_t address, uint32_t size, void *data)
{
	executed++;
}

static void check(uc_err err, const char *what)
{
	if (err != UC_ERR_OK) {
		fprintf(stderr, "%s: %s\n", what, uc_strerror(err));
		exit(1);
	}
}

static uint64_t cpu_time(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int main(int argc, char **argv)
{
	static unsigned char blob[0x400000];
	uc_engine *uc;
	uc_hook hook;
	uint64_t n, rsp = STACK_TOP - 8, end = END, rax, begin, spent;

	if (argc != 4)
		return 2;
	FILE *f = fopen(argv[1], "rb");
	if (!f)
		return 2;
	size_t size = fread(blob, 1, sizeof blob, f);
	n = strtoull(argv[2], NULL, 10);
	check(uc_open(UC_ARCH_X86, UC_MODE_64, &uc), "open");
	check(uc_mem_map(uc, 0x300000, STACK_TOP - 0x300000, UC_PROT_ALL), "map");
	check(uc_mem_write(uc, BASE, blob, size), "write");
	check(uc_mem_write(uc, rsp, &end, 8), "write");
	check(uc_reg_write(uc, UC_X86_REG_RSP, &rsp), "rsp");
	check(uc_reg_write(uc, UC_X86_REG_RDI, &n), "rdi");
	if (atoi(argv[3]))
		check(uc_hook_add(uc, &hook, UC_HOOK_CODE, each, NULL, 1, 0), "hook");
	begin = cpu_time();
	check(uc_emu_start(uc, BASE, END, 0, 0), "run");
	spent = cpu_time() - begin;
	check(uc_reg_read(uc, UC_X86_REG_RAX, &rax), "rax");
	printf("%llu %llu %llu\n", (unsigned long long)spent, (unsigned long long)rax, (unsigned long long)executed);
	return 0;
}
