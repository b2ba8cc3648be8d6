/* Singles and doubles as compilers use them: conversions, comparisons, square
   roots, matrices, polynomials, rounding, denormals and infinities. */
#include "base.h"

static u64 bits(double d)
{
	u64 v;
	__builtin_memcpy(&v, &d, 8);
	return v;
}

static u64 fbits(float f)
{
	u32 v;
	__builtin_memcpy(&v, &f, 4);
	return v;
}

static float root(float x)
{
	__asm__("sqrtss %0, %0" : "+x"(x));
	return x;
}

static double m[12][12], n[12][12], p[12][12];
static float fa[67], fb[67];

static volatile int size = 12; /* so that the loops stay loops */

static double power(double x, int k)
{
	double r = 1;
	for (; k; k >>= 1, x *= x)
		if (k & 1)
			r *= x;
	return r;
}

static double series(double x)
{
	double t = x, s = x;
	for (int k = 1; k < 20; k++) {
		t *= -x * x / ((2 * k) * (2 * k + 1));
		s += t;
	}
	return s;
}

int program(void)
{
	for (int i = 0; i < 12; i++)
		for (int j = 0; j < 12; j++) {
			m[i][j] = (double)(i64)rnd() / 1e15;
			n[i][j] = (double)(u32)rnd() * 0.25 - j;
		}
	int limit = size;
	for (int i = 0; i < limit; i++)
		for (int j = 0; j < limit; j++)
			for (int k = 0; k < limit; k++)
				p[i][j] += m[i][k] * n[k][j];
	for (int i = 0; i < 12; i++)
		hex(bits(p[i][i]));
	for (int i = 0; i < 67; i++) {
		fa[i] = (float)(int)rnd() / 3.0f;
		fb[i] = fa[i] > 0 ? fa[i] * 1.5f : -fa[i] / 7.0f;
	}
	float sum = 0;
	int order = 0;
	for (int i = 0; i < 67; i++) {
		sum += fb[i];
		order += fb[i] < fa[i] ? 1 : fb[i] == fa[i] ? 100 : 3;
	}
	hex(fbits(sum));
	dec(order);
	for (int i = 0; i < 67; i++)
		fb[i] = root(fb[i]) + (float)(unsigned char)i;
	hex(fbits(fb[41]));
	for (int i = -6; i < 7; i++) {
		double x = i * 0.37;
		hex(bits(series(x)));
		dec((i64)(x * 1e6));
		dec((int)(float)x);
		dec((u64)(x * x * 1e18));
		hex(bits(__builtin_fabs(x) < 1 ? power(x, 200) : power(x, -i & 15)));
	}
	volatile double zero = 0, huge = 1e308, tiny = 5e-324;
	hex(bits(1 / zero));
	hex(bits(zero / zero) & ~(1ul << 63));
	hex(bits(huge * 10));
	hex(bits(tiny / 2));
	hex(bits(tiny * 3));
	dec(zero / zero == zero / zero);
	dec(__builtin_isnan(zero / zero) + 2 * (huge > tiny) + 4 * (zero < -zero));
	return order & 127;
}
