package cpu

import (
	"encoding/binary"
	"errors"
	"fmt"

	"klpsim/cpu/decode"
)

// Errors that Take reports. They are errors of the caller or of klpsim, never
// of the guest; the machine has not moved.
var (
	// ErrCore is wrapped when a choice names a core that is not there.
	ErrCore = errors.New("no such core")
	// ErrIdle is wrapped when a core cannot step: halted with nothing due,
	// waiting for a start-up IPI, or shut down.
	ErrIdle = errors.New("core cannot step")
	// ErrHold is wrapped when memory=sc cannot hold what the choice asks for.
	ErrHold = errors.New("cannot hold")
	// ErrDrain is wrapped when a drain finds the store buffer empty, or when,
	// in memory=sc, a core with a held store must drain it before it steps.
	ErrDrain = errors.New("cannot drain")
	// ErrChoice is wrapped for a choice of a kind, or with a vector, that does not exist.
	ErrChoice = errors.New("bad choice")
)

// UnimplementedError names an instruction that the processor should have and
// klpsim does not execute.
type UnimplementedError struct {
	Core  int
	RIP   uint64
	Name  string
	Bytes []byte
}

// Error implements error.
func (e *UnimplementedError) Error() string {
	return fmt.Sprintf("core %d at %#x: instruction %s (% x) is not implemented", e.Core, e.RIP, e.Name, e.Bytes)
}

// entryFlags are facts about a decoded instruction that the step loop tests.
type entryFlags uint8

const (
	efDrain  entryFlags = 1 << iota // needs the store buffer empty
	efLocked                        // a locked operation
	efRMW                           // an unlocked read-modify-write of memory
	efPriv                          // CPL 0 only
	efLockUD                        // LOCK where it is not allowed
)

// decodeCache remembers decoded instructions by physical address. An entry
// is good only while the bytes in memory are those it was decoded from, and
// every use compares them: code that anyone changes, by any way, is decoded
// again, and Restore, Undo and WritePhys need no word about it.
type decodeCache []decoded

type decoded struct {
	key      uint64 // physical address << 2 | mode; ^0 when empty
	lo, hi   uint64 // the instruction's bytes
	mlo, mhi uint64 // masks of those that count
	row      *Row
	flags    entryFlags
	in       decode.Inst
}

// The cache begins small, as an explorer makes many machines, and doubles
// whenever as many entries were driven out as it has, up to a bound that holds
// the working set of an operating system.
const (
	decodeEntries    = 1 << 12
	decodeMaxEntries = 1 << 19
)

// place returns where the cache keeps the instruction at pa.
func (dc decodeCache) place(pa uint64) *decoded { return &dc[pa&uint64(len(dc)-1)] }

// newDecodeCache returns an empty cache of n entries, a power of two.
func newDecodeCache(n int) decodeCache {
	dc := make(decodeCache, n)
	for i := range dc {
		dc[i].key = ^uint64(0)
	}
	return dc
}

// decodePlace returns where to put the instruction at pa, in a larger cache
// when the present one has become too small.
func (m *Machine) decodePlace(pa uint64) *decoded {
	d := m.decoded.place(pa)
	if d.key == ^uint64(0) {
		return d
	}
	m.driven++
	if m.driven < len(m.decoded) || len(m.decoded) >= decodeMaxEntries {
		return d
	}
	old := m.decoded
	m.driven, m.decoded = 0, newDecodeCache(2*len(old))
	for i := range old {
		if old[i].key != ^uint64(0) {
			*m.decoded.place(old[i].key >> 2) = old[i]
		}
	}
	return m.decoded.place(pa)
}

// Take moves the machine by one choice. An error means that the machine has
// not moved; it wraps one of the Err values above or is an *UnimplementedError.
func (m *Machine) Take(ch Choice) error {
	if int(ch.Core) >= len(m.cores) {
		return fmt.Errorf("%w: %d of %d", ErrCore, ch.Core, len(m.cores))
	}
	m.events = m.events[:0]
	c := m.cores[ch.Core]
	switch ch.Kind {
	case Step:
		return m.takeStep(c, false)
	case Hold:
		return m.takeStep(c, true)
	case Drain:
		if len(c.sb.e) == 0 {
			return fmt.Errorf("%w: the store buffer of core %d is empty", ErrDrain, c.id)
		}
		m.begin(c, false)
		c.ip = c.RIP
		c.drainOne()
		m.end(c)
		return nil
	}
	return m.inject(c, ch)
}

// begin starts a choice on core c: what it is about to change is saved.
func (m *Machine) begin(c *Core, step bool) {
	c.saved = c.Regs
	c.fault = fault{}
	c.dbHit = 0
	m.journal.begin(uint8(c.id), step)
	if step {
		c.steps++
	}
}

// end closes a choice: what has changed goes into the journal.
func (m *Machine) end(c *Core) {
	m.journal.blocks(c)
	c.touched = 0
	for _, o := range m.others {
		if o != c {
			m.journal.blocks(o)
			o.touched = 0
		}
	}
	m.others = m.others[:0]
}

// abort takes back a step that a host error stopped.
func (m *Machine) abort(c *Core, err error) error {
	c.rollback()
	c.pend = c.pend[:0]
	m.hostErr = nil
	m.end(c)
	if m.journal.on {
		m.Undo()
	} else {
		c.steps--
	}
	m.events = m.events[:0]
	return err
}

// rollback puts the core back to where the step began.
func (c *Core) rollback() {
	c.Regs = c.saved
	if c.touched&touchSys != 0 {
		c.Sys = c.savedSys
	}
	if c.touched&touchFP != 0 {
		c.FP = c.savedFP
	}
	c.pend = c.pend[:0]
	c.derive()
}

// takeStep is one step of core c: deliver the due event, or execute one
// instruction.
func (m *Machine) takeStep(c *Core, hold bool) error {
	c.derive() // set-up code may have written any field since the last choice
	if m.cfg.Memory == SC && len(c.sb.e) > 0 {
		return fmt.Errorf("%w: core %d holds a store that must drain before it steps (memory=sc)", ErrDrain, c.id)
	}
	if c.attention() {
		due := c.nextEvent()
		switch {
		case due.Kind != DueNone:
			m.begin(c, true)
			c.ip = c.RIP
			c.deliverDue(due)
			m.end(c)
			return nil
		case c.Activity != Running:
			return fmt.Errorf("%w: core %d is %s", ErrIdle, c.id, c.Activity)
		}
	}
	return m.execute(c, hold)
}

// String names the activity state.
func (a Activity) String() string {
	switch a {
	case Running:
		return "running"
	case Halted:
		return "halted"
	case WaitSIPI:
		return "waiting for a start-up IPI"
	case Shutdown:
		return "shut down after a triple fault"
	}
	return fmt.Sprintf("in state %d", uint64(a))
}

// execute fetches, decodes and executes one instruction.
func (m *Machine) execute(c *Core, hold bool) error {
	m.begin(c, true)
	c.ip = c.RIP
	m.execEvent = -1
	d, err := c.fetch()
	if err != nil {
		return m.abort(c, err)
	}
	if d == nil {
		c.fail()
		m.end(c)
		return nil
	}
	if hold && m.cfg.Memory == SC && d.flags&efRMW == 0 {
		return m.abort(c, fmt.Errorf("%w: core %d is not at an unlocked read-modify-write of memory (memory=sc)", ErrHold, c.id))
	}
	if d.flags&efDrain != 0 && len(c.sb.e) > 0 {
		c.drainAll()
	}
	c.locked = d.flags&efLocked != 0
	flags, shadow := c.Flags, c.Blocked&(BlockSTI|BlockMovSS)
	if m.rec {
		// The record stands before those of the accesses; a fault amends it.
		m.execEvent = len(m.events)
		c.event(Event{Kind: EvExec, Size: d.in.Len, PA: c.m.fetchPA})
	}
	c.RIP = c.nextRIP(d.in.Len)
	switch {
	case d.flags&efLockUD != 0:
		c.raise(VecUD)
	case d.flags&efPriv != 0 && c.cpl != 0:
		c.raiseCode(VecGP, 0)
	default:
		d.row.Exec(c, &d.in)
	}
	if m.hostErr != nil {
		return m.abort(c, m.hostErr)
	}
	if c.fault.set {
		c.fail()
		m.end(c)
		return nil
	}
	c.retire(hold)
	c.settle(flags, shadow)
	m.end(c)
	return nil
}

// nextRIP is the offset behind an instruction of n bytes at RIP.
func (c *Core) nextRIP(n uint8) uint64 {
	switch c.mode {
	case decode.Mode64:
		return c.RIP + uint64(n)
	case decode.Mode32:
		return (c.RIP + uint64(n)) & 0xffffffff
	}
	return (c.RIP + uint64(n)) & 0xffff
}

// settle does what follows every completed instruction: RF is cleared, old
// interrupt shadows end, traps become pending (SDM vol. 3B, section 17.3.1).
func (c *Core) settle(flags, shadow uint64) {
	if c.Flags&FlagRF != 0 && !c.keepRF {
		c.Flags &^= FlagRF
	}
	c.keepRF = false
	if flags&FlagTF != 0 && !c.noTrap {
		c.touchSys()
		c.PendDebug |= debugDue | dr6BS
	}
	c.noTrap = false
	if c.dbHit != 0 {
		c.touchSys()
		c.PendDebug |= debugDue | c.dbHit
		c.dbHit = 0
	}
	if shadow != 0 {
		c.touchSys()
		c.Blocked &^= shadow
	}
}

// fail ends a step whose instruction raised c.fault: everything it did is
// taken back and the exception is delivered.
func (c *Core) fail() {
	f := c.fault
	noNMIBlock := c.unblockNMI
	c.unblockNMI = false
	if f.trap {
		// INT n and its kin complete, and what they pushed nothing of is there.
		c.pend = c.pend[:0]
	} else {
		c.rollback()
		c.execFaulted(f)
		if f.mxcsr != 0 {
			c.touchFP()
			c.MXCSR |= f.mxcsr
		}
	}
	if noNMIBlock && c.Blocked&BlockNMI != 0 {
		c.touchSys()
		c.Blocked &^= BlockNMI
	}
	if c.Blocked&(BlockSTI|BlockMovSS) != 0 {
		c.touchSys()
		c.Blocked &^= BlockSTI | BlockMovSS
	}
	c.keepRF, c.noTrap, c.locked = false, false, false
	if f.vec == VecDB && !f.soft {
		c.touchSys()
		c.setDR6(f.dr6)
	}
	c.deliver(f)
}

// execFaulted amends the record of the instruction that faulted, or adds one
// when there was no instruction to fetch.
func (c *Core) execFaulted(f fault) {
	m := c.m
	if !m.rec {
		return
	}
	if m.execEvent < 0 {
		m.execEvent = len(m.events)
		c.event(Event{Kind: EvExec})
	}
	e := &m.events[m.execEvent]
	e.Flags |= EvFault
	e.Vector, e.Code = f.vec, f.code
}

// fetch returns the decoded instruction at RIP. It returns nil when fetching
// or decoding raised an exception.
func (c *Core) fetch() (*decoded, error) {
	if c.mode != decode.Mode64 {
		if c.RIP > uint64(c.Seg[CS].Limit) {
			c.raiseCode(VecGP, 0)
			return nil, nil
		}
	} else if !canonical(c.RIP) {
		c.raiseCode(VecGP, 0)
		return nil, nil
	}
	lin := c.codeLinear(c.RIP)
	pa, ok := c.translate(lin, c.dataAccess(AccessExec))
	if !ok {
		return nil, nil
	}
	c.m.fetchPA = pa
	if len(c.sb.e) > 0 && c.sb.overlaps(pa, 16) {
		c.drainAll() // self-modifying code: the core sees its own stores
	}
	if d := c.m.cached(pa, c.mode); d != nil {
		return d, nil
	}
	return c.fetchSlow(lin, pa)
}

// codeLinear returns the linear address of offset off in CS.
func (c *Core) codeLinear(off uint64) uint64 {
	if c.mode == decode.Mode64 {
		return off
	}
	return (c.Seg[CS].Base + off) & 0xffffffff
}

// cached returns the cache's entry for pa if the bytes there are still its own.
func (m *Machine) cached(pa uint64, mode decode.Mode) *decoded {
	if m.decoded == nil {
		m.decoded = newDecodeCache(decodeEntries)
	}
	d := m.decoded.place(pa)
	if d.key != pa<<2|uint64(mode) {
		return nil
	}
	p := m.mem.Page(pa >> 12)
	if p == nil {
		return nil
	}
	off := pa & 0xfff
	var lo, hi uint64
	if off <= 0x1000-16 {
		lo = binary.LittleEndian.Uint64(p.Data[off:])
		hi = binary.LittleEndian.Uint64(p.Data[off+8:])
	} else {
		var b [16]byte
		copy(b[:], p.Data[off:])
		lo = binary.LittleEndian.Uint64(b[:])
		hi = binary.LittleEndian.Uint64(b[8:])
	}
	if (lo^d.lo)&d.mlo|(hi^d.hi)&d.mhi != 0 {
		return nil
	}
	return d
}

// fetchSlow reads the instruction's bytes, the next page's too when it
// crosses, and decodes them. An instruction within one page enters the cache.
func (c *Core) fetchSlow(lin, pa uint64) (*decoded, error) {
	var b [16]byte
	n := min(15, 0x1000-pa&0xfff)
	c.m.mem.Read(pa, b[:n])
	in, err := decode.Decode(b[:n], c.mode)
	crosses := false
	if n < 15 && errors.Is(err, decode.ErrTruncated) {
		pa2, ok := c.translate(c.wrap(lin+n), c.dataAccess(AccessExec))
		if !ok {
			return nil, nil
		}
		if c.sb.overlaps(pa2, 15) {
			c.drainAll()
		}
		c.m.mem.Read(pa2, b[n:15])
		in, err = decode.Decode(b[:15], c.mode)
		crosses = true
	}
	switch {
	case errors.Is(err, decode.ErrTooLong):
		c.raiseCode(VecGP, 0)
		return nil, nil
	case err != nil:
		c.raise(VecUD)
		return nil, nil
	}
	if c.mode != decode.Mode64 && c.RIP+uint64(in.Len)-1 > uint64(c.Seg[CS].Limit) {
		c.raiseCode(VecGP, 0)
		return nil, nil
	}
	row := &table[in.Op]
	switch {
	case row.Op == decode.Invalid:
		return nil, &UnimplementedError{Core: c.id, RIP: c.ip, Name: in.Op.String(), Bytes: append([]byte(nil), b[:in.Len]...)}
	case row.Exec == nil:
		c.raise(VecUD)
		return nil, nil
	}
	d := &c.m.crossing
	if !crosses {
		d = c.m.decodePlace(pa)
	}
	*d = decoded{key: pa<<2 | uint64(c.mode), row: row, in: in, flags: flagsOf(row, &in)}
	d.lo, d.hi = binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
	d.mlo = sizeMask(min(in.Len, 8))
	if in.Len > 8 {
		d.mhi = sizeMask(in.Len - 8)
	}
	return d, nil
}

// flagsOf derives what the step loop must know from row and operands.
func flagsOf(row *Row, in *decode.Inst) (f entryFlags) {
	hasMem := false
	for i := range in.NArgs {
		hasMem = hasMem || in.Args[i].Kind == decode.Mem
	}
	lock := in.Prefix&decode.Lock != 0
	switch {
	case lock && (!row.Lockable || !hasMem || in.Args[0].Kind != decode.Mem):
		f |= efLockUD
	case lock, row.AlwaysLock && hasMem:
		f |= efLocked | efDrain
	case hasMem && row.Mem == MemRMW && in.Args[0].Kind == decode.Mem:
		f |= efRMW
	}
	if row.Serialising {
		f |= efDrain
	}
	if row.Privileged {
		f |= efPriv
	}
	return f
}
