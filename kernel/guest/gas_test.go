package guest

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/asm"
	"klpsim/cpu/peer"
	"klpsim/kernel/guest/layout"
	"klpsim/programs"
)

// Every source of the kernel and of the bundled programs comes out as GNU as
// makes it: contents of sections, and what has to be relocated.
func TestSourcesEqualGNUAs(t *testing.T) {
	as := peer.Need(t, "as", "GNU as")
	sources, err := Kernel()
	require.NoError(t, err)
	paths, err := fs.Glob(programs.FS(), "*/*.s")
	require.NoError(t, err)
	for _, p := range paths {
		text, err := programs.Read(p)
		require.NoError(t, err)
		sources = append(sources, asm.Source{Name: filepath.Base(p), Text: text})
	}
	for i, parts := range [][]string{nil, {"KLP_UPSTREAM", "KLP_EAX", "KLP_PREEMPT_OFF", "KLP_TEST_AND_CLEAR", "KLP_RESET",
		"KLP_SYNC_END", "KLP_SYNC_BEFORE", "KLP_SYNC_PATCHED", "KLP_SYNC_UNPATCH", "KLP_SYNC_EACH_CPU", "KLP_ONLY_CURRENT", "KLP_SYNC_AFTER", "KLP_REVERSE_CLEAR", "KLP_REVERSE_SYNC", "KLP_REVERSE_LATER",
		"BARE_READER", "KLP_DRIVER_RETRY", "KLP_TRIES", "WAKE_BARRIER", "DEKKER_FENCE", "ONE_INSTRUCTION", "EXIT_IRQS_OFF", "POKE_INT3"}} {
		cfg := Config{Include: klpInclude, Defines: map[string]int64{"KLP": 1}}
		for _, p := range parts {
			cfg.Defines[p] = 1
		}
		sources := append(sources, configSource(&Config{Machine: cfg.Machine, Tasks: []Task{{PID: 1}}}))
		for _, s := range sources {
			t.Run(fmt.Sprintf("%d/%s", i, s.Name), func(t *testing.T) { equalGNUAs(t, as, s, &cfg) })
		}
	}
}

func equalGNUAs(t *testing.T, as string, s asm.Source, cfg *Config) {
	dir := t.TempDir()
	find := include(cfg)
	for _, name := range []string{layout.PreludeName, "macros.inc", "klp.inc"} {
		text, err := find(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, s.Name), s.Text, 0o600))
	cmd := exec.Command(as, "-o", "out.o", s.Name)
	cmd.Dir = dir
	msg, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", msg)
	theirs, err := os.ReadFile(filepath.Join(dir, "out.o"))
	require.NoError(t, err)

	obj, err := asm.Assemble(s, asm.Options{Include: find})
	require.NoError(t, err)
	var ours bytes.Buffer
	require.NoError(t, obj.WriteELF(&ours))
	want, got := sections(t, theirs), sections(t, ours.Bytes())
	for i := range min(len(want), len(got)) {
		if !assert.Equal(t, want[i], got[i], "first difference") {
			return
		}
	}
	assert.Len(t, got, len(want))
}

// sections renders the contents of an object file that matter, line by line.
func sections(t *testing.T, object []byte) []string {
	f, err := elf.NewFile(bytes.NewReader(object))
	require.NoError(t, err)
	var lines []string
	for _, s := range f.Sections {
		if s.Type == elf.SHT_STRTAB || s.Type == elf.SHT_SYMTAB || s.Type == elf.SHT_NULL || strings.HasPrefix(s.Name, ".note") {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s type %v flags %v size %#x align %d", s.Name, s.Type, s.Flags, s.Size, s.Addralign))
		if s.Type == elf.SHT_NOBITS {
			continue
		}
		data, err := s.Data()
		require.NoError(t, err)
		for i := 0; i < len(data); i += 16 {
			lines = append(lines, fmt.Sprintf("%s+%04x % x", s.Name, i, data[i:min(i+16, len(data))]))
		}
	}
	return lines
}
