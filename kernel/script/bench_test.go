package script_test

import (
	"io"
	"testing"

	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
)

// far is how long the benchmarked run is, in choices.
const far = 10_000_000

const loop = `scenario loop "two cores count"
bare
machine cores=2
task 1 on 0 running entry first
task 2 on 1 running entry first
type x int
limit 20000000
check counts "x does not shrink" always: x >= prev(x)
code
	.globl first, x
first:
	incl x
	jmp first
	.data
x:	.long 0
end
`

// BenchmarkTenMillionSteps runs ten million choices forward, once, and times
// going back in them: one step, and to the last write of a watched variable.
func BenchmarkTenMillionSteps(b *testing.B) {
	s, err := scenario.Parse("loop", []byte(loop), nil)
	if err != nil {
		b.Fatal(err)
	}
	t, err := session.Build(s, session.Options{})
	if err != nil {
		b.Fatal(err)
	}
	se, err := t.New()
	if err != nil {
		b.Fatal(err)
	}
	e := script.New(se, io.Discard)
	p := &session.RoundRobin{Quantum: 5}
	b.Run("forward", func(b *testing.B) {
		for b.Loop() {
			for se.Len() < far {
				c, _ := p.Next(se)
				if err := se.Take(c); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/far, "ns/step")
	})
	for _, command := range []string{"rsi", "rc"} {
		b.Run(command, func(b *testing.B) {
			if err := e.Exec(scenario.Text{Text: "watch x"}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := e.Exec(scenario.Text{Text: command}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
