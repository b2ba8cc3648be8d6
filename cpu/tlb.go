package cpu

import "klpsim/cpu/mem"

// The translation look-aside buffer is part of a core's state: an entry stays,
// and stays good, until something the manual names drops it (SDM vol. 3A,
// section 4.10). It is direct-mapped by virtual page number, so that which
// entries are there is a function of the run. Large pages are entered in 4 KiB
// pieces, as section 4.10.2.3 allows; dropping one drops all its pieces.
//
// The table is cut into chunks that are shared between snapshots and copied
// before their first write.

const (
	tlbEntries    = 1024
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
	hash    mem.Hash
	globals int
	epoch   uint64
}

// tlb is one core's TLB.
type tlb struct {
	chunk [tlbChunks]*tlbChunk
	epoch uint64 // chunks of other epochs are shared
}

func tlbIndex(va uint64) (chunk, i uint64) {
	n := va >> 12 % tlbEntries
	return n / tlbChunkSize, n % tlbChunkSize
}

// lookup returns the entry's value for the page of va, and whether there is one.
func (t *tlb) lookup(va uint64) (val uint64, ok bool) {
	ch, i := tlbIndex(va)
	c := t.chunk[ch]
	if c == nil || c.e[i].tag != va&^0xfff|tlbValid {
		return 0, false
	}
	return c.e[i].val, true
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
	c.count(n, old, -1)
	c.count(n, e, 1)
	c.e[i] = e
	return old
}

// count adds (by 1) or removes (by -1) an entry's share of hash and globals.
func (c *tlbChunk) count(n uint64, e tlbEntry, by int) {
	h := mem.Mix(2*n, e.tag).Add(mem.Mix(2*n+1, e.val))
	if by < 0 {
		h = mem.Hash{-h[0], -h[1]}
	}
	c.hash = c.hash.Add(h)
	if e.tag&tlbValid != 0 && e.val&pteG != 0 {
		c.globals += by
	}
}

// hash returns the hash of all entries.
func (t *tlb) hash() mem.Hash {
	var h mem.Hash
	for _, c := range t.chunk {
		if c != nil {
			h = h.Add(c.hash)
		}
	}
	return h
}

// tlbFill enters a translation, journalled.
func (c *Core) tlbFill(va, val uint64) {
	n := va >> 12 % tlbEntries
	old := c.tlb.set(n, tlbEntry{va&^0xfff | tlbValid, val})
	c.m.journal.tlbSet(c.id, n, old)
	c.fastDropTLB(n)
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
	c.fastDropTLB(^uint64(0))
	c.event(Event{Kind: EvFlush, VA: ^uint64(0)})
}

// tlbFlushPage drops the translations of the page that va lies in, global or
// not; when that was a large page, all its pieces.
func (c *Core) tlbFlushPage(va uint64) {
	if val, ok := c.tlb.lookup(va); ok && val&(tlbSize2M|tlbSize1G) == 0 {
		c.tlbDrop(va >> 12 % tlbEntries)
	} else {
		c.tlbDropLarge(va)
	}
	c.event(Event{Kind: EvFlush, VA: va})
}

func (c *Core) tlbDrop(n uint64) {
	old := c.tlb.set(n, tlbEntry{})
	c.m.journal.tlbSet(c.id, n, old)
	c.fastDropTLB(n)
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

// fastDropTLB tells the fast path that entry n, or every entry when n is ^0,
// has changed.
func (c *Core) fastDropTLB(n uint64) { _ = n }
