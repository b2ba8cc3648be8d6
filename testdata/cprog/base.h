/* What the programs share: entry, two system calls, printing. No library. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

static i64 syscall3(i64 n, i64 a, i64 b, i64 c)
{
	i64 r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
}

void *memcpy(void *d, const void *s, u64 n)
{
	u8 *p = d;
	const u8 *q = s;
	while (n--) {
		*p++ = *q++;
		__asm__ volatile("" ::: "memory"); /* not itself again */
	}
	return d;
}

void *memset(void *d, int c, u64 n)
{
	u8 *p = d;
	while (n--) {
		*p++ = c;
		__asm__ volatile("" ::: "memory");
	}
	return d;
}

static char out[1 << 14];
static u64 used;

static void flush(void)
{
	syscall3(1, 1, (i64)out, used);
	used = 0;
}

static void put(char c)
{
	if (used == sizeof out)
		flush();
	out[used++] = c;
}

static void text(const char *s)
{
	while (*s)
		put(*s++);
}

static void hex(u64 v)
{
	for (int i = 60; i >= 0; i -= 4)
		put("0123456789abcdef"[v >> i & 15]);
	put('\n');
}

static void dec(i64 v)
{
	char b[24];
	int n = 0;
	u64 m = v < 0 ? -(u64)v : (u64)v;
	if (v < 0)
		put('-');
	do
		b[n++] = '0' + m % 10;
	while (m /= 10);
	while (n)
		put(b[--n]);
	put('\n');
}

static u64 seed = 88172645463325252ul;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

int program(void);

__attribute__((used)) static void begin(void)
{
	int status = program();
	flush();
	syscall3(60, status, 0, 0);
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall begin\n\tud2\n");
