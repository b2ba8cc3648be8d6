package asm

import "debug/elf"

// relocMod is a relocation operator, the @NAME after a symbol.
type relocMod uint8

const (
	modNone relocMod = iota
	modPLT
	modPLTOFF
	modGOT
	modGOTPLT
	modGOTOFF
	modGOTPCREL
	modGOTPCRELX // GOTPCREL in an instruction that the linker may rewrite
	modREXGOTPCRELX
	modTLSGD
	modTLSLD
	modGOTTPOFF
	modTPOFF
	modDTPOFF
	modTLSDESC
	modTLSCALL
	modSIZE
)

var modByName = map[string]relocMod{
	"plt": modPLT, "pltoff": modPLTOFF, "got": modGOT, "gotplt": modGOTPLT,
	"gotoff": modGOTOFF, "gotpcrel": modGOTPCREL, "tlsgd": modTLSGD, "tlsld": modTLSLD,
	"gottpoff": modGOTTPOFF, "tpoff": modTPOFF, "dtpoff": modDTPOFF,
	"tlsdesc": modTLSDESC, "tlscall": modTLSCALL, "size": modSIZE,
}

// relocKey selects a relocation type.
type relocKey struct {
	mod   relocMod
	size  uint8
	pcrel bool
}

// relocTypes are the relocations of the psABI (table 4.9) by operator, field
// size and whether the field is relative to its own address.
var relocTypes = map[relocKey]elf.R_X86_64{
	{modNone, 1, false}: elf.R_X86_64_8, {modNone, 1, true}: elf.R_X86_64_PC8,
	{modNone, 2, false}: elf.R_X86_64_16, {modNone, 2, true}: elf.R_X86_64_PC16,
	{modNone, 4, false}: elf.R_X86_64_32, {modNone, 4, true}: elf.R_X86_64_PC32,
	{modNone, 8, false}: elf.R_X86_64_64, {modNone, 8, true}: elf.R_X86_64_PC64,
	{modPLT, 4, true}: elf.R_X86_64_PLT32, {modPLT, 4, false}: elf.R_X86_64_PLT32,
	{modPLTOFF, 8, false}: elf.R_X86_64_PLTOFF64,
	{modGOT, 4, false}:    elf.R_X86_64_GOT32, {modGOT, 8, false}: elf.R_X86_64_GOT64,
	{modGOTPLT, 8, false}:      elf.R_X86_64_GOTPLT64,
	{modGOTOFF, 8, false}:      elf.R_X86_64_GOTOFF64,
	{modGOTPCREL, 4, true}:     elf.R_X86_64_GOTPCREL,
	{modGOTPCREL, 4, false}:    elf.R_X86_64_GOTPCREL,
	{modGOTPCREL, 8, false}:    elf.R_X86_64_GOTPCREL64,
	{modGOTPCRELX, 4, true}:    elf.R_X86_64_GOTPCRELX,
	{modREXGOTPCRELX, 4, true}: elf.R_X86_64_REX_GOTPCRELX,
	{modTLSGD, 4, true}:        elf.R_X86_64_TLSGD,
	{modTLSLD, 4, true}:        elf.R_X86_64_TLSLD,
	{modGOTTPOFF, 4, true}:     elf.R_X86_64_GOTTPOFF,
	{modTPOFF, 4, false}:       elf.R_X86_64_TPOFF32,
	{modTPOFF, 8, false}:       elf.R_X86_64_TPOFF64,
	{modDTPOFF, 4, false}:      elf.R_X86_64_DTPOFF32,
	{modDTPOFF, 8, false}:      elf.R_X86_64_DTPOFF64,
	{modTLSDESC, 4, true}:      elf.R_X86_64_GOTPC32_TLSDESC,
	{modTLSCALL, 0, false}:     elf.R_X86_64_TLSDESC_CALL,
	{modSIZE, 4, false}:        elf.R_X86_64_SIZE32,
	{modSIZE, 8, false}:        elf.R_X86_64_SIZE64,
}

// gotSymbol is the symbol that references to the table's own address go by.
const gotSymbol = "_GLOBAL_OFFSET_TABLE_"

// relocType returns the relocation type for a fixup against sym.
func relocType(f *fixup, sym *symbol, pcrel bool) (elf.R_X86_64, bool) {
	if f.typ != 0 {
		return f.typ, true
	}
	if sym != nil && sym.name == gotSymbol && f.mod == modNone {
		switch {
		case pcrel && f.size == 4, f.size == 4:
			return elf.R_X86_64_GOTPC32, true
		case f.size == 8:
			return elf.R_X86_64_GOTPC64, true
		}
	}
	if f.signed && f.mod == modNone && f.size == 4 && !pcrel {
		return elf.R_X86_64_32S, true
	}
	t, ok := relocTypes[relocKey{f.mod, f.size, pcrel}]
	return t, ok
}

// keepsSymbol reports whether a relocation with this operator must name the
// symbol even if it is local (GOT entries and TLS are per symbol).
func (m relocMod) keepsSymbol() bool { return m != modNone && m != modPLT }

// needsGOT reports whether naming the operator names the table.
func (m relocMod) needsGOT() bool {
	switch m {
	case modNone, modPLT, modTPOFF, modDTPOFF, modSIZE:
		return false
	}
	return true
}
