package asm

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzAssemble: no source makes the assembler panic or run on; what it
// accepts can be written and read back.
func FuzzAssemble(f *testing.F) {
	for _, s := range []string{
		"mov %rax, 8(%rbx,%rcx,4)\n", "1: jmp 1b\njne 2f\n2:\n", ".macro m a, b=3\n.long \\a+\\b\n.endm\nm 1\n",
		".rept 3\n.byte 1\n.endr\n", ".if 1\nnop\n.else\n.err\n.endif\n", ".section .x,\"aM\",@progbits,4\n.long 1\n",
		"f: .cfi_startproc\npush %rbp\n.cfi_def_cfa_offset 16\n.cfi_endproc\n", ".file 1 \"a.c\"\n.loc 1 2 3\nnop\n",
		"a = b\nb = a\n.long a\n", ".uleb128 y-x\nx: .p2align 4\ny:\n", "lock; xadd %eax,(%rdi)\n", ".org 0x7fffffffffff\n", ".skip y-x\nx:\n.data\ny:\n", ".p2align 31\n.p2align 30\nnop\n.p2align 31\n", ".irp r,a,b\n.ascii \"\\r\"\n.endr\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := Assemble(Source{Name: "f.s", Text: text}, Options{})
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		var b bytes.Buffer
		require.NoError(t, o.WriteELF(&b))
		_, err = ReadELF("f.o", bytes.NewReader(b.Bytes()))
		require.NoError(t, err)
	})
}

// FuzzReadELF: no file makes the reader panic, and what it reads can be linked
// or is refused.
func FuzzReadELF(f *testing.F) {
	o, err := Assemble(Source{Name: "f.s", Text: []byte(".globl f\nf: call g\n.data\n.quad f\n")}, Options{})
	require.NoError(f, err)
	var b bytes.Buffer
	require.NoError(f, o.WriteELF(&b))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		objs, err := ReadObject("f.o", data)
		if err != nil {
			return
		}
		_, _ = Link(objs, DefaultLayout(0x1000))
	})
}

// FuzzFormsAgainstAS combines operands of a row at will; GNU as judges.
func FuzzFormsAgainstAS(f *testing.F) {
	as := needAS(f)
	var rows []row
	for _, table := range allTables() {
		for _, r := range table {
			if !strings.Contains(r.attrs, "n64") && !strings.Contains(r.args, "rel") {
				rows = append(rows, r)
			}
		}
	}
	f.Add(uint16(3), uint8(1), uint16(5), uint16(7), uint16(1))
	f.Fuzz(func(t *testing.T, n uint16, suffix uint8, x, y, z uint16) {
		r := rows[int(n)%len(rows)]
		letters, _, _ := strings.Cut(r.attrs, " ")
		c := letters[int(suffix/2)%len(letters)]
		line := r.name
		if c != '-' && suffix&1 != 0 {
			line += string(c)
		}
		for i, k := range strings.Split(r.args, ",") {
			if r.args == "" {
				break
			}
			s := samples(k, suffixWidth[c], true)
			if len(s) == 0 {
				return
			}
			line += " "
			if i > 0 {
				line += ","
			}
			line += s[int([]uint16{x, y, z}[i%3])%len(s)]
		}
		lines := []string{line, "nop"}
		want, got := asListing(t, as, lines), ourBytes(t, lines)
		require.Equal(t, want[0] == nil, got[0] == nil, "%s: as %s, ours %s", line, show(want[0]), show(got[0]))
		require.Equal(t, show(want[0]), show(got[0]), line)
	})
}
