package explore

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
)

// TestSearchAgainstBruteForce compares the final states, the verdicts and the
// least costs of the search, with and without its reductions, with those of
// plain enumeration.
func TestSearchAgainstBruteForce(t *testing.T) {
	compared := 0
	for seed := range int64(45) {
		rng := rand.New(rand.NewSource(seed))
		interrupts := seed%3 == 2
		p := generate(rng, interrupts)
		b := Bounds{Preempt: -1}
		if interrupts {
			b.IRQ, b.Vectors = 1, []uint8{irqVec}
			if seed%2 == 0 {
				b.IRQ, b.NMI = 0, 1
			}
		}
		want := [ninVars]uint32{uint32(rng.Intn(3)), uint32(rng.Intn(3)), uint32(rng.Intn(3))}
		prob := p.problem(want)
		ref := newBrute(t, prob, b)
		if ref == nil {
			continue
		}
		compared++
		for _, o := range []Options{
			{NoMacro: true}, {}, {Exact: true}, {Workers: 2},
			{Minimal: true, NoMacro: true}, {Minimal: true},
		} {
			name := fmt.Sprintf("seed %d, %+v", seed, o)
			rep, err := Search(context.Background(), prob, b, o)
			require.NoError(t, err, name)
			require.True(t, rep.Complete, name)
			requireSameFinals(t, ref, rep, name)
			requireSameVerdict(t, prob, ref, rep, o, name)
		}
	}
	require.Greater(t, compared, 30)
}

func requireSameFinals(t *testing.T, ref *brute, rep *Report, name string) {
	t.Helper()
	var got, want []string
	for k := range rep.Finals {
		got = append(got, fmt.Sprintf("%x", k))
	}
	for k := range ref.finals {
		want = append(want, fmt.Sprintf("%x", k))
	}
	slices.Sort(got)
	slices.Sort(want)
	require.Equal(t, want, got, name)
}

// requireSameVerdict also replays the counterexample by plain steps.
func requireSameVerdict(t *testing.T, p Problem, ref *brute, rep *Report, o Options, name string) {
	t.Helper()
	res := rep.Checks[0]
	require.Equal(t, ref.found, res.Answer == Sometimes, name)
	if !ref.found {
		return
	}
	require.Equal(t, ref.best.Injections, res.Example.Cost.Injections, name)
	if o.Minimal {
		require.Equal(t, ref.best, res.Example.Cost, "%s: %v", name, res.Example.Schedule)
	}
	require.Len(t, res.Example.Schedule, res.Example.Cost.Steps, name)
	if len(res.Example.Schedule) > 0 {
		violated, first, err := Replay(p, res.Example.Schedule)
		require.NoError(t, err, name)
		require.Equal(t, []string{"values"}, violated, name)
		require.Equal(t, len(res.Example.Schedule), first, name)
	}
}

// TestWorkersDoNotMatter compares whole reports of one and more workers.
func TestWorkersDoNotMatter(t *testing.T) {
	for seed := range int64(10) {
		p := generate(rand.New(rand.NewSource(seed)), false)
		prob := p.problem([ninVars]uint32{1, 1, 1})
		var reports []*Report
		for _, n := range []int{1, 2, 3} {
			r, err := Search(context.Background(), prob, Bounds{Preempt: -1}, Options{Workers: n})
			require.NoError(t, err)
			reports = append(reports, r)
		}
		require.Equal(t, reports[0], reports[1], "seed %d", seed)
		require.Equal(t, reports[0], reports[2], "seed %d", seed)
	}
}

// TestDeadlockAndLivelock has two cores take two locks in opposite orders:
// spinning they may run for ever, and never end.
func TestDeadlockAndLivelock(t *testing.T) {
	spin := func(first, second uint32) code {
		c := acquire(nil, first)
		c = acquire(c, second)
		return c.movImm(second, 0).movImm(first, 0).hlt()
	}
	p := testProgram{threads: []code{spin(varX, varY), spin(varY, varX)}, buffer: 2}
	rep, err := Search(context.Background(), p.problem([ninVars]uint32{9, 9, 9}), Bounds{Preempt: -1}, Options{Edges: true})
	require.NoError(t, err)
	require.Equal(t, Sometimes, rep.Livelock.Answer)
	p.threads[1] = spin(varX, varY)
	rep, err = Search(context.Background(), p.problem([ninVars]uint32{9, 9, 9}), Bounds{Preempt: -1}, Options{Edges: true})
	require.NoError(t, err)
	require.Equal(t, Never, rep.Livelock.Answer)
	require.NotZero(t, rep.Terminals)
}

// acquire spins until an exchange finds 0 at addr.
func acquire(c code, addr uint32) code {
	at := len(c)
	c = c.movReg(cpu.RAX, 1).xchg(cpu.RAX, addr)
	c = append(c, 0x85, 0xc0) // test %eax, %eax
	return append(c, 0x75, byte(at-len(c)-2))
}
