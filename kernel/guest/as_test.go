package guest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/asm"
	"klpsim/cpu/peer"
	"klpsim/kernel/guest/layout"
)

// TestSourcesAgainstAS: our assembler and GNU as make the same object, byte
// for byte, of every source of the kernel and of the programs.
func TestSourcesAgainstAS(t *testing.T) {
	as := peer.Need(t, "as", "GNU as")
	if out, err := exec.Command(as, "--version").Output(); err != nil || !bytes.Contains(out, []byte(" 2.40")) {
		t.Skip("needs GNU as 2.40: another version is installed")
	}
	sources, err := filepath.Glob("src/*.s")
	require.NoError(t, err)
	more, err := filepath.Glob("../../programs/*/*.s")
	require.NoError(t, err)
	includes, err := filepath.Glob("../../programs/*/*.inc")
	require.NoError(t, err)

	dir := t.TempDir()
	files := map[string][]byte{layout.PreludeName: []byte(layout.Prelude(nil)), "macros.inc": Macros()}
	for _, path := range includes {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		files[filepath.Base(path)] = text
	}
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	for _, path := range append(sources, more...) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			name, ref := filepath.Join(dir, "in.s"), filepath.Join(dir, "ref.o")
			require.NoError(t, os.WriteFile(name, text, 0o644))
			cmd := exec.Command(as, "--64", "in.s", "-o", "ref.o")
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "as: %s", out)
			want, err := os.ReadFile(ref)
			require.NoError(t, err)
			obj, err := asm.Assemble(asm.Source{Name: "in.s", Text: text}, asm.Options{
				Include: func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) },
			})
			require.NoError(t, err)
			var got bytes.Buffer
			require.NoError(t, obj.WriteELF(&got))
			require.True(t, bytes.Equal(want, got.Bytes()), "the object differs from the one of GNU as")
		})
	}
}
