package cpu

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// undoCheck takes choices on m and, for each, checks that it either moved the
// machine or failed without moving it, that the incremental hash is the hash
// of the contents, and at the end that undoing everything passes through
// the same states backwards.
func undoCheck(t *testing.T, m *Machine, choices []Choice) {
	t.Helper()
	type point struct {
		h     Hash
		state []byte
	}
	m.SetJournal(true)
	m.Hash()
	at := func() point { return point{m.Hash(), m.AppendState(nil)} }
	trail := []point{at()}
	for _, ch := range choices {
		if err := m.Take(ch); err != nil {
			require.Equal(t, trail[len(trail)-1], at(), "%s failed and yet moved: %v", ch, err)
			var u *UnimplementedError
			require.True(t, errors.Is(err, ErrIdle) || errors.Is(err, ErrDrain) || errors.Is(err, ErrHold) ||
				errors.Is(err, ErrChoice) || errors.As(err, &u), "%v", err)
			continue
		}
		require.Equal(t, m.mem.Recompute(), m.mem.Hash(), "after %s", ch)
		trail = append(trail, at())
	}
	require.Equal(t, len(trail)-1, m.Depth())
	for i := len(trail) - 2; i >= 0; i-- {
		require.True(t, m.Undo())
		got := at()
		if got.h != trail[i].h || string(got.state) != string(trail[i].state) {
			t.Fatalf("undo of choice %d is not exact", i)
		}
	}
	require.False(t, m.Undo())
}

// randomChoices draws steps, holds, drains and injections.
func randomChoices(r *rand.Rand, cores, n int) []Choice {
	out := make([]Choice, n)
	for i := range out {
		ch := Choice{Core: uint8(r.IntN(cores))}
		switch k := r.IntN(40); {
		case k < 8:
			ch.Kind = Hold
		case k < 12:
			ch.Kind = Drain
		case k == 12:
			ch.Kind, ch.Vector = IRQ, uint8(16+r.IntN(240))
		case k == 13:
			ch.Kind = NMI
		case k == 14 && r.IntN(10) == 0:
			ch.Kind = INIT
		case k == 15:
			ch.Kind, ch.Vector = SIPI, uint8(r.IntN(256))
		case k == 16:
			ch.Kind = Tick
		}
		out[i] = ch
	}
	return out
}

// fuzzMachine fills the registers with addresses that are worth using.
func fuzzMachine(t *testing.T, r *rand.Rand, code []byte, mode uint8) *Machine {
	cfg := Config{Cores: 2, StoreBuffer: 4}
	if mode&1 != 0 {
		cfg.Memory = SC
	}
	m := bare(t, cfg, code...)
	for i := range 2 {
		c := m.Core(i)
		for j := range c.GPR {
			switch r.IntN(3) {
			case 0:
				c.GPR[j] = bareData + r.Uint64N(0x2000)
			case 1:
				c.GPR[j] = r.Uint64() >> r.IntN(64)
			default:
				c.GPR[j] = r.Uint64N(64)
			}
		}
		c.GPR[RSP] = bareStack - uint64(i)*0x1000
		c.Flags |= r.Uint64() & (FlagsStatus | FlagIF | FlagTF | FlagDF)
		if mode&2 != 0 {
			user(c)
			c.Flags |= FlagIF
		}
		if mode&4 != 0 {
			c.Seg[CS] = unpackDescriptor(selCode32, 0x00cffb000000ffff)
			c.Seg[SS] = unpackDescriptor(selUData, 0x00cff3000000ffff)
		}
		switch mode >> 6 {
		case 1: // 32-bit protected mode without paging
			c.CR0 &^= CR0PG
			c.EFER = 0
			c.Seg[CS] = unpackDescriptor(selCode, 0x00cf9b000000ffff)
			c.IDTR = TableReg{Base: bareStub, Limit: 0x7ff}
		case 2: // real mode, the code at 10000h
			regs := c.GPR
			c.reset(true)
			c.GPR, c.Activity = regs, Running
			for j := range c.Seg {
				c.Seg[j].Sel, c.Seg[j].Base = 0x2000, 0x20000
			}
			c.Seg[CS].Sel, c.Seg[CS].Base = 0x1000, 0x10000
			c.RIP = 0
			c.GPR[RSP] = 0x8000 - uint64(i)*0x1000
			m.WritePhys(0x10000, code)
		}
		if mode&8 != 0 {
			c.DR[0], c.DR[7] = bareData+8, 0x400|3|0xf<<16
		}
	}
	// Interrupt handlers go back to the code, so that runs are long.
	for v := range uint64(256) {
		m.WritePhys(bareStub+16*v, []byte{0x48, 0xcf})
	}
	return m
}

func fuzzStep(t *testing.T, code []byte, seed uint64, mode uint8) {
	r := rand.New(rand.NewPCG(seed, 1))
	m := fuzzMachine(t, r, code, mode)
	m.SetRecording(seed&1 != 0)
	m.SetSticky(Sticky(mode >> 4 & 3))
	undoCheck(t, m, randomChoices(r, 2, 24))
}

// FuzzStep executes random bytes in random modes: no panic, every step
// commits or faults, every undo is exact.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0x90}, uint64(1), uint8(0))
	f.Add([]byte{0x48, 0xcf, 0xf4}, uint64(2), uint8(2))
	f.Add([]byte{0x0f, 0x05, 0x0f, 0x07}, uint64(3), uint8(0x31))
	f.Add([]byte{0xf3, 0xa4, 0xf3, 0xab}, uint64(4), uint8(0xc))
	f.Fuzz(func(t *testing.T, code []byte, seed uint64, mode uint8) {
		if len(code) > 256 {
			code = code[:256]
		}
		fuzzStep(t, code, seed, mode)
	})
}

// TestRandomCode is a fixed share of FuzzStep: every opcode byte in front of
// random ones.
func TestRandomCode(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for i := range 256 {
		code := make([]byte, 48)
		for j := range code {
			code[j] = byte(r.Uint32())
			if r.IntN(6) == 0 {
				code[j] = 0x0f
			}
		}
		code[0] = byte(i)
		fuzzStep(t, code, uint64(i), uint8(r.Uint32()))
	}
}
