package cpu

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// A bare machine for tests: long mode, everything mapped at its own address
// with user and write rights by 2 MiB pages, except that the first 2 MiB are
// mapped by 4 KiB pages so that a test can change single ones.
const (
	bareMem   = 8 << 20
	bareTop   = 0x10000 // PML4
	barePDPT  = 0x11000
	barePD    = 0x12000
	barePT    = 0x13000
	bareGDT   = 0x14000
	bareIDT   = 0x15000
	bareTSS   = 0x16000
	bareStub  = 0x18000 // 16 bytes a vector: HLT
	bareIST   = 0x30000 // IST1 stack top, below
	bareRSP0  = 0x38000
	bareStack = 0x40000 // minus core * 0x1000
	bareCode  = 0x100000
	bareData  = 0x200000

	selCode   = 0x08
	selData   = 0x10
	selUCode  = 0x20 | 3
	selUData  = 0x18 | 3
	selTSS    = 0x30
	selCode32 = 0x28 | 3
)

// bare returns a bare machine with code at bareCode on every core.
func bare(t testing.TB, cfg Config, code ...byte) *Machine {
	t.Helper()
	if cfg.MemBytes == 0 {
		cfg.MemBytes = bareMem
	}
	m, err := New(cfg)
	require.NoError(t, err)
	put := func(pa uint64, w ...uint64) {
		for i, v := range w {
			m.WritePhys(pa+uint64(i)*8, binary.LittleEndian.AppendUint64(nil, v))
		}
	}
	put(bareTop, barePDPT|0x27)
	put(barePDPT, barePD|0x27)
	put(barePD, barePT|0x27)
	for i := uint64(1); i < 4; i++ {
		put(barePD+i*8, i<<21|0xe7)
	}
	for i := range uint64(512) {
		put(barePT+i*8, i<<12|0x67)
	}
	put(bareGDT, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0x00cffb000000ffff,
		0x0000890000000067|bareTSS<<16, 0)
	for v := range uint64(256) {
		target := bareStub + 16*v
		gate := target&0xffff | selCode<<16 | 0xee<<40 | target>>16<<48
		if v == 2 || v == 8 {
			gate |= 1 << 32
		}
		put(bareIDT+16*v, gate, 0)
		m.WritePhys(target, []byte{0xf4})
	}
	put(bareTSS+4, bareRSP0)
	put(bareTSS+36, bareIST)
	m.WritePhys(bareCode, code)
	for i := range m.NumCores() {
		bareCore(m.Core(i))
	}
	return m
}

// bareCore puts a core into 64-bit mode at privilege level 0.
func bareCore(c *Core) {
	c.CR0 = CR0PE | CR0PG | CR0WP | CR0NE | CR0ET | CR0MP
	c.CR3 = bareTop
	c.CR4 = CR4PAE | CR4OSFXSR | CR4OSXMMEXCPT | CR4PGE | CR4FSGSBASE | CR4DE
	c.EFER = EFERSCE | EFERLME | EFERLMA | EFERNXE
	c.Seg[CS] = unpackDescriptor(selCode, 0x00af9b000000ffff)
	for _, s := range []int{ES, SS, DS, FS, GS} {
		c.Seg[s] = unpackDescriptor(selData, 0x00cf93000000ffff)
	}
	c.GDTR = TableReg{bareGDT, 63}
	c.IDTR = TableReg{bareIDT, 4095}
	c.TR = SegReg{Sel: selTSS, Base: bareTSS, Limit: 0x67, Attr: AttrP | 11}
	c.APIC.SVR = 0x1ff
	c.Activity = Running
	c.RIP = bareCode
	c.Flags = Flag1
	c.GPR = [16]uint64{RSP: bareStack - uint64(c.id)*0x1000}
	c.derive()
}

// user puts a core into ring 3.
func user(c *Core) {
	c.Seg[CS] = unpackDescriptor(selUCode, 0x00affb000000ffff)
	for _, s := range []int{ES, SS, DS, FS, GS} {
		c.Seg[s] = unpackDescriptor(selUData, 0x00cff3000000ffff)
	}
	c.derive()
}

// take takes choices written as text and fails the test on a host error.
func take(t testing.TB, m *Machine, text string) {
	t.Helper()
	s, err := ParseSchedule(text, m.NumCores())
	require.NoError(t, err)
	for _, ch := range s {
		require.NoError(t, m.Take(ch), "choice %s at %#x", ch, m.Core(int(ch.Core)).RIP)
	}
}

// word reads 8 bytes of physical memory.
func word(m *Machine, pa uint64) uint64 {
	var b [8]byte
	m.ReadPhys(pa, b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// setWord writes 8 bytes of physical memory.
func setWord(m *Machine, pa, v uint64) {
	m.WritePhys(pa, binary.LittleEndian.AppendUint64(nil, v))
}
