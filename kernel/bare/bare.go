package bare

import (
	"encoding/binary"
	"fmt"

	"klpsim/cpu"
)

// The layout described in the package comment.
const (
	pml4      = 0x1000
	pdpt      = 0x2000
	pageDir   = 0x3000
	gdt       = 0x4000
	idt       = 0x5000
	tss       = 0x6000
	tssSize   = 128
	stacks    = 0x10000
	istStacks = 0x20000
	codeBase  = 0x100000
	codeSize  = 0x10000
	pageSize  = 0x1000
	largePage = 2 << 20

	// DataBase is the first address free for a program's data.
	DataBase = 0x30000
	// MaxCores is the largest number of cores that the layout has room for.
	MaxCores = 8
	// MemBytes is the memory that New gives a machine unless told otherwise.
	MemBytes = 4 << 20
)

// The selectors of the GDT.
const (
	codeSel = 0x08
	dataSel = 0x10
	tssSel  = 0x18
)

// CodeAddr returns where core i's code starts; CodeAddr(cores) and above is
// free for handlers.
func CodeAddr(i int) uint64 { return codeBase + uint64(i)*codeSize }

// StackTop returns core i's initial stack pointer.
func StackTop(i int) uint64 { return stacks + uint64(i+1)*pageSize }

// New returns a machine whose cores stand, with interrupts off, at their code
// addresses; memory there is zero until the caller writes it.
func New(cfg cpu.Config) (*cpu.Machine, error) {
	if cfg.Cores > MaxCores {
		return nil, fmt.Errorf("%w: %d cores, bare machines have at most %d", cpu.ErrConfig, cfg.Cores, MaxCores)
	}
	if cfg.MemBytes == 0 {
		cfg.MemBytes = MemBytes
	}
	m, err := cpu.New(cfg)
	if err != nil {
		return nil, err
	}
	writePageTables(m)
	writeGDT(m)
	for i := range m.NumCores() {
		setUpCore(m.Core(i))
	}
	return m, nil
}

// put writes a 64-bit word.
func put(m *cpu.Machine, pa, v uint64) {
	m.WritePhys(pa, binary.LittleEndian.AppendUint64(nil, v))
}

// writePageTables maps all of memory at itself (SDM vol. 3A, section 4.5).
func writePageTables(m *cpu.Machine) {
	const table, page = 0x27, 0xe7 // P, RW, US, A; and D, PS
	put(m, pml4, pdpt|table)
	put(m, pdpt, pageDir|table)
	for i := range (m.MemBytes() + largePage - 1) / largePage {
		put(m, pageDir+8*i, i*largePage|page)
	}
}

// writeGDT writes the descriptors (SDM vol. 3A, sections 3.4.5 and 7.2.3) and
// the task state segments.
func writeGDT(m *cpu.Machine) {
	put(m, gdt+codeSel, 0x00af9b000000ffff)
	put(m, gdt+dataSel, 0x00cf93000000ffff)
	for i := range uint64(m.NumCores()) {
		base := tss + i*tssSize
		put(m, gdt+tssSel+16*i, tssSize-1|base<<16|0x8b<<40)
		put(m, base+4, StackTop(int(i)))          // RSP0
		put(m, base+36, istStacks+(i+1)*pageSize) // IST1
	}
}

func setUpCore(c *cpu.Core) {
	i := uint64(c.ID())
	c.CR0 = cpu.CR0PE | cpu.CR0PG | cpu.CR0WP | cpu.CR0ET | cpu.CR0NE | cpu.CR0MP
	c.CR3 = pml4
	c.CR4 = cpu.CR4PAE | cpu.CR4OSFXSR | cpu.CR4OSXMMEXCPT
	c.EFER = cpu.EFERLME | cpu.EFERLMA | cpu.EFERNXE | cpu.EFERSCE
	data := cpu.SegReg{Sel: dataSel, Limit: 0xffffffff, Attr: 0xc093}
	for s := range c.Seg {
		c.Seg[s] = data
	}
	c.Seg[cpu.CS] = cpu.SegReg{Sel: codeSel, Limit: 0xffffffff, Attr: 0xa09b}
	c.TR = cpu.SegReg{Sel: uint16(tssSel + 16*i), Base: tss + i*tssSize, Limit: tssSize - 1, Attr: 0x8b}
	c.LDTR = cpu.SegReg{}
	c.GDTR = cpu.TableReg{Base: gdt, Limit: pageSize - 1}
	c.IDTR = cpu.TableReg{Base: idt, Limit: pageSize - 1}
	c.GPR[cpu.RSP] = StackTop(c.ID())
	c.RIP = CodeAddr(c.ID())
	c.Flags = cpu.Flag1
	c.Activity = cpu.Running
}

// SetHandler makes vector vec an interrupt gate to addr; ist runs it on the
// core's IST stack, as NMI handlers do.
func SetHandler(m *cpu.Machine, vec uint8, addr uint64, ist bool) {
	lo := addr&0xffff | codeSel<<16 | 0x8e<<40 | addr>>16&0xffff<<48
	if ist {
		lo |= 1 << 32
	}
	put(m, idt+16*uint64(vec), lo)
	put(m, idt+16*uint64(vec)+8, addr>>32)
}
