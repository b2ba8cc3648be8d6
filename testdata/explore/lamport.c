/* Lamport's fast mutual exclusion (1987), two threads numbered 1 and 2. */
#include "lock.h"

volatile int x, y, busy[3];

static inline void acquire(int me)
{
	int id = me + 1;
again:
	busy[id] = 1;
	x = id;
	FENCE();
	if (y != 0) {
		busy[id] = 0;
		while (y != 0)
			;
		goto again;
	}
	y = id;
	FENCE();
	if (x == id)
		return;
	busy[id] = 0;
	FENCE();
	for (int j = 1; j <= 2; j++)
		while (busy[j])
			;
	if (y == id)
		return;
	while (y != 0)
		;
	goto again;
}

static inline void release(int me)
{
	y = 0;
	BARRIER();
	busy[me + 1] = 0;
}
