/* The livepatch functions as a kernel build compiles them. */
struct task {
	long flags;
	int patch_state;
	struct task *next;
};

extern struct task *tasks;
int klp_target_state = -1;
static int klp_transition_patch;

void klp_patch_task(struct task *t)
{
	__asm__ volatile("lock btrq %1,%0" : "+m"(t->flags) : "Ir"(13L) : "memory");
	__asm__ volatile("" ::: "memory");
	t->patch_state = *(volatile int *)&klp_target_state;
}

int klp_try_complete_transition(void)
{
	for (struct task *t = tasks; t; t = t->next)
		if (t->patch_state != klp_target_state)
			return 0;
	klp_transition_patch = 0;
	return 1;
}

void klp_reverse_transition(void)
{
	klp_target_state = !klp_target_state;
	__asm__ volatile("" ::: "memory");
	klp_transition_patch++;
}
