/* Dekker's lock for two threads, as Dijkstra gives it (1965). */
#include "lock.h"

volatile int flag[2], turn;

static inline void acquire(int me)
{
	flag[me] = 1;
	FENCE();
	while (flag[!me]) {
		if (turn == me)
			continue;
		flag[me] = 0;
		while (turn != me)
			;
		flag[me] = 1;
		FENCE();
	}
}

static inline void release(int me)
{
	turn = !me;
	flag[me] = 0;
}
