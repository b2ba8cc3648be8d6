package cpu_test

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/bare"
)

// spinner increments a word on each of two cores for ever, pushing and popping.
//
//	1: incl 0x30000; push %rax; inc %eax; pop %rcx; jmp 1b
var spinner = []byte{0xff, 0x04, 0x25, 0, 0, 3, 0, 0x50, 0xff, 0xc0, 0x59, 0xeb, 0xf3}

func deltaMachine(t *testing.T) *cpu.Machine {
	t.Helper()
	m, err := bare.New(cpu.Config{Cores: 2, StoreBuffer: 4})
	require.NoError(t, err)
	for i := range 2 {
		m.WritePhys(bare.CodeAddr(i), spinner)
	}
	m.SetJournal(true)
	return m
}

// TestDeltaRestoresExactly saves states along random runs and loads them in
// random order, into the machine they came from and into another one: the
// exact state comes back.
func TestDeltaRestoresExactly(t *testing.T) {
	a, b := deltaMachine(t), deltaMachine(t)
	baseA, baseB := a.NewBase(), b.NewBase()
	rng := rand.New(rand.NewSource(1))
	var deltas [][]byte
	var states []string
	var exact []string
	for range 60 {
		if len(deltas) > 0 && rng.Intn(3) == 0 {
			a.LoadDelta(baseA, deltas[rng.Intn(len(deltas))])
		}
		for range 1 + rng.Intn(20) {
			c := cpu.Choice{Kind: cpu.Kind(rng.Intn(3)), Core: uint8(rng.Intn(2))}
			if err := a.Take(c); err != nil {
				require.ErrorIs(t, err, cpu.ErrDrain)
			}
		}
		for range rng.Intn(5) {
			a.Undo()
		}
		deltas = append(deltas, a.AppendDelta(nil, baseA))
		states = append(states, string(a.AppendState(nil)))
		exact = append(exact, string(a.AppendExact(nil, baseA)))
	}
	for _, i := range rng.Perm(len(deltas)) {
		for _, m := range []struct {
			m    *cpu.Machine
			base *cpu.Base
		}{{a, baseA}, {b, baseB}} {
			m.m.LoadDelta(m.base, deltas[i])
			require.Equal(t, states[i], string(m.m.AppendState(nil)))
			require.Equal(t, exact[i], string(m.m.AppendExact(nil, m.base)))
		}
		require.Equal(t, a.Hash(), b.Hash())
	}
	a.LoadDelta(baseA, nil)
	require.Equal(t, string(deltaMachine(t).AppendState(nil)), string(a.AppendState(nil)))
}
