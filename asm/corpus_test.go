package asm

import (
	"bytes"
	"encoding/json"
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
	gcc := needTool(t, "gcc")
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
				msg, err := exec.Command(gcc, args...).CombinedOutput()
				require.NoError(t, err, string(msg))
				compareWithAS(t, as, out)
			})
		}
	}
}

// foreignModules are Go modules that carry C sources: SQLite and zstd.
var foreignModules = []struct {
	module string
	files  []string
}{
	{"github.com/mattn/go-sqlite3@v1.14.22", []string{"sqlite3-binding.c"}},
	{"github.com/DataDog/zstd@v1.5.5", []string{"zstd_compress.c", "zstd_decompress.c", "zstd_lazy.c", "zstd_v07.c", "xxhash.c", "zdict.c", "cover.c"}},
}

// TestForeignSourcesAgainstAS compares the compiled sources of foreign
// projects, which the Go module proxy brings. It takes minutes, nearly all of
// them gcc's: make asm-corpus.
func TestForeignSourcesAgainstAS(t *testing.T) {
	if os.Getenv("KLPSIM_ASM_CORPUS") == "" {
		t.Skip("needs KLPSIM_ASM_CORPUS: run make asm-corpus")
	}
	as, gcc := needAS(t), needTool(t, "gcc")
	for _, m := range foreignModules {
		dir := moduleDir(t, m.module)
		for _, file := range m.files {
			for _, level := range []string{"-O0", "-O2", "-Os"} {
				t.Run(file+" "+level, func(t *testing.T) {
					out := filepath.Join(t.TempDir(), "c.s")
					msg, err := exec.Command(gcc, level, "-S", filepath.Join(dir, file), "-o", out).CombinedOutput()
					require.NoError(t, err, "%s", msg)
					compareWithAS(t, as, out)
				})
			}
		}
	}
}

// moduleDir downloads a module and returns its folder.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	var info struct{ Dir string }
	if err != nil || json.Unmarshal(out, &info) != nil || info.Dir == "" {
		t.Skipf("needs the Go module proxy for %s: %s", module, out)
	}
	return info.Dir
}

// TestExceptionTablesAgainstAS compares compiled C++: groups, personality
// routines, weak and unique symbols.
func TestExceptionTablesAgainstAS(t *testing.T) {
	as, gxx := needAS(t), needTool(t, "g++")
	out := filepath.Join(t.TempDir(), "c.s")
	msg, err := exec.Command(gxx, "-O2", "-S", "../testdata/asm/comdat.cc", "-o", out).CombinedOutput()
	require.NoError(t, err, string(msg))
	compareWithAS(t, as, out)
}
