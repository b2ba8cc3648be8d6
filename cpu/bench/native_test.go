package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// nativeStart calls a workload's function on the host with the count that the
// second line gives and writes the result to standard output, eight bytes.
const nativeStart = `	.globl	_start
_start:
	mov	$%d, %%rdi
	mov	$%d, %%rsp
	mov	$%d, %%eax
	call	*%%rax
	push	%%rax
	mov	$1, %%eax
	mov	$1, %%edi
	mov	%%rsp, %%rsi
	mov	$8, %%edx
	syscall
	mov	$60, %%eax
	xor	%%edi, %%edi
	syscall
`

// nativeELF makes a static program of a blob: text at Base, the start code
// below it, zeroed memory from Data up to StackTop.
func nativeELF(t testing.TB, blob []byte, n uint64) string {
	t.Helper()
	peer.Need(t, "as", "GNU as")
	dir := t.TempDir()
	bin, src, obj, exe := filepath.Join(dir, "w.bin"), filepath.Join(dir, "s.s"), filepath.Join(dir, "s.o"), filepath.Join(dir, "w")
	require.NoError(t, os.WriteFile(bin, blob, 0o644))
	text := fmt.Sprintf(nativeStart, n, StackTop, Base) +
		fmt.Sprintf("\t.section .blob,\"awx\"\n\t.incbin %q\n\t.section .scratch,\"aw\",@nobits\n\t.skip %d\n", bin, StackTop-Data)
	require.NoError(t, os.WriteFile(src, []byte(text), 0o644))
	peer.Run(t, "", "as", "--64", "-o", obj, src)
	peer.Run(t, "", "ld", "-z", "noexecstack", "-Ttext=0x300000", fmt.Sprintf("--section-start=.blob=%#x", Base),
		fmt.Sprintf("--section-start=.scratch=%#x", Data), "-o", exe, obj)
	return exe
}

// The Go side and the machine code agree on the host's own processor.
func TestWorkloadsNative(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs an amd64 Linux host")
	}
	for _, w := range Workloads {
		t.Run(w.Name, func(t *testing.T) {
			blob := gnuBlob(t, w)
			for _, n := range []uint64{1, 2, 7} {
				exe := nativeELF(t, blob, n)
				out := peer.Run(t, "", exe)
				require.Len(t, out, 8)
				assert.Equal(t, w.Want(n), le64(out), "n = %d", n)
			}
		})
	}
}

func le64(b []byte) uint64 {
	v := uint64(0)
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}
