package target

import (
	"context"
	"testing"

	"klpsim/kernel/explore"
	"klpsim/kernel/session"
)

// benchmarkScenario searches a scenario to its end with nothing injected.
func benchmarkScenario(b *testing.B, name, memory string, workers int) {
	t, err := session.Load(name, session.Options{Memory: memory})
	if err != nil {
		b.Fatal(err)
	}
	p := NewProblem(t, nil)
	states, bytes := uint64(0), uint64(0)
	for b.Loop() {
		r, err := explore.Search(context.Background(), p, explore.Bounds{Preempt: -1}, explore.Options{Workers: workers, KeepGoing: true})
		if err != nil || !r.Complete {
			b.Fatal(err, r)
		}
		states += r.States
		bytes = r.Bytes / r.States
	}
	b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
	b.ReportMetric(float64(bytes), "B/state")
}

func BenchmarkRFCv2(b *testing.B)         { benchmarkScenario(b, "klp-rfc-v2", "tso", 1) }
func BenchmarkRFCv2Workers2(b *testing.B) { benchmarkScenario(b, "klp-rfc-v2", "tso", 2) }
func BenchmarkUpstream(b *testing.B)      { benchmarkScenario(b, "klp-upstream", "tso", 1) }
func BenchmarkGuestKernel(b *testing.B)   { benchmarkScenario(b, "rfc-v2-free", "tso", 2) }
