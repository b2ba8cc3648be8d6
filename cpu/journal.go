package cpu

import "unsafe"

// The journal is one slice of words. A step appends records of what it
// changed, each of them a few words with a header word last, so that Undo reads
// backwards; marks holds where each step begins. Records:
//
//	hot, sys, fp   old word; header with core and word number in the block
//	mem            old word; header with physical address / 8
//	tlbSet         old tag, old value; header with entry number
//	tlbFlush       header; the old chunks are on a stack of their own
//	sbPush         header
//	sbPop          address, value, value, size; header
//	out            header: one byte of serial output, or the exit code, appeared
//	uart           old registers; header
//	sticky         old flags; header
//	walked         page number; header: the page joined the walked ones
//	exit           old value; header
//
// Blocks are compared word by word after the step, so that a record exists
// only for what differs.

type recordKind uint8

const (
	recHot recordKind = iota
	recSys
	recFP
	recMem
	recTLBSet
	recTLBFlush
	recSBPush
	recSBPop
	recUART
	recOut
	recSticky
	recExit
	recWalked
)

const (
	sysWords = unsafe.Sizeof(Sys{}) / 8
	fpWords  = unsafe.Sizeof(FP{}) / 8
	hotWords = unsafe.Sizeof(Regs{}) / 8
)

func (r *Regs) words() *[hotWords]uint64 { return (*[hotWords]uint64)(unsafe.Pointer(r)) }
func (s *Sys) words() *[sysWords]uint64  { return (*[sysWords]uint64)(unsafe.Pointer(s)) }
func (f *FP) words() *[fpWords]uint64    { return (*[fpWords]uint64)(unsafe.Pointer(f)) }

type journal struct {
	on      bool
	w       []uint64
	marks   []mark
	flushed [][tlbChunks]*tlbChunk
	limit   int
}

// mark is where a step's records begin in the journal's words.
type mark struct {
	at      int
	flushed int // length of the stack of flushed TLBs
	core    uint8
	step    bool // the core's step counter moved
}

func header(k recordKind, core int, n uint64) uint64 {
	return uint64(k) | uint64(core)<<8 | n<<16
}

// begin starts the records of a step.
func (j *journal) begin(core uint8, step bool) {
	if !j.on {
		return
	}
	if j.limit > 0 && len(j.marks) >= 2*j.limit {
		j.trim()
	}
	j.marks = append(j.marks, mark{len(j.w), len(j.flushed), core, step})
}

// trim forgets all but the newest limit steps.
func (j *journal) trim() {
	k := len(j.marks) - j.limit
	at, fl := j.marks[k].at, j.marks[k].flushed
	j.w = j.w[:copy(j.w, j.w[at:])]
	j.flushed = j.flushed[:copy(j.flushed, j.flushed[fl:])]
	j.marks = j.marks[:copy(j.marks, j.marks[k:])]
	for i := range j.marks {
		j.marks[i].at -= at
		j.marks[i].flushed -= fl
	}
}

func (j *journal) mem(pa, old uint64) {
	if j.on {
		j.w = append(j.w, old, header(recMem, 0, pa>>3))
	}
}

func (j *journal) tlbSet(core int, n uint64, old tlbEntry) {
	if j.on {
		j.w = append(j.w, old.tag, old.val, header(recTLBSet, core, n))
	}
}

func (j *journal) tlbFlush(core int, chunks [tlbChunks]*tlbChunk) {
	if j.on {
		j.flushed = append(j.flushed, chunks)
		j.w = append(j.w, header(recTLBFlush, core, 0))
	}
}

func (j *journal) sbPush(core int) {
	if j.on {
		j.w = append(j.w, header(recSBPush, core, 0))
	}
}

func (j *journal) sbPop(core int, s *pendingStore) {
	if j.on {
		j.w = append(j.w, s.pa, s.v[0], s.v[1], uint64(s.size), header(recSBPop, core, 0))
	}
}

func (j *journal) one(k recordKind, old uint64) {
	if j.on {
		j.w = append(j.w, old, header(k, 0, 0))
	}
}

// blocks appends what differs between the blocks saved at the beginning of
// the step and now.
func (j *journal) blocks(c *Core) {
	if !j.on {
		return
	}
	was, is := c.saved.words(), c.Regs.words()
	for i := range was {
		if was[i] != is[i] {
			j.w = append(j.w, was[i], header(recHot, c.id, uint64(i)))
		}
	}
	if c.touched == 0 {
		return
	}
	if c.touched&touchSys != 0 {
		was, is := c.savedSys.words(), c.Sys.words()
		for i := range was {
			if was[i] != is[i] {
				j.w = append(j.w, was[i], header(recSys, c.id, uint64(i)))
			}
		}
	}
	if c.touched&touchFP != 0 {
		was, is := c.savedFP.words(), c.FP.words()
		for i := range was {
			if was[i] != is[i] {
				j.w = append(j.w, was[i], header(recFP, c.id, uint64(i)))
			}
		}
	}
}

// clear forgets everything.
func (j *journal) clear() {
	clear(j.flushed)
	j.w, j.marks, j.flushed = j.w[:0], j.marks[:0], j.flushed[:0]
}

// SetJournal turns the journal on or off; either way it forgets what it has.
// Turned on, each Take can be undone, down to Config.UndoLimit steps at least.
func (m *Machine) SetJournal(on bool) {
	m.journal = journal{on: on, limit: m.cfg.UndoLimit, w: m.journal.w[:0], marks: m.journal.marks[:0]}
}

// Depth returns how many steps Undo can take back.
func (m *Machine) Depth() int { return len(m.journal.marks) }

// Undo takes the last choice back, exactly; it reports false when the journal
// has no more. It records no events.
func (m *Machine) Undo() bool {
	j := &m.journal
	if len(j.marks) == 0 {
		return false
	}
	m.events = m.events[:0]
	last := j.marks[len(j.marks)-1]
	j.marks = j.marks[:len(j.marks)-1]
	j.on = false
	m.fastDropAll()
	for len(j.w) > last.at {
		m.undoRecord(j)
	}
	j.on = true
	if last.step {
		m.cores[last.core].steps--
	}
	for _, c := range m.cores {
		c.derive()
	}
	return true
}

// pop takes the last word off the journal.
func (j *journal) pop() uint64 {
	v := j.w[len(j.w)-1]
	j.w = j.w[:len(j.w)-1]
	return v
}

// undoRecord takes the last record off the journal and puts back what it says.
func (m *Machine) undoRecord(j *journal) {
	h := j.pop()
	c := m.cores[h>>8&0xff]
	n := h >> 16
	switch recordKind(h) {
	case recHot:
		c.Regs.words()[n] = j.pop()
	case recSys:
		c.Sys.words()[n] = j.pop()
	case recFP:
		c.FP.words()[n] = j.pop()
	case recMem:
		m.mem.Store(n<<3, j.pop())
	case recTLBSet:
		val := j.pop()
		c.fastDropTLB(n, c.tlb.set(n, tlbEntry{j.pop(), val}))
	case recTLBFlush:
		k := len(j.flushed) - 1
		c.tlb.chunk = j.flushed[k]
		j.flushed = j.flushed[:k]
		c.fastFlushTLB()
	case recSBPush:
		c.sb.e = c.sb.e[:len(c.sb.e)-1]
	case recSBPop:
		s := pendingStore{size: uint8(j.pop())}
		s.v[1] = j.pop()
		s.v[0] = j.pop()
		s.pa = j.pop()
		c.sb.e = append(c.sb.e, pendingStore{})
		copy(c.sb.e[1:], c.sb.e)
		c.sb.e[0] = s
	case recUART:
		m.uart.regs = uartRegs(j.pop())
	case recOut:
		n := len(m.uart.out) - 1
		m.uart.out = m.uart.out[:n:n] // a snapshot may share what lies behind
		j.pop()
	case recExit:
		m.exit = debugExit(j.pop())
	case recWalked:
		m.flipWalked(j.pop())
	case recSticky:
		m.sticky = Sticky(j.pop())
	default:
		panic("BUG: journal record of unknown kind")
	}
}
