package explore

import "klpsim/cpu"

// wordClass says which cores have been seen to touch an aligned 8-byte word of
// physical memory, and how. Classes only ever grow, in the order of join.
type wordClass uint8

const (
	untouched wordClass = 0
	readOnly  wordClass = 0x40 // read by several cores, written by none
	shared    wordClass = 0x80 // written, and touched by more than one core
	readBy    wordClass = 0x10 // + core: read by that core alone, never written
	ownedBy   wordClass = 0x20 // + core: touched by that core alone
	coreBits  wordClass = 0x0f
)

// join returns the class after core (0 to 15) has touched a word of class c.
func (c wordClass) join(core uint8, write bool) wordClass {
	who := wordClass(core) & coreBits
	kind := c &^ coreBits
	switch {
	case c == untouched && write, kind == readBy && c&coreBits == who && write:
		return ownedBy | who
	case c == untouched:
		return readBy | who
	case (kind == readBy || kind == ownedBy) && c&coreBits == who:
		return c
	case (kind == readBy || kind == readOnly) && !write:
		return readOnly
	}
	return shared
}

const (
	pageShift    = 12
	wordsPerPage = 512
)

// ownership is the class of every word of a machine's memory. Workers read it
// while a level is expanded; it changes only between levels, so that what a
// level does depends on the levels before it and not on the workers' timing.
type ownership struct {
	pages  []*[wordsPerPage]wordClass
	count  int    // shared words
	agents []bool // by core: another core has sent it an interrupt

	allShared bool // every access counts as visible

	sticky cpu.Sticky // derived state that has to count as state
}

func newOwnership(memBytes uint64, cores int) *ownership {
	return &ownership{pages: make([]*[wordsPerPage]wordClass, memBytes>>pageShift+1), agents: make([]bool, cores)}
}

// class returns the class of the word at pa; what lies outside memory (the
// local APIC) counts as shared.
func (o *ownership) class(pa uint64) wordClass {
	n := pa >> pageShift
	if n >= uint64(len(o.pages)) {
		return shared
	}
	p := o.pages[n]
	if p == nil {
		return untouched
	}
	return p[pa>>3&(wordsPerPage-1)]
}

func (o *ownership) set(pa uint64, c wordClass) {
	n := pa >> pageShift
	if n >= uint64(len(o.pages)) {
		return
	}
	if o.pages[n] == nil {
		o.pages[n] = new([wordsPerPage]wordClass)
	}
	w := &o.pages[n][pa>>3&(wordsPerPage-1)]
	if *w != shared && c == shared {
		o.count++
	}
	*w = c
}

// share makes every word of a range shared.
func (o *ownership) share(r PhysRange) {
	for pa := r.Addr &^ 7; pa < r.Addr+r.Size; pa += 8 {
		o.set(pa, shared)
	}
}

// stick notes derived state that a program was able to see, and reports
// whether that is news.
func (o *ownership) stick(s cpu.Sticky) bool {
	news := s&^o.sticky != 0
	o.sticky |= s
	return news
}

// claim is a touch that would change a word's class, found while a level was expanded.
type claim struct {
	pa    uint64
	core  uint8
	write bool
	async bool // not a touch: core was sent an interrupt by another one
}

// apply joins the claims of a level and reports whether one of them breaks
// what the search relied on so far: that the words were not shared, that the
// core is not interrupted by others.
func (o *ownership) apply(claims []claim) (broken bool) {
	for _, c := range claims {
		if c.async {
			broken = broken || !o.agents[c.core]
			o.agents[c.core] = true
			continue
		}
		old := o.class(c.pa)
		if now := old.join(c.core, c.write); now != old {
			o.set(c.pa, now)
			broken = broken || now == shared
		}
	}
	return broken
}
