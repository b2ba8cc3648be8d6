/* Integer arithmetic of all widths, division, shifts, bits, a hash, a sort,
   a switch, recursion, function pointers, 128-bit products. */
#include "base.h"

static u32 table[256];

static u32 crc(const u8 *p, u64 n)
{
	u32 c = ~0u;
	while (n--)
		c = table[(c ^ *p++) & 255] ^ c >> 8;
	return ~c;
}

static void sort(i64 *a, int lo, int hi)
{
	if (lo >= hi)
		return;
	i64 pivot = a[(lo + hi) / 2];
	int i = lo, j = hi;
	while (i <= j) {
		while (a[i] < pivot)
			i++;
		while (a[j] > pivot)
			j--;
		if (i <= j) {
			i64 t = a[i];
			a[i++] = a[j];
			a[j--] = t;
		}
	}
	sort(a, lo, j);
	sort(a, i, hi);
}

static int ackermann(int m, int n)
{
	return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static int ones(u64 x)
{
	int n = 0;
	for (; x; x &= x - 1)
		n++;
	return n;
}

static i64 op(int kind, i64 a, i64 b)
{
	switch (kind) {
	case 0: return a + b;
	case 1: return a - b;
	case 2: return a * b;
	case 3: return b ? a / b : -1;
	case 4: return b ? a % b : -2;
	case 5: return a << (b & 63);
	case 6: return a >> (b & 63);
	case 7: return (u64)a >> (b & 63);
	case 8: return a & b;
	case 9: return (int)a / ((int)b | 1);
	case 10: return (short)a % ((short)b | 1);
	case 11: return (signed char)a * (signed char)b;
	case 12: return ones(a) + __builtin_ctzl(a | 1ul << 63) + __builtin_clzl(b | 1);
	case 13: return __builtin_bswap64(a) ^ __builtin_bswap32(b);
	case 14: return (u64)((unsigned __int128)(u64)a * (u64)b >> 64);
	case 15: return (i64)((__int128)a * b >> 64);
	}
	return 0;
}

static i64 (*volatile indirect)(int, i64, i64) = op;

int program(void)
{
	for (u32 i = 0; i < 256; i++) {
		u32 c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
		table[i] = c;
	}
	u8 bytes[777];
	for (int i = 0; i < 777; i++)
		bytes[i] = rnd();
	hex(crc(bytes, sizeof bytes));
	i64 a[300];
	for (int i = 0; i < 300; i++)
		a[i] = rnd() >> (rnd() & 63);
	sort(a, 0, 299);
	for (int i = 0; i < 300; i += 37)
		dec(a[i]);
	dec(ackermann(2, 6));
	u64 h = 0;
	for (int i = 0; i < 4000; i++) {
		i64 x = rnd() >> (rnd() & 63), y = (i64)rnd() >> (rnd() & 63);
		h = h * 31 + indirect(i & 15, x, y);
		if (i % 500 == 0)
			hex(h);
	}
	hex(h);
	return h & 127;
}
