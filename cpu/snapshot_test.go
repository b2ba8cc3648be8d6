package cpu

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSnapshotIsolation: a restored machine goes on exactly as the one that
// the snapshot was taken of, also elsewhere and on other goroutines.
func TestSnapshotIsolation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	m := fuzzMachine(t, r, []byte{0x48, 0x89, 0x03, 0x48, 0xff, 0xc0, 0xc6, 0x03, 0x7, 0xf0, 0xff, 0x03, 0xeb, 0xf2}, 0)
	choices := randomChoices(r, 2, 200)
	run := func(m *Machine) Hash {
		for _, ch := range choices {
			_ = m.Take(ch) // what cannot be taken is left out, the same on every machine
		}
		return m.Hash()
	}
	for _, ch := range randomChoices(r, 2, 100) {
		_ = m.Take(ch)
	}
	s, before := m.Snapshot(), m.AppendState(nil)
	want := run(m)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			o, err := New(m.Config())
			if err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				o.Restore(s)
				if string(o.AppendState(nil)) != string(before) || run(o) != want {
					t.Error("the snapshot's copies differ")
				}
			}
		})
	}
	wg.Wait()
	m.Restore(s)
	require.True(t, string(before) == string(m.AppendState(nil)))
	require.Equal(t, want, run(m))
}

// TestHashCoversState: changing any word of a core's state changes hash and
// serialisation, step counters apart.
func TestHashCoversState(t *testing.T) {
	m := bare(t, Config{Cores: 2}, 0x90)
	c := m.Core(1)
	h, state := m.Hash(), string(m.AppendState(nil))
	try := func(name string, w []uint64) {
		for i := range w {
			if name == "system" && uintptr(i) == timerStartWord {
				continue
			}
			w[i] ^= 1 << 40
			assert.NotEqual(t, h, m.Hash(), "%s word %d", name, i)
			assert.NotEqual(t, state, string(m.AppendState(nil)), "%s word %d", name, i)
			w[i] ^= 1 << 40
		}
	}
	try("hot", c.Regs.words()[:])
	try("system", c.Sys.words()[:])
	try("floating-point", c.FP.words()[:])
	c.sb.e = append(c.sb.e, pendingStore{pa: bareData, v: [2]uint64{1, 2}, size: 16})
	seen := map[Hash]bool{h: true, m.Hash(): true}
	for _, change := range []func(*pendingStore){
		func(s *pendingStore) { s.v[0]++ }, func(s *pendingStore) { s.v[1]++ }, func(s *pendingStore) { s.pa++ },
	} {
		change(&c.sb.e[0])
		assert.False(t, seen[m.Hash()], "store buffer")
		seen[m.Hash()] = true
	}
	c.sb.e = c.sb.e[:0]
	c.steps++
	assert.Equal(t, h, m.Hash())
	m.SetSticky(StickyTime)
	h = m.Hash()
	c.steps++
	assert.NotEqual(t, h, m.Hash())
}

// TestStickyTime: RDTSC makes the step counters part of the state.
func TestStickyTime(t *testing.T) {
	m := bare(t, Config{}, 0x90, 0x0f, 0x31)
	take(t, m, "0")
	require.Zero(t, m.Sticky())
	take(t, m, "0")
	assert.Equal(t, StickyTime, m.Sticky())
	assert.Equal(t, uint64(2), m.Core(0).GPR[RAX], "the second step reads the count")
}

// TestStickyTLB: writing to a page that walks have read makes the TLBs part of
// the state; page walks' own writes do not.
func TestStickyTLB(t *testing.T) {
	m := bare(t, Config{}, 0x48, 0x89, 0x03, 0x48, 0x89, 0x01) // mov %rax, (%rbx); mov %rax, (%rcx)
	c := m.Core(0)
	c.GPR[RBX], c.GPR[RCX] = testPage, barePT+0x100
	setWord(m, barePT+testPage>>12*8, testPage|7)
	take(t, m, "0")
	require.Zero(t, m.Sticky())
	take(t, m, "0")
	assert.Equal(t, StickyTLB, m.Sticky())
}

// TestUndoLimit: a bounded journal keeps the newest steps, and they undo exactly.
func TestUndoLimit(t *testing.T) {
	m := bare(t, Config{UndoLimit: 10}, 0x48, 0xff, 0x03, 0x0f, 0x22, 0xda, 0xeb, 0xf8) // inc (%rbx); mov %rdx, %cr3; jmp
	c := m.Core(0)
	c.GPR[RBX], c.GPR[RDX] = bareData, bareTop
	m.SetJournal(true)
	var hashes []Hash
	for range 95 {
		hashes = append(hashes, m.Hash())
		require.NoError(t, m.Take(Choice{}))
	}
	require.GreaterOrEqual(t, m.Depth(), 10)
	require.LessOrEqual(t, m.Depth(), 20)
	for i := len(hashes) - 1; m.Undo(); i-- {
		require.Equal(t, hashes[i], m.Hash(), "step %d", i)
	}
}

// TestSerialIsOnesOwn: a snapshot keeps its serial output when the machine goes
// back and prints something else.
func TestSerialIsOnesOwn(t *testing.T) {
	m := bare(t, Config{}, 0xee, 0xee, 0xee, 0xee) // out %al, %dx
	c := m.Core(0)
	c.GPR[RDX], c.GPR[RAX] = uartBase, 'a'
	m.SetJournal(true)
	take(t, m, "0 0 0")
	s := m.Snapshot()
	m.Undo()
	c.GPR[RAX] = 'b'
	take(t, m, "0")
	assert.Equal(t, "aab", string(m.Serial()))
	m.Restore(s)
	assert.Equal(t, "aaa", string(m.Serial()))
}

// TestUndoOfFlushAndDrain: entries that were flushed and stores that were
// drained are back after an undo.
func TestUndoOfFlushAndDrain(t *testing.T) {
	m := bare(t, Config{}, 0x48, 0x89, 0x03, 0x0f, 0x22, 0xda) // mov %rax, (%rbx); mov %rdx, %cr3
	c := m.Core(0)
	c.GPR[RBX], c.GPR[RDX] = bareData, bareTop
	m.SetSticky(StickyTLB)
	m.SetJournal(true)
	take(t, m, "0h")
	before := string(m.AppendState(nil))
	take(t, m, "drain0 0")
	require.NotEqual(t, before, string(m.AppendState(nil)))
	m.Undo()
	m.Undo()
	assert.True(t, before == string(m.AppendState(nil)))
}
