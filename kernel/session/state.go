package session

import (
	"encoding/binary"

	"klpsim/cpu"
	"klpsim/kernel/expr"
)

// State lets expressions read a machine.
type State struct{ M *cpu.Machine }

// Reg implements expr.State.
func (s State) Reg(core int, r expr.Reg) uint64 {
	c := s.M.Core(core)
	switch r.Kind {
	case expr.RegGPR:
		return r.Extract(c.GPR[r.N])
	case expr.RegRIP:
		return c.RIP
	case expr.RegFlags:
		return r.Extract(c.Flags)
	case expr.RegCR:
		return controlRegister(c, r.N)
	case expr.RegDR:
		return c.DR[r.N]
	case expr.RegSel:
		return uint64(c.Seg[r.N].Sel)
	case expr.RegBase:
		return c.Seg[r.N].Base
	case expr.RegKGS:
		return c.KernelGSBase
	case expr.RegXMMLow:
		return c.XMM[r.N][0]
	}
	panic("BUG: unknown register kind")
}

func controlRegister(c *cpu.Core, n uint8) uint64 {
	switch n {
	case 0:
		return c.CR0
	case 2:
		return c.CR2
	case 3:
		return c.CR3
	case 4:
		return c.CR4
	case 8:
		return uint64(c.APIC.TPR >> 4)
	}
	return 0
}

// Load implements expr.State.
func (s State) Load(core int, va uint64, size int) (uint64, bool) {
	var b [8]byte
	if !s.M.ReadVirt(core, va, b[:size]) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[:]), true
}

// LoadPhys implements expr.State.
func (s State) LoadPhys(pa uint64, size int) uint64 {
	var b [8]byte
	s.M.ReadPhys(pa, b[:size])
	return binary.LittleEndian.Uint64(b[:])
}
