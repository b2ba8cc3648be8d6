package target

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/explore"
	"klpsim/kernel/session"
)

// load builds a bundled scenario.
func load(t *testing.T, name, memory string) *session.Target {
	t.Helper()
	tg, err := session.Load(name, session.Options{Memory: memory})
	require.NoError(t, err)
	return tg
}

// answers runs a scenario without injections and returns what it says.
func answers(t *testing.T, tg *session.Target, o explore.Options) *Outcome {
	t.Helper()
	pr := ScenarioPressure(tg)
	pr.IRQ, pr.NMI = 0, 0
	out, err := Explore(context.Background(), tg, nil, pr, o)
	require.NoError(t, err)
	require.Empty(t, out.Report.Stopped)
	return out
}

func (out *Outcome) result(t *testing.T, name string) CheckResult {
	t.Helper()
	for _, c := range out.Checks {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "no check "+name)
	return CheckResult{}
}

// TestFindsTheRaceUnaided: RFC v2 fails, upstream does not, and a session that
// replays the counterexample agrees.
func TestFindsTheRaceUnaided(t *testing.T) {
	tg := load(t, "klp-rfc-v2", "sc")
	out := answers(t, tg, explore.Options{})
	bad := out.result(t, "complete-means-done")
	require.Equal(t, explore.Sometimes, bad.Answer)
	require.True(t, bad.Example.Minimal)
	require.True(t, bad.Preempt)
	require.Zero(t, bad.IRQs+bad.NMIs)
	s, err := session.Play(tg, bad.Example.Schedule)
	require.NoError(t, err)
	var violated []string
	for _, v := range s.Violations() {
		violated = append(violated, v.Check.Name)
	}
	require.Contains(t, violated, "complete-means-done")

	good := answers(t, load(t, "klp-upstream", "sc"), explore.Options{})
	require.Equal(t, explore.Never, good.Answer())
}

// TestWorkersDoNotMatter compares report texts.
func TestWorkersDoNotMatter(t *testing.T) {
	var texts []string
	for _, n := range []int{1, 2, 3} {
		var b strings.Builder
		out := answers(t, load(t, "klp-rfc-v2", "sc"), explore.Options{Workers: n})
		require.NoError(t, out.Write(&b, nil))
		texts = append(texts, b.String())
	}
	require.Equal(t, texts[0], texts[1])
	require.Equal(t, texts[0], texts[2])
	require.Contains(t, texts[0], "complete-means-done  Sometimes   0 injected, ")
}

// TestReductionsKeepAnswers compares with a search in which every instruction
// boundary is a state.
func TestReductionsKeepAnswers(t *testing.T) {
	tg := load(t, "klp-rfc-v2", "sc")
	p := NewProblem(tg, []string{"stays-done"})
	b := explore.Bounds{Preempt: -1}
	with, err := explore.Search(context.Background(), p, b, explore.Options{Minimal: true})
	require.NoError(t, err)
	without, err := explore.Search(context.Background(), p, b, explore.Options{Minimal: true, NoMacro: true, Workers: 2})
	require.NoError(t, err)
	require.Equal(t, with.Checks[0].Answer, without.Checks[0].Answer)
	require.Equal(t, with.Checks[0].Example.Cost, without.Checks[0].Example.Cost)
	require.Less(t, 2*with.States, without.States)
}

// TestMinimizeKeepsTheFailure gives the minimiser a failing schedule with
// detours and an interrupt that the failure does not need.
func TestMinimizeKeepsTheFailure(t *testing.T) {
	tg := load(t, "klp-rfc-v2", "sc")
	out := answers(t, tg, explore.Options{})
	small := out.result(t, "stays-done").Example
	var rest cpu.Schedule
	early := 0
	for _, c := range small.Schedule {
		if c == (cpu.Choice{Kind: cpu.Step}) && early < 2 {
			early++
			continue
		}
		rest = append(rest, c)
	}
	long := slices.Concat(cpu.Schedule{
		{Kind: cpu.Step, Core: 0}, {Kind: cpu.Step, Core: 1}, {Kind: cpu.Step, Core: 0},
		{Kind: cpu.NMI, Core: 1}, {Kind: cpu.Step, Core: 1}, {Kind: cpu.Step, Core: 1},
	}, rest[1:])
	if _, ok := fails(NewProblem(tg, nil), "stays-done", long); !ok {
		t.Fatal("the long schedule does not fail")
	}
	m, err := Minimize(tg, long, "stays-done")
	require.NoError(t, err)
	require.Zero(t, m.After.Injections)
	require.LessOrEqual(t, len(m.Schedule), len(small.Schedule))
	require.Empty(t, m.Needed)
	violated, first, err := explore.Replay(NewProblem(tg, []string{"stays-done"}), m.Schedule)
	require.NoError(t, err)
	require.Equal(t, []string{"stays-done"}, violated)
	require.Equal(t, len(m.Schedule), first)

	_, err = Minimize(tg, long[:2], "stays-done")
	require.ErrorContains(t, err, "does not violate stays-done")
}

func TestPressureErrors(t *testing.T) {
	tg := load(t, "klp-upstream", "sc")
	for _, c := range []struct {
		p    Pressure
		want string
	}{
		{Pressure{IRQ: 1, Preempt: -1}, "no vector"},
		{Pressure{Cores: []int{7}, Preempt: -1}, "no core 7"},
		{Pressure{In: []string{"nowhere"}, Preempt: -1}, `no function "nowhere"`},
	} {
		_, err := c.p.Bounds(tg)
		require.ErrorContains(t, err, c.want)
	}
}

func TestFoldFitsAMail(t *testing.T) {
	text := fold("replay  ", strings.Repeat("0*12 irq0:ec ", 30))
	for _, l := range strings.Split(text, "\n") {
		require.LessOrEqual(t, len(l), width)
	}
	require.Equal(t, -129+2*21, collisionOdds(1<<20))
}

// TestMatrixGolden searches the first column of the matrix again and compares
// it with the golden of the whole, which make matrix writes.
func TestMatrixGolden(t *testing.T) {
	text, err := os.ReadFile("../../../testdata/explore/matrix-klp.golden")
	require.NoError(t, err)
	names, err := Variants("klp")
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	for i, name := range names {
		tg := load(t, name, "sc")
		m := &Matrix{Family: "klp"}
		for _, c := range tg.Checks {
			m.Checks = append(m.Checks, c.Name)
		}
		cell, err := m.cell(context.Background(), tg, Columns[0], nil, explore.Options{Workers: 2})
		require.NoError(t, err)
		want := fmt.Sprintf("%-24s %-7s", m.label(Row{Name: name}), m.cellText(cell))
		require.Equal(t, strings.TrimSpace(want), strings.TrimSpace(lines[2+i][:min(len(want), len(lines[2+i]))]), "make matrix rewrites the golden")
	}
}

func TestVariantsAreFound(t *testing.T) {
	names, err := Variants("klp")
	require.NoError(t, err)
	require.Contains(t, names, "klp-upstream")
	require.NotContains(t, names, "rfc-v2")
	_, err = Variants("nothing")
	require.ErrorContains(t, err, `"nothing"`)
}
