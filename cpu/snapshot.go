package cpu

import (
	"encoding/binary"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"klpsim/cpu/mem"
)

// Hash is a 128-bit hash of a machine's architectural state.
type Hash = mem.Hash

// Sticky says which derived state counts as architectural because a program
// has been able to see it. Until then states that differ only in it are the
// same state, which is what lets an explorer merge them; a search that finds a
// flag set somewhere starts again with SetSticky from the beginning, so that
// nothing was merged that could be told apart.
type Sticky uint8

// The sticky flags.
const (
	// StickyTime: the time-stamp counter or the APIC timer's count was read;
	// the cores' step counters are part of the state.
	StickyTime Sticky = 1 << iota
	// StickyTLB: a page that page walks have read was written by a program;
	// the TLBs' contents are part of the state.
	StickyTLB
)

// Sticky returns the flags that are set.
func (m *Machine) Sticky() Sticky { return m.sticky }

// SetSticky sets further flags; it is a set-up call.
func (m *Machine) SetSticky(s Sticky) { m.sticky |= s }

// stick sets a flag during a step.
func (m *Machine) stick(s Sticky) {
	if m.sticky&s == 0 {
		m.journal.one(recSticky, uint64(m.sticky))
		m.sticky |= s
	}
}

// walkedPages is the set of pages that page walks have read, as a bitmap by
// page number. It is shared with snapshots and copied before it changes.
type walkedPages struct {
	bits   []uint64
	shared bool
}

// has reports whether page n is one of them.
func (w *walkedPages) has(n uint64) bool {
	return n/64 < uint64(len(w.bits)) && w.bits[n/64]>>(n%64)&1 != 0
}

// notePageTable notes that a walk has read the page of pa.
func (m *Machine) notePageTable(pa uint64) {
	n := pa >> 12
	if m.walked.has(n) || pa >= m.mem.Size() {
		return
	}
	m.flipWalked(n)
	m.fastDropWrites()
	m.journal.one(recWalked, n)
}

// flipWalked adds page n to the walked ones or takes it away.
func (m *Machine) flipWalked(n uint64) {
	w := &m.walked
	if w.bits == nil || w.shared {
		bits := make([]uint64, m.mem.Size()>>18+1)
		copy(bits, w.bits)
		w.bits, w.shared = bits, false
	}
	w.bits[n/64] ^= 1 << (n % 64)
}

// noteStore notes that a program has written to pa.
func (m *Machine) noteStore(pa uint64) {
	n := pa >> 12
	m.fastDropCode(n)
	if m.walked.has(n) {
		m.stick(StickyTLB)
	}
}

// Snapshot is the state of a Machine at one moment: architectural state and
// serial output, no journal. It never changes and may be restored into any
// machine of the same Config, on any goroutine.
type Snapshot struct {
	mem    *mem.Snapshot
	cores  []coreState
	stores []pendingStore // of all cores, in order
	uart   uart
	exit   debugExit
	sticky Sticky
	walked []uint64
}

type coreState struct {
	regs   Regs
	sys    Sys
	fp     FP
	tlb    [tlbChunks]*tlbChunk
	steps  uint64
	stores int
}

var tlbEpochs atomic.Uint64

// Snapshot returns the current state. It copies registers and pointers, never
// memory: pages are shared until somebody writes to them.
func (m *Machine) Snapshot() *Snapshot {
	s := &Snapshot{mem: m.mem.Snapshot(), cores: make([]coreState, len(m.cores)), exit: m.exit, sticky: m.sticky, walked: m.walked.bits}
	s.uart = uart{regs: m.uart.regs, out: m.uart.out[:len(m.uart.out):len(m.uart.out)]}
	m.walked.shared = true
	for i, c := range m.cores {
		s.cores[i] = coreState{c.Regs, c.Sys, c.FP, c.tlb.chunk, c.steps, len(c.sb.e)}
		s.stores = append(s.stores, c.sb.e...)
		c.tlb.epoch = tlbEpochs.Add(1)
	}
	return s
}

// Restore makes the machine's state that of s, which comes from a machine of
// the same Config. The journal is emptied: what was before cannot be undone.
func (m *Machine) Restore(s *Snapshot) {
	if len(s.cores) != len(m.cores) {
		panic("BUG: snapshot of a machine with another number of cores")
	}
	m.mem.Restore(s.mem)
	m.uart = uart{regs: s.uart.regs, out: s.uart.out}
	m.exit, m.sticky = s.exit, s.sticky
	m.walked = walkedPages{s.walked, true}
	m.journal.clear()
	m.events = m.events[:0]
	m.fastDropAll()
	stores := s.stores
	for i, c := range m.cores {
		f := &s.cores[i]
		c.Regs, c.Sys, c.FP, c.steps = f.regs, f.sys, f.fp, f.steps
		c.tlb.chunk = f.tlb
		c.tlb.epoch = tlbEpochs.Add(1)
		c.sb.e = append(c.sb.e[:0], stores[:f.stores]...)
		stores = stores[f.stores:]
		c.derive()
		c.fastFlushTLB()
	}
}

// coreHash caches the hashes of the blocks that rarely change, with the
// contents they belong to.
type coreHash struct {
	sys     Sys
	fp      FP
	sysHash Hash
	fpHash  Hash
	valid   bool
}

// timerStartWord is the number of the word of Sys that holds APIC.TimerStart,
// which is part of the state only with the step counters.
const timerStartWord = (unsafe.Offsetof(Sys{}.APIC) + unsafe.Offsetof(APIC{}.TimerStart)) / 8

// Hash returns the hash of the architectural state: registers, memory, store
// buffers, APICs, device registers, and what Sticky says. Step counters,
// journal and serial output are not part of it.
func (m *Machine) Hash() Hash {
	h := m.mem.Hash()
	for _, c := range m.cores {
		h = h.Add(c.hash())
	}
	return h.Add(mem.Mix(^uint64(0), uint64(m.uart.regs))).Add(mem.Mix(^uint64(1), uint64(m.sticky)))
}

// hash returns the core's part.
func (c *Core) hash() Hash {
	if !c.hashed.valid || c.Sys != c.hashed.sys {
		c.hashed.sys = c.Sys
		s := c.Sys
		if c.m.sticky&StickyTime == 0 {
			s.APIC.TimerStart = 0
		}
		c.hashed.sysHash = sequence(s.words()[:], 1)
	}
	if !c.hashed.valid || c.FP != c.hashed.fp {
		c.hashed.fp = c.FP
		c.hashed.fpHash = sequence(c.FP.words()[:], 2)
	}
	c.hashed.valid = true
	h := sequence(c.Regs.words()[:], 3+uint64(c.id)<<8)
	h = chain(h, c.hashed.sysHash)
	h = chain(h, c.hashed.fpHash)
	for i := range c.sb.e {
		s := &c.sb.e[i]
		h = chain(h, Hash{s.pa ^ uint64(s.size)<<56, s.v[0]})
		h = chain(h, Hash{s.v[1], uint64(i)})
	}
	if c.m.sticky&StickyTime != 0 {
		h = chain(h, Hash{c.steps, c.APIC.TimerStart})
	}
	if c.m.sticky&StickyTLB != 0 {
		h = chain(h, c.tlb.hash())
	}
	return h
}

// sequence hashes words in order.
func sequence(w []uint64, seed uint64) Hash {
	h := Hash{seed * 0x9e3779b97f4a7c15, seed ^ 0xd1b54a32d192ed03}
	for ; len(w) >= 2; w = w[2:] {
		h = chain(h, Hash{w[0], w[1]})
	}
	if len(w) == 1 {
		h = chain(h, Hash{w[0], 0})
	}
	return h
}

// chain folds two words into a running hash: two 64x64-bit products with the
// words and the state crossed, so that both halves depend on everything.
func chain(h, w Hash) Hash {
	a1, a0 := bits.Mul64(h[0]^w[0]^0xa0761d6478bd642f, h[1]^0xe7037ed1a0b428db)
	b1, b0 := bits.Mul64(h[1]^w[1]^0x8ebc6af09c88c6e3, h[0]^0x589965cc75374cc3)
	return Hash{a1 ^ a0 ^ bits.RotateLeft64(w[1], 17) + b0, b1 ^ b0 ^ bits.RotateLeft64(w[0], 41) + a0}
}

// AppendState appends what Hash covers, exactly and in canonical form: two
// states are equal if and only if their serialisations are.
func (m *Machine) AppendState(dst []byte) []byte {
	dst = append(dst, byte(m.sticky))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(m.uart.regs))
	for _, c := range m.cores {
		s := c.Sys
		if m.sticky&StickyTime == 0 {
			s.APIC.TimerStart = 0
		} else {
			dst = binary.LittleEndian.AppendUint64(dst, c.steps)
		}
		dst = appendWords(dst, c.Regs.words()[:])
		dst = appendWords(dst, s.words()[:])
		dst = appendWords(dst, c.FP.words()[:])
		dst = append(dst, byte(len(c.sb.e)), byte(len(c.sb.e)>>8))
		for _, e := range c.sb.e {
			dst = appendWords(dst, []uint64{e.pa, e.v[0], e.v[1], uint64(e.size)})
		}
		if m.sticky&StickyTLB != 0 {
			dst = c.tlb.appendState(dst)
		}
	}
	return m.mem.AppendState(dst)
}

// appendState appends the valid entries with their numbers.
func (t *tlb) appendState(dst []byte) []byte {
	for i, ch := range t.chunk {
		if ch == nil {
			continue
		}
		for j, e := range ch.e {
			if e.tag != 0 {
				dst = appendWords(dst, []uint64{uint64(i*tlbChunkSize + j), e.tag, e.val})
			}
		}
	}
	return append(dst, 0xff)
}

func appendWords(dst []byte, w []uint64) []byte {
	for _, v := range w {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return dst
}
