package cpu

import (
	"math/bits"
	"unsafe"

	"klpsim/cpu/decode"
	"klpsim/cpu/mem"
)

// fastCode is the translated code of a machine, shared by its cores.
type fastCode struct {
	pages map[fastPageKey]*fastPage
	code  map[uint64]bool // physical pages that have translated code
	epoch uint64          // moves when the bytes of such a page may have changed
	slow  uint64          // steps that took the slow way: they may concern every core
}

// fastPageKey names a translation: operations hold linear addresses, so that
// a page mapped at two of them is translated twice.
type fastPageKey struct{ va, num uint64 }

const fastSlab = 128 // operations

// fastPage is the translation of one page of code.
type fastPage struct {
	key   fastPageKey
	epoch uint64              // of fastCode, when bytes was last found to be right
	bytes [mem.PageSize]byte  // what was translated
	at    [mem.PageSize]int32 // 1 + number of the operation at an offset
	slabs []*[fastSlab]fastOp
	used  int // of the last slab
}

// find translates linear address pc as a fetch does and returns its operation,
// or nil when the fetch must take the slow way.
func (s *fastCore) find(pc uint64) *fastOp {
	c := s.core
	if !canonical(pc) {
		return nil
	}
	c.fault = fault{}
	pa, ok := c.translate(pc, c.dataAccess(AccessExec))
	if !ok {
		c.fault = fault{}
		return nil
	}
	if c.apicAt(pa) || pa >= c.m.mem.Size() {
		return nil
	}
	o := c.m.fastPage(pc&^0xfff, pa>>12).op(pc & 0xfff)
	s.page = pc &^ 0xfff
	*s.jump(pc) = fastJump{pc ^ s.tag, o}
	return o
}

// link resolves a direct branch within its page.
func (s *fastCore) link(o *fastOp, pc uint64) *fastOp {
	e := s.jump(pc)
	if e.tag != pc^s.tag {
		return nil // let find see to it; the next time the branch is taken it links
	}
	o.target = unsafe.Pointer(e.op)
	return e.op
}

// fastPage returns the translation of physical page num at linear address va,
// a new one if the bytes have changed.
func (m *Machine) fastPage(va, num uint64) *fastPage {
	f := &m.fast
	key := fastPageKey{va, num}
	p := f.pages[key]
	if p != nil && p.epoch == f.epoch {
		return p
	}
	bytes := (*[mem.PageSize]byte)(m.readable(num))
	if p != nil && p.bytes == *bytes {
		p.epoch = f.epoch
		return p
	}
	if f.pages == nil {
		f.pages, f.code = map[fastPageKey]*fastPage{}, map[uint64]bool{}
	}
	p = &fastPage{key: key, epoch: f.epoch, bytes: *bytes, used: fastSlab}
	f.pages[key] = p
	if !f.code[num] {
		f.code[num] = true
		m.fastDropWrites()
	}
	return p
}

// fastDropWrites makes every core ask again before it writes to a page: one
// of them may now hold code or page tables.
func (m *Machine) fastDropWrites() {
	for _, c := range m.cores {
		if c.fast != nil {
			c.fast.dropTLB()
		}
	}
}

// op returns the operation at offset off, translating what is not yet.
func (p *fastPage) op(off uint64) *fastOp {
	if i := p.at[off]; i != 0 {
		return p.number(i - 1)
	}
	return p.translate(off)
}

func (p *fastPage) number(i int32) *fastOp { return &p.slabs[i/fastSlab][i%fastSlab] }

// translate makes the operations from off on to the end of the straight line:
// an instruction that never falls through, one that is translated already, the
// end of the page, or the length of a block.
func (p *fastPage) translate(off uint64) *fastOp {
	var t fastLine
	for {
		if p.at[off&0xfff] != 0 && len(t.ops) > 0 || off > 0xfff || len(t.ops) >= fastMaxLen {
			t.emit(fastOp{code: fastGoto, single: fastGoto, imm: p.key.va + off})
			break
		}
		in, err := decode.Decode(p.bytes[off:min(off+15, mem.PageSize)], decode.Mode64)
		if err != nil {
			// Undefined, or it goes on in the next page: the slow way knows.
			t.emit(fastOp{code: fastSlow, single: fastSlow, off: uint16(off)})
			t.end()
			break
		}
		if falls := t.instruction(&in, p.key.va, off); !falls {
			break
		}
		off += uint64(in.Len)
	}
	t.quiet()
	t.fuse()
	t.count()
	return p.place(&t)
}

// place moves a line's operations to where they stay.
func (p *fastPage) place(t *fastLine) *fastOp {
	if p.used+len(t.ops) > fastSlab {
		p.slabs = append(p.slabs, new([fastSlab]fastOp))
		p.used = 0
	}
	first := int32((len(p.slabs)-1)*fastSlab + p.used)
	slab := p.slabs[len(p.slabs)-1]
	for i, o := range t.ops {
		slab[p.used] = o
		if o.n > 0 {
			p.at[o.off] = first + int32(i) + 1
		}
		p.used++
	}
	return p.number(first)
}

// fastLine is a straight line of operations in the making.
type fastLine struct {
	ops  []fastOp
	info []fastInfo
}

// fastInfo is what the passes over a line know of an operation.
type fastInfo struct {
	key     fastKey
	ends    bool // a block ends with it
	kills   bool // replaces all flags, reads none, never leaves the loop
	neutral bool // neither touches flags nor leaves the loop
}

func (t *fastLine) emit(o fastOp) {
	t.ops = append(t.ops, o)
	t.info = append(t.info, fastInfo{})
}

func (t *fastLine) end() { t.info[len(t.info)-1].ends = true }

// instruction appends the operation of one instruction at va+off and reports
// whether execution can fall through to the next.
func (t *fastLine) instruction(in *decode.Inst, va, off uint64) (falls bool) {
	o := fastOp{off: uint16(off), len: in.Len, imm: uint64(in.Imm), s: in.Cond, a: fastNone, b: fastNone, c: fastNone}
	next := va + off + uint64(in.Len)
	switch in.Op {
	case decode.JMP, decode.CALL, decode.JCC, decode.RET:
		return t.branch(in, o, next)
	}
	key, ok := o.operands(in, next)
	if ok {
		if o.code, ok = fastCodes[key]; ok {
			o.single = o.code
			t.emit(o)
			t.classify(key)
			return true
		}
	}
	o = fastOp{off: o.off, len: o.len, code: fastSlow, single: fastSlow}
	switch {
	case fastRepeats(in):
		o.code, o.single = fastString, fastString
		o.target = unsafe.Pointer(newFastInst(in))
	case fastHandled(in):
		o.code, o.single = fastCall, fastCall
		o.target = unsafe.Pointer(newFastInst(in))
		t.emit(o)
		return true
	}
	t.emit(o)
	t.end()
	return o.code == fastString
}

// branch appends a near jump, call or return.
func (t *fastLine) branch(in *decode.Inst, o fastOp, next uint64) (falls bool) {
	key, ok := o.operands(in, next)
	switch {
	case in.NArgs == 1 && in.Args[0].Kind == decode.Rel:
		o.imm = next + uint64(in.Imm)
		ok = canonical(o.imm)
		switch in.Op {
		case decode.JMP:
			o.code = fastGoto
		case decode.CALL:
			o.code = fastCodes[fastKey{decode.CALL, 8, shapeRel, 0}]
		default:
			o.code = fastCodes[fastKey{decode.JCC, 0, shapeNone, 0x10 + in.Cond}]
		}
	case in.Op == decode.RET && in.NArgs == 0:
		o.code, ok = fastCodes[fastKey{decode.RET, 8, shapeNone, 0}], true
	case ok:
		o.code, ok = fastCodes[key]
	}
	if !ok || in.Size != 8 && in.Op != decode.JCC {
		o.code = fastSlow
	}
	o.single = o.code
	t.emit(o)
	t.end()
	return in.Op == decode.JCC && ok
}

// shape says what an instruction's operands are: registers, memory with a
// base (D) or an index too (X), immediates.
type shape uint8

const (
	shapeNone shape = iota
	shapeR
	shapeI
	shapeD
	shapeX
	shapeRel
	shapeRR
	shapeRI
	shapeRD
	shapeRX
	shapeDR
	shapeXR
	shapeDI
	shapeXI
	shapeRRI
)

// fastKey is what the generated cases are found by. sub tells apart MOVZX and
// MOVSX by source width, the forms without flags (1), and a comparison fused
// with a jump (16 + condition code).
type fastKey struct {
	op    decode.Op
	size  uint8
	shape shape
	sub   uint8
}

// operands puts in's operands into o and returns the key of its shape; ok is
// false for operands that the generated cases do not know.
func (o *fastOp) operands(in *decode.Inst, next uint64) (key fastKey, ok bool) {
	key = fastKey{op: in.Op, size: in.Size}
	if in.Op == decode.NOP {
		return fastKey{op: decode.NOP}, true
	}
	if in.Prefix&(decode.Lock|decode.Rep|decode.RepNE) != 0 {
		return key, false
	}
	kinds := [3]decode.Kind{}
	regs := 0
	for i, a := range in.Args[:min(int(in.NArgs), 3)] {
		kinds[i] = a.Kind
		switch a.Kind {
		case decode.Reg:
			if regs == 0 {
				o.a = a.N
			} else {
				o.b = a.N
			}
			regs++
		case decode.Mem:
			if !o.memory(in, next) {
				return key, false
			}
		}
	}
	key.shape, ok = shapeOf(kinds, o.c != fastNone)
	switch in.Op {
	case decode.MOVZX, decode.MOVSX:
		key.sub = in.Args[1].Size
	case decode.SET:
		key.size = 1
	case decode.SHL, decode.SHR, decode.SAR, decode.ROL, decode.ROR:
		return key, ok && shiftable(in)
	case decode.MOV:
		if key.shape == shapeRI {
			o.imm &= sizeMask(in.Size)
			if in.Size == 4 {
				key.size = 8 // writes all of the register either way
			}
		}
	}
	return key, ok && in.NArgs <= 3
}

// shiftable reports a shift of a register by CL or by an immediate count that
// is not zero after masking: a zero count leaves the flags.
func shiftable(in *decode.Inst) bool {
	switch in.Args[1].Kind {
	case decode.Imm:
		mask := int64(31)
		if in.Size == 8 {
			mask = 63
		}
		return in.Imm&mask != 0
	case decode.Reg:
		return in.Args[0].Kind == decode.Reg
	}
	return false
}

// memory puts in's memory operand into o: flat segments and 64-bit addresses
// only; RIP-relative ones become absolute where they fit.
func (o *fastOp) memory(in *decode.Inst, next uint64) bool {
	if in.AddrSize != 8 || in.Segment >= FS {
		return false
	}
	disp := in.Disp
	switch in.Base {
	case decode.RegIP:
		disp += int64(next)
	case decode.NoReg:
	default:
		o.b = in.Base
	}
	if in.Index != decode.NoReg {
		o.c = in.Index
		o.s = uint8(bits.TrailingZeros8(in.Scale))
	}
	o.disp = int32(disp)
	return int64(o.disp) == disp
}

// shapeOf names the operands' shape.
func shapeOf(k [3]decode.Kind, indexed bool) (shape, bool) {
	const (
		R = decode.Reg
		M = decode.Mem
		I = decode.Imm
	)
	pick := func(d, x shape) (shape, bool) {
		if indexed {
			return x, true
		}
		return d, true
	}
	switch k {
	case [3]decode.Kind{}:
		return shapeNone, true
	case [3]decode.Kind{R}:
		return shapeR, true
	case [3]decode.Kind{I}:
		return shapeI, true
	case [3]decode.Kind{M}:
		return pick(shapeD, shapeX)
	case [3]decode.Kind{R, R}:
		return shapeRR, true
	case [3]decode.Kind{R, I}:
		return shapeRI, true
	case [3]decode.Kind{R, M}:
		return pick(shapeRD, shapeRX)
	case [3]decode.Kind{M, R}:
		return pick(shapeDR, shapeXR)
	case [3]decode.Kind{M, I}:
		return pick(shapeDI, shapeXI)
	case [3]decode.Kind{R, R, I}:
		return shapeRRI, true
	}
	return 0, false
}

// classify says what the last operation means for the flags around it.
func (t *fastLine) classify(key fastKey) {
	f := &t.info[len(t.info)-1]
	f.key = key
	inRegisters := key.shape == shapeRR || key.shape == shapeRI || key.shape == shapeR
	switch key.op {
	case decode.ADD, decode.SUB, decode.AND, decode.OR, decode.XOR, decode.CMP, decode.TEST, decode.NEG:
		f.kills = inRegisters
	case decode.SHL, decode.SHR, decode.SAR:
		f.kills = key.shape == shapeRI
	case decode.MOV, decode.MOVZX, decode.MOVSX:
		f.neutral = inRegisters
	case decode.LEA:
		f.neutral = true
	}
}

// quiet gives operations whose flags nobody can see their form without flags.
func (t *fastLine) quiet() {
	for i := range t.ops {
		key := t.info[i].key
		if key.op == decode.Invalid || key.sub != 0 || !t.deadFlags(i) {
			continue
		}
		key.sub = 1
		if code, ok := fastCodes[key]; ok {
			t.ops[i].code = code
		}
	}
}

// deadFlags reports whether the flags that operation i leaves are replaced
// before anything can look at them. A stop in between is patched (fastUndo).
func (t *fastLine) deadFlags(i int) bool {
	for j := i + 1; j < len(t.ops) && j < i+fastUndo; j++ {
		switch f := &t.info[j]; {
		case t.info[j-1].ends:
			return false
		case f.kills:
			return true
		case !f.neutral:
			return false
		}
	}
	return false
}

// fuse joins comparisons with the conditional jump behind them.
func (t *fastLine) fuse() {
	for i := range t.ops[:max(0, len(t.ops)-1)] {
		o, j := &t.ops[i], &t.ops[i+1]
		key := t.info[i].key
		if !t.info[i+1].ends || j.code != fastCodes[fastKey{decode.JCC, 0, shapeNone, 0x10 + j.s}] {
			continue
		}
		if key.op == decode.CMP || key.op == decode.TEST {
			key.sub = 0x10 + j.s
			if code, ok := fastCodes[key]; ok {
				o.code = code
			}
		}
	}
}

// count tells each operation how many instructions remain in its block.
func (t *fastLine) count() {
	n := uint8(0)
	for i := len(t.ops) - 1; i >= 0; i-- {
		o := &t.ops[i]
		if o.code == fastGoto && o.len == 0 {
			n = 0
			continue
		}
		if t.info[i].ends {
			n = 0
		}
		n++
		o.n = n
	}
}

func newFastInst(in *decode.Inst) *fastInst {
	row := &table[in.Op]
	return &fastInst{
		in:    *in,
		row:   row,
		flags: row.Reads|row.Writes != 0,
		lock:  flagsOf(row, in)&efLocked != 0,
	}
}

// fastOther are the operations that always take the slow way: transfers of
// control, the processor's own state, and what leaves flags that no result has.
var fastOther = func() (other [decode.NumOps]bool) {
	for _, rows := range [][]Row{controlRows, systemRows} {
		for _, r := range rows {
			other[r.Op] = true
		}
	}
	other[decode.SAHF], other[decode.INS], other[decode.OUTS] = true, true, true
	return other
}()

// fastHandled reports whether the loop may run in's handler.
func fastHandled(in *decode.Inst) bool {
	row := &table[in.Op]
	return row.Exec != nil && !fastOther[in.Op] && in.Prefix&anyRep == 0 && flagsOf(row, in)&efLockUD == 0
}
