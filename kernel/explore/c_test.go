package explore_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/asm"
	"klpsim/cpu"
	"klpsim/cpu/peer"
	"klpsim/kernel/bare"
	"klpsim/kernel/explore"
)

// C programs for two threads, compiled by gcc to real machine code: the
// benchmarks that stateless model checkers are measured with.

// cProgram is a program of testdata/explore.
type cProgram struct {
	name   string
	rounds int
	flags  []string
	memory cpu.MemoryModel
}

// problem compiles the program; its check is that the variable bad stays 0.
func (p cProgram) problem(tb testing.TB) explore.Problem {
	tb.Helper()
	gcc := peer.Need(tb, "gcc", "gcc, which compiles the C programs of testdata/explore")
	obj := filepath.Join(tb.TempDir(), "o")
	args := append([]string{"-O1", "-c", "-ffreestanding", "-fno-pic", "-fno-pie", "-fcf-protection=none", "-mno-sse",
		"-fno-asynchronous-unwind-tables", "-fno-stack-protector", fmt.Sprintf("-DROUNDS=%d", p.rounds),
		"-o", obj, filepath.Join("../../testdata/explore", p.name+".c")}, p.flags...)
	out, err := exec.Command(gcc, args...).CombinedOutput()
	require.NoError(tb, err, string(out))
	b, err := os.ReadFile(obj)
	require.NoError(tb, err)
	o, err := asm.ReadELF(p.name, bytes.NewReader(b))
	require.NoError(tb, err)
	img, err := asm.Link([]*asm.Object{o}, asm.Layout{Segments: []asm.SegmentRule{
		{Name: "text", Addr: bare.CodeAddr(0), Sections: []string{".text*"}},
		{Name: "data", Addr: bare.DataBase, Sections: []string{".data*", ".bss*", ".rodata*"}},
	}})
	require.NoError(tb, err)
	bad, ok := img.Symbol("bad")
	require.True(tb, ok)
	return explore.Problem{
		New:    func() (*cpu.Machine, error) { return p.machine(img) },
		Shared: []explore.PhysRange{{Addr: bad.Addr, Size: 4}},
		Checks: []explore.Check{{Name: "exclusion", Start: func() explore.Evaluator { return zero(bad.Addr) }}},
	}
}

// machine loads the image; a HLT waits where the threads return to.
func (p cProgram) machine(img *asm.Image) (*cpu.Machine, error) {
	m, err := bare.New(cpu.Config{Cores: 2, Memory: p.memory})
	if err != nil {
		return nil, err
	}
	for _, s := range img.Segments {
		m.WritePhys(s.Addr, s.Data)
	}
	stop := bare.CodeAddr(7)
	m.WritePhys(stop, []byte{0xf4})
	for i := range 2 {
		entry, _ := img.Symbol(fmt.Sprintf("thread%d", i))
		c := m.Core(i)
		c.RIP = entry.Addr
		c.GPR[cpu.RSP] -= 8
		m.WritePhys(c.GPR[cpu.RSP], binary.LittleEndian.AppendUint64(nil, stop))
	}
	return m, nil
}

// zero is the check that the 4 bytes at an address are 0.
type zero uint64

func (zero) Before(*cpu.Machine, cpu.Choice) {}

func (z zero) Holds(m *cpu.Machine, _ cpu.Choice, _ []cpu.Event) bool {
	var b [4]byte
	m.ReadPhys(uint64(z), b[:])
	return b == [4]byte{}
}

// TestLocksInC: the textbook locks exclude each other under sc without fences
// and under tso with them; without them tso breaks each.
func TestLocksInC(t *testing.T) {
	for _, name := range []string{"peterson", "dekker", "lamport", "szymanski"} {
		for _, c := range []struct {
			memory cpu.MemoryModel
			flags  []string
			want   explore.Answer
		}{
			{cpu.TSO, nil, explore.Never},
			{cpu.TSO, []string{"-DUNFENCED"}, explore.Sometimes},
			{cpu.SC, []string{"-DUNFENCED"}, explore.Never},
		} {
			p := cProgram{name, 1, c.flags, c.memory}
			r, err := explore.Search(context.Background(), p.problem(t), explore.Bounds{Preempt: -1}, explore.Options{})
			require.NoError(t, err)
			require.Equal(t, c.want, r.Checks[0].Answer, "%s, %s %v", name, c.memory, c.flags)
		}
	}
}

// benchmarkC searches a C program to its end on two workers.
func benchmarkC(b *testing.B, p cProgram) {
	prob := p.problem(b)
	states := uint64(0)
	for b.Loop() {
		r, err := explore.Search(context.Background(), prob, explore.Bounds{Preempt: -1}, explore.Options{Workers: 2})
		if err != nil || !r.Complete || r.Checks[0].Answer != explore.Never {
			b.Fatal(err, r)
		}
		states += r.States
	}
	b.ReportMetric(float64(states)/float64(b.N), "states")
	b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
}

func BenchmarkFib4(b *testing.B)       { benchmarkC(b, cProgram{"fib_bench", 4, nil, cpu.TSO}) }
func BenchmarkFib5(b *testing.B)       { benchmarkC(b, cProgram{"fib_bench", 5, nil, cpu.TSO}) }
func BenchmarkFib6(b *testing.B)       { benchmarkC(b, cProgram{"fib_bench", 6, nil, cpu.TSO}) }
func BenchmarkPeterson3(b *testing.B)  { benchmarkC(b, cProgram{"peterson", 3, nil, cpu.TSO}) }
func BenchmarkDekker3(b *testing.B)    { benchmarkC(b, cProgram{"dekker", 3, nil, cpu.TSO}) }
func BenchmarkLamport2(b *testing.B)   { benchmarkC(b, cProgram{"lamport", 2, nil, cpu.TSO}) }
func BenchmarkSzymanski2(b *testing.B) { benchmarkC(b, cProgram{"szymanski", 2, nil, cpu.TSO}) }
