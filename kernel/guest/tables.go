package guest

import (
	"encoding/binary"
	"fmt"

	"klpsim/cpu"
	"klpsim/kernel/guest/layout"
)

// Physical memory, from the bottom: page tables, descriptor tables, user pages,
// the kernel image, and what is linked into the direct map.
const (
	physTables = 0x1000
	physGDT    = 0xa000
	physIDT    = 0xb000
	physUser   = 0xc000
	physImage  = layout.ImagePhys
	physDirect = 0x40000
	memBytes   = 0x100000
)

// Virtual addresses, as Linux has them (Documentation/x86/x86_64/mm.rst).
const (
	KernelBase = layout.KernelBase // the image
	DirectBase = layout.DirectBase // all physical memory
	UserBase   = 0x400000          // ring 3 code
	UserStacks = 0x500000          // ring 3 stacks
)

// Page table entry bits (SDM vol. 3A, section 4.5). Accessed and dirty are set
// from the start, so that a walk never changes memory.
const (
	ptePresent = 1 << 0
	pteWrite   = 1 << 1
	pteUser    = 1 << 2
	pteA       = 1 << 5
	pteD       = 1 << 6
	pteLarge   = 1 << 7
	pteGlobal  = 1 << 8
	pteNX      = 1 << 63
	pteAddr    = 0x000ffffffffff000

	pageBytes  = 0x1000
	largeBytes = 0x200000
)

// mapper fills in page tables.
type mapper struct {
	m    *cpu.Machine
	next uint64 // physical address of the next free table
}

// newMapper returns a mapper whose top table is at physTables.
func newMapper(m *cpu.Machine) *mapper {
	return &mapper{m: m, next: physTables + pageBytes}
}

// read64 and write64 access physical memory.
func read64(m *cpu.Machine, pa uint64) uint64 {
	var b [8]byte
	m.ReadPhys(pa, b[:])
	return binary.LittleEndian.Uint64(b[:])
}

func write64(m *cpu.Machine, pa, v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	m.WritePhys(pa, b[:])
}

// entry finds the physical address of va's entry at a level: 1 is the page
// table, 2 the page directory. Tables on the way are made; they allow
// everything, the last entry decides.
func (p *mapper) entry(va uint64, level int) (uint64, error) {
	table := uint64(physTables)
	for l := 4; ; l-- {
		slot := table + va>>(12+9*(l-1))&0x1ff*8
		if l == level {
			return slot, nil
		}
		e := read64(p.m, slot)
		if e == 0 {
			if p.next >= physGDT {
				return 0, fmt.Errorf("%w: too many page tables for %#x", ErrConfig, va)
			}
			e = p.next | ptePresent | pteWrite | pteUser | pteA
			p.next += pageBytes
			write64(p.m, slot, e)
		}
		table = e & pteAddr
	}
}

// pages maps size bytes at va to pa in 4 KiB pages.
func (p *mapper) pages(va, pa, size, flags uint64) error {
	for off := uint64(0); off < size; off += pageBytes {
		slot, err := p.entry(va+off, 1)
		if err != nil {
			return err
		}
		write64(p.m, slot, (pa+off)|flags|ptePresent|pteA|pteD)
	}
	return nil
}

// large maps one 2 MiB page.
func (p *mapper) large(va, pa, flags uint64) error {
	slot, err := p.entry(va, 2)
	if err != nil {
		return err
	}
	write64(p.m, slot, pa|flags|ptePresent|pteLarge|pteA|pteD)
	return nil
}

// segment returns a code or data segment with the given access byte and flags
// nibble, base 0 and limit 4 GiB (SDM vol. 3A, section 3.4.5).
func segment(access, flags uint64) uint64 {
	return 0xffff | access<<40 | 0xf<<48 | flags<<52
}

// The access bytes and flags nibbles of the guest's segments, accessed bit set.
const (
	accessKernelCode = 0x9b
	accessKernelData = 0x93
	accessUserCode   = 0xfb
	accessUserData   = 0xf3
	accessBusyTSS    = 0x8b
	flagsCode64      = 0xa
	flagsData        = 0xc
	gdtBytes         = layout.TSSSel + 16*maxCPUs
)

// writeGDT fills in the GDT, with a busy TSS for every CPU (SDM vol. 3A,
// sections 3.4.5 and 8.2.3).
func writeGDT(m *cpu.Machine, tss []uint64) {
	set := func(sel, v uint64) { write64(m, physGDT+sel&^7, v) }
	set(layout.KernelCS, segment(accessKernelCode, flagsCode64))
	set(layout.KernelDS, segment(accessKernelData, flagsData))
	set(layout.UserDS, segment(accessUserData, flagsData))
	set(layout.UserCS, segment(accessUserCode, flagsCode64))
	for i, base := range tss {
		sel := uint64(layout.TSSSel + 16*i)
		set(sel, (layout.TSSBytes-1)|base&0xffffff<<16|accessBusyTSS<<40|base>>24&0xff<<56)
		set(sel+8, base>>32)
	}
}

// gate writes one interrupt gate (SDM vol. 3A, figure 6-8).
func gate(m *cpu.Machine, vector int, handler uint64, ist, dpl uint64) {
	slot := uint64(physIDT + 16*vector)
	write64(m, slot, handler&0xffff|layout.KernelCS<<16|ist<<32|0xe<<40|dpl<<45|1<<47|handler>>16&0xffff<<48)
	write64(m, slot+8, handler>>32)
}
