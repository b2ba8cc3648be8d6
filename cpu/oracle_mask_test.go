//go:build linux && amd64

package cpu

import (
	"encoding/binary"
	"math"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
	"klpsim/cpu/internal/softfloat"
)

// What the manuals leave undefined: the one place where a difference from the
// host's processor is allowed. Each entry names its section.

// undefinedFlags are the flags that may differ after an instruction. Shifts by
// 0 leave the flags alone, shifts by 1 define OF, SHL and SHR by the width or
// more do not define CF, SHLD and SHRD by more than it define nothing (SDM
// vol. 2, SAL and SHLD).
func undefinedFlags(in *decode.Inst, rec *native.Record) uint64 {
	undef := uint64(Lookup(in.Op).Undef)
	n, width := shiftedBy(in, rec), 8*uint64(in.Size)
	switch {
	case n == 0:
		return 0
	case n == 1:
		return undef &^ FlagOF
	case n >= width && (in.Op == decode.SHL || in.Op == decode.SHR):
		return undef | FlagCF
	case undefinedShift(in, rec):
		return FlagsStatus
	}
	return undef
}

// undefinedShift reports SHLD and SHRD of 16 bits by more than 16: the result
// is undefined too.
func undefinedShift(in *decode.Inst, rec *native.Record) bool {
	return (in.Op == decode.SHLD || in.Op == decode.SHRD) && in.Size == 2 && shiftedBy(in, rec) > 16
}

// shiftedBy is the count of a shift as the processor masks it; for other
// instructions it is 2, which means nothing.
func shiftedBy(in *decode.Inst, rec *native.Record) uint64 {
	if in.Op < decode.SHL || in.Op > decode.SHRD {
		return 2
	}
	n := uint64(in.Imm)
	if in.Args[in.NArgs-1].Kind == decode.Reg {
		n = rec.GPR[RCX]
	}
	if in.Size == 8 {
		return n & 63
	}
	return n & 31
}

// undefinedMem clears, on both sides, memory that may differ. What ENTER and
// the state-saving instructions wrote before they faulted stays on some
// processors. The instruction, data and opcode pointers of x87 save images
// are kept by some processors always, by others with unmasked exceptions only
// (SDM vol. 1, 8.1.8), and MXCSR_MASK tells of AMD's misaligned mode.
func undefinedMem(in *decode.Inst, rec *native.Record, addr uint64, host, ours *native.Result) {
	from, to := -1, -1
	switch in.Op {
	case decode.ENTER, decode.PUSHA, decode.MASKMOVDQU, decode.MASKMOVQ:
	case decode.FXSAVE:
		clearMem(in, rec, addr, host, ours, 28, 32)
		from, to = 6, 24
	case decode.FNSAVE, decode.FNSTENV:
		from, to = 12, 26
		if in.Size == 2 {
			from, to = 6, 14
		}
	default:
		return
	}
	if host.Trap >= 0 {
		host.Mem, ours.Mem = rec.Mem, rec.Mem
	} else if from >= 0 {
		clearMem(in, rec, addr, host, ours, from, to)
	}
}

// undefinedGPR reports instructions that leave general registers half done
// when they fault.
func undefinedGPR(in *decode.Inst, host *native.Result) bool {
	return in.Op == decode.POPA && host.Trap >= 0
}

// clearMem clears bytes from..to of the explicit memory operand on both sides.
func clearMem(in *decode.Inst, rec *native.Record, addr uint64, host, ours *native.Result, from, to int) {
	lin := linearOf(in, &rec.GPR, addr+uint64(in.Len))
	for i := from; i < to; i++ {
		off := (lin+uint64(i)-native.LowArena)&0xffffff - uint64(rec.WinOff)
		if lin >= native.HighArena {
			off = lin + uint64(i) - native.HighArena - uint64(rec.WinOff)
		}
		if off < uint64(rec.WinLen) {
			host.Mem[off], ours.Mem[off] = 0, 0
		}
	}
}

// undefinedCR2 reports instructions that may fault for bytes they do not
// touch, or that touch theirs in an order of the processor's own.
func undefinedCR2(in *decode.Inst) bool {
	switch in.Op {
	case decode.MASKMOVDQU, decode.MASKMOVQ, decode.FLDENV, decode.FNSTENV, decode.FRSTOR, decode.FNSAVE, decode.FXSAVE, decode.FXRSTOR:
		return true
	}
	return false
}

// undefinedX87 reports MMX instructions that faulted: whether the x87 stack has
// become the MMX file by then is up to the processor. It also reports
// transcendental instructions with an argument out of range (SDM vol. 2,
// F2XM1 and FYL2XP1).
func undefinedX87(in *decode.Inst, rec *native.Record, host *native.Result) bool {
	exponent := binary.LittleEndian.Uint16(rec.FX[40:]) & 0x7fff
	switch in.Op {
	case decode.F2XM1:
		return exponent >= 0x3fff
	case decode.FYL2XP1:
		return exponent >= 0x3ffd
	}
	return isMMX(in) && host.Trap >= 0
}

// transcendental are the operations whose results the manual does not define
// bit for bit (SDM vol. 1, 8.3.10).
func transcendental(op decode.Op) bool {
	switch op {
	case decode.FSIN, decode.FCOS, decode.FSINCOS, decode.FPTAN, decode.FPATAN, decode.F2XM1, decode.FYL2X, decode.FYL2XP1:
		return true
	}
	return false
}

// approximateST allows transcendental results a difference of one unit of the last place.
func approximateST(in *decode.Inst, host, ours []byte) bool {
	f80 := func(p []byte) softfloat.F80 {
		return softfloat.F80{Sig: binary.LittleEndian.Uint64(p), SE: binary.LittleEndian.Uint16(p[8:])}
	}
	return transcendental(in.Op) && f80(host).Ulps(f80(ours)) <= 1
}

// approximateXMM allows RCPPS and RSQRTPS their relative error of 1.5 * 2^-12
// (SDM vol. 2, RCPPS) on both sides.
func approximateXMM(in *decode.Inst, reg int, host, ours []byte) bool {
	switch in.Op {
	case decode.RCPPS, decode.RCPSS, decode.RSQRTPS, decode.RSQRTSS:
	default:
		return false
	}
	if reg != int(in.Args[0].N) {
		return false
	}
	for i := 0; i < 16; i += 4 {
		h := math.Float32frombits(binary.LittleEndian.Uint32(host[i:]))
		o := math.Float32frombits(binary.LittleEndian.Uint32(ours[i:]))
		if math.Float32bits(h) == math.Float32bits(o) {
			continue
		}
		edge := float64(math.Float32frombits(0x00801000)) // tiny results are zero, and the edge is as exact as the rest
		if small := math.Max(math.Abs(float64(h)), math.Abs(float64(o))) <= edge; small && math.Signbit(float64(h)) == math.Signbit(float64(o)) {
			continue
		}
		if !(math.Abs(float64(h)-float64(o)) <= math.Abs(float64(h))*3/4096) {
			return false
		}
	}
	return true
}
