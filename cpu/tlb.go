package cpu

import "klpsim/cpu/mem"

// The translation look-aside buffer is part of a core's state: an entry stays,
// and stays good, until something the manual names drops it (SDM vol. 3A,
// section 4.10). It is direct-mapped by virtual page number, so that which
// entries are there is a function of the run, and in two parts, one for data
// and one for code, so that a loop and its data never evict each other. Large
// pages are entered in 4 KiB pieces, as section 4.10.2.3 allows; dropping one
// drops all its pieces.
//
// The table is cut into chunks that are shared between snapshots and copied
// before their first write.

const (
	tlbData       = 1024 // entries for data, the first ones
	tlbCode       = 256  // entries for code, behind them
	tlbEntries    = tlbData + tlbCode
	tlbChunkSize  = 64
	tlbChunks     = tlbEntries / tlbChunkSize
	tlbValid      = 1 // in tag
	tlbSize2M     = 1 << 9
	tlbSize1G     = 1 << 10
	tlbPermission = pteW | pteU | pteNX
)

// tlbEntry maps one 4 KiB page. Tag is the virtual page address and tlbValid;
// val is the physical page address with the bits of a page-table entry that
// count (W, U, NX combined over the levels, D, G) and the size of the page.
type tlbEntry struct{ tag, val uint64 }

type tlbChunk struct {
	e       [tlbChunkSize]tlbEntry
	sum     mem.Hash // of the entries, when summed
	summed  bool
	globals int
	epoch   uint64
}

// tlb is one core's TLB.
type tlb struct {
	chunk [tlbChunks]*tlbChunk
	epoch uint64 // chunks of other epochs are shared
}

// tlbPlace returns the number of the entry that the page of va would have.
// The upper bits of the page number are folded in, as code, data and stacks
// tend to start at round addresses.
func tlbPlace(va uint64, a Access) uint64 {
	n := va >> 12
	n ^= n>>10 ^ n>>20
	if a&AccessExec != 0 {
		return tlbData + n%tlbCode
	}
	return n % tlbData
}

// lookup returns the entry's value for an access to the page of va, and
// whether there is one.
func (t *tlb) lookup(va uint64, a Access) (val uint64, ok bool) {
	n := tlbPlace(va, a)
	c := t.chunk[n/tlbChunkSize]
	if c == nil || c.e[n%tlbChunkSize].tag != va&^0xfff|tlbValid {
		return 0, false
	}
	return c.e[n%tlbChunkSize].val, true
}

// set replaces entry number n and returns the old one.
func (t *tlb) set(n uint64, e tlbEntry) (old tlbEntry) {
	ch, i := n/tlbChunkSize, n%tlbChunkSize
	c := t.chunk[ch]
	if c == nil {
		c = &tlbChunk{epoch: t.epoch}
		t.chunk[ch] = c
	} else if c.epoch != t.epoch {
		d := *c
		d.epoch = t.epoch
		c = &d
		t.chunk[ch] = c
	}
	old = c.e[i]
	c.globals += e.global() - old.global()
	c.summed = false
	c.e[i] = e
	return old
}

// global returns 1 for a valid entry of a global page, else 0.
func (e tlbEntry) global() int {
	if e.tag&tlbValid != 0 && e.val&pteG != 0 {
		return 1
	}
	return 0
}

// hash returns the hash of all entries.
func (t *tlb) hash() mem.Hash {
	var h mem.Hash
	for i, c := range t.chunk {
		if c == nil {
			continue
		}
		sum := c.sum
		if !c.summed {
			sum = c.total(uint64(i) * tlbChunkSize)
			if c.epoch == t.epoch { // not shared with other goroutines
				c.sum, c.summed = sum, true
			}
		}
		h = h.Add(sum)
	}
	return h
}

// total sums the entries of a chunk whose first one has number n.
func (c *tlbChunk) total(n uint64) (h mem.Hash) {
	for i, e := range c.e {
		place := 2 * (n + uint64(i))
		h = h.Add(mem.Mix(place, e.tag)).Add(mem.Mix(place+1, e.val))
	}
	return h
}

// tlbFill enters a translation, journalled.
func (c *Core) tlbFill(va, val uint64, a Access) {
	n := tlbPlace(va, a)
	old := c.tlb.set(n, tlbEntry{va&^0xfff | tlbValid, val})
	c.m.journal.tlbSet(c.id, n, old)
	c.fastDropTLB(n, old)
}

// tlbFlush drops all entries, or all that are not global.
func (c *Core) tlbFlush(globalsToo bool) {
	c.m.journal.tlbFlush(c.id, c.tlb.chunk)
	for i, ch := range c.tlb.chunk {
		if ch == nil {
			continue
		}
		c.tlb.chunk[i] = nil
		if globalsToo || ch.globals == 0 {
			continue
		}
		for j, e := range ch.e {
			if e.tag&tlbValid != 0 && e.val&pteG != 0 {
				c.tlb.set(uint64(i*tlbChunkSize+j), e)
			}
		}
	}
	c.fastFlushTLB()
	c.event(Event{Kind: EvFlush, VA: ^uint64(0)})
}

// tlbFlushPage drops the translations of the page that va lies in, global or
// not; when that was a large page, all its pieces.
func (c *Core) tlbFlushPage(va uint64) {
	for _, a := range []Access{AccessRead, AccessExec} {
		if val, ok := c.tlb.lookup(va, a); ok && val&(tlbSize2M|tlbSize1G) == 0 {
			c.tlbDrop(tlbPlace(va, a))
		} else {
			c.tlbDropLarge(va)
		}
	}
	c.event(Event{Kind: EvFlush, VA: va})
}

func (c *Core) tlbDrop(n uint64) {
	old := c.tlb.set(n, tlbEntry{})
	c.m.journal.tlbSet(c.id, n, old)
	c.fastDropTLB(n, old)
}

// tlbDropLarge drops every piece of a large page around va.
func (c *Core) tlbDropLarge(va uint64) {
	for i, ch := range c.tlb.chunk {
		if ch == nil {
			continue
		}
		for j, e := range ch.e {
			var mask uint64
			switch {
			case e.tag&tlbValid == 0:
				continue
			case e.val&tlbSize1G != 0:
				mask = 1<<30 - 1
			case e.val&tlbSize2M != 0:
				mask = 1<<21 - 1
			default:
				mask = 1<<12 - 1
			}
			if (e.tag^va)&^mask == 0 {
				c.tlbDrop(uint64(i*tlbChunkSize + j))
			}
		}
	}
}
