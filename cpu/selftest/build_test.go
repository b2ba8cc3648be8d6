package selftest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
)

const sources = "../../testdata/selftest"

// cflags make code that runs without a run-time library, at any address, in
// interrupt handlers, and without SSE, which the tests themselves set up.
var cflags = []string{"-c", "-O2", "-Wall", "-Werror", "-ffreestanding", "-fno-builtin", "-fpie",
	"-fvisibility=hidden", "-mno-red-zone", "-mgeneral-regs-only", "-fno-stack-protector",
	"-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fno-toplevel-reorder"}

// need returns the path of a tool. Without it the test is skipped, or fails
// when the tools are required to be there.
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

// run executes a tool in a directory and fails the test with its output.
func run(t testing.TB, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %q:\n%s", name, args, out)
}

// buildImage compiles and links the self-test image and returns its file.
func buildImage(t testing.TB, dir string) string {
	t.Helper()
	need(t, "gcc", "gcc")
	root, err := filepath.Abs(sources)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(root, "*.c"))
	require.NoError(t, err)
	sort.Strings(files)
	objects := []string{}
	for _, f := range append([]string{filepath.Join(root, "start.S")}, files...) {
		obj := filepath.Base(f) + ".o"
		run(t, dir, "gcc", append(cflags, "-o", obj, f)...)
		objects = append(objects, obj)
	}
	run(t, dir, "ld", append([]string{"-n", "-z", "noexecstack", "-T", filepath.Join(root, "image.ld"), "-o", "image.elf"}, objects...)...)
	run(t, dir, "objcopy", "-O", "binary", "image.elf", "image.bin")
	return filepath.Join(dir, "image.bin")
}

// buildROM makes the ROM that starts the image under Bochs.
func buildROM(t testing.TB, dir string) string {
	t.Helper()
	root, err := filepath.Abs(sources)
	require.NoError(t, err)
	run(t, dir, "gcc", "-c", "-o", "rom.o", filepath.Join(root, "rom.S"))
	run(t, dir, "ld", "-Ttext=0", "--section-start=.rom=0xf0000", "-e", "0xf0000", "-o", "rom.elf", "rom.o")
	run(t, dir, "objcopy", "-O", "binary", "-j", ".rom", "rom.elf", "rom.bin")
	return filepath.Join(dir, "rom.bin")
}
