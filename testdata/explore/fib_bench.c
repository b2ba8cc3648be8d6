/* Two threads add each other's number to their own; neither sum may pass the
 * Fibonacci number 2 * ROUNDS + 2. */
volatile int x = 1, y = 1, bad;

void thread0(void)
{
	for (int i = 0; i < ROUNDS; i++)
		x += y;
}

void thread1(void)
{
	for (int i = 0; i < ROUNDS; i++)
		y += x;
}
