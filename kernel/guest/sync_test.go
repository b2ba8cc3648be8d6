package guest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/guest/layout"
)

func TestCallFunctionIPI(t *testing.T) {
	g := boot(t, 3, `
	.text
FUNC caller
	PREEMPT_DISABLE
	mov	$callee, %rdi
	call	smp_call_function
	PREEMPT_ENABLE
	.globl	called_all
called_all:
	jmp	called_all
END caller
FUNC callee
	mov	%gs:PCPU_cpu, %eax
	lock btsl %eax, who
	ret
END callee
	.data
VAR who, 4
	.long	0
`, Task{PID: 1, Running: true, Entry: "caller"})
	g.until(g.robin(3), 0, g.at(0, "called_all"))
	assert.Equal(t, 0b110, g.word("who"))
}

func TestNMIPrintsAndBlocksTheNext(t *testing.T) {
	g := boot(t, 1, counting, Task{PID: 1, Running: true, Entry: "count_a"})
	n, _ := g.Image.Symbol("nmi_printk_len")
	pa, _ := g.View.Phys(n.Addr)
	g.Machine.WritePhys(pa, []byte{5})
	g.steps(0, 3)
	g.take(cpu.Choice{Kind: cpu.NMI})
	g.until(g.robin(1), 0, g.at(0, "serial_putc"))
	sp := g.Machine.Core(0).GPR[cpu.RSP]
	ist, _ := g.Image.Symbol("nmi_stack_0")
	assert.True(t, sp > ist.Addr && sp < ist.Addr+nmiStack, "runs on its IST stack")
	g.take(cpu.Choice{Kind: cpu.NMI})
	delivered := 0
	for !strings.HasPrefix(string(g.serial), "NMI: NMI: ") {
		g.steps(0, 1)
		for _, e := range g.Machine.Events() {
			switch {
			case e.Kind == cpu.EvDeliver && e.Flags&cpu.EvNMI != 0:
				delivered++
				require.Equal(t, "NMI: ", string(g.serial), "the second one waits for the first one's iretq")
			}
		}
		require.Less(t, g.taken, 5000)
	}
	assert.Equal(t, 1, delivered)
	was := g.word("a")
	g.until(g.robin(1), 0, func() bool { return g.word("a") > was })
}

const locking = `
	.set	ROUNDS, 5
	.text
	.macro	WORKER name, lock, unlock
FUNC \name
	mov	$ROUNDS, %r15d
1:	\lock
	cmpl	$0, inside
	je	2f
	movl	$1, broken
2:	movl	$1, inside
	mov	total, %eax
	inc	%eax
	call	cond_resched_maybe
	mov	%eax, total
	movl	$0, inside
	\unlock
	dec	%r15d
	jnz	1b
	lock incl done
	call	do_exit
END \name
	.endm
	.macro	LOCK_MUTEX
	mov	$the_mutex, %rdi
	call	mutex_lock
	.endm
	.macro	UNLOCK_MUTEX
	mov	$the_mutex, %rdi
	call	mutex_unlock
	.endm
	.macro	LOCK_SPIN
	mov	$the_spinlock, %rdi
	call	spin_lock
	.endm
	.macro	UNLOCK_SPIN
	mov	$the_spinlock, %rdi
	call	spin_unlock
	.endm
	WORKER	with_mutex, LOCK_MUTEX, UNLOCK_MUTEX
	WORKER	with_spinlock, LOCK_SPIN, UNLOCK_SPIN
	WORKER	with_write_lock, "call tasklist_write_lock", "call tasklist_write_unlock"
FUNC cond_resched_maybe
	push	%rax
	cmpl	$0, %gs:PCPU_preempt_count
	jne	1f
	call	cond_resched
1:	pop	%rax
	ret
END cond_resched_maybe
FUNC reader
	mov	$ROUNDS, %r15d
1:	call	tasklist_read_lock
	cmpl	$0, inside
	je	2f
	movl	$1, broken
2:	call	tasklist_read_unlock
	dec	%r15d
	jnz	1b
	lock incl done
	call	do_exit
END reader
	.data
	.p2align 3
VAR the_mutex, MUTEX_SIZE
	.skip	MUTEX_SIZE
VAR the_spinlock, 4
	.long	0
VAR inside, 4
	.long	0
VAR broken, 4
	.long	0
VAR total, 4
	.long	0
VAR done, 4
	.long	0
`

// Three tasks on two CPUs, in many orders: nobody is inside with another, every
// round counts, and in the end the lock is free and everybody has slept or left.
func TestLocksExclude(t *testing.T) {
	for _, tc := range []struct {
		entries [3]string
		total   int
	}{
		{[3]string{"with_mutex", "with_mutex", "with_mutex"}, 15},
		{[3]string{"with_spinlock", "with_spinlock", "with_spinlock"}, 15},
		{[3]string{"with_write_lock", "with_write_lock", "reader"}, 10},
		{[3]string{"reader", "with_write_lock", "reader"}, 5},
	} {
		for seed := range int64(6) {
			g := boot(t, 2, locking,
				Task{PID: 1, CPU: 0, Running: true, Entry: tc.entries[0]},
				Task{PID: 2, CPU: 1, Running: true, Entry: tc.entries[1]},
				Task{PID: 3, CPU: 1, Entry: tc.entries[2]})
			waited := false
			g.until(g.random(seed), 997, func() bool {
				m, _ := g.Image.Symbol("the_mutex")
				waited = waited || g.View.load(g.Machine, m.Addr+layout.Mutex.Offset("waiters"), 8) != 0
				return g.word("done") == 3
			})
			assert.Zero(t, g.word("broken"), "%v, seed %d", tc.entries, seed)
			assert.Equal(t, tc.total, g.word("total"), "%v, seed %d", tc.entries, seed)
			assert.Equal(t, tc.entries[0] == "with_mutex", waited, "somebody has slept on the mutex")
			assert.Empty(t, g.serial)
			assert.Empty(t, g.View.Locks(g.Machine, "the_mutex"))
		}
	}
}

// A section that began before synchronize_sched is over when it returns.
func TestSynchronizeSched(t *testing.T) {
	for seed := range int64(10) {
		g := boot(t, 2, `
	.text
FUNC section
	PREEMPT_DISABLE
	movl	$1, entered
	mov	$40, %ecx
1:	dec	%ecx
	jnz	1b
	movl	$1, left
	PREEMPT_ENABLE
2:	jmp	2b
END section
FUNC waiter
	cmpl	$0, entered
	je	waiter
	call	synchronize_sched
	.globl	synchronized
synchronized:
	jmp	synchronized
END waiter
	.data
VAR entered, 4
	.long	0
VAR left, 4
	.long	0
`, Task{PID: 1, CPU: 0, Running: true, Entry: "section"}, Task{PID: 2, CPU: 1, Running: true, Entry: "waiter"})
		g.until(g.random(seed), 0, g.at(1, "synchronized"))
		assert.Equal(t, 1, g.word("left"), "seed %d", seed)
	}
}

const working = `
	.text
FUNC boss
	.if	EACH
	mov	$work, %rdi
	call	schedule_on_each_cpu
	.else
	movq	$work, delayed_work_fn
	call	schedule_delayed_work
	.endif
	.globl	ordered
ordered:
	jmp	ordered
END boss
FUNC work
	mov	%gs:PCPU_cpu, %eax
	lock btsl %eax, worked
	ret
END work
	.data
VAR worked, 4
	.long	0
`

func TestScheduleOnEachCPU(t *testing.T) {
	g := boot(t, 3, "\t.set EACH, 1\n"+working,
		Task{PID: 1, CPU: 0, Running: true, Entry: "boss"},
		Task{PID: 10, CPU: 0, Entry: "kworker_thread"},
		Task{PID: 11, CPU: 1, Entry: "kworker_thread"},
		Task{PID: 12, CPU: 2, Entry: "kworker_thread", Asleep: true})
	g.until(g.robin(2), 500, g.at(0, "ordered"))
	assert.Equal(t, 0b111, g.word("worked"))
}

func TestDelayedWorkWaitsForTheTick(t *testing.T) {
	g := boot(t, 2, "\t.set EACH, 0\n"+working,
		Task{PID: 1, CPU: 0, Running: true, Entry: "boss"},
		Task{PID: 11, CPU: 1, Entry: "kworker_thread", Asleep: true})
	worker, _ := g.View.Task(11)
	s, _ := g.Image.Symbol("delayed_work_task")
	pa, _ := g.View.Phys(s.Addr)
	write64(g.Machine, pa, worker.Addr)
	g.until(g.robin(2), 0, g.at(0, "ordered"))
	for range 500 {
		g.steps(0, 1)
	}
	assert.Zero(t, g.word("worked"))
	g.take(cpu.Choice{Kind: cpu.IRQ, Core: 0, Vector: layout.VectorTimer})
	g.until(g.robin(2), 0, func() bool { return g.word("worked") == 0b10 })
}

// An unexpected exception says which and where, and stops only its own CPU.
func TestOops(t *testing.T) {
	g := boot(t, 2, counting+`
	.text
FUNC bad
	ud2
END bad
`, Task{PID: 1, CPU: 0, Running: true, Entry: "bad"}, Task{PID: 2, CPU: 1, Running: true, Entry: "count_a"})
	g.until(g.robin(1), 0, func() bool { return g.Machine.Core(0).Activity == cpu.Halted })
	assert.Equal(t, 1, g.word("kernel_oops"))
	bad, _ := g.Image.Symbol("bad")
	assert.Regexp(t, `^oops: exception 0x0{15}6 at 0x[0-9a-f]{16}\n$`, string(g.serial))
	assert.Contains(t, string(g.serial), strings.TrimPrefix(hex64(bad.Addr), "0x"))
	was := g.word("a")
	g.until(g.robin(1), 0, func() bool { return g.word("a") > was })
}
