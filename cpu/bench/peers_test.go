package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// A rival runs a blob with a count and returns the CPU time that took,
// start-up included, and the result.
type rival struct {
	name string
	make func(t *testing.T, dir string) runFunc // dir outlives t
}

// rivals are what Debian ships, in the order of the table's columns.
var rivals = []rival{
	{"native", makeNative},
	{"qemu-user", makeQEMUUser},
	{"unicorn", func(t *testing.T, dir string) runFunc {
		return makeUnicorn(t, dir, false)
	}},
	{"unicorn+hook", func(t *testing.T, dir string) runFunc {
		return makeUnicorn(t, dir, true)
	}},
	{"bochs", makeBochs},
}

// timed runs a command and returns its output and CPU time. A failure is for
// the caller to judge unless mustSucceed is set.
func timed(t *testing.T, mustSucceed bool, name string, args ...string) ([]byte, time.Duration) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if mustSucceed {
		require.NoError(t, err, "%s: %s", name, errs.Bytes())
	}
	require.NotNil(t, cmd.ProcessState, "%s: %v", name, err)
	return out.Bytes(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

func makeNative(*testing.T, string) runFunc {
	return func(t *testing.T, blob []byte, n uint64) (time.Duration, uint64) {
		out, spent := timed(t, true, nativeELF(t, blob, n))
		return spent, le64(out)
	}
}

func makeQEMUUser(t *testing.T, _ string) runFunc {
	qemu := peer.Need(t, "qemu-x86_64", "QEMU's user emulation")
	return func(t *testing.T, blob []byte, n uint64) (time.Duration, uint64) {
		out, spent := timed(t, true, qemu, nativeELF(t, blob, n))
		return spent, le64(out)
	}
}

func makeUnicorn(t *testing.T, dir string, hook bool) runFunc {
	peer.Need(t, "gcc", "gcc")
	exe := filepath.Join(dir, fmt.Sprintf("unicorn-%t", hook))
	src := filepath.Join("..", "..", "testdata", "bench", "unicorn.c")
	if out, err := exec.Command("gcc", "-O2", "-o", exe, src, "-lunicorn").CombinedOutput(); err != nil {
		t.Skipf("needs libunicorn-dev: %s", out)
	}
	hooked := "0"
	if hook {
		hooked = "1"
	}
	return func(t *testing.T, blob []byte, n uint64) (time.Duration, uint64) {
		bin := filepath.Join(t.TempDir(), "blob")
		require.NoError(t, os.WriteFile(bin, blob, 0o644))
		out, _ := timed(t, true, exe, bin, fmt.Sprint(n), hooked)
		var ns, rax, count uint64
		_, err := fmt.Sscan(string(out), &ns, &rax, &count)
		require.NoError(t, err, "%q", out)
		return time.Duration(ns), rax
	}
}

func makeBochs(t *testing.T, _ string) runFunc {
	peer.Need(t, "bochs", "Bochs")
	return func(t *testing.T, blob []byte, n uint64) (time.Duration, uint64) {
		image, err := os.ReadFile(bareImage(t, t.TempDir(), blob, n))
		require.NoError(t, err)
		rom := filepath.Join("..", "..", "testdata", "selftest", "rom.S")
		serial, spent := peer.Bochs(t, rom, image, 5*time.Minute)
		rax, err := strconv.ParseUint(strings.TrimSpace(string(serial)), 16, 64)
		require.NoError(t, err)
		return spent, rax
	}
}

// bareImage makes image.bin in dir: a flat Multiboot image that runs the blob.
func bareImage(t testing.TB, dir string, blob []byte, n uint64) string {
	t.Helper()
	peer.Need(t, "gcc", "gcc")
	bin, obj, exe, img := filepath.Join(dir, "blob"), filepath.Join(dir, "bare.o"), filepath.Join(dir, "bare.elf"), filepath.Join(dir, "image.bin")
	require.NoError(t, os.WriteFile(bin, blob, 0o644))
	peer.Run(t, "", "gcc", "-c", fmt.Sprintf("-DCOUNT=%d", n), fmt.Sprintf("-DBLOB=%q", bin), "-o", obj, filepath.Join("..", "..", "testdata", "bench", "bare.S"))
	peer.Run(t, "", "ld", "-Ttext=0", "--section-start=.image=0x100000", "-e", "start", "-o", exe, obj)
	peer.Run(t, "", "objcopy", "-O", "binary", "-j", ".image", exe, img)
	return img
}
