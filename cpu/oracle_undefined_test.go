//go:build linux && amd64

package cpu

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
)

// beyond reports encodings that the host may know and the announced processor
// does not: extensions that CPUID does not list, each by its opcodes.
func beyond(escape []byte, op byte, prefix byte) bool {
	switch {
	case len(escape) == 0:
		return op >= 0xd8 && op <= 0xdf // x87 has aliases that no manual promises
	case len(escape) == 2 && escape[1] == 0x38:
		return op == 0x82 || op >= 0xc8 && op <= 0xcf || op >= 0xd8 && op <= 0xdf || op >= 0xf0 // INVPCID, SHA, GFNI, AES, ADX, MOVDIR, CET
	case len(escape) == 2:
		return op == 0x44 || op >= 0xcc && op <= 0xdf // PCLMULQDQ, SHA, GFNI, AES
	}
	switch op {
	case 0x01, 0x0d, 0x0e, 0x0f, // system extensions, 3DNow and its prefetches
		0x02, 0x03, 0x05, 0x34, 0x35, 0x07, // LAR, LSL and the kernel's doors: not run here
		0x78, 0x79, 0x2b, // SSE4A
		0x1e, 0xae, 0xc7, 0xff, 0xb9, // CET, XSAVE and cache control, RDRAND and its kin, UD0 and UD1
		0xbc, 0xbd, 0xb8: // TZCNT, LZCNT, POPCNT with other prefixes
		return true
	}
	return false
}

// What the decoder calls undefined must be #UD on the host, unless it belongs
// to an extension that CPUID does not announce.
func TestUndefinedOpcodes(t *testing.T) {
	h := native.New(t)
	var recs []native.Record
	results := make([]native.Result, native.MaxBatch)
	checked := 0
	run := func() {
		require.NoError(t, h.Run(recs, results))
		for i := range recs {
			checked++
			assert.Equal(t, int(VecUD), results[i].Trap, "% x is no #UD on the host", recs[i].Code)
		}
		recs = recs[:0]
	}
	for _, escape := range [][]byte{nil, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}} {
		for op := range 256 {
			if escape == nil && notAnOpcode(byte(op)) || len(escape) == 1 && (op == 0x38 || op == 0x3a) {
				continue
			}
			for _, prefix := range []byte{0, 0x66, 0xf2, 0xf3} {
				if beyond(escape, byte(op), prefix) {
					continue
				}
				for modrm := range 16 {
					f := form{prefix: prefix, escape: escape, opcode: byte(op)}
					b := byte(modrm << 3)
					if modrm >= 8 {
						b |= 0xc0
					}
					code := append(f.bytes(0), b, 0, 0, 0, 0, 0, 0, 0, 0)
					if _, err := decode.Decode(padded(code), decode.Mode64); !errors.Is(err, decode.ErrUndefined) {
						continue
					}
					rec := native.Record{Code: code[:min(len(code), 12)], Flags: Flag1 | FlagIF, WinOff: 0x400, WinLen: 256}
					for i := range rec.GPR {
						rec.GPR[i] = native.LowArena + 0x480
					}
					if recs = append(recs, rec); len(recs) == native.MaxBatch {
						run()
					}
				}
			}
		}
	}
	run()
	t.Logf("%d undefined encodings", checked)
}
