/* Peterson's lock for two threads (1981). */
#include "lock.h"

volatile int flag[2], turn;

static inline void acquire(int me)
{
	flag[me] = 1;
	turn = !me;
	FENCE();
	while (flag[!me] && turn == !me)
		;
}

static inline void release(int me) { flag[me] = 0; }
