package session_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/expr"
	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
)

// bare builds a scenario without a kernel from its text.
func bare(t *testing.T, text string) *session.Target {
	t.Helper()
	s, err := scenario.Parse("test", []byte("scenario test\nbare\n"+text), nil)
	require.NoError(t, err)
	target, err := session.Build(s, session.Options{})
	require.NoError(t, err)
	return target
}

const counter = `machine cores=2
entry 0 first
entry 1 second
type x int
type y int
check small "x stays small" always: x < 3
check grows "x never shrinks" always: x >= prev(x)
check before "y is 0 before the store" at second: y == 0
check behind "y is 1 behind the store" at second after: y == 1
check last "x is 4 at the end" final: x == 4
code
	.globl first, second, x, y
first:
	incl x
	jmp first
second:
	movl $1, y
	movl $0, y
	movl $7, y
	jmp second
	.data
x:	.long 0
y:	.long 0
end
`

func take(t *testing.T, s *session.Session, text string) {
	t.Helper()
	sched, err := cpu.ParseSchedule(text, s.M.NumCores())
	require.NoError(t, err)
	for _, c := range sched {
		require.NoError(t, s.Take(c))
	}
}

func violated(s *session.Session) map[string]int {
	out := map[string]int{}
	for _, v := range s.Violations() {
		out[v.Check.Name] = v.Step
	}
	return out
}

func TestChecksSayWhenTheyWereViolated(t *testing.T) {
	s, err := bare(t, counter).New()
	require.NoError(t, err)
	take(t, s, "0*4 1")
	require.Empty(t, s.Violations())
	take(t, s, "0") // x = 3
	require.Equal(t, map[string]int{"small": 6}, violated(s))
	take(t, s, "1*3 1") // y is 7 when second comes again: the check before it fails there
	require.Equal(t, map[string]int{"small": 6, "before": 10}, violated(s))
	s.Finish()
	require.Equal(t, map[string]int{"small": 6, "before": 10, "last": 10}, violated(s))
}

func TestGoingBackIsExact(t *testing.T) {
	target := bare(t, counter)
	s, err := target.New()
	require.NoError(t, err)
	take(t, s, "0*2 1*3 0h drain0 1h")
	want := make([]cpu.Hash, 0, 20)
	for n := range s.Len() + 1 {
		p, err := target.New()
		require.NoError(t, err)
		for _, c := range s.Schedule()[:n] {
			require.NoError(t, p.Take(c))
		}
		want = append(want, p.M.Hash())
	}
	for n := s.Len(); n >= 0; n-- {
		require.NoError(t, s.Seek(n))
		require.Equal(t, want[n], s.M.Hash(), "step %d", n)
		require.Equal(t, n, s.Len())
	}
	require.Error(t, s.Seek(1))
}

// TestGoingBackForgetsVerdicts goes back behind a violation and another way.
func TestGoingBackForgetsVerdicts(t *testing.T) {
	s, err := bare(t, counter).New()
	require.NoError(t, err)
	take(t, s, "0*5")
	require.Equal(t, map[string]int{"small": 5}, violated(s))
	require.NoError(t, s.Seek(4))
	require.Empty(t, s.Violations())
	take(t, s, "1*3 0")
	require.Equal(t, map[string]int{"small": 8}, violated(s))
}

func TestLimitAndBadCores(t *testing.T) {
	s, err := bare(t, counter+"limit 3\n").New()
	require.NoError(t, err)
	require.ErrorIs(t, s.Take(cpu.Choice{Core: 9}), cpu.ErrCore)
	take(t, s, "0*3")
	require.ErrorIs(t, s.Take(cpu.Choice{}), session.ErrLimit)
	require.Equal(t, 3, s.Len())
}

func TestPlaces(t *testing.T) {
	target := bare(t, counter)
	first, _ := target.Image.Symbol("first")
	second, _ := target.Image.Symbol("second")
	for text, want := range map[string]uint64{
		"first":                      first.Addr,
		"*first + 0":                 first.Addr,
		"second:`movl $1, y`":        second.Addr,
		"second:`movl   $1,y`":       second.Addr,
		"second:`movl $1`":           second.Addr,
		"test:19":                    second.Addr,
		"second:`movl $1, y` before": second.Addr,
		"second+0xb":                 second.Addr + 11,
		"second:`movl $0, y`":        second.Addr + 11,
	} {
		p, err := target.Place(text)
		require.NoError(t, err, text)
		require.Equal(t, want, p.Addr, text)
		require.False(t, p.After)
	}
	p, err := target.Place("first after")
	require.NoError(t, err)
	require.True(t, p.After)
	for text, want := range map[string]string{
		"secon":         "\"secon\": no such symbol: second",
		"second:`movl`": "\"second:`movl`\": several instructions read so: second `movl $0x1,",
		"second:`nop`":  "no instruction there reads so; there are: `movl",
		"second+1":      "\"second+1\": that is inside an instruction; instructions begin at: second+0x0; second+0xb",
		"test:1":        "no instruction comes from that line",
		"test:x":        "expected FILE:LINE or SYMBOL:`instruction`",
		"second+x":      `"x" is not an offset`,
		"*nosuch":       `no symbol, constant or variable is called "nosuch"`,
		"*0x10":         "no instruction is at 0x10",
	} {
		_, err := target.Place(text)
		require.ErrorContains(t, err, want, text)
		var pe *session.PlaceError
		require.ErrorAs(t, err, &pe)
	}
}

func TestPolicies(t *testing.T) {
	target := bare(t, counter)
	run := func(p session.Policy, n int) string {
		s, err := target.New()
		require.NoError(t, err)
		for range n {
			c, ok := p.Next(s)
			require.True(t, ok)
			require.NoError(t, s.Take(c))
		}
		return s.Schedule().String()
	}
	require.Equal(t, "0*2 1*2 0*2", run(&session.RoundRobin{Quantum: 2}, 6))
	require.Equal(t, "1*4", run(session.OneCore(1), 4))
	require.Equal(t, run(session.NewRandom(7), 40), run(session.NewRandom(7), 40))
	require.NotEqual(t, run(session.NewRandom(7), 40), run(session.NewRandom(8), 40))
}

// TestSchedulingIsGuestCode follows the bundled race from the interrupt to the
// next task's first instruction: every change of a register or of memory is
// that of an executed instruction or of the event's delivery, on one core, and
// every change of memory is in the events.
func TestSchedulingIsGuestCode(t *testing.T) {
	target, err := session.Load("rfc-v2", session.Options{})
	require.NoError(t, err)
	s, err := target.New()
	require.NoError(t, err)
	e := script.New(s, io.Discard)
	e.Batch = true
	for _, l := range target.Scenario.Script[:5] {
		require.NoError(t, e.Exec(l))
	}
	was, _ := target.View.Current(s.M, 0)
	require.Equal(t, 123, was.PID)
	end, err := target.Place("foo_v1")
	require.NoError(t, err)
	delivered := 0
	for !s.At(0, end) {
		mem, other, own := memory(s.M), *s.M.Core(1), s.M.Core(0).Regs
		require.NoError(t, s.Take(cpu.Choice{}))
		require.Equal(t, other.Regs, s.M.Core(1).Regs)
		require.Equal(t, other.Sys, s.M.Core(1).Sys)
		executed := 0
		for _, ev := range s.M.Events() {
			switch ev.Kind {
			case cpu.EvExec:
				executed++
			case cpu.EvDeliver:
				delivered++
				executed++
			case cpu.EvCommit:
				for i := range uint64(ev.Size) {
					mem[ev.PA+i] = byte(ev.Value[i/8] >> (8 * (i % 8)))
				}
			}
		}
		require.Equal(t, 1, executed, "step %d is one instruction or one delivery", s.Len())
		require.NotEqual(t, own, s.M.Core(0).Regs)
		require.True(t, bytes.Equal(mem, memory(s.M)), "step %d changed memory without an event", s.Len())
	}
	now, _ := target.View.Current(s.M, 0)
	require.Equal(t, 124, now.PID)
	require.Equal(t, 1, delivered)
	slots, ok := target.View.Frame(s.M, was)
	require.True(t, ok)
	for _, r := range slots {
		if r.Reg == "r12" {
			require.Equal(t, uint64(1), r.Value, "the stale value lies in the saved frame")
		}
	}
}

func memory(m *cpu.Machine) []byte {
	b := make([]byte, m.MemBytes())
	m.ReadPhys(0, b)
	return b
}

func TestStateReadsRegistersAndMemory(t *testing.T) {
	target := bare(t, counter+"init %r9@1 = 0x1122334455667788\n")
	s, err := target.New()
	require.NoError(t, err)
	take(t, s, "0*3")
	for text, want := range map[string]int64{
		"%r9@1": 0x1122334455667788, "%r9d@1": 0x55667788, "x": 2, "*(char *)&x": 2, "%rip == first": 0, "in(first)": 1, "%cs": 0x10, "%cr0 >> 31": 1,
	} {
		x, err := target.Compile(text, expr.Source{})
		require.NoError(t, err, text)
		got, err := x.Eval(s.Context(0))
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}
