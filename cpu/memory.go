package cpu

import "klpsim/cpu/decode"

// The way of a data access: segment checks (check), alignment, translation of
// each page it touches, then physical memory through the core's own store
// buffer. A store waits in Core.pend until the instruction has ended without
// a fault, so that a fault commits nothing; loads of the same instruction see it.

// check turns offset off of segment seg into a linear address and raises #GP(0)
// or #SS(0) when size bytes there are not accessible through the segment (SDM
// vol. 3A, sections 5.3 and 3.3.7.1).
func (c *Core) check(seg uint8, off, size uint64, write bool) (lin uint64, ok bool) {
	if c.fault.set {
		return 0, false
	}
	if c.mode == decode.Mode64 {
		lin = off
		if seg >= FS {
			lin += c.Seg[seg].Base
		}
		if !canonical(lin) || !canonical(lin+size-1) {
			c.segFault(seg)
			return 0, false
		}
	} else {
		if !c.checkLegacy(seg, off, size, write) {
			c.segFault(seg)
			return 0, false
		}
		lin = (c.Seg[seg].Base + off) & 0xffffffff
	}
	if c.cpl == 3 && c.Flags&FlagAC != 0 && c.CR0&CR0AM != 0 && lin&(min(size, 16)-1) != 0 {
		c.raiseCode(VecAC, 0)
		return 0, false
	}
	return lin, true
}

// segFault raises #SS(0) for the stack segment, #GP(0) for the others.
func (c *Core) segFault(seg uint8) {
	if seg == SS {
		c.raiseCode(VecSS, 0)
	} else {
		c.raiseCode(VecGP, 0)
	}
}

// checkLegacy checks type and limit outside 64-bit mode.
func (c *Core) checkLegacy(seg uint8, off, size uint64, write bool) bool {
	s := &c.Seg[seg]
	last := off + size - 1
	if c.CR0&CR0PE == 0 || c.Flags&FlagVM != 0 {
		return last <= uint64(s.Limit)
	}
	switch {
	case s.Attr&AttrP == 0:
		return false // a null selector, or one made unusable
	case write && (s.Attr&AttrCode != 0 || s.Attr&AttrWrite == 0):
		return false
	case !write && s.Attr&AttrCode != 0 && s.Attr&AttrRead == 0:
		return false
	case s.Attr&AttrCode == 0 && s.Attr&AttrExpandDown != 0:
		top := uint64(0xffff)
		if s.Attr&AttrDB != 0 {
			top = 0xffffffff
		}
		return off > uint64(s.Limit) && last <= top
	}
	return last <= uint64(s.Limit)
}

// probe raises what an access to size bytes at lin would raise.
func (c *Core) probe(lin, size uint64, a Access) bool {
	if c.fault.set {
		return false
	}
	if _, ok := c.translate(lin, a); !ok {
		return false
	}
	if end := lin + size - 1; end>>12 != lin>>12 {
		_, ok := c.translate(end&^0xfff, a)
		return ok
	}
	return true
}

// readLin reads size (1 to 8) bytes at linear address lin; after a fault it
// returns 0. A byte count that crosses a page translates both pages first.
func (c *Core) readLin(lin uint64, size uint8, a Access) uint64 {
	if c.fault.set {
		return 0
	}
	pa, ok := c.translate(lin, a)
	if !ok {
		return 0
	}
	var v uint64
	if n := 0x1000 - lin&0xfff; n < uint64(size) {
		pa2, ok := c.translate(lin+n, a)
		if !ok {
			return 0
		}
		v = c.readPhys(pa, uint8(n)) | c.readPhys(pa2, size-uint8(n))<<(8*n)
	} else {
		v = c.readPhys(pa, size)
	}
	if c.DR[7]&0xff != 0 {
		c.matchData(lin, uint64(size), false)
	}
	if c.m.rec {
		c.readEvent(lin, pa, size, [2]uint64{v})
	}
	return v
}

// readLin128 reads 16 bytes at linear address lin.
func (c *Core) readLin128(lin uint64, a Access) [2]uint64 {
	if !c.probe(lin, 16, a) {
		return [2]uint64{}
	}
	pa, _ := c.translate(lin, a)
	pa2, ok := c.translate(lin+8, a)
	if !ok {
		return [2]uint64{}
	}
	var v [2]uint64
	switch n := 0x1000 - lin&0xfff; {
	case n < 8:
		v[0] = c.readPhys(pa, uint8(n)) | c.readPhys(pa2-pa2&0xfff, 8-uint8(n))<<(8*n)
		v[1] = c.readPhys(pa2, 8)
	case n > 8 && n < 16:
		end, _ := c.translate(lin+n, a)
		v[0] = c.readPhys(pa, 8)
		v[1] = c.readPhys(pa2, uint8(n-8)) | c.readPhys(end, uint8(16-n))<<(8*(n-8))
	default:
		v = [2]uint64{c.readPhys(pa, 8), c.readPhys(pa2, 8)}
	}
	if c.DR[7]&0xff != 0 {
		c.matchData(lin, 16, false)
	}
	if c.m.rec {
		c.readEvent(lin, pa, 16, v)
	}
	return v
}

func (c *Core) readEvent(lin, pa uint64, size uint8, v [2]uint64) {
	e := Event{Kind: EvRead, VA: lin, PA: pa, Size: size, Value: v}
	if c.sb.overlaps(pa, uint64(size)) {
		e.Flags |= EvForwarded
	}
	if c.locked {
		e.Flags |= EvLocked
	}
	c.event(e)
}

// writeLin makes a store of the low size (1 to 8) bytes of v pending.
func (c *Core) writeLin(lin uint64, size uint8, v uint64, a Access) {
	c.writeN(lin, size, [2]uint64{v & sizeMask(size)}, a)
}

// writeLin128 makes a store of 16 bytes pending.
func (c *Core) writeLin128(lin uint64, v [2]uint64, a Access) { c.writeN(lin, 16, v, a) }

// writeN cuts a store where it crosses a 64-byte line: each part is a store
// buffer entry of its own, as the processor may make each visible alone.
func (c *Core) writeN(lin uint64, size uint8, v [2]uint64, a Access) {
	if !c.probe(lin, uint64(size), a|AccessWrite) {
		return
	}
	pa, ok := c.translate(lin, a|AccessWrite)
	if !ok {
		return
	}
	if c.DR[7]&0xff != 0 {
		c.matchData(lin, uint64(size), true)
	}
	if c.m.rec {
		c.event(Event{Kind: EvWrite, VA: lin, PA: pa, Size: size, Value: v})
	}
	n := uint8(min(uint64(size), 64-lin&63))
	c.pend = append(c.pend, pendingStore{pa: pa, size: n, v: cut128(v, n)})
	if n < size {
		pa2, ok := c.translate(lin+uint64(n), a|AccessWrite)
		if !ok {
			return
		}
		c.pend = append(c.pend, pendingStore{pa: pa2, size: size - n, v: shift128(v, n)})
	}
}

// cut128 keeps the low n bytes of v.
func cut128(v [2]uint64, n uint8) [2]uint64 {
	switch {
	case n >= 16:
		return v
	case n > 8:
		return [2]uint64{v[0], v[1] & sizeMask(n-8)}
	}
	return [2]uint64{v[0] & sizeMask(n), 0}
}

// shift128 drops the low n (1 to 15) bytes of v.
func shift128(v [2]uint64, n uint8) [2]uint64 {
	s := 8 * uint(n)
	if n >= 8 {
		return [2]uint64{v[1] >> (s - 64), 0}
	}
	return [2]uint64{v[0]>>s | v[1]<<(64-s), v[1] >> s}
}

// readSys and writeSys are implicit accesses to descriptor tables, task-state
// segments and interrupt stacks: supervisor rights at any privilege level.
func (c *Core) readSys(lin uint64, size uint8) uint64 {
	if c.mode != decode.Mode64 && c.EFER&EFERLMA == 0 {
		lin &= 0xffffffff
	}
	if !c.checkCanonical(lin, uint64(size)) {
		return 0
	}
	return c.readLin(lin, size, AccessRead)
}

func (c *Core) writeSys(lin uint64, size uint8, v uint64) {
	if c.checkCanonical(lin, uint64(size)) {
		c.writeLin(lin, size, v, AccessRead)
	}
}

// checkCanonical raises #GP(0) for a system access that is not canonical.
func (c *Core) checkCanonical(lin, size uint64) bool {
	if canonical(lin) && canonical(lin+size-1) {
		return true
	}
	c.raiseCode(VecGP, 0)
	return false
}

// readPhys reads 1 to 8 bytes within one page at physical address pa as the
// core sees them: its own pending and buffered stores first, then memory or
// the local APIC.
func (c *Core) readPhys(pa uint64, size uint8) uint64 {
	if c.apicAt(pa) {
		return c.apicMMIORead(pa, size)
	}
	v := c.m.read(pa, size)
	for i := range c.sb.e {
		v = overlay(v, pa, size, &c.sb.e[i])
	}
	for i := range c.pend {
		v = overlay(v, pa, size, &c.pend[i])
	}
	return v
}

// overlay replaces the bytes of v, read at pa, that store s also covers.
// Applied from the oldest store to the newest it forwards from the newest.
func overlay(v, pa uint64, size uint8, s *pendingStore) uint64 {
	if pa+uint64(size) <= s.pa || s.pa+uint64(s.size) <= pa {
		return v
	}
	for i := range uint64(size) {
		if j := pa + i - s.pa; j < uint64(s.size) {
			b := s.v[j/8] >> (j % 8 * 8) & 0xff
			v = v&^(0xff<<(8*i)) | b<<(8*i)
		}
	}
	return v
}

// read reads 1 to 8 bytes within one page of memory.
func (m *Machine) read(pa uint64, size uint8) uint64 {
	sh := pa & 7 * 8
	v := m.mem.Load(pa&^7) >> sh
	if sh+uint64(size)*8 > 64 {
		v |= m.mem.Load(pa&^7+8) << (64 - sh)
	}
	return v & sizeMask(size)
}

// commit writes size (1 to 16) bytes within one page to memory, journalled.
func (m *Machine) commit(c *Core, pa uint64, size uint8, v [2]uint64, flags EventFlags) {
	if m.rec {
		old := [2]uint64{m.read(pa, min(size, 8))}
		if size > 8 {
			old[1] = m.read(pa+8, size-8)
		}
		c.event(Event{Kind: EvCommit, PA: pa, Size: size, Old: old, Value: v, Flags: flags})
	}
	if flags&EvWalk == 0 {
		m.noteStore(pa)
	}
	m.put(pa, min(size, 8), v[0])
	if size > 8 {
		m.put(pa+8, size-8, v[1])
	}
}

// put writes 1 to 8 bytes within one page, word by word.
func (m *Machine) put(pa uint64, size uint8, v uint64) {
	sh := pa & 7 * 8
	mask := sizeMask(size)
	m.putWord(pa&^7, mask<<sh, v<<sh)
	if sh+uint64(size)*8 > 64 {
		m.putWord(pa&^7+8, mask>>(64-sh), v>>(64-sh))
	}
}

func (m *Machine) putWord(pa, mask, v uint64) {
	old := m.mem.Load(pa)
	w := old&^mask | v&mask
	if pa >= m.mem.Size() || w == old {
		return
	}
	m.mem.Store(pa, w)
	m.journal.mem(pa, old)
}

// event records e for the current core and instruction.
func (c *Core) event(e Event) {
	if !c.m.rec {
		return
	}
	e.Core = uint8(c.id)
	if e.RIP == 0 {
		e.RIP = c.ip
	}
	c.m.events = append(c.m.events, e)
}
