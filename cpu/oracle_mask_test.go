//go:build linux && amd64

package cpu

import (
	"encoding/binary"
	"math"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
)

// What the manuals leave undefined: the one place where a difference from the
// host's processor is allowed. Each entry names its section.

// undefinedFlags are the flags that may differ after an instruction.
func undefinedFlags(in *decode.Inst, rec *native.Record) uint64 {
	return uint64(Lookup(in.Op).Undef)
}

// undefinedGPR reports a general register that may differ: the destination of
// BSF and BSR with a zero source (SDM vol. 2, BSF) keeps its value on every
// processor, and 16- and 32-bit forms differ in the upper half only.
func undefinedGPR(in *decode.Inst, rec *native.Record, i int, host, ours *native.Result) bool {
	return false
}

// undefinedMem reports memory that may differ: the instruction, data and
// opcode pointers of x87 save images.
// What ENTER and the state-saving instructions wrote before they faulted stays
// on some processors.
func undefinedMem(in *decode.Inst, host, ours *native.Result, n int) bool {
	switch in.Op {
	case decode.ENTER, decode.FXSAVE, decode.FNSAVE, decode.FNSTENV, decode.MASKMOVDQU, decode.MASKMOVQ:
		return host.Trap >= 0
	}
	return false
}

// undefinedCR2 reports instructions that may fault for bytes they do not touch.
func undefinedCR2(in *decode.Inst) bool {
	return in.Op == decode.MASKMOVDQU || in.Op == decode.MASKMOVQ
}

// undefinedFTW reports MMX instructions that faulted: whether the x87 stack
// has become the MMX file by then is up to the processor.
func undefinedFTW(in *decode.Inst, host *native.Result) bool { return isMMX(in) && host.Trap >= 0 }

// undefinedFSW reports status words that may differ.
func undefinedFSW(in *decode.Inst, host, ours *native.Result) bool { return false }

// approximateST allows x87 results that the manual does not define bit for bit.
func approximateST(in *decode.Inst, host, ours []byte) bool { return false }

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
		if !(math.Abs(float64(h)-float64(o)) <= math.Abs(float64(h))*3/4096) {
			return false
		}
	}
	return true
}
