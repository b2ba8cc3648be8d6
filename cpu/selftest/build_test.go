package selftest

import (
	"path/filepath"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

const sources = "../../testdata/selftest"

// cflags make code that runs without a run-time library, at any address, in
// interrupt handlers, and without SSE, which the tests themselves set up.
var cflags = []string{"-c", "-O2", "-Wall", "-Werror", "-ffreestanding", "-fno-builtin", "-fpie",
	"-fvisibility=hidden", "-mno-red-zone", "-mgeneral-regs-only", "-fno-stack-protector",
	"-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fno-toplevel-reorder"}

// buildImage compiles and links the self-test image and returns its file.
func buildImage(t testing.TB, dir string) string {
	t.Helper()
	peer.Need(t, "gcc", "gcc")
	root, err := filepath.Abs(sources)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(root, "*.c"))
	require.NoError(t, err)
	sort.Strings(files)
	objects := []string{}
	for _, f := range append([]string{filepath.Join(root, "start.S"), filepath.Join(root, "ap.S")}, files...) {
		obj := filepath.Base(f) + ".o"
		peer.Run(t, dir, "gcc", append(cflags, "-o", obj, f)...)
		objects = append(objects, obj)
	}
	peer.Run(t, dir, "ld", append([]string{"-n", "-z", "noexecstack", "-T", filepath.Join(root, "image.ld"), "-o", "image.elf"}, objects...)...)
	peer.Run(t, dir, "objcopy", "-O", "binary", "image.elf", "image.bin")
	return filepath.Join(dir, "image.bin")
}
