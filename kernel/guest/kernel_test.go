package guest

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/asm"
	"klpsim/cpu"
	"klpsim/kernel/guest/layout"
)

// guestTest is a booted guest and what it has said over the serial port.
type guestTest struct {
	*testing.T
	*Boot
	serial []byte
	taken  int
}

// boot builds a guest from one assembly source.
func boot(t *testing.T, cores int, text string, tasks ...Task) *guestTest {
	t.Helper()
	cfg := Config{Machine: cpu.Config{Cores: cores}, Tasks: tasks,
		Sources: []asm.Source{{Name: "test.s", Text: []byte("\t.include \"layout.inc\"\n\t.include \"macros.inc\"\n" + text)}}}
	b, err := Build(cfg)
	require.NoError(t, err)
	b.Machine.SetRecording(true)
	return &guestTest{T: t, Boot: b}
}

// take makes one choice and listens to the serial port.
func (g *guestTest) take(c cpu.Choice) {
	g.Helper()
	require.NoError(g, g.Machine.Take(c), "choice %d: %v at %#x", g.taken, c, g.Machine.Core(int(c.Core)).RIP)
	g.taken++
	for _, e := range g.Machine.Events() {
		if e.Kind == cpu.EvOut && e.VA == 0x3f8 {
			g.serial = append(g.serial, byte(e.Value[0]))
		}
		require.NotEqual(g, cpu.EvShutdown, e.Kind, "core %d shut down", e.Core)
	}
}

// steps takes n steps of one core.
func (g *guestTest) steps(core, n int) {
	g.Helper()
	for range n {
		g.take(cpu.Choice{Kind: cpu.Step, Core: uint8(core)})
	}
}

// policy chooses the next core to step.
type policy func() int

// robin gives every core q steps in turn.
func (g *guestTest) robin(q int) policy {
	n := -1
	return func() int { n++; return n / q % g.Machine.NumCores() }
}

// random gives cores steps by chance.
func (g *guestTest) random(seed int64) policy {
	r := rand.New(rand.NewSource(seed))
	return func() int { return r.Intn(g.Machine.NumCores()) }
}

// until steps cores until cond holds; a halted core that nothing wakes is left
// alone. Every tick steps, the timer ticks on every core.
func (g *guestTest) until(p policy, tick int, cond func() bool) {
	g.Helper()
	const limit = 200000
	var enabled []cpu.Choice
	for n := range limit {
		if cond() {
			return
		}
		if tick > 0 && n%tick == tick-1 {
			for i := range g.Machine.NumCores() {
				g.take(cpu.Choice{Kind: cpu.IRQ, Core: uint8(i), Vector: layout.VectorTimer})
			}
		}
		c := cpu.Choice{Kind: cpu.Step, Core: uint8(p())}
		enabled = g.Machine.Enabled(enabled[:0])
		for _, e := range enabled {
			if e == c {
				g.take(c)
				break
			}
		}
	}
	for i := range g.Machine.NumCores() {
		s, off, _ := g.Image.SymbolAt(g.Machine.Core(i).RIP)
		cur, _ := g.View.Current(g.Machine, i)
		g.Logf("core %d at %s+%#x, task %d", i, s.Name, off, cur.PID)
	}
	require.Fail(g, "the guest did not get there", "serial: %q", g.serial)
}

// word reads a 32-bit variable.
func (g *guestTest) word(name string) int {
	g.Helper()
	s, ok := g.Image.Symbol(name)
	require.True(g, ok, name)
	return int(int32(g.View.load(g.Machine, s.Addr, 4)))
}

// at says whether a core is about to execute the instruction at a symbol.
func (g *guestTest) at(core int, name string) func() bool {
	s, ok := g.Image.Symbol(name)
	require.True(g, ok, name)
	return func() bool { return g.Machine.Core(core).RIP == s.Addr }
}

// current is the task that a CPU runs.
func (g *guestTest) current(core int) int {
	t, ok := g.View.Current(g.Machine, core)
	require.True(g, ok)
	return t.PID
}

const counting = `
	.text
FUNC count_a
	incl	a
	jmp	count_a
END count_a
FUNC count_b
	incl	b
	jmp	count_b
END count_b
FUNC polite_a
	incl	a
	call	schedule
	jmp	polite_a
END polite_a
FUNC polite_b
	incl	b
	call	schedule
	jmp	polite_b
END polite_b
	.data
VAR a, 4
	.long	0
VAR b, 4
	.long	0
`

func TestTasksTakeTurns(t *testing.T) {
	g := boot(t, 1, counting,
		Task{PID: 1, Running: true, Entry: "polite_a"}, Task{PID: 2, Entry: "polite_b"})
	g.until(g.robin(1), 0, func() bool { return g.word("a") == 5 && g.word("b") == 5 })
	assert.Empty(t, g.serial)
}

func TestTickPreemptsKernelCode(t *testing.T) {
	g := boot(t, 1, counting,
		Task{PID: 1, Running: true, Entry: "count_a"}, Task{PID: 2, Entry: "count_b"})
	g.steps(0, 100)
	assert.Zero(t, g.word("b"), "nobody preempts without an interrupt")
	g.until(g.robin(1), 300, func() bool { return g.word("b") > 0 })
	was := g.word("a")
	g.until(g.robin(1), 300, func() bool { return g.word("a") > was })
}

func TestPreemptCountHoldsPreemptionOff(t *testing.T) {
	g := boot(t, 1, `
	.text
FUNC careful
	PREEMPT_DISABLE
	mov	$50, %ecx
1:	dec	%ecx
	jnz	1b
	.globl	last
last:
	nop
	PREEMPT_ENABLE
	.globl	after
after:
	jmp	after
END careful
FUNC other
	jmp	other
END other
`, Task{PID: 1, Running: true, Entry: "careful"}, Task{PID: 2, Entry: "other"})
	g.steps(0, 10)
	g.take(cpu.Choice{Kind: cpu.IRQ, Vector: layout.VectorTimer})
	g.until(g.robin(1), 0, g.at(0, "last"))
	assert.Equal(t, 1, g.current(0))
	task, _ := g.View.Task(1)
	assert.NotZero(t, g.View.Status(g.Machine, task).Flags&(1<<layout.TIFNeedResched))
	g.until(g.robin(1), 0, g.at(0, "other"))
	assert.Equal(t, 2, g.current(0), "the end of the section is a preemption point")
}

const users = `
	.section .user, "ax"
FUNC user_a
	mov	$SYS_nop, %eax
	syscall
	push	%rax
	mov	$99, %eax
	syscall
	push	%rax
	mov	$SYS_call, %eax
	mov	$0x1122, %r12
	syscall
	push	%r12
	.globl	user_spin
user_spin:
	jmp	user_spin
END user_a
FUNC user_b
	mov	$SYS_yield, %eax
	syscall
	jmp	user_b
END user_b
	.text
FUNC called
	incl	calls
	xor	%r12, %r12
	ret
END called
	.data
VAR calls, 4
	.long	0
`

func TestSystemCalls(t *testing.T) {
	g := boot(t, 1, users, Task{PID: 1, Running: true, Entry: "user_a"}, Task{PID: 2, Entry: "user_b"})
	target, _ := g.Image.Symbol("sys_call_target")
	called, _ := g.Image.Symbol("called")
	pa, _ := g.View.Phys(target.Addr)
	write64(g.Machine, pa, called.Addr)
	g.until(g.robin(1), 0, g.at(0, "user_spin"))
	assert.Equal(t, 1, g.word("calls"))
	sp := g.Machine.Core(0).GPR[cpu.RSP]
	assert.EqualValues(t, 0x1122, g.View.load(g.Machine, sp, 8), "pt_regs give every register back")
	assert.EqualValues(t, -38, int64(g.View.load(g.Machine, sp+8, 8)), "-ENOSYS")
	assert.EqualValues(t, 0, g.View.load(g.Machine, sp+16, 8))
	assert.EqualValues(t, layout.UserCS, g.Machine.Core(0).Seg[cpu.CS].Sel)
	assert.Zero(t, g.Machine.Core(0).Seg[cpu.GS].Base, "user mode has its own GS")

	g.take(cpu.Choice{Kind: cpu.IRQ, Vector: layout.VectorTimer})
	g.until(g.robin(1), 0, g.at(0, "user_b"))
	assert.Equal(t, 2, g.current(0), "preempted in user mode")
	g.until(g.robin(1), 0, g.at(0, "user_spin"))
	assert.Equal(t, 1, g.current(0), "and back when the other one yields")
	assert.Equal(t, sp, g.Machine.Core(0).GPR[cpu.RSP])
}

func TestSwitchedOutTaskKeepsR12OnItsStack(t *testing.T) {
	g := boot(t, 1, `
	.text
FUNC holder
	movabs	$0x123456789abcdef0, %r12
	.globl	holding
holding:
	jmp	holding
END holder
FUNC other
	xor	%r12, %r12
	jmp	other
END other
`, Task{PID: 7, Running: true, Entry: "holder"}, Task{PID: 8, Entry: "other"})
	g.until(g.robin(1), 0, g.at(0, "holding"))
	task, _ := g.View.Task(7)
	_, ok := g.View.Frame(g.Machine, task)
	assert.False(t, ok, "a running task has no frame")
	g.take(cpu.Choice{Kind: cpu.IRQ, Vector: layout.VectorTimer})
	g.until(g.robin(1), 0, g.at(0, "other"))
	slots, ok := g.View.Frame(g.Machine, task)
	require.True(t, ok)
	var r12 Slot
	for _, s := range slots {
		if s.Reg == "r12" {
			r12 = s
		}
	}
	assert.EqualValues(t, 0x18, r12.Off)
	assert.EqualValues(t, 0x123456789abcdef0, r12.Value)
	owner, ok := g.View.TaskAt(r12.Addr)
	require.True(t, ok)
	assert.Equal(t, 7, owner.PID)
	g.take(cpu.Choice{Kind: cpu.IRQ, Vector: layout.VectorTimer})
	g.until(g.robin(1), 0, g.at(0, "holding"))
	assert.EqualValues(t, 0x123456789abcdef0, g.Machine.Core(0).GPR[cpu.R12])
}

// hex64 writes 16 hex digits.
func hex64(v uint64) string { return fmt.Sprintf("%016x", v) }
