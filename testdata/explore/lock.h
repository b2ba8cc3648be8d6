/* What the lock programs share: ROUNDS times into the critical section and out
 * again on two threads; bad becomes 1 if both are in it at once. FENCE is empty
 * with -DUNFENCED. */
#ifdef UNFENCED
#define FENCE() __asm__ volatile("" ::: "memory")
#else
#define FENCE() __asm__ volatile("mfence" ::: "memory")
#endif
#define BARRIER() __asm__ volatile("" ::: "memory")

volatile int inside, bad;

static inline void critical_section(int me)
{
	inside = me + 1;
	BARRIER();
	if (inside != me + 1)
		bad = 1;
	inside = 0;
}

static inline void acquire(int me);
static inline void release(int me);

static inline void rounds(int me)
{
	for (int i = 0; i < ROUNDS; i++) {
		acquire(me);
		critical_section(me);
		release(me);
	}
}

void thread0(void) { rounds(0); }
void thread1(void) { rounds(1); }
