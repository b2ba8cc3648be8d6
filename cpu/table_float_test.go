package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/decode"
)

// Everything that CPUID announces of x87, MMX and SSE has a row with a handler.
func TestFloatTable(t *testing.T) {
	for op := decode.F2XM1; op < decode.NumOps; op++ {
		r := Lookup(op)
		require.NotNil(t, r.Exec, "%s: no handler", op)
		require.False(t, r.Lockable || r.Privileged, "%s: lockable or privileged", op)
		require.Zero(t, r.Undef&^r.Writes, "%s: undefined flags that it does not write", op)
	}
}
