/* Szymanski's lock (1988) for two threads. */
#include "lock.h"

volatile int flag[2];

static inline void acquire(int me)
{
	int other = !me;

	flag[me] = 1;
	FENCE();
	while (flag[other] >= 3)
		;
	flag[me] = 3;
	FENCE();
	if (flag[other] == 1) {
		flag[me] = 2;
		FENCE();
		while (flag[other] != 4)
			;
	}
	flag[me] = 4;
	FENCE();
	if (me == 1)
		while (flag[other] >= 2)
			;
}

static inline void release(int me)
{
	if (me == 0)
		while (flag[1] == 2 || flag[1] == 3)
			;
	flag[me] = 0;
}
