package cpu

import (
	"encoding/binary"
	"slices"

	"klpsim/cpu/mem"
)

// A delta is a machine's state as its difference from a Base: the registers
// and memory words that are not as they were there, and the store buffers.
// Where a search keeps millions of states that differ from their start in a
// few hundred bytes, deltas are what it keeps; a Snapshot holds whole pages.
//
//	per core: number of changed words (2 bytes), of buffered stores (2 bytes),
//	          then the words (2 bytes number in Regs, Sys, FP; 8 bytes value)
//	          and the stores (address, value, value, size)
//	device registers, exit code (8 bytes each)
//	number of memory words (4 bytes), then address/8 (4 bytes) and value (8 bytes)
//	with StickyTime and StickyTLB: step counters and TLB entries
//
// Serial output is not state: loading a delta puts it back to the base's.

// Base is the state that the deltas of one machine refer to, with what is
// needed to go from one delta to the next. It belongs to the machine that made
// it; deltas are good for every machine whose Base was made in the same state.
type Base struct {
	snap  *Snapshot
	mem   *mem.Memory // the base's memory, only read
	dirty []uint32    // words (address / 8) in which the loaded state may differ from the base
	seen  []*[mem.PageSize / 8]uint32
	round uint32
	words []uint32 // scratch of changed
}

// NewBase makes the machine's present state the base of its deltas. The
// journal must be on: deltas follow it.
func (m *Machine) NewBase() *Base {
	if !m.journal.on {
		panic("BUG: deltas need the journal")
	}
	m.journal.clear()
	b := &Base{snap: m.Snapshot(), mem: mem.New(m.mem.Size())}
	b.mem.Restore(b.snap.mem)
	b.seen = make([]*[mem.PageSize / 8]uint32, m.mem.Size()/mem.PageSize)
	return b
}

// recordWords is the length of each kind of journal record, header included.
var recordWords = [...]int{
	recHot: 2, recSys: 2, recFP: 2, recMem: 2, recTLBSet: 3, recTLBFlush: 1, recSBPush: 1,
	recSBPop: 5, recUART: 2, recOut: 2, recSticky: 2, recExit: 2, recWalked: 2,
}

// first reports whether word w is asked for the first time in this round.
func (b *Base) first(w uint32) bool {
	page := &b.seen[w/(mem.PageSize/8)]
	if *page == nil {
		*page = new([mem.PageSize / 8]uint32)
	}
	p := &(*page)[w%(mem.PageSize/8)]
	if *p == b.round {
		return false
	}
	*p = b.round
	return true
}

// changed lists every word in which memory may differ from the base, once. The
// list is good until the next call.
func (m *Machine) changed(b *Base) []uint32 {
	if b.round++; b.round == 0 { // wrapped around: forget all marks
		clear(b.seen)
		b.round = 1
	}
	b.words = b.words[:0]
	for _, w := range b.dirty {
		if b.first(w) {
			b.words = append(b.words, w)
		}
	}
	for j := m.journal.w; len(j) > 0; {
		h := j[len(j)-1]
		if w := uint32(h >> 16); recordKind(h) == recMem && b.first(w) {
			b.words = append(b.words, w)
		}
		j = j[:len(j)-recordWords[recordKind(h)]]
	}
	return b.words
}

// AppendDelta appends the machine's state as its difference from the base.
func (m *Machine) AppendDelta(dst []byte, b *Base) []byte {
	return m.appendMemory(m.appendCores(dst, b), b, m.changed(b))
}

// AppendExact is AppendDelta in canonical form: two states of machines with
// equal bases are equal if and only if what it appends is.
func (m *Machine) AppendExact(dst []byte, b *Base) []byte {
	words := m.changed(b)
	slices.Sort(words)
	return append(m.appendMemory(m.appendCores(dst, b), b, words), byte(m.sticky))
}

// appendCores appends the cores' part of a delta.
func (m *Machine) appendCores(dst []byte, b *Base) []byte {
	le := binary.LittleEndian
	if len(b.snap.stores) > 0 {
		panic("BUG: base with a store buffer that is not empty")
	}
	for i, c := range m.cores {
		f := &b.snap.cores[i]
		at := len(dst)
		dst = le.AppendUint32(dst, 0)
		n := uint16(0)
		dst = appendChanged(dst, &n, 0, c.Regs.words()[:], f.regs.words()[:])
		if c.Sys != f.sys {
			dst = appendChanged(dst, &n, uint16(hotWords), c.Sys.words()[:], f.sys.words()[:])
		}
		if c.FP != f.fp {
			dst = appendChanged(dst, &n, uint16(hotWords+sysWords), c.FP.words()[:], f.fp.words()[:])
		}
		le.PutUint16(dst[at:], n)
		le.PutUint16(dst[at+2:], uint16(len(c.sb.e)))
		for k := range c.sb.e {
			e := &c.sb.e[k]
			dst = le.AppendUint64(dst, e.pa)
			dst = le.AppendUint64(dst, e.v[0])
			dst = le.AppendUint64(dst, e.v[1])
			dst = append(dst, e.size)
		}
	}
	return dst
}

// appendMemory appends the rest of a delta; words may have changed.
func (m *Machine) appendMemory(dst []byte, b *Base, words []uint32) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint64(dst, uint64(m.uart.regs))
	dst = le.AppendUint64(dst, uint64(m.exit))
	at, n := len(dst), uint32(0)
	dst = le.AppendUint32(dst, 0)
	for _, w := range words {
		if v := m.mem.Load(uint64(w) << 3); v != b.mem.Load(uint64(w)<<3) {
			dst = le.AppendUint32(dst, w)
			dst = le.AppendUint64(dst, v)
			n++
		}
	}
	le.PutUint32(dst[at:], n)
	return m.appendSticky(dst)
}

// appendChanged appends the words that differ, numbered from first, and counts them.
func appendChanged(dst []byte, n *uint16, first uint16, is, was []uint64) []byte {
	for i, v := range is {
		if v != was[i] {
			dst = binary.LittleEndian.AppendUint16(dst, first+uint16(i))
			dst = binary.LittleEndian.AppendUint64(dst, v)
			*n++
		}
	}
	return dst
}

// appendSticky appends the derived state that counts.
func (m *Machine) appendSticky(dst []byte) []byte {
	for _, c := range m.cores {
		if m.sticky&StickyTime != 0 {
			dst = binary.LittleEndian.AppendUint64(dst, c.steps)
		}
		if m.sticky&StickyTLB != 0 {
			dst = c.tlb.appendEntries(dst)
		}
	}
	return dst
}

// appendEntries appends the valid entries, counted.
func (t *tlb) appendEntries(dst []byte) []byte {
	at, n := len(dst), uint16(0)
	dst = append(dst, 0, 0)
	for i, ch := range t.chunk {
		if ch == nil {
			continue
		}
		for j, e := range ch.e {
			if e.tag != 0 {
				dst = binary.LittleEndian.AppendUint16(dst, uint16(i*tlbChunkSize+j))
				dst = binary.LittleEndian.AppendUint64(dst, e.tag)
				dst = binary.LittleEndian.AppendUint64(dst, e.val)
				n++
			}
		}
	}
	binary.LittleEndian.PutUint16(dst[at:], n)
	return dst
}

// deltaReader takes a delta apart.
type deltaReader []byte

func (r *deltaReader) u16() uint16 {
	v := binary.LittleEndian.Uint16(*r)
	*r = (*r)[2:]
	return v
}

func (r *deltaReader) u32() uint32 {
	v := binary.LittleEndian.Uint32(*r)
	*r = (*r)[4:]
	return v
}

func (r *deltaReader) u64() uint64 {
	v := binary.LittleEndian.Uint64(*r)
	*r = (*r)[8:]
	return v
}

// LoadDelta makes the machine's state the one that AppendDelta described; nil
// is the base itself. The journal is emptied.
func (m *Machine) LoadDelta(b *Base, delta []byte) {
	for _, w := range m.changed(b) {
		m.mem.Store(uint64(w)<<3, b.mem.Load(uint64(w)<<3))
	}
	b.dirty = b.dirty[:0]
	m.journal.clear()
	m.events = m.events[:0]
	m.sticky = b.snap.sticky
	m.uart.regs, m.uart.out, m.exit = b.snap.uart.regs, b.snap.uart.out, b.snap.exit
	r := deltaReader(delta)
	for i, c := range m.cores {
		m.loadCore(c, &b.snap.cores[i], &r)
	}
	if len(delta) > 0 {
		m.uart.regs, m.exit = uartRegs(r.u64()), debugExit(r.u64())
		for range r.u32() {
			w := r.u32()
			b.dirty = append(b.dirty, w)
			m.mem.Store(uint64(w)<<3, r.u64())
		}
	}
	m.loadSticky(b, &r)
	for _, c := range m.cores {
		c.derive()
	}
}

// loadCore sets a core to its base state and applies its part of a delta. The
// TLB may keep what it has, for without StickyTLB every entry in it agrees
// with the page tables, unless the registers that choose these change.
func (m *Machine) loadCore(c *Core, f *coreState, r *deltaReader) {
	paging := [4]uint64{c.CR0, c.CR3, c.CR4, c.EFER}
	c.Regs, c.Sys, c.FP = f.regs, f.sys, f.fp
	c.sb.e = c.sb.e[:0]
	if len(*r) > 0 {
		n, stores := r.u16(), r.u16()
		for range n {
			i, v := uintptr(r.u16()), r.u64()
			switch {
			case i < hotWords:
				c.Regs.words()[i] = v
			case i < hotWords+sysWords:
				c.Sys.words()[i-hotWords] = v
			default:
				c.FP.words()[i-hotWords-sysWords] = v
			}
		}
		for range stores {
			e := pendingStore{pa: r.u64(), v: [2]uint64{r.u64(), r.u64()}, size: (*r)[0]}
			*r = (*r)[1:]
			c.sb.e = append(c.sb.e, e)
		}
	}
	if paging != [4]uint64{c.CR0, c.CR3, c.CR4, c.EFER} {
		c.tlb.chunk = [tlbChunks]*tlbChunk{}
		c.fastFlushTLB()
	}
}

// loadSticky applies the derived state that counts.
func (m *Machine) loadSticky(b *Base, r *deltaReader) {
	for i, c := range m.cores {
		if m.sticky&StickyTime != 0 {
			c.steps = b.snap.cores[i].steps
			if len(*r) > 0 {
				c.steps = r.u64()
			}
		}
		if m.sticky&StickyTLB == 0 {
			continue
		}
		c.tlb.chunk = b.snap.cores[i].tlb
		c.tlb.epoch = tlbEpochs.Add(1)
		if len(*r) > 0 {
			c.tlb.chunk = [tlbChunks]*tlbChunk{}
			for range r.u16() {
				n := uint64(r.u16())
				c.tlb.set(n, tlbEntry{r.u64(), r.u64()})
			}
		}
		c.fastFlushTLB()
	}
}
