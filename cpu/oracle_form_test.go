//go:build linux && amd64

package cpu

import (
	"slices"

	"klpsim/cpu/decode"
)

// form is an encoding of an instruction without its variable parts: what the
// sweep of the opcode maps found to decode.
type form struct {
	op      decode.Op
	mode    decode.Mode
	prefix  byte // 0, 66, F2 or F3
	rexW    bool
	escape  []byte // opcode map: none, 0F, 0F 38, 0F 3A
	opcode  byte
	hasRM   bool
	mem     bool   // ModRM addresses memory
	regs    []byte // possible values of ModRM.reg
	fixedRM bool   // ModRM.rm selects the operation (x87 register forms, 0F 01)
	rm      byte
}

// oracleForms sweeps the opcode maps with every prefix, operand size, opcode
// extension and kind of operand, and keeps what the decoder knows and user
// mode may execute.
func oracleForms() []form {
	var forms []form
	for _, escape := range [][]byte{nil, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}} {
		for opcode := range 256 {
			if escape == nil && notAnOpcode(byte(opcode)) || len(escape) == 1 && (opcode == 0x38 || opcode == 0x3a) {
				continue
			}
			for _, prefix := range []byte{0, 0x66, 0xf2, 0xf3} {
				for _, rexW := range []bool{false, true} {
					f := form{prefix: prefix, rexW: rexW, escape: escape, opcode: byte(opcode)}
					forms = append(forms, f.sweep()...)
				}
			}
		}
	}
	return forms
}

// notAnOpcode reports prefixes and escapes among the one-byte opcodes.
func notAnOpcode(b byte) bool {
	return b == 0x0f || b&0xf0 == 0x40 || b&0xe7 == 0x26 || b >= 0x64 && b <= 0x67 ||
		b == 0xf0 || b == 0xf2 || b == 0xf3 || b == 0xc4 || b == 0xc5 || b == 0x62
}

// sweep finds the forms of one opcode: by kind of operand and, where ModRM.reg
// or ModRM.rm selects the operation, by that.
func (f form) sweep() (found []form) {
	if f.hasRM = hasModRM(f.escape, f.opcode); !f.hasRM {
		if in, ok := f.try(0); ok {
			f.op = in.Op
			return f.keep(found)
		}
		return found
	}
	for _, mem := range []bool{true, false} {
		byOp := map[decode.Op]int{}
		for reg := range byte(8) {
			for rm := range byte(8) {
				if mem && rm > 0 {
					break
				}
				g := f
				g.mem, g.regs, g.rm = mem, []byte{reg}, rm
				g.fixedRM = !mem && (f.opcode >= 0xd8 && f.opcode <= 0xdf && f.escape == nil || f.opcode == 1 && len(f.escape) == 1)
				modrm := 0xc0 | reg<<3 | rm
				if mem {
					modrm = reg << 3
				}
				in, ok := g.try(modrm)
				if !ok {
					continue
				}
				g.op = in.Op
				if i, seen := byOp[g.op]; seen && !g.fixedRM {
					found[i].regs = append(found[i].regs, reg)
				} else if n := len(g.keep(found)); n > len(found) {
					byOp[g.op] = len(found)
					found = g.keep(found)
				}
				if !g.fixedRM {
					break
				}
			}
		}
	}
	return found
}

// keep appends f if the oracle can run it.
func (f form) keep(found []form) []form {
	if !runnable(f.op) || Lookup(f.op).Exec == nil || f.hostDiffers() {
		return found
	}
	return append(found, f)
}

// bytes is the instruction up to and including the opcode.
func (f *form) bytes(rex byte) (b []byte) {
	if f.prefix != 0 {
		b = append(b, f.prefix)
	}
	if f.rexW {
		rex |= 0x48
	}
	if rex != 0 {
		b = append(b, rex)
	}
	return append(append(b, f.escape...), f.opcode)
}

// try decodes the form with what follows the opcode.
func (f *form) try(next byte) (decode.Inst, bool) {
	b := append(f.bytes(0), next, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	in, err := decode.Decode(b[:min(len(b), 15)], f.mode)
	return in, err == nil
}

// hasModRM reports opcodes with a ModRM byte (SDM vol. 2D, appendix A.3).
func hasModRM(escape []byte, op byte) bool {
	switch {
	case len(escape) == 2:
		return true
	case len(escape) == 1:
		switch {
		case op >= 0x05 && op <= 0x0b, op >= 0x30 && op <= 0x37, op == 0x77, op >= 0x80 && op <= 0x8f,
			op >= 0xa0 && op <= 0xa2, op >= 0xa8 && op <= 0xaa, op >= 0xc8 && op <= 0xcf:
			return false
		}
		return true
	case op < 0x40:
		return op&7 < 4
	}
	switch {
	case op == 0x62, op == 0x63, op == 0xc4, op == 0xc5, op == 0x69, op == 0x6b, op >= 0x80 && op <= 0x8f, op >= 0xc0 && op <= 0xc1, op >= 0xc6 && op <= 0xc7,
		op >= 0xd0 && op <= 0xd3, op >= 0xd8 && op <= 0xdf, op >= 0xf6 && op <= 0xf7, op >= 0xfe:
		return true
	}
	return false
}

// runnable reports operations that user mode may execute with a result that
// depends on nothing but the record. The others enter the kernel, change state
// that the helper lives by, or tell of the processor.
func runnable(op decode.Op) bool {
	switch op {
	case decode.SYSCALL, decode.SYSENTER, decode.CPUID, decode.RDTSC, decode.RDTSCP, decode.RDPMC,
		decode.WRFSBASE, decode.WRGSBASE, // the helper's own state
		decode.MOVTOSEG, decode.POPSEG, decode.LFS, decode.LGS, decode.LSS, decode.LAR, decode.LSL, decode.VERR, decode.VERW,
		decode.LJMP, decode.LCALL, decode.LRET, decode.IRET, // Linux's descriptor tables
		decode.SGDT, decode.SIDT, decode.SLDT, decode.STR, decode.SMSW, // UMIP: Linux emulates them
		decode.ICEBP:
		return false
	}
	return true
}

// hostDiffers reports forms that some processors take for other instructions.
func (f *form) hostDiffers() bool {
	twoByte := len(f.escape) == 1
	switch {
	case twoByte && f.prefix == 0xf3 && (f.opcode == 0xbc || f.opcode == 0xbd):
		return true // TZCNT and LZCNT, which CPUID does not announce here
	case f.prefix == 0x66 && isBranch(f.op):
		return true // 66 is ignored by Intel, obeyed by AMD processors
	case (f.prefix == 0xf2 || f.prefix == 0xf3) && (f.op == decode.LOOP || f.op == decode.LOOPE || f.op == decode.LOOPNE):
		return true // AMD processors let REP change the condition
	case twoByte && f.opcode == 0x0d && !f.mem:
		return true // PREFETCHW of a register: #UD or NOP
	case f.op == decode.SYSRET || f.op == decode.SYSEXIT:
		return true // #UD or #GP by vendor
	}
	return false
}

func isBranch(op decode.Op) bool {
	switch op {
	case decode.JMP, decode.JCC, decode.JCXZ, decode.LOOP, decode.LOOPE, decode.LOOPNE, decode.CALL, decode.RET:
		return true
	}
	return false
}

// onlyOps keeps the forms of the named operations.
func onlyOps(forms []form, names []string) []form {
	return slices.DeleteFunc(forms, func(f form) bool { return !slices.Contains(names, f.op.String()) })
}
