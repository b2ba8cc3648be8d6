package guest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/guest/layout"
)

// The whole scheduling path is guest code: from the interrupt to the next
// task's first instruction the machine takes nothing but steps, every step
// executes one instruction or delivers the one interrupt, and the memory at the
// end is the memory at the start plus what those steps say they wrote.
func TestSchedulingIsGuestCode(t *testing.T) {
	g := boot(t, 1, counting,
		Task{PID: 1, Running: true, Entry: "count_a"}, Task{PID: 2, Entry: "count_b"})
	g.steps(0, 11)
	g.take(cpu.Choice{Kind: cpu.IRQ, Vector: layout.VectorTimer})
	memory := make([]byte, g.Machine.MemBytes())
	g.Machine.ReadPhys(0, memory)

	delivered, executed := 0, 0
	next := g.at(0, "count_b")
	for !next() {
		regs := g.Machine.Core(0).Regs
		g.steps(0, 1)
		acts := 0
		for _, e := range g.Machine.Events() {
			switch e.Kind {
			case cpu.EvExec:
				acts++
				executed++
				assert.Equal(t, regs.RIP, e.RIP, "it is the instruction that was due")
			case cpu.EvDeliver:
				acts++
				delivered++
				assert.EqualValues(t, layout.VectorTimer, e.Vector)
			case cpu.EvCommit:
				for i := range uint64(e.Size) {
					memory[e.PA+i] = byte(e.Value[i/8] >> (8 * (i % 8)))
				}
			}
		}
		require.Equal(t, 1, acts, "one thing a step")
		require.Less(t, executed, 1000)
	}
	assert.Equal(t, 1, delivered)
	assert.Greater(t, executed, 100, "a context switch is not for nothing")
	assert.Equal(t, 2, g.current(0))
	now := make([]byte, len(memory))
	g.Machine.ReadPhys(0, now)
	assert.True(t, bytes.Equal(memory, now), "memory changed behind the events' back")
}

// A booted machine depends on its configuration alone.
func TestBuildIsDeterministic(t *testing.T) {
	one, err := Build(mailConfig(t))
	require.NoError(t, err)
	two, err := Build(mailConfig(t))
	require.NoError(t, err)
	assert.Equal(t, one.Machine.Hash(), two.Machine.Hash())
	assert.Equal(t, one.Machine.AppendState(nil), two.Machine.AppendState(nil))
}

// What is wrong with a configuration is said in its own words.
func TestBadConfigurations(t *testing.T) {
	good := Task{PID: 1, Entry: "cpu_idle"}
	for _, tc := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Tasks[0].PID = 0 }, "task 0: a pid is positive"},
		{func(c *Config) { c.Tasks = append(c.Tasks, good) }, "task 1 is there twice"},
		{func(c *Config) { c.Tasks[0].CPU = 1 }, "task 1: CPU 1 of 1"},
		{func(c *Config) { c.Tasks[0].Comm = "a name of 16 byte" }, "longer than 15 bytes"},
		{func(c *Config) { c.Tasks[0].Entry = "" }, "task 1 has no entry"},
		{func(c *Config) { c.Tasks[0].Entry = "nowhere" }, `no symbol "nowhere"`},
		{func(c *Config) { c.Tasks[0].User = "cpu_idle" }, "not in section .user"},
		{func(c *Config) { c.Tasks[0].Frames = []string{"gone"} }, `no symbol "gone"`},
		{func(c *Config) { c.Tasks[0].Running, c.Tasks[0].Asleep = true, true }, "both runs and sleeps"},
		{func(c *Config) {
			c.Tasks[0].Running = true
			c.Tasks = append(c.Tasks, Task{PID: 2, Running: true, Entry: "cpu_idle"})
		}, "tasks 1 and 2 both run on CPU 0"},
		{func(c *Config) { c.Entries = []Entry{{0, "cpu_idle"}} }, "cores run tasks"},
		{func(c *Config) { c.Bare, c.Entries = true, []Entry{{3, "x"}} }, "core 3 of 1"},
		{func(c *Config) { c.Machine.Cores = 17 }, "17 cores, want at most 16"},
		{func(c *Config) { c.Init = []Init{{Symbol: "lost"}} }, `no symbol "lost"`},
		{func(c *Config) { c.Init = []Init{{Symbol: "nr_cpus", Size: 3}} }, "size 3"},
	} {
		cfg := Config{Tasks: []Task{good}}
		tc.change(&cfg)
		_, err := Build(cfg)
		require.ErrorIs(t, err, ErrConfig)
		assert.ErrorContains(t, err, tc.want)
	}
}

// A view names what lies where, and says who runs and who waits.
func TestView(t *testing.T) {
	b, err := Build(mailConfig(t))
	require.NoError(t, err)
	m, v := b.Machine, b.View
	task, ok := v.Task(123)
	require.True(t, ok)
	place, ok := v.Place(task.Addr + layout.Task.Offset("patch_state"))
	require.True(t, ok)
	assert.Equal(t, "patch_state(123)", place.String())
	place, ok = v.Place(v.PerCPU(1) + layout.PCPU.Offset("rq_nr"))
	require.True(t, ok)
	assert.Equal(t, "rq_nr(CPU 1)", place.String())
	_, ok = v.Place(KernelBase)
	assert.False(t, ok)

	queue := v.Queue(m, 0)
	require.Len(t, queue, 1)
	assert.Equal(t, 124, queue[0].PID)
	assert.Empty(t, v.Queue(m, 1))
	assert.Empty(t, v.Locks(m, "klp_mutex"))
	assert.Equal(t, Status{PatchState: 1, OnCPU: true, OnRQ: true}, v.Status(m, task))
	idle, ok := v.Task(-1)
	require.True(t, ok)
	assert.True(t, idle.Idle)
	slots, ok := v.Frame(m, queue[0])
	require.True(t, ok)
	ret, _ := b.Image.Symbol("ret_from_fork")
	assert.Equal(t, ret.Addr, slots[len(slots)-1].Value)
}
