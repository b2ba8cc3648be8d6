package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/decode"
)

// unannounced are operations that decode for the sake of their text; the
// processor does not have them.
var unannounced = map[decode.Op]bool{decode.CLAC: true, decode.STAC: true}

func TestTable(t *testing.T) {
	for op := decode.Op(1); op < decode.NumOps; op++ {
		if isFloatOp(op) {
			continue
		}
		r := Lookup(op)
		if unannounced[op] {
			require.Nil(t, r.Exec, "%s: has a handler but is not announced", op)
			continue
		}
		require.NotNil(t, r.Exec, "%s: no handler", op)
		require.Equal(t, op, r.Op, "%s: row of another operation", op)
		require.Equal(t, op.Lockable(), r.Lockable, "%s: Lockable differs from the decoder's", op)
		require.Zero(t, r.Undef&^r.Writes, "%s: undefined flags that it does not write", op)
		require.False(t, r.Lockable && r.Mem != MemRMW, "%s: lockable but no read-modify-write", op)
		require.False(t, r.AlwaysLock && !r.Lockable, "%s: always locked but not lockable", op)
		require.False(t, r.Implicit && r.Mem == MemNone, "%s: touches memory implicitly but has no class", op)
	}
}

// isFloatOp reports the x87, MMX and SSE operations, which have tests of their own.
func isFloatOp(op decode.Op) bool { return op >= decode.F2XM1 }

func TestLookupOutOfRange(t *testing.T) { require.Zero(t, Lookup(decode.NumOps)) }

func TestMemoryUse(t *testing.T) {
	for _, c := range []struct {
		text          string
		bytes         []byte
		reads, writes bool
	}{
		{"mov %rax,(%rcx)", []byte{0x48, 0x89, 0x01}, false, true},
		{"mov (%rcx),%rax", []byte{0x48, 0x8b, 0x01}, true, false},
		{"mov %rcx,%rax", []byte{0x48, 0x89, 0xc8}, false, false},
		{"add %rax,(%rcx)", []byte{0x48, 0x01, 0x01}, true, true},
		{"add (%rcx),%rax", []byte{0x48, 0x03, 0x01}, true, false},
		{"xchg (%rcx),%rax", []byte{0x48, 0x87, 0x01}, true, true},
		{"lea (%rcx),%rax", []byte{0x48, 0x8d, 0x01}, false, false},
		{"nopl (%rax)", []byte{0x0f, 0x1f, 0x00}, false, false},
		{"stosb", []byte{0xaa}, false, true},
		{"cmpsb", []byte{0xa6}, true, false},
		{"ret", []byte{0xc3}, true, false},
	} {
		in, err := decode.Decode(c.bytes, decode.Mode64)
		require.NoError(t, err, c.text)
		reads, writes := MemoryUse(&in)
		require.Equal(t, [2]bool{c.reads, c.writes}, [2]bool{reads, writes}, "%s: reads, writes", c.text)
	}
}
