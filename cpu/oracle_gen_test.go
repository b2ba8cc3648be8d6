//go:build linux && amd64

package cpu

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
)

// encoding is an instruction under construction.
type encoding struct {
	code    []byte
	dispAt  int // offset of the displacement in code, or -1
	dispLen int
	immAt   int
}

// statesPerEncoding is how many records in a row share an encoding: decoding
// one costs more than running it.
const statesPerEncoding = 4

// generate fills in records k, k+1... with one encoding of form f and several
// states, and returns how many: none when the random parts made something
// that the oracle cannot run.
func (r *oracleRun) generate(f *form, k int) int {
	e := r.encode(f)
	in, err := decode.Decode(padded(e.code), f.mode)
	if (in.Op == decode.BSF || in.Op == decode.BSR) && bytes.IndexByte(e.code[:4], 0xf3) >= 0 {
		return 0 // TZCNT and LZCNT
	}
	if err != nil || int(in.Len) > len(e.code) || !runnable(in.Op) || Lookup(in.Op).Exec == nil {
		return 0
	}
	e.code = e.code[:in.Len]
	n := 0
	for k+n < native.MaxBatch && n < statesPerEncoding {
		if !r.state(f, e, in, k+n) {
			break
		}
		n++
	}
	return n
}

// state fills in record k with a state for an encoding.
func (r *oracleRun) state(f *form, e encoding, in decode.Inst, k int) bool {
	rec, addr := &r.recs[k], native.SlotAddr(k)
	rec.Code = append(rec.Code[:0], e.code...)
	e.code = rec.Code
	w := &placer{rng: r.rng, pools: r.pools, rec: rec, in: &in, e: &e, addr: addr, next: addr + uint64(in.Len)}
	w.registers()
	w.window()
	rec.UseFX = in.Op >= decode.F2XM1
	if rec.UseFX {
		w.floats()
	}
	if !w.operands() {
		return false
	}
	w.special()
	if w.wild {
		return false
	}
	if rec.Code32 = f.mode == decode.Mode32; rec.Code32 {
		w.legacy()
	}
	r.insts[k] = in
	return true
}

// encode chooses the variable parts of an encoding: REX bits, ModRM, SIB,
// displacement, immediate, and now and then prefixes that change the address
// or nothing.
func (r *oracleRun) encode(f *form) encoding {
	rng := r.rng
	if f.mode == decode.Mode32 {
		return r.encodeLegacy(f)
	}
	e := encoding{dispAt: -1}
	if rng.IntN(12) == 0 {
		e.code = append(e.code, []byte{0x64, 0x65, 0x67, 0x2e, 0x3e, 0x26, 0x36, 0x67}[rng.IntN(8)])
	}
	if f.prefix == 0 && !isBranch(f.op) && rng.IntN(40) == 0 {
		e.code = append(e.code, []byte{0x66, 0xf2, 0xf3, 0xf0}[rng.IntN(4)])
	}
	var rex byte
	if rng.IntN(3) > 0 {
		rex = 0x40 | byte(rng.IntN(8))
	}
	e.code = append(e.code, f.bytes(rex)...)
	if f.hasRM {
		r.modrm(f, &e)
	}
	e.immAt = len(e.code)
	for range 8 {
		e.code = append(e.code, r.immByte())
	}
	return e
}

func (r *oracleRun) immByte() byte {
	if r.rng.IntN(3) == 0 {
		return []byte{0, 1, 0x7f, 0x80, 0xff, 8, 31, 32, 63}[r.rng.IntN(9)]
	}
	return byte(r.rng.Uint32())
}

// modrm appends ModRM and, for memory, SIB and displacement.
func (r *oracleRun) modrm(f *form, e *encoding) {
	rng := r.rng
	reg := f.regs[rng.IntN(len(f.regs))]
	rm := byte(rng.IntN(8))
	if f.fixedRM {
		rm = f.rm
	}
	if !f.mem {
		e.code = append(e.code, 0xc0|reg<<3|rm)
		return
	}
	mod := byte(rng.IntN(3))
	e.code = append(e.code, mod<<6|reg<<3|rm)
	base := rm
	if rm == 4 {
		sib := byte(rng.Uint32())
		e.code = append(e.code, sib)
		base = sib & 7
	}
	e.dispAt = len(e.code)
	switch {
	case mod == 1:
		e.dispLen = 1
	case mod == 2 || base == 5 && mod == 0:
		e.dispLen = 4
	}
	for range e.dispLen {
		e.code = append(e.code, byte(rng.Uint32()))
	}
}

// placer fills in a record so that the instruction's operands are interesting
// and its memory accesses hit the window or fault.
type placer struct {
	rng        *dice
	pools      *pools
	rec        *native.Record
	in         *decode.Inst
	e          *encoding
	addr, next uint64
	base       uint64 // address of the window's first byte
	taken      [16]bool
	wild       bool // the access would go nobody knows where
}

// interesting are boundary values of every width.
var interesting = []uint64{
	0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
	0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000,
	0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffff80000000, 0xffffffffffffff80, 0xffffffffffff8000,
	0x0123456789abcdef, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x00ff00ff00ff00ff,
}

func (w *placer) value() uint64 {
	switch w.rng.IntN(4) {
	case 0:
		return interesting[w.rng.IntN(len(interesting))]
	case 1:
		return w.rng.Uint64() >> w.rng.IntN(64)
	case 2:
		return uint64(int64(w.rng.Uint64()) >> w.rng.IntN(64))
	}
	return w.rng.Uint64()
}

func (w *placer) registers() {
	for i := range w.rec.GPR {
		w.rec.GPR[i] = w.value()
	}
	w.taken = [16]bool{}
	w.rec.Flags = Flag1 | FlagIF | w.rng.Uint64()&(FlagsStatus|FlagDF)
	switch w.rng.IntN(32) {
	case 0:
		w.rec.Flags |= FlagAC
	case 1:
		w.rec.Flags |= FlagID
	}
}

// placement is a place for the window in the arena, in bytes from its start.
type placement struct{ off, margin int }

// placements are the interesting places: within a page, across two, before
// and behind a hole, read-only, across into read-only.
var placements = []placement{
	{0x400, 0}, {0x400, 0}, {0x400, 0}, {0x400, 0}, {0x400, 0}, {0x400, 0}, {0x400, 0}, {0x400, 0},
	{0x1000, 1}, {0x1000, 1},
	{0x2000, 2}, // its end, then a hole
	{0x3000, 0}, // behind a hole
	{0x4000, 1}, // writable, then read-only
	{0x5000, 2}, // read-only, then a hole
	{0x6100, 0},
	{0x7000, 1},
}

// window chooses the window and its content.
func (w *placer) window() {
	rec := w.rec
	n := 256
	switch w.in.Op {
	case decode.FXSAVE, decode.FXRSTOR:
		n = native.MaxWindow
	}
	p := placements[w.rng.IntN(len(placements))]
	if w.in.Op == decode.MASKMOVDQU || w.in.Op == decode.MASKMOVQ {
		p = placements[0] // whether bytes that the mask leaves out may fault is up to the processor
	}
	rec.WinLen = n
	rec.WinOff = p.off - p.margin*n/2
	w.base = native.LowArena + uint64(rec.WinOff)
	if w.in.AddrSize == 8 && w.rng.IntN(2) == 0 {
		w.base = native.HighArena + uint64(rec.WinOff)
	}
	w.rng.cut(rec.Mem[:n], w.pools.values, 8)
}

// target picks an address for an access of n bytes: mostly inside the window,
// sometimes across its ends where those border on nothing, rarely wild.
func (w *placer) target(n int) uint64 {
	rng := w.rng
	switch rng.IntN(40) {
	case 0:
		if w.in.AddrSize == 8 && w.in.Segment < decode.SegFS {
			// With a segment base AMD processors also want the offset canonical.
			return []uint64{0x8000_0000_0000_0000, 0x0000_8000_0000_0000, 0xffff_7fff_ffff_ffff, 0xffff_8000_0000_0000,
				native.HighArena + 2*native.PageSize, 0x0000_7fff_ffff_fff8, 0xffff_ffff_ffff_fff8}[rng.IntN(7)]
		}
		return native.LowArena + 2*native.PageSize
	case 1:
		return native.LowArena + 2*native.PageSize + uint64(rng.IntN(64))
	}
	size := w.rec.WinLen
	switch {
	case w.rec.WinOff == 0x3000 && rng.IntN(2) == 0:
		return w.base - uint64(rng.IntN(n+1)) // from the hole into the window
	case isEnd(w.rec.WinOff+size) && rng.IntN(2) == 0:
		return w.base + uint64(size-rng.IntN(n+1))
	case w.rec.WinOff&0xfff > 0xe00 && rng.IntN(2) == 0:
		return w.base + uint64(size/2-rng.IntN(n+1)) // across the page boundary
	}
	room := max(1, size-n-64)
	off := uint64(32 + rng.IntN(room))
	if size-n < 96 {
		off = uint64(rng.IntN(max(1, size-n)))
	}
	if rng.IntN(2) == 0 {
		off &^= 15
	}
	return w.base + off
}

func isEnd(off int) bool { return off == 0x2000 || off == 0x5000 }

// operands places the explicit memory operand and what branches go to.
func (w *placer) operands() bool {
	in := w.in
	for i := range in.Args[:in.NArgs] {
		switch a := &in.Args[i]; a.Kind {
		case decode.Mem:
			if Lookup(in.Op).Mem == MemNone && in.Op != decode.CLFLUSH {
				continue
			}
			if !w.place(w.target(accessSize(in, a))) {
				return false
			}
		case decode.Rel:
			w.relative()
		}
	}
	return true
}

// accessSize is how many bytes an explicit memory operand covers.
func accessSize(in *decode.Inst, a *decode.Arg) int {
	switch in.Op {
	case decode.FXSAVE, decode.FXRSTOR:
		return 512
	case decode.FNSAVE, decode.FRSTOR:
		return 108
	case decode.FLDENV, decode.FNSTENV:
		return 28
	}
	return max(1, int(a.Size))
}

// relative makes a branch go to the second landing pad.
func (w *placer) relative() {
	rel := uint64(native.PadOffset) - (w.next - w.addr)
	n := int(w.in.Len) - w.e.immAt
	for i := range n {
		w.e.code[w.e.immAt+i] = byte(rel >> (8 * i))
	}
	w.in.Imm = int64(rel)
}

// place makes the memory operand's linear address t, by its registers or its
// displacement. It reports false if that is impossible.
func (w *placer) place(t uint64) bool {
	in := w.in
	switch in.Segment {
	case decode.SegFS:
		t -= native.FSBase
	case decode.SegGS:
		t -= native.GSBase
	}
	if w.e.dispAt < 0 {
		if in.Op == decode.MOV { // moffs
			for i := range int(in.AddrSize) {
				w.e.code[w.e.immAt+i] = byte(t >> (8 * i))
			}
		}
		return true
	}
	if in.Base == decode.RegIP || in.Base == decode.NoReg && in.Index == decode.NoReg {
		if in.Base == decode.RegIP {
			t -= w.next
		}
		if w.base >= native.HighArena && in.AddrSize == 8 && uint64(int64(int32(t))) != t {
			t -= native.HighArena - native.LowArena
		}
		if in.AddrSize == 8 && uint64(int64(int32(t))) != t {
			return false
		}
		binary.LittleEndian.PutUint32(w.e.code[w.e.dispAt:], uint32(t))
		in.Disp = int64(int32(t))
		return true
	}
	return w.solve(t - uint64(in.Disp))
}

// solve sets base and index so that base + index*scale is t, modulo the
// address size.
func (w *placer) solve(t uint64) bool {
	in, gpr := w.in, &w.rec.GPR
	upper := uint64(0)
	if in.AddrSize == 4 {
		upper = w.rng.Uint64() << 32
	}
	scale := uint64(in.Scale)
	switch {
	case in.Index == decode.NoReg:
		gpr[in.Base] = t
	case in.Base == in.Index:
		t &^= scale & 1 // 2*r is even
		if scale == 1 {
			gpr[in.Base] = t >> 1
			upper = 0
		} else {
			gpr[in.Base] = t * inverse(scale+1)
		}
	case in.Base == decode.NoReg:
		gpr[in.Index] = t >> bits.TrailingZeros64(scale)
		w.taken[in.Index] = true
		return w.e.dispLen == 4 && t&(scale-1) == 0
	default:
		gpr[in.Base] = t - gpr[in.Index]*scale
		w.taken[in.Index] = true
	}
	w.taken[in.Base] = true
	if in.AddrSize == 4 {
		gpr[in.Base] = gpr[in.Base]&0xffffffff | upper
	}
	return true
}

// inverse of an odd number modulo 2^64.
func inverse(a uint64) uint64 {
	x := a
	for range 6 {
		x *= 2 - a*x
	}
	return x
}

// free gives a register a value unless the address depends on it.
func (w *placer) free(r int, v uint64) {
	if !w.taken[r] {
		w.rec.GPR[r] = v
	}
}

// memoryAt returns the window's bytes from a linear address on, or nil.
func (w *placer) memoryAt(lin uint64, n int) []byte {
	off := lin - w.base
	if off > uint64(w.rec.WinLen-n) {
		return nil
	}
	return w.rec.Mem[off:][:n]
}
