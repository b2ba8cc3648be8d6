package decode

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		bytes, why string
		mode       Mode
		want       error
	}{
		{"", "no bytes", Mode64, ErrTruncated},
		{"8b", "ModRM missing", Mode64, ErrTruncated},
		{"48 8b 05 00 00", "displacement cut", Mode64, ErrTruncated},
		{"0f", "second opcode byte missing", Mode64, ErrTruncated},
		{"66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "no opcode in 15 bytes", Mode64, ErrTooLong},
		{"2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 48 c7 c0 00 00 00 00", "immediate beyond byte 15", Mode64, ErrTooLong},
		{"06", "push %es", Mode64, ErrUndefined},
		{"c5 f8 77", "vzeroupper", Mode64, ErrUndefined},
		{"62 f1 7c 48 10 00", "EVEX", Mode64, ErrUndefined},
		{"c5 f8 77", "VEX in 32-bit mode", Mode32, ErrUndefined},
		{"f0 01 c0", "LOCK on a register form", Mode64, ErrUndefined},
		{"f0 8b 00", "LOCK on MOV", Mode64, ErrUndefined},
		{"0f 20 c8", "mov %cr1", Mode64, ErrUndefined},
		{"44 0f 21 c0", "mov %db8", Mode64, ErrUndefined},
		{"0f 24 c0", "mov %tr0", Mode64, ErrUndefined},
		{"0f c7 f0", "rdrand", Mode64, ErrUndefined},
		{"66 0f ae 30", "clwb", Mode64, ErrUndefined},
		{"0f ae 20", "xsave", Mode64, ErrUndefined},
		{"66 0f 38 dc c1", "aesenc", Mode64, ErrUndefined},
		{"0f 01 d0", "xgetbv", Mode64, ErrUndefined},
		{"0f b8 c1", "popcnt without F3", Mode64, ErrUndefined},
		{"0f 38 f6 c1", "not adcx", Mode64, ErrUndefined},
	} {
		in, err := Decode(unhex(t, c.bytes), c.mode)
		require.ErrorIs(t, err, c.want, "%s (%s)", c.bytes, c.why)
		require.Zero(t, in, c.why)
	}
}
