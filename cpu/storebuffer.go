package cpu

// x86-TSO (Owens, Sarkar, Sewell: "A better x86 memory model: x86-TSO"; SDM
// vol. 3A, section 9.2): each core has a FIFO of stores that have retired but
// not reached memory. Its own loads read the newest entry that has the byte;
// other cores see memory only. Draining one entry is a choice. What needs the
// buffer empty (locked and serialising instructions, fences, port I/O, event
// delivery) drains it inside its step, oldest entry first.

// pendingStore is a store of up to 16 bytes within one 64-byte line.
type pendingStore struct {
	pa   uint64
	v    [2]uint64 // bytes beyond size are zero
	size uint8
}

// storeBuffer holds the entries, oldest first.
type storeBuffer struct {
	e []pendingStore
}

// BufferedStore is the view of one store buffer entry.
type BufferedStore struct {
	PA    uint64
	Size  uint8 // bytes
	Value [2]uint64
}

// StoreBuffer returns the core's store buffer, oldest entry first.
func (c *Core) StoreBuffer() []BufferedStore {
	out := make([]BufferedStore, len(c.sb.e))
	for i, e := range c.sb.e {
		out[i] = BufferedStore{PA: e.pa, Size: e.size, Value: e.v}
	}
	return out
}

// overlaps reports whether an entry has one of the size bytes at pa.
func (b *storeBuffer) overlaps(pa, size uint64) bool {
	for i := range b.e {
		if e := &b.e[i]; pa < e.pa+uint64(e.size) && e.pa < pa+size {
			return true
		}
	}
	return false
}

// sbPush appends an entry; a full buffer drains its oldest entry first, as
// the core would wait for it.
func (c *Core) sbPush(s pendingStore) {
	if len(c.sb.e) >= c.m.cfg.StoreBuffer {
		c.drainOne()
	}
	c.sb.e = append(c.sb.e, s)
	c.m.journal.sbPush(c.id)
}

// drainOne moves the oldest entry to memory.
func (c *Core) drainOne() {
	s := c.sb.e[0]
	c.m.journal.sbPop(c.id, &s)
	copy(c.sb.e, c.sb.e[1:])
	c.sb.e = c.sb.e[:len(c.sb.e)-1]
	c.m.commit(c, s.pa, s.size, s.v, EvDrained)
}

// drainAll empties the buffer.
func (c *Core) drainAll() {
	for len(c.sb.e) > 0 {
		c.drainOne()
	}
}

// retire sends the stores of the finished instruction on their way: into the
// buffer if it is held or older ones wait, else to memory.
func (c *Core) retire(hold bool) {
	if len(c.pend) == 0 {
		return
	}
	for i := range c.pend {
		if c.apicAt(c.pend[i].pa) {
			c.drainAll()
		}
	}
	for i := range c.pend {
		s := &c.pend[i]
		switch {
		case c.apicAt(s.pa):
			c.apicMMIOWrite(s.pa, s.size, s.v[0])
		case !c.locked && (hold || len(c.sb.e) > 0):
			c.sbPush(*s)
		case c.locked:
			c.m.commit(c, s.pa, s.size, s.v, EvLocked)
		default:
			c.m.commit(c, s.pa, s.size, s.v, 0)
		}
	}
	if hold && c.m.rec {
		c.markBuffered()
	}
	c.pend = c.pend[:0]
}

// markBuffered flags this step's writes as buffered.
func (c *Core) markBuffered() {
	for i := range c.m.events {
		if e := &c.m.events[i]; e.Kind == EvWrite && int(e.Core) == c.id {
			e.Flags |= EvBuffered
		}
	}
}
