package cpu

import (
	"testing"
	"time"
)

// benchLoop is a loop of nine instructions with two loads, two stores and
// three taken branches a turn.
var benchLoop = []byte{
	0x48, 0x8b, 0x03, // mov (%rbx), %rax
	0x48, 0x83, 0xc0, 0x07, // add $7, %rax
	0x48, 0x89, 0x03, // mov %rax, (%rbx)
	0x48, 0x03, 0x4b, 0x40, // add 0x40(%rbx), %rcx
	0x48, 0x89, 0x4b, 0x48, // mov %rcx, 0x48(%rbx)
	0x48, 0x31, 0xc2, // xor %rax, %rdx
	0x48, 0xff, 0xc6, // inc %rsi
	0x75, 0x00, // jne +0
	0xeb, 0xe4, // jmp to the start
}

func benchMachine(b *testing.B, cores int) *Machine {
	m := bare(b, Config{Cores: cores}, benchLoop...)
	for i := range cores {
		m.Core(i).GPR[RBX] = bareData + uint64(i)*0x1000
	}
	return m
}

// BenchmarkStep is stepping with choices, journal and two cores in lockstep.
func BenchmarkStep(b *testing.B) {
	m := benchMachine(b, 2)
	m.cfg.UndoLimit = 1 << 16
	m.SetJournal(true)
	b.ReportAllocs()
	for i := range b.N {
		if err := m.Take(Choice{Core: uint8(i & 1)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Msteps/s")
}

// BenchmarkStepRecording is the same with events on.
func BenchmarkStepRecording(b *testing.B) {
	m := benchMachine(b, 1)
	m.SetRecording(true)
	for range b.N {
		if err := m.Take(Choice{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Msteps/s")
}

// BenchmarkUndo is a step and its undoing.
func BenchmarkUndo(b *testing.B) {
	m := benchMachine(b, 1)
	m.SetJournal(true)
	for range b.N {
		if err := m.Take(Choice{}); err != nil {
			b.Fatal(err)
		}
		m.Undo()
	}
}

// BenchmarkSnapshot is snapshot and restore of a 64 MiB machine that touched
// 100 pages.
func BenchmarkSnapshot(b *testing.B) {
	m := benchMachine(b, 1)
	b.ReportAllocs()
	var spent time.Duration
	for i := range b.N {
		for p := range uint64(100) {
			m.mem.Store(bareData+p<<12, uint64(i)+1)
		}
		start := time.Now()
		m.Restore(m.Snapshot())
		spent += time.Since(start)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "ns/snapshot+restore")
}

// BenchmarkExplore is the explorer's pattern: restore, eight steps, hash.
func BenchmarkExplore(b *testing.B) {
	m := benchMachine(b, 2)
	for i := range 40 {
		if err := m.Take(Choice{Core: uint8(i & 1)}); err != nil {
			b.Fatal(err)
		}
	}
	s := m.Snapshot()
	b.ReportAllocs()
	var sum uint64
	for range b.N {
		m.Restore(s)
		for range 8 {
			if err := m.Take(Choice{}); err != nil {
				b.Fatal(err)
			}
		}
		sum += m.Hash()[0]
	}
	_ = sum
}
