package cpu

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/asm"
)

// assemble returns the bytes of source linked at address base.
func assemble(t testing.TB, name string, text []byte, base uint64) []byte {
	t.Helper()
	obj, err := asm.Assemble(asm.Source{Name: name, Text: text}, asm.Options{})
	require.NoError(t, err)
	img, err := asm.Link([]*asm.Object{obj}, asm.Layout{Segments: []asm.SegmentRule{{Name: "code", Addr: base, Sections: []string{"*"}}}})
	require.NoError(t, err)
	require.Len(t, img.Segments, 1)
	return img.Segments[0].Data
}

// workload returns a machine about to call the benchmark program at 0x400000
// with argument n; it returns to a HLT.
func workload(t testing.TB, cores int, blob []byte, n uint64) *Machine {
	t.Helper()
	m := bare(t, Config{Cores: cores, MemBytes: 32 << 20}, 0xf4)
	for i := uint64(4); i < 16; i++ {
		setWord(m, barePD+i*8, i<<21|0xe7)
	}
	m.WritePhys(0x400000, blob)
	for i := range cores {
		c := m.Core(i)
		c.RIP = 0x400000
		c.GPR[RSP] = 0x1000000 - uint64(i)*0x1000 - 8
		setWord(m, c.GPR[RSP], bareCode)
		c.GPR[RDI] = n
	}
	return m
}

// benchPrograms are the workloads of cpu/bench that are files.
var benchPrograms = []string{"regloop", "sieve", "fib", "chase", "crc", "matmul", "strings"}

func benchBlob(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "bench", name+".s"))
	require.NoError(t, err)
	return assemble(t, name+".s", text, 0x400000)
}

// sameState fails unless two machines are in the same state.
func sameState(t *testing.T, want, got *Machine, what string) {
	t.Helper()
	if want.Hash() == got.Hash() && bytes.Equal(want.AppendState(nil), got.AppendState(nil)) {
		return
	}
	for i := range want.NumCores() {
		require.Equal(t, fmt.Sprintf("%#x", want.Core(i).Regs), fmt.Sprintf("%#x", got.Core(i).Regs), "%s: core %d", what, i)
		require.Equal(t, want.Core(i).Sys, got.Core(i).Sys, "%s: core %d", what, i)
		require.Equal(t, want.Core(i).FP, got.Core(i).FP, "%s: core %d", what, i)
	}
	require.Fail(t, "memory differs", what)
}

// Run stops after any number of steps in the state that as many steps by Take
// reach: registers, flags, memory and, because StickyTLB is set, the TLB.
func TestRunEqualsSteps(t *testing.T) {
	for _, name := range benchPrograms {
		t.Run(name, func(t *testing.T) {
			blob := benchBlob(t, name)
			n := uint64(1)
			if name == "fib" {
				n = 8
			}
			slow, fast := workload(t, 1, blob, n), workload(t, 1, blob, n)
			slow.SetSticky(StickyTLB | StickyTime)
			fast.SetSticky(StickyTLB | StickyTime)
			r := rand.New(rand.NewPCG(1, 2))
			for total := uint64(0); total < 60_000; {
				k := uint64(r.IntN(7))
				if r.IntN(10) == 0 {
					k = uint64(r.IntN(3000))
				}
				done, _, err := fast.Run(0, k)
				require.NoError(t, err)
				for range done {
					require.NoError(t, slow.Take(Choice{}))
				}
				total += done
				sameState(t, slow, fast, fmt.Sprintf("after %d steps", total))
				if done < k {
					require.False(t, slow.CanStep(0))
					break
				}
			}
		})
	}
}

func BenchmarkRun(b *testing.B) {
	for _, name := range benchPrograms {
		b.Run(name, func(b *testing.B) {
			m := workload(b, 1, benchBlob(b, name), 1<<40)
			if name == "fib" {
				m.Core(0).GPR[RDI] = 45
			}
			b.ResetTimer()
			done, _, err := m.Run(0, uint64(b.N))
			require.NoError(b, err)
			require.Equal(b, uint64(b.N), done)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Minstr/s")
		})
	}
}

// Two cores in turn, a quantum of steps each: the price of stopping.
func BenchmarkInterleaved(b *testing.B) {
	for _, quantum := range []uint64{1, 10, 100, 1000, 10000} {
		b.Run(fmt.Sprint(quantum), func(b *testing.B) {
			m := workload(b, 2, benchBlob(b, "sieve"), 1<<40)
			b.ResetTimer()
			done, _, err := m.RunTurns(quantum, uint64(b.N))
			require.NoError(b, err)
			require.Equal(b, uint64(b.N), done)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Minstr/s")
		})
	}
}

// The generated loop is what the generator makes of the table now.
func TestFastLoopIsGenerated(t *testing.T) {
	out := filepath.Join(t.TempDir(), "loop.go")
	msg, err := exec.Command("go", "run", "./internal/fastgen", "-o", out).CombinedOutput()
	require.NoError(t, err, string(msg))
	want, err := os.ReadFile(out)
	require.NoError(t, err)
	got, err := os.ReadFile("fast_loop.go")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got), "fast_loop.go is not up to date: go generate ./cpu")
}

// Cores in turn by RunTurns end where turns of single steps end, for any quantum.
func TestRunTurnsEqualsSteps(t *testing.T) {
	for _, name := range []string{"sieve", "strings", "crc"} {
		for _, quantum := range []uint64{1, 2, 7, 1000} {
			blob := benchBlob(t, name)
			slow, fast := workload(t, 2, blob, 1000), workload(t, 2, blob, 1000)
			slow.SetSticky(StickyTLB | StickyTime)
			fast.SetSticky(StickyTLB | StickyTime)
			for _, rounds := range []uint64{1, 2, 5, 10000 / quantum} {
				done, stop, err := fast.RunTurns(quantum, 2*quantum*rounds)
				require.NoError(t, err)
				require.Equal(t, StopBudget, stop)
				require.Equal(t, 2*quantum*rounds, done)
				for i := range 2 * rounds {
					for range quantum {
						require.NoError(t, slow.Take(Choice{Core: uint8(i % 2)}))
					}
				}
				sameState(t, slow, fast, fmt.Sprintf("%s, quantum %d, %d rounds", name, quantum, rounds))
			}
		}
	}
}
