package cpu

import (
	"unsafe"

	"klpsim/cpu/decode"
	"klpsim/cpu/mem"
)

//go:generate go run ./internal/fastgen

// The fast path: many steps of one core at once, with nobody looking.
//
// Run executes translated code. An instruction becomes one fastOp of 32 bytes,
// at most one for each linear address of a page; operations that follow each
// other in the code follow each other in memory, so that the next one is
// o+1 and a taken branch is a pointer. The interpreter, loop, is one generated
// function with one switch (internal/fastgen): only there do the switch's jump
// table and the registers that hold o and the budget stay together.
//
// One meaning. Whatever the loop has no case for, and every access that its
// small TLB does not know (a TLB miss, a page crossing, a device, a page with
// code, a fault), leaves the loop before it changes anything and is taken by
// the same step that Take uses. The loop itself is entered only where no event
// is due and none can become due by what it executes: everything that touches
// IF, TPR, control registers or devices takes the slow way.
//
// The budget is charged by blocks: each operation knows how many instructions
// remain to the end of its block, and entering a block subtracts that number.
// A budget that ends inside a block is met by a stop patched over the operation
// behind it (patch), so that stopping after any number of steps is exact.
//
// Flags are lazy: an operation stores its operands and result, and who needs a
// flag computes it (fast_flags.go). An operation whose flags the next one
// replaces unread has a form that stores nothing; its single form, which
// stores, is put back while a stop follows it.

const (
	fastRegs   = 32      // what the loop indexes: Regs and what lies behind it
	fastNone   = 16      // index of Regs.none, which is always zero
	fastTLB    = 1024    // entries of each of the loop's own TLBs, as many as the core's has for data
	fastJumps  = 1 << 14 // entries of the jump cache
	fastMaxLen = 120     // instructions in a block
	fastUndo   = 5       // operations that a patch may have to change
)

// fastOp is one translated instruction.
type fastOp struct {
	code   uint16 // case of the loop
	single uint16 // the case that does this instruction alone and in full
	off    uint16 // offset in its page
	n      uint8  // instructions from here to the end of the block; 0 for fastGoto
	len    uint8  // length in bytes
	disp   int32
	a, b   uint8 // registers: operand, base
	c, s   uint8 // index; log2 of its scale, or a condition code
	imm    uint64
	target unsafe.Pointer // *fastOp of a direct branch, *fastInst of a handler
}

// fastInst is what a handler needs of an instruction without a case of its own.
type fastInst struct {
	in    decode.Inst
	row   *Row
	flags bool // reads or writes status flags
	lock  bool
}

// The cases that the generator knows nothing of.
const (
	fastSlow   uint16 = iota // take the slow way
	fastStop                 // a patched stop
	fastGoto                 // no instruction: go on at imm
	fastCall                 // run the instruction's handler
	fastString               // repeated MOVS, STOS
	fastFixed                // first generated case
)

// fastExit says why the loop came back.
type fastExit uint8

const (
	fastBudget fastExit = iota // the budget is used up, or the code must be found again
	fastStep                   // the next instruction must take the slow way
)

// fastTLBs tell where the bytes of a page are that may be read, or written,
// without further ado.
type fastTLBs struct {
	read, write [fastTLB]fastTLBEntry
}

type fastTLBEntry struct {
	va   uint64 // of the page, or noPage
	page unsafe.Pointer
}

type fastJump struct {
	tag uint64
	op  *fastOp
}

const noPage = ^uint64(0)

// fastCore is one core's part of the fast path.
type fastCore struct {
	core  *Core
	tlb   *fastTLBs // of the current privilege
	jumps *[fastJumps]fastJump
	page  uint64  // linear address of the page that is executing
	tag   uint64  // epoch in the upper 16 bits: the jump cache holds pc^tag
	stale bool    // translations may have changed: look the next one up
	awake bool    // between enter and fastSettle
	slow  uint64  // fastCode.slow when entered
	at    *fastOp // where the loop stopped, if it goes on there; page is its page

	res, x, y uint64 // of the last operation that set flags
	kinds     uint32 // lazy kinds, see fast_flags.go
	cf, of    bool   // where kinds says so

	stop     *fastOp // patched
	stopCode uint16
	undo     [fastUndo]uint16 // codes before stop
	undone   int

	epoch  uint64 // of jumps
	gen    uint64 // of the memory's pages, for tlbs
	system fastTLBs
	user   fastTLBs
	filled []uint16 // places that were filled since all TLBs were empty
}

// Stop says why Run came back.
type Stop uint8

// The reasons.
const (
	StopBudget Stop = iota // n steps are done
	StopIdle               // the core cannot step: halted with nothing due, waiting for SIPI, shut down
	StopExit               // the guest wrote to the debug-exit port
	StopError              // the next step is a host error; the error says which
)

// Run takes up to n steps of core, exactly as n times Take(Step) would, but
// faster: nothing is recorded and nothing can be undone. It returns how many
// steps it took and why it stopped; err is not nil with StopError only.
func (m *Machine) Run(core int, n uint64) (done uint64, stop Stop, err error) {
	c := m.cores[core]
	if m.rec || m.journal.on {
		return m.runSlow(c, n)
	}
	done, stop, err = c.turn(n)
	c.fastSettle()
	return done, stop, err
}

// RunTurns runs all cores in turn, quantum steps each, until n steps are done
// in all, no core can step, or the guest's exit or an error ends it. A core
// that cannot step passes its turn. It returns the number of steps taken.
func (m *Machine) RunTurns(quantum, n uint64) (done uint64, stop Stop, err error) {
	defer func() {
		for _, c := range m.cores {
			c.fastSettle()
		}
	}()
	for done < n {
		before := done
		for _, c := range m.cores {
			budget := min(quantum, n-done)
			if s := c.fast; s != nil && s.at != nil && s.slow == m.fast.slow {
				k := s.resume(int64(budget))
				done += uint64(k)
				if budget -= uint64(k); budget == 0 {
					continue
				}
			}
			k, stop, err := c.turn(budget)
			done += k
			if stop > StopIdle {
				return done, stop, err
			}
		}
		if done == before {
			return done, StopIdle, nil
		}
	}
	return done, StopBudget, nil
}

// turn takes up to n steps of the core. It leaves the core awake: ready to go
// on in the loop at once, its flags still lazy; fastSettle ends that.
func (c *Core) turn(n uint64) (done uint64, stop Stop, err error) {
	m := c.m
	exit := m.exit
	for done < n {
		if m.rec || m.journal.on || !c.fastAwake() {
			if stop, err = m.slowStep(c); stop != StopBudget {
				return done, stop, err
			}
		} else {
			budget := min(n-done, 1<<40)
			left, why := c.fast.run(int64(budget))
			done += budget - uint64(left)
			if why == fastBudget {
				continue
			}
			// The step that the loop would not take needs no look at events:
			// the loop changes nothing that could make one due.
			c.fastSettle()
			if err := m.execute(c, false); err != nil {
				return done, StopError, err
			}
		}
		m.fast.slow++
		done++
		if m.exit != exit {
			return done, StopExit, nil
		}
	}
	return done, StopBudget, nil
}

// fastAwake makes the core ready for the loop and reports whether it is.
func (c *Core) fastAwake() bool {
	s := c.fast
	if s == nil {
		s = c.newFast()
	}
	if s.fresh() {
		return true
	}
	c.fastSettle()
	if !c.fastReady() {
		return false
	}
	s.enter()
	return true
}

// fresh reports whether the core is awake and nothing has happened since that
// it would have to look at before it goes on.
func (s *fastCore) fresh() bool {
	return s.awake && s.slow == s.core.m.fast.slow
}

// fastSettle puts registers and flags where the rest of the machine looks for
// them.
func (c *Core) fastSettle() {
	if s := c.fast; s != nil && s.awake {
		s.storeFlags()
		s.awake, s.at = false, nil
	}
}

// runSlow is Run with observers on.
func (m *Machine) runSlow(c *Core, n uint64) (done uint64, stop Stop, err error) {
	exit := m.exit
	for done < n {
		if stop, err = m.slowStep(c); stop != StopBudget {
			return done, stop, err
		}
		done++
		if m.exit != exit {
			return done, StopExit, nil
		}
	}
	return done, StopBudget, nil
}

// slowStep is one Take of a step; StopBudget means that it was taken.
func (m *Machine) slowStep(c *Core) (Stop, error) {
	if !m.CanStep(c.id) {
		return StopIdle, nil
	}
	if err := m.takeStep(c, false); err != nil {
		return StopError, err
	}
	return StopBudget, nil
}

// fastReady reports whether the loop may run: 64-bit mode, an empty store
// buffer, and no event that is due or that the next instructions could meet.
func (c *Core) fastReady() bool {
	c.derive()
	const trap = FlagTF | FlagRF
	if c.mode != decode.Mode64 || c.Flags&trap != 0 || c.Blocked&(BlockSTI|BlockMovSS) != 0 || len(c.sb.e) != 0 {
		return false
	}
	if c.CR0&CR0PG == 0 || c.Flags&FlagAC != 0 && c.CR0&CR0AM != 0 {
		return false
	}
	if c.Flags&(FlagZF|FlagSF) == FlagZF|FlagSF {
		return false // no result has both: only POPF, IRET and SAHF make it
	}
	return !c.attention() || c.DR[7]&0xff == 0 && c.PendDebug == 0 && c.Activity == Running && c.nextEvent().Kind == DueNone
}

// run runs the loop for at most n steps, which is at least one, and returns
// how many of them are left.
func (s *fastCore) run(n int64) (left int64, why fastExit) {
	c := s.core
	o := s.at
	if o == nil {
		s.stale = false // whatever it was about, the look-up sees it
		if o = s.lookup(c.RIP); o == nil {
			return n, fastStep
		}
	}
	s.at = nil
	c.RIP, left, why = s.loop(o, n)
	c.steps += uint64(n - left)
	return left, why
}

// resume is run where the loop stopped at an operation; it returns how many
// steps it took.
func (s *fastCore) resume(n int64) (done int64) {
	if o := s.at; n == 1 && o.n > 1 {
		if !s.one(o) {
			return 0
		}
		s.core.steps++
		return 1
	}
	left, _ := s.run(n)
	return n - left
}

// lookup returns the operation at pc, or nil when it must take the slow way.
func (s *fastCore) lookup(pc uint64) *fastOp {
	if e := s.jump(pc); e.tag == pc^s.tag {
		s.page = pc &^ 0xfff
		return e.op
	}
	return s.find(pc)
}

func (c *Core) newFast() *fastCore {
	s := &fastCore{core: c, jumps: new([fastJumps]fastJump), epoch: ^uint64(0), filled: make([]uint16, 0, 256)}
	s.filled = s.filled[:cap(s.filled)] // nothing is known to be empty yet
	c.fast = s
	return s
}

// enter brings the loop's copies up to date with the core and the machine.
func (s *fastCore) enter() {
	c := s.core
	if gen := c.m.mem.Gen(); gen != s.gen {
		s.gen = gen
		s.dropTLB()
	}
	if s.epoch != c.m.fast.epoch {
		s.newEpoch()
	}
	s.tlb = &s.system
	if c.cpl == 3 {
		s.tlb = &s.user
	}
	s.stale = false
	s.loadFlags()
	s.awake, s.at, s.slow = true, nil, c.m.fast.slow
}

// jump returns the jump cache's place for pc.
func (s *fastCore) jump(pc uint64) *fastJump { return &s.jumps[(pc^pc>>14)&(fastJumps-1)] }

// newEpoch voids the jump cache.
func (s *fastCore) newEpoch() {
	s.epoch = s.core.m.fast.epoch
	s.tag += 1 << 48
	if s.tag == 0 {
		clear(s.jumps[:])
	}
	s.stale = true
}

// dropTLB empties the loop's TLBs: the places that were filled, or all of
// them when nobody has kept count.
func (s *fastCore) dropTLB() {
	if n := len(s.filled); n < cap(s.filled) {
		for _, i := range s.filled {
			s.dropEntry(uint64(i))
		}
		s.filled = s.filled[:0]
		return
	}
	s.filled = s.filled[:0]
	for i := range uint64(fastTLB) {
		s.dropEntry(i)
	}
}

func (s *fastCore) dropEntry(i uint64) {
	none := fastTLBEntry{va: noPage}
	s.system.read[i], s.system.write[i] = none, none
	s.user.read[i], s.user.write[i] = none, none
}

func fastNext(o *fastOp) *fastOp { return (*fastOp)(unsafe.Add(unsafe.Pointer(o), unsafe.Sizeof(*o))) }

func fastAt(o *fastOp, i int) *fastOp {
	return (*fastOp)(unsafe.Add(unsafe.Pointer(o), i*int(unsafe.Sizeof(*o))))
}

// patch makes the loop stop n operations behind o, inside o's block.
func (s *fastCore) patch(o *fastOp, n int64) {
	stop := fastAt(o, int(n))
	s.stop, s.stopCode = stop, stop.code
	stop.code = fastStop
	s.undone = int(min(n, fastUndo))
	for i := range s.undone {
		p := fastAt(stop, -1-i)
		s.undo[i] = p.code
		p.code = p.single
	}
}

// unpatch puts back what patch changed.
func (s *fastCore) unpatch() {
	if s.stop == nil {
		return
	}
	s.stop.code = s.stopCode
	for i := range s.undone {
		fastAt(s.stop, -1-i).code = s.undo[i]
	}
	s.stop = nil
}

// rest is how many instructions, from o on, were charged and are not done.
func (s *fastCore) rest(o *fastOp) int64 {
	if s.stop != nil {
		return int64(uintptr(unsafe.Pointer(s.stop))-uintptr(unsafe.Pointer(o))) / int64(unsafe.Sizeof(*o))
	}
	return int64(o.n)
}

// address is the linear address of o's instruction, or where a fastGoto leads.
func (s *fastCore) address(o *fastOp) uint64 {
	if o.n == 0 {
		return o.imm
	}
	return s.page | uint64(o.off)
}

// fill enters the page of ea into the loop's TLB if the core's TLB has it
// with the rights, and if it is memory that may be accessed without further
// ado. It reports false when the access must take the slow way.
func (s *fastCore) fill(ea uint64, write bool) bool {
	c := s.core
	a := AccessRead
	if write {
		a = AccessWrite
	}
	val, hit := c.tlb.lookup(ea, a)
	if !hit || !canonical(ea) || !c.allowed(val, c.dataAccess(a)) || write && val&pteD == 0 {
		return false
	}
	place := ea >> 12 & (fastTLB - 1)
	va := ea &^ 0xfff
	read, written := &s.tlb.read[place], &s.tlb.write[place]
	if write && written.va == va || !write && read.va == va {
		return false // it is there: the access crosses the page
	}
	pa := val & physMask
	if c.apicAt(pa) || pa >= c.m.mem.Size() {
		return false
	}
	if !write {
		*read = fastTLBEntry{va, c.m.readable(pa >> 12)}
		s.note(place)
		return true
	}
	if c.m.fast.code[pa>>12] || c.m.walked.has(pa>>12) {
		return false // noteStore must see the store
	}
	// Making the page writable may give it another place in memory.
	p := c.m.mem.WritablePage(pa >> 12)
	s.moved()
	*read = fastTLBEntry{va, unsafe.Pointer(&p.Data)}
	*written = *read
	s.note(place)
	return true
}

// note keeps count of a filled place for dropTLB.
func (s *fastCore) note(place uint64) {
	if len(s.filled) < cap(s.filled) {
		s.filled = append(s.filled, uint16(place))
	}
}

var zeroPage mem.Page

// readable returns the bytes of physical page num for reading.
func (m *Machine) readable(num uint64) unsafe.Pointer {
	p := m.mem.Page(num)
	if p == nil {
		p = &zeroPage
	}
	return unsafe.Pointer(&p.Data)
}

// fastDropTLB tells the fast path that entry n of the core's TLB is no longer
// what it was. Without the code entry nothing of its page may be executed
// before it is fetched again.
func (c *Core) fastDropTLB(n uint64, old tlbEntry) {
	s := c.fast
	if s == nil || old.tag&tlbValid == 0 {
		return
	}
	if n >= tlbData {
		s.newEpoch()
		return
	}
	s.dropEntry(old.tag >> 12 & (fastTLB - 1))
}

// fastFlushTLB tells the fast path that any entry may have changed.
func (c *Core) fastFlushTLB() {
	if c.fast != nil {
		c.fast.dropTLB()
		c.fast.newEpoch()
	}
}

// fastDropCode tells the fast path that bytes of physical page num changed.
func (m *Machine) fastDropCode(num uint64) {
	if m.fast.code[num] {
		m.fast.epoch++
		m.fast.slow++
	}
}

// fastDropAll tells the fast path that memory may have changed in any place.
func (m *Machine) fastDropAll() {
	m.fast.epoch++
	m.fast.slow++
}

// handler runs the handler of an instruction without a case of its own. It
// reports false, with nothing changed, when the instruction must take the
// slow way.
func (s *fastCore) handler(o *fastOp) bool {
	c := s.core
	f := (*fastInst)(o.target)
	if f.flags {
		s.storeFlags()
	}
	c.saved = c.Regs
	c.fault = fault{}
	c.ip = s.page | uint64(o.off)
	c.RIP = c.ip + uint64(o.len)
	c.locked = f.lock
	f.row.Exec(c, &f.in)
	c.locked = false
	if c.fault.set || c.m.hostErr != nil {
		c.m.hostErr = nil
		c.rollback()
		c.fault = fault{}
		c.touched = 0
		return false
	}
	c.locked = f.lock
	c.retire(false)
	c.locked = false
	c.touched = 0
	if f.flags {
		s.loadFlags()
	}
	s.catchUp()
	return true
}

// catchUp notices what a handler's stores changed under the loop: the place of
// a page in memory, or translated code.
func (s *fastCore) catchUp() {
	s.moved()
	if s.epoch != s.core.m.fast.epoch {
		s.stale = true
	}
}

// moved notices that pages have got other places in memory, and has the other
// cores notice it too.
func (s *fastCore) moved() {
	m := s.core.m
	if gen := m.mem.Gen(); gen != s.gen {
		s.gen = gen
		s.dropTLB()
		m.fast.slow++
		s.slow = m.fast.slow
	}
}
