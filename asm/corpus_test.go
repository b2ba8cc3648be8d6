package asm

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compareWithAS holds the whole object that we make of a source equal to the
// one that GNU as makes, byte for byte.
func compareWithAS(t *testing.T, as, path string) {
	t.Helper()
	ref := filepath.Join(t.TempDir(), "ref.o")
	cmd := exec.Command(as, "--64", filepath.Base(path), "-o", ref)
	cmd.Dir = filepath.Dir(path)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "as: %s", out)
	want, err := os.ReadFile(ref)
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	dir, err := filepath.Abs(filepath.Dir(path))
	require.NoError(t, err)
	obj, err := Assemble(Source{Name: filepath.Base(path), Text: text}, Options{
		Dir:     dir,
		Include: func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) },
	})
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, obj.WriteELF(&got))
	if !bytes.Equal(want, got.Bytes()) {
		t.Errorf("%s: the object differs from the one of GNU as, first at byte %d of %d", path, firstDifference(want, got.Bytes()), len(want))
	}
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// TestOwnSourcesAgainstAS compares the assembly sources under testdata; those
// of the kernel and the programs need generated include files, so package
// guest compares them.
func TestOwnSourcesAgainstAS(t *testing.T) {
	as := needAS(t)
	n := 0
	err := filepath.WalkDir("../testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".s" || filepath.Base(path) == "errors.s" {
			return err
		}
		n++
		t.Run(filepath.ToSlash(path[3:]), func(t *testing.T) { compareWithAS(t, as, path) })
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, n)
}

// TestCompiledCodeAgainstAS compares what gcc prints for C and C++ sources at
// every optimisation level, with and without debugging information.
func TestCompiledCodeAgainstAS(t *testing.T) {
	as := needAS(t)
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("needs gcc: not in PATH")
	}
	for _, level := range []string{"-O0", "-O1", "-O2", "-O3", "-Os"} {
		for _, src := range []struct {
			file string
			args []string
		}{
			{"varied.c", nil},
			{"varied.c", []string{"-g"}},
			{"varied.c", []string{"-mx86-64-v2"}},
			{"klp.c", []string{"-mcmodel=kernel", "-mno-red-zone", "-mno-sse", "-fno-pic", "-ffunction-sections"}},
			{"klp.c", []string{"-g", "-fno-pic"}},
		} {
			name := strings.Join(append([]string{src.file, level}, src.args...), " ")
			t.Run(name, func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "c.s")
				args := append([]string{level, "-S", filepath.Join("..", "testdata", "asm", src.file), "-o", out}, src.args...)
				for i, a := range args {
					if a == "-mx86-64-v2" {
						args[i] = "-march=x86-64-v2"
					}
				}
				if msg, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
					t.Skipf("gcc does not compile this: %s", msg)
				}
				compareWithAS(t, as, out)
			})
		}
	}
}

// TestForeignSourcesAgainstAS compares large foreign sources named by
// ASM_CORPUS, a list of folders with .s files, which make asm-corpus fills.
func TestForeignSourcesAgainstAS(t *testing.T) {
	as := needAS(t)
	dirs := os.Getenv("ASM_CORPUS")
	if dirs == "" {
		t.Skip("needs ASM_CORPUS: run make asm-corpus")
	}
	for _, dir := range filepath.SplitList(dirs) {
		files, err := filepath.Glob(filepath.Join(dir, "*.s"))
		require.NoError(t, err)
		for _, f := range files {
			t.Run(filepath.Base(f), func(t *testing.T) { compareWithAS(t, as, f) })
		}
	}
}
