package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
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

// need skips the test when a tool is missing, or fails it when the tools are
// required to be there, and returns the tool's path.
func need(t testing.TB, tool, what string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		if os.Getenv("KLPSIM_REQUIRE_TOOLS") != "" {
			t.Fatalf("needs %s (%s), and KLPSIM_REQUIRE_TOOLS is set: %v", what, tool, err)
		}
		t.Skipf("needs %s: %v", what, err)
	}
	return path
}

// run executes a tool and fails the test with its output if it fails.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %q:\n%s", name, args, out)
	return out
}

// gnuBlob assembles and links a workload with the GNU tools.
func gnuBlob(t testing.TB, w Workload) []byte {
	t.Helper()
	need(t, "as", "GNU as")
	dir := t.TempDir()
	src, obj, exe, bin := filepath.Join(dir, "w.s"), filepath.Join(dir, "w.o"), filepath.Join(dir, "w.elf"), filepath.Join(dir, "w.bin")
	require.NoError(t, os.WriteFile(src, w.source(t), 0o644))
	run(t, "as", "--64", "-o", obj, src)
	run(t, "ld", "-e", "bench", fmt.Sprintf("-Ttext=%#x", Base), "-o", exe, obj)
	run(t, "objcopy", "-O", "binary", exe, bin)
	blob, err := os.ReadFile(bin)
	require.NoError(t, err)
	require.LessOrEqual(t, len(blob), Data-Base)
	return blob
}
