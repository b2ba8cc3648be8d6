/* Bytes and words in bulk: loops that compilers turn into vector code, string
   functions, structures by value, bit fields, a variable argument list. */
#include "base.h"

static u8 a[1031], b[1031];
static unsigned short w[513];
static int v[400];
static signed char s[400];
static float f[400];

struct packet {
	u32 kind : 5, length : 11, flag : 1, rest : 15;
	u64 body[3];
	u8 tail[5];
};

static struct packet make(int i)
{
	struct packet p = {i, i * 37, i & 1, i * 911, {rnd(), rnd(), i}, {1, 2, 3, 4, i}};
	return p;
}

static u64 fold(struct packet p)
{
	return p.kind * 3 + p.length * 5 + p.flag * 7 + p.rest + (p.body[0] ^ p.body[1]) + p.body[2] + p.tail[4];
}

static i64 total(int n, ...)
{
	__builtin_va_list l;
	__builtin_va_start(l, n);
	i64 t = 0;
	while (n--)
		t = t * 3 + (n & 1 ? (i64)(__builtin_va_arg(l, double) * 4) : __builtin_va_arg(l, i64));
	__builtin_va_end(l);
	return t;
}

static u64 length(const u8 *p)
{
	const u8 *q = p;
	while (*q)
		q++;
	return q - p;
}

int program(void)
{
	for (int i = 0; i < 1031; i++)
		a[i] = rnd();
	for (int i = 0; i < 1031; i++)
		b[i] = a[i] > 100 ? a[i] - 100 : 255 - a[i];
	u32 sum = 0, top = 0;
	for (int i = 0; i < 1031; i++) {
		sum += a[i] * b[i];
		top = b[i] > top ? b[i] : top;
	}
	dec(sum);
	dec(top);
	for (int i = 0; i < 513; i++)
		w[i] = a[2 * i] << 8 | b[i];
	u64 x = 0;
	for (int i = 0; i < 513; i++)
		x += w[i] ^ w[512 - i];
	hex(x);
	for (int i = 0; i < 400; i++) {
		v[i] = (int)rnd();
		s[i] = v[i] >> 24;
	}
	int least = v[0];
	i64 wide = 0;
	for (int i = 0; i < 400; i++) {
		least = v[i] < least ? v[i] : least;
		wide += (i64)v[i] * s[i];
		f[i] = v[i];
		v[i] = (v[i] >> 3) + (v[i] << 2 & 0xff00) * (i & 7);
	}
	dec(least);
	dec(wide);
	float g = 0;
	for (int i = 0; i < 400; i++)
		g = f[i] > g ? f[i] : g;
	dec((i64)g);
	for (int i = 0; i < 400; i++)
		x = x * 5 + v[i];
	hex(x);
	a[777] = 0;
	dec(length(a + 3));
	for (int i = 0; i < 20; i++)
		hex(fold(make(i)));
	dec(total(6, 1.25, 7l, -2.5, -9l, 1e6, 1l << 40));
	static const char *const words[] = {"livepatch", "transition", "stale", "store"};
	for (int i = 0; i < 4; i++) {
		text(words[i ^ 2]);
		put('\n');
	}
	return x & 127;
}
