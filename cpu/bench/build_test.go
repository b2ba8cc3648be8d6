package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// source returns the assembly text of a workload.
func (w Workload) source(t testing.TB) []byte {
	t.Helper()
	if w.Text != nil {
		return w.Text()
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "bench", w.Name+".s"))
	require.NoError(t, err)
	return text
}

// gnuBlob assembles and links a workload with the GNU tools.
func gnuBlob(t testing.TB, w Workload) []byte {
	t.Helper()
	peer.Need(t, "as", "GNU as")
	dir := t.TempDir()
	src, obj, exe, bin := filepath.Join(dir, "w.s"), filepath.Join(dir, "w.o"), filepath.Join(dir, "w.elf"), filepath.Join(dir, "w.bin")
	require.NoError(t, os.WriteFile(src, w.source(t), 0o644))
	peer.Run(t, "", "as", "--64", "-o", obj, src)
	peer.Run(t, "", "ld", "-e", "bench", fmt.Sprintf("-Ttext=%#x", Base), "-o", exe, obj)
	peer.Run(t, "", "objcopy", "-O", "binary", exe, bin)
	blob, err := os.ReadFile(bin)
	require.NoError(t, err)
	require.LessOrEqual(t, len(blob), Data-Base)
	return blob
}
