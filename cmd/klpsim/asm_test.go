package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

const (
	asmFirst  = "foo:\tmov %rax, %rbx\n\tjmp foo\n\tcall bar\n\t.data\nx:\t.quad 1, foo\n"
	asmSecond = "\t.text\n\t.globl bar\nbar:\tret\n"
)

// asmCommand runs klpsim asm in a folder with the given files.
func asmCommand(t *testing.T, files map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	var out, errs bytes.Buffer
	code = doMain(append([]string{"asm"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// The bytes are those of the SDM's encodings: REX.W 89 /r, EB cb, E8 cd, C3.
func TestAsmListing(t *testing.T) {
	code, out, errs := asmCommand(t, map[string]string{"a.s": asmFirst, "b.s": asmSecond}, "a.s", "b.s")
	require.Zero(t, code, errs)
	require.Equal(t, `section .text
file a.s
       0 <foo>:
       0  48 89 c3                    1  mov %rax, %rbx
       3  eb fb                       2  jmp foo
       5  e8 00 00 00 00              3  call bar
file b.s
       a <bar>:
       a  c3                          3  ret
section .data
file a.s
       0 <x>:
       0  01 00 00 00 00 00 00 00     5  .quad 1, foo
       8  00 00 00 00 00 00 00 00
`, out)
}

func TestAsmObjectEqualsGNUAs(t *testing.T) {
	peer.Need(t, "as", "GNU as")
	code, out, errs := asmCommand(t, map[string]string{"a.s": asmFirst, "b.s": asmSecond}, "a.s", "b.s", "-o", "ours.o")
	require.Zero(t, code, errs)
	require.Empty(t, out)
	require.NoError(t, exec.Command("as", "a.s", "b.s", "-o", "theirs.o").Run())
	ours, err := os.ReadFile("ours.o")
	require.NoError(t, err)
	theirs, err := os.ReadFile("theirs.o")
	require.NoError(t, err)
	require.True(t, bytes.Equal(theirs, ours))
}

func TestAsmReportsEveryBadLine(t *testing.T) {
	code, out, errs := asmCommand(t, map[string]string{"bad.s": "\tmvo %rax, %rbx\n\tnop\n\tadd $1, $2\n"}, "bad.s")
	require.Equal(t, exitUsage, code)
	require.Empty(t, out)
	require.Contains(t, errs, "bad.s:1:2: no such instruction: `mvo'")
	require.Contains(t, errs, "bad.s:3:")
	require.Contains(t, errs, "`$2'")
}

func TestAsmIncludesBesideTheSource(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.s"), []byte(".include \"part.inc\"\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "part.inc"), []byte("\tret\n"), 0o644))
	var out, errs bytes.Buffer
	require.Zero(t, doMain([]string{"asm", filepath.Join(dir, "main.s")}, strings.NewReader(""), &out, &errs), errs.String())
	require.Contains(t, out.String(), " c3 ")
	require.Equal(t, exitUsage, doMain([]string{"asm", filepath.Join(dir, "none.s")}, strings.NewReader(""), &out, &errs))
}
