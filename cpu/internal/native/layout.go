package native

import (
	"fmt"
	"strings"
)

// Where things are in the helper's address space. All of it but HighArena lies
// below 2 GiB, so that 32-bit displacements and address-size prefixes reach it.
const (
	textBase = 0x00400000 // the helper's own code and data
	recBase  = 0x20000000 // the records
	CodeBase = 0x30000000 // one slot of SlotSize bytes for each record
	aliasVA  = 0x50000000 // the arena once more, always writable, without holes

	// LowArena and HighArena are two views of the same pages; HighArena needs
	// 47-bit addresses.
	LowArena  = 0x40000000
	HighArena = 0x7e1234567000
)

// Sizes in bytes and counts.
const (
	MaxBatch   = 256 // records in a batch
	SlotSize   = 64  // code slot: instruction, pad, second pad at PadOffset
	PadOffset  = 32  // where a taken branch should land, from the slot's start
	MaxWindow  = 640 // largest window of a record
	PageSize   = 4096
	ArenaPages = 9
)

// FSBase and GSBase are the helper's segment bases while records run.
const (
	FSBase = 0x1000
	GSBase = 0x23450
)

// Access says how an arena page is mapped.
type Access uint8

// The kinds of arena pages.
const (
	Hole      Access = iota // not mapped
	ReadOnly                // PROT_READ
	ReadWrite               // PROT_READ|PROT_WRITE
)

// Arena is the map of the arena's pages: every kind of neighbour is there, so
// that an access across a boundary can fault on either side.
var Arena = [ArenaPages]Access{
	ReadWrite, ReadWrite, Hole, ReadWrite, ReadOnly, Hole, ReadOnly, ReadOnly, Hole,
}

// record is the shared form of one run; its field offsets are the helper's.
type record struct {
	gpr     [16]uint64 // 0
	flags   uint64     // 128
	entry   uint64     // 136: address of the instruction
	winOff  uint64     // 144: offset of the window in the arena
	winLen  uint64     // 152: its length, a multiple of 8
	useFX   uint64     // 160: not 0: load and store fx
	code32  uint64     // 168: not 0: the instruction is 32-bit code
	_       [2]uint64
	fx      [512]byte       // 192: FXSAVE64 image
	mem     [MaxWindow]byte // 704
	outGPR  [16]uint64      // 1344
	outFl   uint64          // 1472
	outRIP  uint64          // 1480
	outTrap int64           // 1488: vector, or -1
	outErr  uint64          // 1496
	outCR2  uint64          // 1504
	_       [3]uint64
	outFX   [512]byte       // 1536
	outMem  [MaxWindow]byte // 2048
}

const recordSize = 2688

// File offsets of the shared memory's parts.
const (
	codeOff  = (MaxBatch*recordSize + PageSize - 1) &^ (PageSize - 1)
	arenaOff = codeOff + MaxBatch*SlotSize
	shmSize  = arenaOff + ArenaPages*PageSize
)

const (
	protR  = 1
	protRW = 3
	protRX = 5
)

// mapping is one row of the helper's table of mappings.
type mapping struct{ va, size, prot, off uint64 }

func mappings() []mapping {
	ms := []mapping{
		{recBase, codeOff, protRW, 0},
		{CodeBase, MaxBatch * SlotSize, protRX, codeOff},
		{aliasVA, ArenaPages * PageSize, protRW, arenaOff},
	}
	for i, a := range Arena {
		if a == Hole {
			continue
		}
		prot := uint64(protR)
		if a == ReadWrite {
			prot = protRW
		}
		off := uint64(i) * PageSize
		ms = append(ms,
			mapping{LowArena + off, PageSize, prot, arenaOff + off},
			mapping{HighArena + off, PageSize, prot, arenaOff + off})
	}
	return ms
}

// helperSource is helper.gas between the symbols and the table that it needs.
func helperSource(body string) string {
	var b strings.Builder
	for _, s := range []struct {
		name  string
		value uint64
	}{
		{"R_FLAGS", 128}, {"R_ENTRY", 136}, {"R_WINOFF", 144}, {"R_WINLEN", 152}, {"R_USEFX", 160}, {"R_CODE32", 168},
		{"R_FX", 192}, {"R_MEM", 704}, {"O_GPR", 1344}, {"O_FLAGS", 1472}, {"O_RIP", 1480},
		{"O_TRAP", 1488}, {"O_ERR", 1496}, {"O_CR2", 1504}, {"O_FX", 1536}, {"O_MEM", 2048},
		{"R_SIZE", recordSize}, {"RECORDS", recBase}, {"ALIAS", aliasVA},
		{"FSBASE", FSBase}, {"GSBASE", GSBase},
	} {
		fmt.Fprintf(&b, "\t.set %s, %#x\n", s.name, s.value)
	}
	b.WriteString(body)
	b.WriteString("\t.balign 8\nmaps:\n")
	for _, m := range mappings() {
		fmt.Fprintf(&b, "\t.quad %#x, %#x, %d, %#x\n", m.va, m.size, m.prot, m.off)
	}
	b.WriteString("\t.quad 0, 0, 0, 0\n")
	return b.String()
}
