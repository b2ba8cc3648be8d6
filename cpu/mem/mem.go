package mem

import (
	"encoding/binary"
	"sync/atomic"
)

const (
	// PageSize is the size of a page in bytes.
	PageSize = 4096

	pageShift   = 12
	chunkPages  = 64
	chunkShift  = pageShift + 6
	wordsInPage = PageSize / 8
)

// Page is one page of memory. Data is its first field, so that a pointer to
// the page is a pointer to its bytes.
type Page struct {
	Data  [PageSize]byte
	epoch uint64
	hash  Hash
	dirty bool
}

type chunk struct {
	pages [chunkPages]*Page
	epoch uint64
}

type top struct {
	chunks []*chunk
	epoch  uint64
}

// Memory is the physical memory of one machine. It is not safe for use by
// several goroutines at once.
type Memory struct {
	size  uint64
	top   *top
	epoch uint64
	hash  Hash // of all pages, dirty ones with the hash they had when clean
	dirty []dirtyPage
	owned []*Page // pages of the current epoch, for reuse by Restore
	free  []*Page
	gen   uint64
}

type dirtyPage struct {
	page *Page
	num  uint64
}

// Snapshot is the contents of a Memory at one moment. It never changes and
// may be restored into any Memory of the same size, on any goroutine.
type Snapshot struct {
	size uint64
	top  *top
	hash Hash
}

var epochs atomic.Uint64

// New returns a zeroed memory of size bytes, rounded up to whole pages.
func New(size uint64) *Memory {
	size = (size + PageSize - 1) &^ (PageSize - 1)
	chunks := (size + 1<<chunkShift - 1) >> chunkShift
	e := epochs.Add(1)
	return &Memory{size: size, epoch: e, top: &top{chunks: make([]*chunk, chunks), epoch: e}}
}

// Size returns the size in bytes, a multiple of PageSize.
func (m *Memory) Size() uint64 { return m.size }

// Gen returns a number that changes whenever the identity of any page may
// have changed: by a copy before a write, a new page or a Restore. While it
// stays the same, pointers from Page and WritablePage stay good.
func (m *Memory) Gen() uint64 { return m.gen }

// Page returns the page with number num (address / PageSize), or nil if it is
// all zero and has never been written, or lies outside.
func (m *Memory) Page(num uint64) *Page {
	if num >= m.size>>pageShift {
		return nil
	}
	c := m.top.chunks[num/chunkPages]
	if c == nil {
		return nil
	}
	return c.pages[num%chunkPages]
}

// own returns the page with number num, which must be inside, ready to be written.
func (m *Memory) own(num uint64) *Page {
	if c := m.top.chunks[num/chunkPages]; c != nil {
		if p := c.pages[num%chunkPages]; p != nil && p.epoch == m.epoch {
			return p
		}
	}
	return m.copyPage(num)
}

// copyPage makes the path to page num this memory's own.
func (m *Memory) copyPage(num uint64) *Page {
	m.gen++
	if m.top.epoch != m.epoch {
		m.top = &top{chunks: append([]*chunk(nil), m.top.chunks...), epoch: m.epoch}
	}
	slot := &m.top.chunks[num/chunkPages]
	if *slot == nil {
		*slot = &chunk{epoch: m.epoch}
	} else if (*slot).epoch != m.epoch {
		*slot = &chunk{pages: (*slot).pages, epoch: m.epoch}
	}
	p := &(*slot).pages[num%chunkPages]
	n := m.newPage()
	if *p == nil {
		*n = Page{epoch: m.epoch}
	} else {
		*n = **p
		n.epoch = m.epoch
	}
	*p = n
	m.owned = append(m.owned, n)
	return n
}

func (m *Memory) newPage() *Page {
	if k := len(m.free); k > 0 {
		p := m.free[k-1]
		m.free = m.free[:k-1]
		return p
	}
	return new(Page)
}

// Load reads the aligned 8-byte word at pa; outside memory it reads all ones.
func (m *Memory) Load(pa uint64) uint64 {
	if pa >= m.size {
		return ^uint64(0)
	}
	p := m.Page(pa >> pageShift)
	if p == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(p.Data[pa&(PageSize-8):])
}

// Store writes the aligned 8-byte word at pa, updates the hash and returns the
// old word. Outside memory it does nothing.
func (m *Memory) Store(pa, v uint64) (old uint64) {
	if pa >= m.size {
		return ^uint64(0)
	}
	p := m.own(pa >> pageShift)
	b := p.Data[pa&(PageSize-8):]
	old = binary.LittleEndian.Uint64(b)
	if old == v {
		return old
	}
	binary.LittleEndian.PutUint64(b, v)
	if !p.dirty {
		d := wordHash(pa&^7, v).sub(wordHash(pa&^7, old))
		p.hash = p.hash.add(d)
		m.hash = m.hash.add(d)
	}
	return old
}

// Read copies memory at pa into p; bytes outside memory read as 0xff.
func (m *Memory) Read(pa uint64, p []byte) {
	for len(p) > 0 {
		n := min(uint64(len(p)), PageSize-pa%PageSize)
		switch page := m.Page(pa >> pageShift); {
		case pa >= m.size:
			for i := range p[:n] {
				p[i] = 0xff
			}
		case page == nil:
			clear(p[:n])
		default:
			copy(p[:n], page.Data[pa%PageSize:])
		}
		p = p[n:]
		pa += n
	}
}

// Write copies p into memory at pa; bytes outside memory are dropped.
func (m *Memory) Write(pa uint64, p []byte) {
	for len(p) > 0 {
		n := min(uint64(len(p)), PageSize-pa%PageSize)
		if pa < m.size {
			copy(m.WritablePage(pa >> pageShift).Data[pa%PageSize:], p[:n])
		}
		p = p[n:]
		pa += n
	}
}

// WritablePage returns the page with number num for writing at will: its part
// of the hash is computed again when Hash next needs it. It returns nil
// outside memory. The page may be written until the next Hash, Snapshot or Restore.
func (m *Memory) WritablePage(num uint64) *Page {
	if num >= m.size>>pageShift {
		return nil
	}
	p := m.own(num)
	if !p.dirty {
		p.dirty = true
		m.dirty = append(m.dirty, dirtyPage{p, num})
	}
	return p
}

// Snapshot returns the current contents. It costs a few words, not a copy.
func (m *Memory) Snapshot() *Snapshot {
	m.clean()
	m.newEpoch()
	m.owned = m.owned[:0]
	return &Snapshot{size: m.size, top: m.top, hash: m.hash}
}

// Restore makes the contents those of s, which must come from a memory of the
// same size.
func (m *Memory) Restore(s *Snapshot) {
	if s.size != m.size {
		panic("BUG: snapshot of a memory of another size")
	}
	const keep = 1024 // pages kept for reuse: 4 MiB
	m.free = append(m.free, m.owned[:min(len(m.owned), max(0, keep-len(m.free)))]...)
	clear(m.owned)
	m.owned = m.owned[:0]
	clear(m.dirty)
	m.dirty = m.dirty[:0]
	m.top = s.top
	m.hash = s.hash
	m.newEpoch()
}

// newEpoch starts an epoch: everything there is counts as shared from now on.
func (m *Memory) newEpoch() {
	m.epoch = epochs.Add(1)
	m.gen++
}

// Pages calls f for each page that is present, in ascending order of page numbers.
func (m *Memory) Pages(f func(num uint64, p *Page)) {
	for i, c := range m.top.chunks {
		if c == nil {
			continue
		}
		for j, p := range c.pages {
			if p != nil {
				f(uint64(i*chunkPages+j), p)
			}
		}
	}
}
