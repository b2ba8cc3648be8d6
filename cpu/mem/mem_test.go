package mem

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHashIsOfContents: the incremental hash is that of the contents, however
// they came about, and undoing a write takes its part away.
func TestHashIsOfContents(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := New(1 << 20)
	empty := m.Hash()
	for i := range 3000 {
		pa := r.Uint64N(1<<20) &^ 7
		switch i % 4 {
		case 0:
			m.Write(pa, []byte{byte(i), byte(i >> 8), 3})
		default:
			m.Store(pa, r.Uint64())
		}
		if i%100 == 0 {
			require.Equal(t, m.Recompute(), m.Hash())
		}
	}
	require.NotEqual(t, empty, m.Hash())
	other := New(1 << 20)
	m.Pages(func(num uint64, p *Page) { other.Write(num*PageSize, p.Data[:]) })
	assert.Equal(t, m.Hash(), other.Hash(), "the same contents written another way")
	m.Pages(func(num uint64, p *Page) {
		for i := uint64(0); i < PageSize; i += 8 {
			m.Store(num*PageSize+i, 0)
		}
	})
	assert.Equal(t, empty, m.Hash(), "all zero again")
	assert.Empty(t, m.AppendState(nil))
}

// TestHashTellsPlacesApart: the same words at other places, or exchanged, hash
// to something else.
func TestHashTellsPlacesApart(t *testing.T) {
	seen := map[Hash]string{}
	for _, c := range []struct {
		name string
		w    [][2]uint64
	}{
		{"a", [][2]uint64{{0, 1}}}, {"b", [][2]uint64{{8, 1}}}, {"c", [][2]uint64{{0, 1}, {8, 2}}},
		{"d", [][2]uint64{{0, 2}, {8, 1}}}, {"e", [][2]uint64{{0x1000, 1}}}, {"f", [][2]uint64{{0, 1 << 63}}},
	} {
		m := New(1 << 16)
		for _, w := range c.w {
			m.Store(w[0], w[1])
		}
		assert.NotContains(t, seen, m.Hash(), c.name)
		seen[m.Hash()] = c.name
	}
}

// TestSnapshots: a snapshot keeps its contents whatever is done to the memory
// it came from, or to others that it was restored into.
func TestSnapshots(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	m := New(1 << 18)
	type kept struct {
		s     *Snapshot
		hash  Hash
		state string
	}
	var all []kept
	for i := range 400 {
		for range r.IntN(20) {
			m.Store(r.Uint64N(1<<18)&^7, r.Uint64N(3))
		}
		switch r.IntN(3) {
		case 0:
			all = append(all, kept{m.Snapshot(), m.Hash(), string(m.AppendState(nil))})
		case 1:
			if len(all) == 0 {
				continue
			}
			k := all[r.IntN(len(all))]
			m.Restore(k.s)
			require.Equal(t, k.hash, m.Hash(), "restore %d", i)
			require.True(t, k.state == string(m.AppendState(nil)), "restore %d", i)
			require.Equal(t, m.Recompute(), m.Hash())
		}
	}
}

// TestSharedSnapshot: many memories on many goroutines work on one snapshot.
// The race detector is the other half of this test.
func TestSharedSnapshot(t *testing.T) {
	m := New(1 << 18)
	for pa := uint64(0); pa < 1<<18; pa += 512 {
		m.Store(pa, pa+1)
	}
	s, want := m.Snapshot(), m.Hash()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			o := New(1 << 18)
			for i := range 50 {
				o.Restore(s)
				if o.Hash() != want {
					t.Errorf("goroutine %d sees a changed snapshot in round %d", g, i)
					return
				}
				for pa := uint64(0); pa < 1<<18; pa += 4096 {
					o.Store(pa, uint64(g*i))
					o.Write(pa+64, []byte{byte(g)})
				}
				o.Snapshot()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, want, m.Recompute())
}

// TestOutside: beyond its end memory reads all ones and takes no writes.
func TestOutside(t *testing.T) {
	m := New(PageSize)
	m.Store(PageSize, 1)
	m.Write(PageSize-2, []byte{1, 2, 3, 4})
	var p [4]byte
	m.Read(PageSize-2, p[:])
	assert.Equal(t, [4]byte{1, 2, 0xff, 0xff}, p)
	assert.Equal(t, ^uint64(0), m.Load(PageSize))
	assert.Nil(t, m.Page(1))
}
