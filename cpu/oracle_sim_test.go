//go:build linux && amd64

package cpu

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/internal/native"
)

// oracleSim is klpsim's side of the oracle: one core in ring 3 with the
// helper's address space around it.
type oracleSim struct {
	m   *Machine
	c   *Core
	sys Sys // the state in which each record begins
}

// Physical places.
const (
	simGDT    = 0x1000
	simIDT    = 0x2000
	simTSS    = 0x3000
	simStack  = 0x5000 // grows down from here: the handlers' stack
	simTables = 0x10000
	simCode   = 0x40000
	simArena  = 0x80000
	simMem    = 0x100000

	simKernel = 0xffff800000000000 // physical memory again, for the supervisor
)

// The segments of 32-bit code, as Linux has them for compatibility mode.
var (
	simCode32 = SegReg{Sel: 0x23, Limit: 0xffffffff, Attr: AttrG | AttrDB | AttrP | 3<<5 | AttrS | AttrCode | AttrRead | AttrAccessed}
	simData   = SegReg{Sel: 0x2b, Limit: 0xffffffff, Attr: AttrG | AttrDB | AttrP | 3<<5 | AttrS | AttrWrite | AttrAccessed}
)

func newOracleSim(t testing.TB) *oracleSim {
	m, err := New(Config{MemBytes: simMem})
	require.NoError(t, err)
	s := &oracleSim{m: m, c: m.Core(0)}
	m.SetRecording(true)
	s.mapPages()
	s.tables()
	c := s.c
	c.CR0 = CR0PE | CR0PG | CR0NE | CR0WP | CR0AM | CR0MP | CR0ET
	c.CR3 = simTables
	c.CR4 = CR4PAE | CR4OSFXSR | CR4OSXMMEXCPT | CR4FSGSBASE | CR4UMIP
	c.EFER = EFERLME | EFERLMA | EFERNXE | EFERSCE
	c.Seg[CS] = SegReg{Sel: 0x33, Limit: 0xffffffff, Attr: AttrG | AttrL | AttrP | 3<<5 | AttrS | AttrCode | AttrRead | AttrAccessed}
	c.Seg[SS], c.Seg[DS], c.Seg[ES] = simData, simData, simData
	c.Seg[FS], c.Seg[GS] = SegReg{}, SegReg{}
	c.Seg[FS].Base, c.Seg[GS].Base = native.FSBase, native.GSBase
	c.GDTR = TableReg{simKernel + simGDT, 0x7f}
	c.IDTR = TableReg{simKernel + simIDT, 0xfff}
	c.TR = SegReg{Sel: 0x40, Base: simKernel + simTSS, Limit: 0x67, Attr: AttrP | 11}
	c.Activity = Running
	s.sys = c.Sys
	return s
}

// mapPages builds the page tables: the code, both views of the arena, and the
// supervisor's view of everything.
func (s *oracleSim) mapPages() {
	next := uint64(simTables + 0x1000)
	const user, write, present, nx = 4, 2, 1, 1 << 63
	entry := func(pa uint64) uint64 {
		var b [8]byte
		s.m.ReadPhys(pa, b[:])
		return binary.LittleEndian.Uint64(b[:])
	}
	set := func(va, pa, flags uint64) {
		table := uint64(simTables)
		for level := 3; level > 0; level-- {
			at := table + va>>(12+9*level)&0x1ff*8
			if entry(at) == 0 {
				s.poke(at, next|user|write|present)
				next += 0x1000
			}
			table = entry(at) & 0xffffffffff000
		}
		s.poke(table+va>>12&0x1ff*8, pa|flags|present|0x60)
	}
	for off := uint64(0); off < native.MaxBatch*native.SlotSize; off += 4096 {
		set(native.CodeBase+off, simCode+off, user)
	}
	for i, a := range native.Arena {
		flags := uint64(user | nx)
		if a == native.ReadWrite {
			flags |= write
		}
		off := uint64(i) * native.PageSize
		if a != native.Hole {
			set(native.LowArena+off, simArena+off, flags)
			set(native.HighArena+off, simArena+off, flags)
		}
	}
	for pa := uint64(0); pa < simMem; pa += 4096 {
		set(simKernel+pa, pa, write)
	}
}

func (s *oracleSim) poke(pa, v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	s.m.WritePhys(pa, b[:])
}

// tables fills in the GDT, the IDT and the TSS: every vector has a gate, and
// INT3 and INTO's are open to ring 3 as Linux has them.
func (s *oracleSim) tables() {
	s.poke(simGDT+0x10, 0x00af9b000000ffff) // ring 0 code
	s.poke(simGDT+0x18, 0x00cf93000000ffff) // ring 0 data
	s.poke(simGDT+0x20, 0x00cffb000000ffff) // ring 3 code, 32 bits
	s.poke(simGDT+0x28, 0x00cff3000000ffff) // ring 3 data
	s.poke(simGDT+0x30, 0x00affb000000ffff) // ring 3 code
	const handler = uint64(simKernel + simCode)
	for v := range uint64(256) {
		attr := uint64(0x8e00)
		if v == 3 || v == 4 {
			attr = 0xee00
		}
		s.poke(simIDT+16*v, handler&0xffff|0x10<<16|attr<<32|handler>>16&0xffff<<48)
		s.poke(simIDT+16*v+8, handler>>32)
	}
	for off := uint64(0); off < 0x68; off += 8 {
		s.poke(simTSS+off, 0)
	}
	var sp [8]byte
	binary.LittleEndian.PutUint64(sp[:], simKernel+simStack)
	s.m.WritePhys(simTSS+4, sp[:])
	s.m.WritePhys(simTSS+0x66, []byte{0x68, 0}) // no I/O permission map
}

// maxIterations bounds the steps of a repeated string instruction.
const maxIterations = 64

// run executes record i and fills in the result as the helper would.
func (s *oracleSim) run(i int, rec *native.Record, out *native.Result) error {
	c := s.c
	c.Sys = s.sys
	if rec.Code32 {
		c.Seg[CS] = simCode32
	}
	c.GPR, c.RIP, c.Flags = rec.GPR, native.SlotAddr(i), rec.Flags
	if rec.UseFX {
		s.loadFX(&rec.FX)
	}
	slot := uint64(simCode + i*native.SlotSize)
	s.m.WritePhys(slot, padded(rec.Code))
	s.m.WritePhys(simArena+uint64(rec.WinOff), rec.Mem[:rec.WinLen])
	if err := s.step(c.RIP, uint64(len(rec.Code)), out); err != nil {
		return err
	}
	if rec.Code32 {
		for i := range out.GPR {
			out.GPR[i] &= 0xffffffff
		}
		clear(out.GPR[8:])
	}
	s.m.ReadPhys(simArena+uint64(rec.WinOff), out.Mem[:rec.WinLen])
	if rec.UseFX {
		s.saveFX(&out.FX)
	}
	return nil
}

// step executes the instruction at ip to its end: all iterations if it is
// repeated, and the fetch behind a branch that leaves the slot.
func (s *oracleSim) step(ip, n uint64, out *native.Result) error {
	for range maxIterations {
		if err := s.m.Take(Choice{Kind: Step}); err != nil {
			return err
		}
		if e := s.delivered(); e != nil {
			s.frame(e, out)
			return nil
		}
		if rip := s.c.RIP; rip == ip+n || rip == ip+native.PadOffset {
			out.GPR, out.Flags, out.RIP, out.Trap = s.c.GPR, s.c.Flags, rip, -1
			out.Code, out.CR2 = 0, 0
			return nil
		}
	}
	return fmt.Errorf("no end after %d steps", maxIterations)
}

// delivered returns the event of an exception's delivery in the last step.
func (s *oracleSim) delivered() *Event {
	for i := range s.m.Events() {
		if e := &s.m.Events()[i]; e.Kind == EvDeliver {
			return e
		}
	}
	return nil
}

// frame takes the interrupted state from the handler's stack.
func (s *oracleSim) frame(e *Event, out *native.Result) {
	var f [40]byte
	s.m.ReadPhys(simStack-40, f[:])
	out.GPR = s.c.GPR
	out.RIP = binary.LittleEndian.Uint64(f[0:])
	out.Flags = binary.LittleEndian.Uint64(f[16:])
	out.GPR[RSP] = binary.LittleEndian.Uint64(f[24:])
	out.Trap, out.Code, out.CR2 = int(e.Vector), e.Code, s.c.CR2
}

// loadFX and saveFX move the x87, MMX and SSE state from and to an FXSAVE
// image, written independently of the instructions that do the same.
func (s *oracleSim) loadFX(p *[512]byte) {
	c, le := s.c, binary.LittleEndian
	c.FCW, c.FSW, c.FTW = le.Uint16(p[0:]), le.Uint16(p[2:]), uint16(p[4])
	c.FOP, c.FIP, c.FDP = le.Uint16(p[6:]), le.Uint64(p[8:]), le.Uint64(p[16:])
	c.MXCSR = le.Uint32(p[24:])
	for i := range 8 {
		c.FPR[(i+int(c.FSW>>11))&7] = Float80{Mant: le.Uint64(p[32+16*i:]), Exp: uint64(le.Uint16(p[40+16*i:]))}
	}
	for i := range 16 {
		c.XMM[i] = [2]uint64{le.Uint64(p[160+16*i:]), le.Uint64(p[168+16*i:])}
	}
}

func (s *oracleSim) saveFX(p *[512]byte) {
	c, le := s.c, binary.LittleEndian
	le.PutUint16(p[0:], c.FCW)
	le.PutUint16(p[2:], c.FSW)
	p[4] = uint8(c.FTW)
	le.PutUint16(p[6:], c.FOP)
	le.PutUint64(p[8:], c.FIP)
	le.PutUint64(p[16:], c.FDP)
	le.PutUint32(p[24:], c.MXCSR)
	for i := range 8 {
		r := &c.FPR[(i+int(c.FSW>>11))&7]
		le.PutUint64(p[32+16*i:], r.Mant)
		le.PutUint16(p[40+16*i:], uint16(r.Exp))
	}
	for i := range 16 {
		le.PutUint64(p[160+16*i:], c.XMM[i][0])
		le.PutUint64(p[168+16*i:], c.XMM[i][1])
	}
}
