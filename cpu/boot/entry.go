package boot

import (
	"encoding/binary"
	"fmt"

	"klpsim/cpu"
)

// The descriptors of the table that core 0 starts with, behind the null one;
// selectors 0x08, 0x10 and 0x18. The values are flat segments with the
// accessed bit set (SDM vol. 3A, section 3.4.5).
const (
	descCode32 = 0x00cf9b000000ffff
	descData   = 0x00cf93000000ffff
	descCode64 = 0x00af9b000000ffff

	selCode32 = 0x08
	selData   = 0x10
	selCode64 = 0x18
)

// flat returns the segment register that a flat descriptor makes.
func flat(sel uint16, desc uint64) cpu.SegReg {
	return cpu.SegReg{Sel: sel, Limit: 0xffffffff, Attr: uint16(desc>>40) & 0xf0ff}
}

// segments gives core 0 a descriptor table and flat segments.
func (l *loader) segments(c *cpu.Core, codeSel uint16, codeDesc uint64) {
	var table []byte
	for _, d := range []uint64{0, descCode32, descData, descCode64} {
		table = binary.LittleEndian.AppendUint64(table, d)
	}
	c.GDTR = cpu.TableReg{Base: uint64(l.put(table, 16)), Limit: uint64(len(table) - 1)}
	for i := range c.Seg {
		c.Seg[i] = flat(selData, descData)
	}
	c.Seg[cpu.CS] = flat(codeSel, codeDesc)
}

// enter32 sets core 0 to 32-bit protected mode without paging, interrupts off,
// as the Multiboot Specification (section 3.2) and the PVH boot ABI want it.
func (l *loader) enter32(entry uint64, eax uint32, ebx uint64) {
	c := l.m.Core(0)
	l.segments(c, selCode32, descCode32)
	c.CR0 = cpu.CR0PE | cpu.CR0ET
	c.Flags = cpu.Flag1
	c.GPR = [16]uint64{cpu.RAX: uint64(eax), cpu.RBX: ebx}
	c.RIP = entry & 0xffffffff
	if entry >= l.m.MemBytes() && l.err == nil {
		l.err = &ImageError{Name: l.name, Msg: fmt.Sprintf("entry point %#x lies outside memory", entry)}
	}
}

// kernelBase is where the first GiB is mapped a second time for images linked
// in the upper half, as Linux and many others are.
const kernelBase = 0xffffffff80000000

// The bits of page table entries (SDM vol. 3A, section 4.5).
const (
	pteP  = 1 << 0
	pteRW = 1 << 1
	ptePS = 1 << 7
)

// enter64 sets core 0 to 64-bit mode with paging on.
func (l *loader) enter64(img *Image, info uint64) {
	const stackSize = 64 << 10
	for i, s := range img.Segments {
		if s.Virt != s.Addr && (s.Virt-kernelBase != s.Addr || s.Addr+s.Size > 1<<30) && l.err == nil {
			l.err = &ImageError{Name: l.name, Msg: fmt.Sprintf(
				"segment %d is linked at %#x and loaded at %#x; want the same address, or a distance of %#x", i, s.Virt, s.Addr, uint64(kernelBase))}
		}
	}
	c := l.m.Core(0)
	c.CR3 = l.pageTables()
	l.segments(c, selCode64, descCode64)
	c.CR0 = cpu.CR0PE | cpu.CR0MP | cpu.CR0ET | cpu.CR0NE | cpu.CR0WP | cpu.CR0PG
	c.CR4 = cpu.CR4PAE
	c.EFER = cpu.EFERLME | cpu.EFERLMA
	c.Flags = cpu.Flag1
	stack := uint64(l.reserve(stackSize, pageSize)) + stackSize
	c.GPR = [16]uint64{cpu.RAX: mbLoaderMagic, cpu.RBX: info, cpu.RDI: info, cpu.RSP: stack}
	c.RIP = img.Entry
}

// pageTables writes tables of 2 MiB pages that map the first 4 GiB at their
// own addresses and the first GiB at kernelBase, and returns the root's address.
func (l *loader) pageTables() uint64 {
	const directories = 4
	root, upper := l.reserve(pageSize, pageSize), l.reserve(pageSize, pageSize)
	high := l.reserve(pageSize, pageSize)
	pages := make([]byte, 0, directories*pageSize)
	for i := range uint64(directories * 512) {
		pages = binary.LittleEndian.AppendUint64(pages, i<<21|ptePS|pteRW|pteP)
	}
	dirs := uint64(l.put(pages, pageSize))
	if l.err != nil {
		return 0
	}
	entry := func(table uint32, i, value uint64) {
		l.m.WritePhys(uint64(table)+8*i, binary.LittleEndian.AppendUint64(nil, value|pteRW|pteP))
	}
	entry(root, 0, uint64(upper))
	entry(root, 511, uint64(high))
	for i := range uint64(directories) {
		entry(upper, i, dirs+i*pageSize)
	}
	entry(high, 510, dirs)
	return uint64(root)
}
