package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
)

// The rates that these benchmarks report are per second of CPU time, so that
// other work on the host disturbs them less.

// BenchmarkRun is the fast path: one core, no observers.
func BenchmarkRun(b *testing.B) {
	for _, w := range Workloads {
		b.Run(w.Name, func(b *testing.B) {
			blob, want := assemble(b, w), w.Want(w.Count)
			steps, spent := uint64(0), time.Duration(0)
			for range b.N {
				b.StopTimer()
				m := newMachine(b, cpu.Config{}, blob, w.Count)
				b.StartTimer()
				begin := cpuTime()
				steps += runAll(b, m)
				spent += cpuTime() - begin
				if got := m.Core(0).GPR[cpu.RAX]; got != want {
					b.Fatalf("result %#x, want %#x", got, want)
				}
			}
			b.ReportMetric(float64(steps)/spent.Seconds()/1e6, "Minsn/s")
		})
	}
}

// BenchmarkStep is stepping by choices with the journal on.
func BenchmarkStep(b *testing.B) {
	for _, w := range Workloads {
		b.Run(w.Name, func(b *testing.B) {
			m := newMachine(b, cpu.Config{UndoLimit: 1 << 16}, assemble(b, w), w.Count)
			m.SetJournal(true)
			begin := cpuTime()
			b.ResetTimer()
			for range b.N {
				if err := m.Take(cpu.Choice{}); err != nil {
					b.StopTimer() // it came to its end: again
					start(m.Core(0), offPML4, w.Count)
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.N)/(cpuTime()-begin).Seconds()/1e6, "Msteps/s")
		})
	}
}

// BenchmarkTwoCores gives two cores turns of a quantum; a quantum of 0 is one
// core alone, to compare with.
func BenchmarkTwoCores(b *testing.B) {
	for _, q := range []struct {
		name    string
		quantum uint64
	}{{"alone", 0}, {"quantum1000", 1000}, {"quantum1", 1}} {
		for _, w := range Workloads {
			b.Run(q.name+"/"+w.Name, func(b *testing.B) {
				blob := assemble(b, w)
				steps, spent := uint64(0), time.Duration(0)
				for range b.N {
					b.StopTimer()
					cores, n := 2, min(w.Count, w.Count/4+1)
					if w.Name == "fib" {
						n = 25
					}
					if q.quantum == 0 {
						cores = 1
					}
					m := newMachine(b, cpu.Config{Cores: cores}, blob, n)
					b.StartTimer()
					begin := cpuTime()
					steps += interleave(b, m, q.quantum)
					spent += cpuTime() - begin
				}
				b.ReportMetric(float64(steps)/spent.Seconds()/1e6, "Minsn/s")
			})
		}
	}
}

// interleave runs all cores to their HLT in turns and returns the steps taken.
func interleave(b *testing.B, m *cpu.Machine, quantum uint64) uint64 {
	if quantum == 0 {
		return runAll(b, m)
	}
	done, stop, err := m.RunTurns(quantum, 1<<40)
	if err != nil || stop != cpu.StopIdle {
		b.Fatal(stop, err)
	}
	return done
}

// BenchmarkSnapshot is a snapshot, 100 pages touched, and the restore of a
// 64 MiB machine.
func BenchmarkSnapshot(b *testing.B) {
	m, err := cpu.New(cpu.Config{MemBytes: 64 << 20})
	require.NoError(b, err)
	for page := range uint64(64 << 20 >> 12) {
		m.WritePhys(page<<12, []byte{byte(page), 1})
	}
	touch := func() {
		for page := range uint64(100) {
			m.WritePhys(page*37<<12, []byte{2})
		}
	}
	b.Run("snapshot+restore", func(b *testing.B) {
		for range b.N {
			s := m.Snapshot()
			b.StopTimer()
			touch()
			b.StartTimer()
			m.Restore(s)
		}
	})
	b.Run("with-touching", func(b *testing.B) {
		for range b.N {
			s := m.Snapshot()
			touch()
			m.Restore(s)
		}
	})
}
