package cpu

// Translation of linear addresses (SDM vol. 3A, chapter 4): no paging, 32-bit
// paging, PAE paging and 4-level paging. Rights are combined over the levels
// and checked at the end, as section 4.6 has it: a walk that meets an entry
// that is not present or has a reserved bit set faults there; otherwise the
// combined W, U and NX decide.
//
// A walk reads entries as the core's own loads would, its store buffer
// included, and sets accessed and dirty bits by locked writes.

// Access says what a memory access is, for translation.
type Access uint8

// The kinds of accesses; AccessUser is added for an access with user rights
// (CPL 3, unless it is an implicit access to a system table).
const (
	AccessRead  Access = 0
	AccessWrite Access = 1 << 0
	AccessExec  Access = 1 << 1
	AccessUser  Access = 1 << 2
)

// The bits of paging-structure entries (SDM vol. 3A, table 4-15 and following).
const (
	pteP  uint64 = 1 << 0
	pteW  uint64 = 1 << 1
	pteU  uint64 = 1 << 2
	pteA  uint64 = 1 << 5
	pteD  uint64 = 1 << 6
	ptePS uint64 = 1 << 7
	pteG  uint64 = 1 << 8
	pteNX uint64 = 1 << 63

	physBits        = 40 // MAXPHYADDR, announced by CPUID 80000008h
	physMask uint64 = (1<<physBits - 1) &^ 0xfff
	rsvdPhys uint64 = (1<<52 - 1) &^ (1<<physBits - 1)
)

// The bits of a page fault's error code (SDM vol. 3A, section 4.7).
const (
	pfP    uint32 = 1 << 0
	pfW    uint32 = 1 << 1
	pfU    uint32 = 1 << 2
	pfRsvd uint32 = 1 << 3
	pfI    uint32 = 1 << 4
)

// canonical reports whether va is its own sign extension from bit 47.
func canonical(va uint64) bool { return int64(va<<16)>>16 == int64(va) }

// dataAccess adds the user bit to a for the current privilege level.
func (c *Core) dataAccess(a Access) Access {
	if c.cpl == 3 {
		a |= AccessUser
	}
	return a
}

// allowed reports whether the combined rights in val let a pass (SDM vol. 3A,
// section 4.6.1). SMAP and protection keys are not announced.
func (c *Core) allowed(val uint64, a Access) bool {
	if a&AccessUser != 0 {
		if val&pteU == 0 || a&AccessWrite != 0 && val&pteW == 0 {
			return false
		}
		return a&AccessExec == 0 || val&pteNX == 0
	}
	if a&AccessWrite != 0 && val&pteW == 0 && c.CR0&CR0WP != 0 {
		return false
	}
	if a&AccessExec != 0 && (val&pteNX != 0 || val&pteU != 0 && c.CR4&CR4SMEP != 0) {
		return false
	}
	return true
}

// translate returns the physical address of lin, filling the TLB and setting
// accessed and dirty bits. When it faults it raises #PF.
func (c *Core) translate(lin uint64, a Access) (pa uint64, ok bool) {
	if c.CR0&CR0PG == 0 {
		return lin & 0xffffffff, true
	}
	// A hit with too few rights walks again, so that only tightened rights
	// stay stale (SDM vol. 3A, section 4.10.4.3 allows the spurious fault, AMD64
	// vol. 2, section 5.5.2 the walk).
	if val, hit := c.tlb.lookup(lin, a); hit && c.allowed(val, a) && (a&AccessWrite == 0 || val&pteD != 0) {
		return val&physMask | lin&0xfff, true
	}
	val, code, path := c.walk(lin, a)
	if code != 0 {
		if _, hit := c.tlb.lookup(lin, a); hit {
			c.tlbDrop(tlbPlace(lin, a))
		}
		c.raisePF(lin, code&^walkFault)
		return 0, false
	}
	c.markWalked(&path, a)
	if a&AccessWrite != 0 {
		val |= pteD
	}
	c.tlbFill(lin, val, a)
	return val&physMask | lin&0xfff, true
}

// walkFault marks an error code that is otherwise 0.
const walkFault uint32 = 1 << 31

// walkPath remembers where a walk read its entries, to set A and D bits.
type walkPath struct {
	pa   [4]uint64
	n    int
	wide bool // 8-byte entries
}

// walk translates lin by the tables alone: no side effects. It returns the
// 4 KiB piece's value for the TLB, or an error code with walkFault set.
func (c *Core) walk(lin uint64, a Access) (val uint64, code uint32, path walkPath) {
	switch {
	case c.CR4&CR4PAE == 0:
		val, code = c.walk32(lin, &path)
	case c.EFER&EFERLMA != 0:
		val, code = c.walkWide(lin, c.CR3&physMask, 39, &path)
	default:
		val, code = c.walkPAE(lin, &path)
	}
	if code == 0 && !c.allowed(val, a) {
		code = walkFault | pfP
	}
	if code != 0 {
		code |= c.pfCode(a)
	}
	if c.CR4&CR4PGE == 0 {
		val &^= pteG
	}
	return val, code, path
}

// pfCode returns the bits of the error code that describe the access.
func (c *Core) pfCode(a Access) (code uint32) {
	if a&AccessWrite != 0 {
		code |= pfW
	}
	if a&AccessUser != 0 {
		code |= pfU
	}
	if a&AccessExec != 0 && (c.CR4&CR4SMEP != 0 || c.CR4&CR4PAE != 0 && c.EFER&EFERNXE != 0) {
		code |= pfI
	}
	return code
}

// walkWide walks 8-byte entries from the table at pa, whose entries each
// cover 1<<shift bytes: 4-level paging from 39, PAE paging from 21.
func (c *Core) walkWide(lin, pa uint64, shift uint, path *walkPath) (val uint64, code uint32) {
	rights := pteW | pteU
	nx := uint64(0)
	rsvd := rsvdPhys
	if c.EFER&EFERLMA == 0 {
		rsvd |= 0x7ff << 52
	}
	if c.EFER&EFERNXE == 0 {
		rsvd |= pteNX
	}
	path.wide = true
	for ; ; shift -= 9 {
		epa := pa + lin>>shift&0x1ff*8
		e := c.walkRead(epa, 8)
		path.pa[path.n] = epa
		path.n++
		if e&pteP == 0 {
			return 0, walkFault
		}
		rights &= e
		nx |= e & pteNX
		large := shift > 12 && e&ptePS != 0
		if e&rsvd != 0 || large && (shift == 39 || e&(1<<shift-1)&^0x1fff != 0) {
			return 0, walkFault | pfP | pfRsvd
		}
		if shift > 12 && !large {
			pa = e & physMask
			continue
		}
		val = rights | nx | e&(pteG|pteD)
		switch shift {
		case 21:
			val |= tlbSize2M
		case 30:
			val |= tlbSize1G
		}
		return val | e&physMask&^(1<<shift-1) | lin&(1<<shift-1)&^0xfff, 0
	}
}

// walkPAE is PAE paging: the four page-directory-pointer entries are read from
// memory at each walk (AMD64 vol. 2, section 5.2.3; Intel caches them at CR3 loads).
func (c *Core) walkPAE(lin uint64, path *walkPath) (val uint64, code uint32) {
	e := c.walkRead(c.CR3&0xffffffe0+lin>>30&3*8, 8)
	if e&pteP == 0 {
		return 0, walkFault
	}
	if e&(rsvdPhys|0xfff<<52|0x1e6) != 0 {
		return 0, walkFault | pfP | pfRsvd
	}
	return c.walkWide(lin, e&physMask, 21, path)
}

// walk32 is 32-bit paging, with 4 MiB pages when CR4.PSE is set.
func (c *Core) walk32(lin uint64, path *walkPath) (val uint64, code uint32) {
	path.n = 1
	path.pa[0] = c.CR3&0xfffff000 + lin>>22&0x3ff*4
	e := c.walkRead(path.pa[0], 4)
	switch {
	case e&pteP == 0:
		return 0, walkFault
	case e&ptePS != 0 && c.CR4&CR4PSE != 0:
		if e>>21&1 != 0 {
			return 0, walkFault | pfP | pfRsvd
		}
		pa := e&0xffc00000 | e>>13&0xff<<32
		return e&(pteW|pteU|pteG|pteD) | tlbSize2M | pa&physMask | lin&0x3ff000, 0
	}
	path.n = 2
	path.pa[1] = e&0xfffff000 + lin>>12&0x3ff*4
	t := c.walkRead(path.pa[1], 4)
	if t&pteP == 0 {
		return 0, walkFault
	}
	return e&t&(pteW|pteU) | t&(pteG|pteD) | t&0xfffff000, 0
}

// walkRead reads one entry as the core's loads see it.
func (c *Core) walkRead(pa uint64, size uint8) uint64 {
	v := c.readPhys(pa, size)
	if c.m.rec {
		c.event(Event{Kind: EvRead, PA: pa, Size: size, Value: [2]uint64{v}, Flags: EvWalk})
	}
	return v
}

// markWalked sets the accessed bit of every entry on the path and, for a
// write, the dirty bit of the last (SDM vol. 3A, section 4.8).
func (c *Core) markWalked(p *walkPath, a Access) {
	size := uint8(4)
	if p.wide {
		size = 8
	}
	for i := range p.n {
		set := pteA
		if i == p.n-1 && a&AccessWrite != 0 {
			set |= pteD
		}
		c.m.notePageTable(p.pa[i])
		e := c.readPhys(p.pa[i], size)
		if e&set == set {
			continue
		}
		if c.sb.overlaps(p.pa[i], uint64(size)) {
			c.drainAll()
		}
		c.m.commit(c, p.pa[i], size, [2]uint64{e | set}, EvWalk|EvLocked)
	}
}

// Translate returns the physical address that core would access at linear
// address va, by its TLB and then its page tables, without any side effect.
// ok is false where the access would fault; va that is not canonical in
// 64-bit mode is never ok.
func (m *Machine) Translate(core int, va uint64, a Access) (pa uint64, ok bool) {
	c := m.cores[core]
	if c.CR0&CR0PG == 0 {
		return va & 0xffffffff, true
	}
	if !canonical(va) {
		return 0, false
	}
	if val, hit := c.tlb.lookup(va, a); hit && c.allowed(val, a) {
		return val&physMask | va&0xfff, true
	}
	rec := m.rec
	m.rec = false
	val, code, _ := c.walk(va, a)
	m.rec = rec
	return val&physMask | va&0xfff, code == 0
}

// ReadVirt copies memory at linear address va, as core maps it with
// supervisor rights, into p, without side effects. Store buffers are not
// consulted. It reports false when a page is not mapped.
func (m *Machine) ReadVirt(core int, va uint64, p []byte) bool {
	for len(p) > 0 {
		pa, ok := m.Translate(core, va, AccessRead)
		if !ok {
			return false
		}
		n := min(uint64(len(p)), 0x1000-va&0xfff)
		m.mem.Read(pa, p[:n])
		p = p[n:]
		va += n
	}
	return true
}
