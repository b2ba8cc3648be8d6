package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sb is store buffering: core 0 stores x and loads y, core 1 stores y and
// loads x; the cores run the two halves by RIP.
func sb(t *testing.T, cfg Config) *Machine {
	cfg.Cores = 2
	m := bare(t, cfg,
		0xc7, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0x00, // movl $1, 0x200000
		0x8b, 0x04, 0x25, 0x40, 0x00, 0x20, 0x00, // mov 0x200040, %eax
		0xf4,
	)
	m.WritePhys(bareCode+0x40, []byte{
		0xc7, 0x04, 0x25, 0x40, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0x00, // movl $1, 0x200040
		0x8b, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, // mov 0x200000, %eax
		0xf4,
	})
	m.Core(1).RIP = bareCode + 0x40
	return m
}

func TestStoreBuffering(t *testing.T) {
	for _, c := range []struct {
		schedule string
		a, b     uint64
	}{
		{"0 0 1 1", 0, 1},
		{"0 1 0 1", 1, 1},
		{"1 1 0 0", 1, 0},
		{"0h 1h 0 1", 0, 0}, // only TSO
		{"0h 1h drain0 0 1", 0, 1},
		{"0h 1h drain0 drain1 0 1", 1, 1},
	} {
		m := sb(t, Config{})
		take(t, m, c.schedule)
		assert.Equal(t, c.a, m.Core(0).GPR[RAX], "core 0 after %s", c.schedule)
		assert.Equal(t, c.b, m.Core(1).GPR[RAX], "core 1 after %s", c.schedule)
	}
	m := sb(t, Config{Memory: SC})
	require.ErrorIs(t, m.Take(Choice{Kind: Hold}), ErrHold)
	assert.Equal(t, uint64(bareCode), m.Core(0).RIP, "nothing moved")
}

// TestForwardNewest: a load reads the newest of two buffered stores to its
// address, and bytes that no entry has from memory.
func TestForwardNewest(t *testing.T) {
	m := bare(t, Config{Cores: 2},
		0xc6, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x11, // movb $0x11, 0x200000
		0xc6, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x22, // movb $0x22, 0x200000
		0xc6, 0x04, 0x25, 0x03, 0x00, 0x20, 0x00, 0x33, // movb $0x33, 0x200003
		0x8b, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, // mov 0x200000, %eax
	)
	setWord(m, bareData, 0xaabbccdd)
	m.SetRecording(true)
	take(t, m, "0h 0h 0h 0")
	assert.Equal(t, uint64(0x33bbcc22), m.Core(0).GPR[RAX])
	var read Event
	for _, e := range m.Events() {
		if e.Kind == EvRead {
			read = e
		}
	}
	assert.Equal(t, EvForwarded, read.Flags)
	assert.Equal(t, uint64(0xaabbccdd), word(m, bareData), "memory has none of it yet")
	for _, want := range []uint64{0xaabbcc11, 0xaabbcc22, 0x33bbcc22} {
		take(t, m, "drain0")
		assert.Equal(t, want, word(m, bareData), "drains are first in, first out")
	}
	require.ErrorIs(t, m.Take(Choice{Kind: Drain}), ErrDrain)
}

// TestQueueBehind: a plain step's store may not overtake a held one.
func TestQueueBehind(t *testing.T) {
	m := bare(t, Config{},
		0xc6, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x11,
		0xc6, 0x04, 0x25, 0x08, 0x00, 0x20, 0x00, 0x22,
	)
	take(t, m, "0h 0")
	assert.Zero(t, word(m, bareData+8))
	assert.Len(t, m.Core(0).StoreBuffer(), 2)
	take(t, m, "drain0 drain0")
	assert.Equal(t, uint64(0x22), word(m, bareData+8))
}

// TestDrainers: locked instructions, fences, port output, IRET and event
// delivery find the buffer empty.
func TestDrainers(t *testing.T) {
	for name, code := range map[string][]byte{
		"lock inc":  {0xf0, 0xff, 0x04, 0x25, 0x10, 0x00, 0x20, 0x00},
		"xchg":      {0x87, 0x04, 0x25, 0x10, 0x00, 0x20, 0x00},
		"mfence":    {0x0f, 0xae, 0xf0},
		"sfence":    {0x0f, 0xae, 0xf8},
		"out":       {0xe6, 0x80},
		"cpuid":     {0x0f, 0xa2},
		"int3":      {0xcc},
		"ud2":       {0x0f, 0x0b},
		"iretq":     {0x48, 0xcf},
		"interrupt": {0x90},
	} {
		m := bare(t, Config{}, append([]byte{0xc6, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x11}, code...)...)
		m.Core(0).Flags |= FlagIF
		take(t, m, "0h")
		require.Zero(t, word(m, bareData), name)
		if name == "interrupt" {
			take(t, m, "irq0:30")
		}
		take(t, m, "0")
		assert.Equal(t, uint64(0x11), word(m, bareData), name)
		assert.Empty(t, m.Core(0).StoreBuffer(), name)
	}
	m := bare(t, Config{}, 0xc6, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x11, 0x0f, 0xae, 0xe8) // lfence
	take(t, m, "0h 0")
	assert.Zero(t, word(m, bareData), "LFENCE does not drain")
}

// TestUnlockedRMW: between the halves of an unlocked INC another core's store
// gets lost, in both memory models; a locked one cannot be held.
func TestUnlockedRMW(t *testing.T) {
	inc := []byte{0xff, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00} // incl 0x200000
	for _, model := range []MemoryModel{TSO, SC} {
		m := bare(t, Config{Cores: 2, Memory: model}, inc...)
		take(t, m, "0h 1 drain0")
		assert.Equal(t, uint64(1), word(m, bareData), "one increment is lost in %s", model)
		m = bare(t, Config{Cores: 2, Memory: model}, inc...)
		take(t, m, "0 1")
		assert.Equal(t, uint64(2), word(m, bareData), "in %s", model)
	}
	m := bare(t, Config{Memory: SC}, append(inc, inc...)...)
	take(t, m, "0h")
	require.ErrorIs(t, m.Take(Choice{}), ErrDrain)
	assert.Equal(t, []Choice{{Kind: Drain}}, m.Enabled(nil))
	m = bare(t, Config{Memory: SC}, append([]byte{0xf0}, inc...)...)
	require.ErrorIs(t, m.Take(Choice{Kind: Hold}), ErrHold)
}

// TestSplitStore: a store across a 64-byte line is two entries.
func TestSplitStore(t *testing.T) {
	m := bare(t, Config{}, 0x48, 0x89, 0x04, 0x25, 0x3d, 0x00, 0x20, 0x00) // mov %rax, 0x20003d
	m.Core(0).GPR[RAX] = 0x8877665544332211
	take(t, m, "0h")
	assert.Equal(t, []BufferedStore{
		{PA: 0x20003d, Size: 3, Value: [2]uint64{0x332211}},
		{PA: 0x200040, Size: 5, Value: [2]uint64{0x8877665544}},
	}, m.Core(0).StoreBuffer())
	take(t, m, "drain0")
	assert.Equal(t, uint64(0x332211)<<40, word(m, 0x200038))
	assert.Zero(t, word(m, 0x200040))
	take(t, m, "drain0")
	assert.Equal(t, uint64(0x8877665544), word(m, 0x200040))
}
