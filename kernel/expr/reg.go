package expr

import (
	"fmt"
	"strings"
)

// RegKind says which file of registers a Reg is in.
type RegKind uint8

// The register files.
const (
	RegGPR    RegKind = iota // general register N, Size bytes from bit Shift
	RegRIP                   // the instruction pointer
	RegFlags                 // RFLAGS, or its single bit Shift if Size is 0
	RegCR                    // control register N
	RegDR                    // debug register N
	RegSel                   // selector of segment register N (0 ES, 1 CS, ... 5 GS)
	RegBase                  // base of segment register N
	RegKGS                   // KERNEL_GS_BASE
	RegXMMLow                // the low quadword of XMM N
)

// Reg names a register, or a part of one, of a core.
type Reg struct {
	Kind  RegKind
	N     uint8
	Size  uint8 // bytes
	Shift uint8 // bits
}

var gpr64 = []string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// regs maps names, without the %, to registers.
var regs = makeRegs()

func makeRegs() map[string]Reg {
	m := map[string]Reg{"rip": {Kind: RegRIP, Size: 8}, "rflags": {Kind: RegFlags, Size: 8}, "eflags": {Kind: RegFlags, Size: 4},
		"kgsbase": {Kind: RegKGS, Size: 8}, "fsbase": {Kind: RegBase, N: 4, Size: 8}, "gsbase": {Kind: RegBase, N: 5, Size: 8}}
	for i, n := range gpr64 {
		r := Reg{Kind: RegGPR, N: uint8(i), Size: 8}
		m[n] = r
		names := []string{n + "d", n + "w", n + "b"}
		if i < 8 {
			names = []string{"e" + n[1:], n[1:], strings.TrimSuffix(n[1:], "x") + "l"}
		}
		for k, size := range []uint8{4, 2, 1} {
			r.Size = size
			m[names[k]] = r
		}
		if i < 4 {
			m[n[1:2]+"h"] = Reg{Kind: RegGPR, N: uint8(i), Size: 1, Shift: 8}
		}
		m[fmt.Sprintf("xmm%d", i)] = Reg{Kind: RegXMMLow, N: uint8(i), Size: 8}
		m[fmt.Sprintf("cr%d", i)] = Reg{Kind: RegCR, N: uint8(i), Size: 8}
		m[fmt.Sprintf("dr%d", i)] = Reg{Kind: RegDR, N: uint8(i), Size: 8}
	}
	for i, n := range []string{"es", "cs", "ss", "ds", "fs", "gs"} {
		m[n] = Reg{Kind: RegSel, N: uint8(i), Size: 2}
	}
	for n, bit := range map[string]uint8{"cf": 0, "pf": 2, "af": 4, "zf": 6, "sf": 7, "tf": 8, "if": 9, "df": 10, "of": 11, "ac": 18} {
		m[n] = Reg{Kind: RegFlags, Shift: bit}
	}
	for _, n := range []string{"cr1", "cr5", "cr6", "cr7", "cr9", "cr10", "cr11", "cr12", "cr13", "cr14", "cr15",
		"dr8", "dr9", "dr10", "dr11", "dr12", "dr13", "dr14", "dr15"} {
		delete(m, n)
	}
	return m
}

// LookupReg returns the register called name, without the leading %.
func LookupReg(name string) (Reg, bool) {
	r, ok := regs[name]
	return r, ok
}

// Extract takes the part that r names out of the full register's value.
func (r Reg) Extract(full uint64) uint64 {
	if r.Size == 0 {
		return full >> r.Shift & 1
	}
	return full >> r.Shift & mask(int(r.Size))
}

func (r Reg) typ() *Type {
	switch r.Size {
	case 0:
		return Int32
	case 1:
		return Uint8
	case 2:
		return Uint16
	case 4:
		return Uint32
	}
	return Uint64
}
