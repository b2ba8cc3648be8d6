package trace_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
	"klpsim/kernel/trace"
)

const text = `scenario test "a test"
bare
machine cores=2
task 1 "core0" on 0 running entry first
task 2 "core1" on 1 running entry second
type x int
check small "x stays small" always: x < 2
code
	.globl first, second, x
first:
	lock incl x
	mov x, %eax
	jmp first
second:
	movl $5, x
	hlt
	.data
x:	.long 0
end
`

func target(t testing.TB) *session.Target {
	t.Helper()
	s, err := scenario.Parse("test", []byte(text), nil)
	require.NoError(t, err)
	target, err := session.Build(s, session.Options{})
	require.NoError(t, err)
	return target
}

// write runs a schedule and returns its trace.
func write(t testing.TB, sched string, format trace.Format) []byte {
	t.Helper()
	tg := target(t)
	choices, err := cpu.ParseSchedule(sched, 2)
	require.NoError(t, err)
	var b bytes.Buffer
	w := trace.NewWriter(&b, tg, format)
	_, err = session.Play(tg, choices, w.Observer())
	require.NoError(t, err)
	require.NoError(t, w.Err())
	return b.Bytes()
}

// TestTraceText pins a small trace, worked out by hand from the program: the
// addresses are where the guest's layout puts .text and .data.
func TestTraceText(t *testing.T) {
	got := string(write(t, "0 1h 0 drain1 nmi0", trace.Text))
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	require.Equal(t, "klpsim-trace 1", lines[0])
	require.Equal(t, "scenario name=test", lines[1])
	require.Equal(t, "machine cores=2 memory=tso storebuffer=56", lines[2])
	require.Equal(t, "end steps=5", lines[len(lines)-1])
	require.Contains(t, got, "\ncheck name=small verdict=violated step=4\n")
	require.Contains(t, got, "1 0 take choice=0 task=1\n")
	require.Regexp(t, `\n1 0 commit pa=0x[0-9a-f]+ at=x size=4 old=0x0 value=0x1 locked\n`, got)
	require.Regexp(t, `\n2 1 write pa=0x[0-9a-f]+ at=x size=4 value=0x5 buffered\n`, got)
	require.Regexp(t, `\n3 0 read pa=0x[0-9a-f]+ at=x size=4 value=0x1\n`, got)
	require.Regexp(t, `\n4 1 commit pa=0x[0-9a-f]+ at=x size=4 old=0x1 value=0x5 drained\n`, got)
	require.Contains(t, got, "\n5 0 pend vector=02 by=outside nmi\n")
	require.Regexp(t, `\n3 0 exec pc=0xffffffff8100[0-9a-f]+ at=first\+0x8 text="mov 0x[0-9a-f]+,%eax|\n3 0 exec .*at=first\+0x8 text="mov `, got)
}

func TestParseGivesBackEveryRecord(t *testing.T) {
	b := write(t, "0*3 1*2 0*4", trace.Text)
	recs, err := trace.Parse("a.trace", b)
	require.NoError(t, err)
	var again strings.Builder
	again.WriteString("klpsim-trace 1\n")
	for _, r := range recs {
		again.WriteString(r.String() + "\n")
	}
	require.Equal(t, string(b), again.String())
	sched, err := trace.Schedule(recs, 2)
	require.NoError(t, err)
	require.Equal(t, "0*3 1*2 0*4", sched.String())
}

// TestJSONHasTheSameContent compares the two formats field by field.
func TestJSONHasTheSameContent(t *testing.T) {
	recs, err := trace.Parse("a", write(t, "0*2 1 nmi0", trace.Text))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(write(t, "0*2 1 nmi0", trace.JSON))), "\n")
	require.Len(t, lines, len(recs)+1)
	for i, r := range recs {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i+1]), &m))
		require.Equal(t, r.Kind, m["kind"])
		n := 1
		if r.Step > 0 {
			require.Equal(t, float64(r.Step), m["step"])
			require.Equal(t, float64(r.Core), m["core"])
			n = 3
		}
		for _, f := range r.Fields {
			if f.Flag {
				require.Equal(t, true, m[f.Key])
			} else {
				require.Equal(t, f.Value, m[f.Key], f.Key)
			}
		}
		require.Len(t, m, n+len(r.Fields))
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                            `f:1:1: expected "klpsim-trace 1", found "": not a trace of this version`,
		"klpsim-trace 2\n":            `f:1:1: expected "klpsim-trace 1", found "klpsim-trace 2": not a trace of this version`,
		"klpsim-trace 1\n":            `f:2:1: the trace is truncated: it has no end record`,
		"klpsim-trace 1\nend steps=0": `f:2:12: the trace is truncated: its last line has no end`,
		"klpsim-trace 1\nend steps=0\n1 0 halt\n":  `f:3:1: "1 0 halt" after the end record`,
		"klpsim-trace 1\n1 0 frob\n":               `f:2:5: expected a kind of record, found "frob"`,
		"klpsim-trace 1\n1 x halt\n":               `f:2:3: expected a core, found "x"`,
		"klpsim-trace 1\n0 0 halt\n":               `f:2:1: expected a step from 1, found "0"`,
		"klpsim-trace 1\n1 0 exec pc=\n":           `f:2:13: expected a value for "pc", found ""`,
		"klpsim-trace 1\n1 0 exec text=\"a\n":      `f:2:15: the quoted value of "text" has no end`,
		"klpsim-trace 1\n1 0 exec text=\"a\"b=1\n": `f:2:18: expected a blank behind the value of "text"`,
		"klpsim-trace 1\nexec\n":                   `f:2:1: expected a kind of record, found "exec"`,
		"klpsim-trace 1\nend  x\n":                 `f:2:5: expected key=value, found " x"`,
		"klpsim-trace 1\nend \n":                   `f:2:4: a blank at the end of the line`,
	} {
		_, err := trace.Parse("f", []byte(text))
		require.EqualError(t, err, want, "%q", text)
	}
}

func TestDiff(t *testing.T) {
	a, err := trace.Parse("a", write(t, "0*3 1", trace.Text))
	require.NoError(t, err)
	b, err := trace.Parse("b", write(t, "0*4", trace.Text))
	require.NoError(t, err)
	require.Empty(t, trace.Diff("a", a, "b", a))
	d := trace.Diff("a", a, "b", b)
	require.Contains(t, d, "--- a\n+++ b\nfirst difference at record ")
	require.Contains(t, d, "\n- 4 1 take choice=1 task=2\n")
	require.Contains(t, d, "\n+ 4 0 take choice=0 task=1\n")
	require.Contains(t, trace.Diff("a", a, "b", a[:3]), "one trace ends there")
}

func FuzzParse(f *testing.F) {
	f.Add(string(write(f, "0*2 1 nmi0", trace.Text)))
	f.Add("klpsim-trace 1\n1 0 exec pc=0x1 text=\"a b\" locked\nend steps=1\n")
	f.Fuzz(func(t *testing.T, s string) {
		recs, err := trace.Parse("f", []byte(s))
		if err != nil {
			return
		}
		var b strings.Builder
		b.WriteString("klpsim-trace 1\n")
		for _, r := range recs {
			b.WriteString(r.String() + "\n")
		}
		again, err := trace.Parse("f", []byte(b.String()))
		require.NoError(t, err)
		require.Equal(t, recs, again)
	})
}
