package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/asm"
)

const disasmSource = `
first:
	mov %rsp, %rbp
	call second
	jmp first
	call elsewhere
second:
	rep movsb
	ret
	.byte 0x06
`

func TestDisasmObject(t *testing.T) {
	obj, err := asm.Assemble(asm.Source{Name: "a.s", Text: []byte(disasmSource)}, asm.Options{})
	require.NoError(t, err)
	var buf bytes.Buffer
	require.NoError(t, obj.WriteELF(&buf))
	file := filepath.Join(t.TempDir(), "a.o")
	require.NoError(t, os.WriteFile(file, buf.Bytes(), 0o600))

	out, errs, code := klpsim(t, "", "disasm", file, "second")
	require.Equal(t, exitHeld, code, errs)
	require.Equal(t, `
0000000f <second>:
       f:	f3 a4                            rep movsb %ds:(%rsi),%es:(%rdi)
      11:	c3                               ret
      12:	06                               (bad)
`, out)

	out, errs, code = klpsim(t, "", "disasm", file)
	require.Equal(t, exitHeld, code, errs)
	require.Contains(t, out, "section .text\n\n00000000 <first>:\n       0:\t48 89 e5                         mov %rsp,%rbp\n")
	require.Contains(t, out, "jmp first\n")
	require.Contains(t, out, "R_X86_64_PLT32 elsewhere-0x4\n")

	_, errs, code = klpsim(t, "", "disasm", file, "third")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `no symbol "third"`)
}

func TestDisasmPlainCode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "code")
	require.NoError(t, os.WriteFile(file, []byte{0xb8, 0x34, 0x12, 0xeb, 0xfb, 0x0f}, 0o600))
	out, errs, code := klpsim(t, "", "disasm", file, "--base", "0x7c00", "--bits", "16")
	require.Equal(t, exitHeld, code, errs)
	require.Equal(t, `    7c00:	b8 34 12                         mov $0x1234,%ax
    7c03:	eb fb                            jmp 0x7c00
    7c05:	0f                               (bad)
`, out)

	for _, args := range [][]string{{file, "main"}, {file, "--bits", "8"}, {file + ".absent"}} {
		_, errs, code = klpsim(t, "", append([]string{"disasm"}, args...)...)
		require.Equal(t, exitUsage, code)
		require.NotEmpty(t, errs)
	}
}

func TestDisasmBadELF(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad")
	require.NoError(t, os.WriteFile(file, []byte("\x7fELF\x02\x01\x01"), 0o600))
	_, errs, code := klpsim(t, "", "disasm", file)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, file)
}
