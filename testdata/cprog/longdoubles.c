/* long double: the x87 unit as compilers use it. */
#include "base.h"

static void show(long double x)
{
	struct { u64 m; unsigned short e; } v = {0, 0};
	__builtin_memcpy(&v, &x, 10);
	put("0123456789abcdef"[v.e >> 12]);
	put("0123456789abcdef"[v.e >> 8 & 15]);
	put("0123456789abcdef"[v.e >> 4 & 15]);
	put("0123456789abcdef"[v.e & 15]);
	put(':');
	hex(v.m);
}

static long double horner(const long double *c, int n, long double x)
{
	long double r = c[n];
	while (n--)
		r = r * x + c[n];
	return r;
}

static long double fsqrt(long double x)
{
	__asm__("fsqrt" : "+t"(x));
	return x;
}

static long double root(long double x)
{
	long double r = x / 2 + 0.5L;
	for (int i = 0; i < 30; i++)
		r = (r + x / r) / 2;
	return r;
}

int program(void)
{
	long double c[10], h = 0;
	for (int i = 0; i < 10; i++)
		c[i] = (long double)(i64)rnd() / (i64)(rnd() >> 33 | 1);
	for (int i = 0; i < 25; i++) {
		long double x = (i - 12) * 0.173L;
		long double y = horner(c, 9, x);
		show(y);
		show(root(y < 0 ? -y : y));
		show(fsqrt(y < 0 ? -y : y));
		h += y;
		dec((i64)x * 1000 + (int)(y / 1e9L));
		dec((u64)(x * x * 3e17L));
		double d = y;
		float f = d;
		show(d - f);
		show((long double)(u64)rnd() * (u32)rnd());
	}
	show(h);
	volatile long double one = 1, big = 1e4932L;
	show(one / 3);
	show(big * 10);
	show(-one / (big * 10));
	dec((one < big) + 2 * (one == big) + 4 * (one >= big) + 8 * (h != h));
	return (int)(h / 1e30L) & 127;
}
