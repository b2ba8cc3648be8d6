package cpu

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A mutant is a plausible mistake in the machine. The tests of this package
// must notice each of them: make mutants compiles them one by one, with an
// overlay that replaces old by new in file, and runs the tests.
type mutant struct {
	name, file, old, new string
}

var mutants = []mutant{
	{"stores go to memory at once in tso", "storebuffer.go", "case !c.locked && (hold || len(c.sb.e) > 0):", "case !c.locked && len(c.sb.e) > 1e6:"},
	{"the newest store drains first", "storebuffer.go", "s := c.sb.e[0]", "s := c.sb.e[len(c.sb.e)-1]"},
	{"loads do not forward", "memory.go", "for i := range c.sb.e {", "for i := range c.sb.e[:0] {"},
	{"loads forward from the oldest store", "memory.go", "v = overlay(v, pa, size, &c.sb.e[i])", "v = overlay(v, pa, size, &c.sb.e[len(c.sb.e)-1-i])"},
	{"a store overtakes held ones", "storebuffer.go", "(hold || len(c.sb.e) > 0)", "hold"},
	{"locked operations do not drain", "step.go", "f |= efLocked | efDrain", "f |= efLocked"},
	{"serialising instructions do not drain", "step.go", "if row.Serialising {", "if false {"},
	{"an unlocked read-modify-write is one access", "step.go", "	c.retire(hold)\n", "	c.retire(hold && d.flags&efRMW == 0)\n"},
	{"a store across a line is one entry", "memory.go", "n := uint8(min(uint64(size), 64-lin&63))", "n := uint8(min(uint64(size), 4096-lin&4095))"},
	{"delivery does not drain", "deliver.go", "	c.drainAll()\n", "	\n"},
	{"no shadow after STI", "control.go", "c.Blocked |= BlockSTI", "c.Blocked |= 0"},
	{"no shadow after MOV SS", "segment.go", "c.Blocked |= BlockMovSS", "c.Blocked |= 0"},
	{"NMIs are not blocked", "event.go", "c.Blocked |= BlockNMI", "c.Blocked |= 0"},
	{"IRET does not unblock NMIs", "system.go", "		c.Blocked &^= BlockNMI\n", "		c.Blocked &^= 0\n"},
	{"the lowest vector comes first", "apic.go", "for i := 3; i >= 0; i-- {", "for i := 0; i < 4; i++ {"},
	{"the APIC ignores what is in service", "apic.go", "isr := highest(&a.ISR)", "isr := uint64(0)"},
	{"a fault keeps the registers", "step.go", "	c.Regs = c.saved\n", "	c.RIP = c.saved.RIP\n"},
	{"CR0.WP does nothing", "paging.go", "&& c.CR0&CR0WP != 0", "&& false"},
	{"SMEP does nothing", "paging.go", "c.CR4&CR4SMEP != 0) {\n		return false", "false) {\n		return false"},
	{"NX does nothing in ring 3", "paging.go", "return a&AccessExec == 0 || val&pteNX == 0", "return true"},
	{"no dirty bits", "paging.go", "			set |= pteD\n", "			set |= pteA\n"},
	{"the upper levels' rights do not count", "paging.go", "		rights &= e\n", "		rights = e\n"},
	{"reserved bits do not fault", "paging.go", "if e&rsvd != 0 ||", "if false ||"},
	{"no TLB", "tlb.go", "return c.e[n%tlbChunkSize].val, true", "return 0, false"},
	{"loading CR3 flushes nothing", "control.go", "		c.tlbFlush(false)\n", "		\n"},
	{"INVLPG spares global pages", "control.go", "		c.tlbFlushPage(va)\n", "		c.tlbFlush(false)\n"},
	{"no IST", "deliver.go", "case ist != 0:", "case ist > 8:"},
	{"the stack is not aligned", "deliver.go", "rsp&^15", "rsp"},
	{"two page faults are two page faults", "deliver.go", "case first.vec == VecPF &&", "case first.vec == VecDF &&"},
	{"no RF in frames of faults", "deliver.go", "		fl |= FlagRF\n", "		fl |= 0\n"},
	{"decoded instructions outlive their bytes", "step.go", "if (lo^d.lo)&d.mlo|(hi^d.hi)&d.mhi != 0 {", "if lo&hi&0 != 0 {"},
	{"undo forgets drains", "journal.go", "		c.sb.e[0] = s\n", "		c.sb.e = c.sb.e[1:]\n"},
	{"undo forgets flushes", "journal.go", "		c.tlb.chunk = j.flushed[k]\n", "		\n"},
	{"the hash forgets store buffers", "snapshot.go", "		h = chain(h, Hash{s.v[1], uint64(i)})\n", "		h = chain(h, Hash{0, uint64(i)})\n"},
}

// TestMutantsApply: every mutant still finds what it replaces, once.
func TestMutantsApply(t *testing.T) {
	for _, m := range mutants {
		src, err := os.ReadFile(m.file)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(src), m.old), "mutant %q in %s", m.name, m.file)
	}
}

// TestMutantsDie compiles each mutant and wants the package's tests to fail.
// It takes minutes and runs with make mutants only.
func TestMutantsDie(t *testing.T) {
	if os.Getenv("KLPSIM_MUTANTS") == "" {
		t.Skip("set KLPSIM_MUTANTS=1, as make mutants does")
	}
	dir, err := os.Getwd()
	require.NoError(t, err)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			at := filepath.Join(dir, m.file)
			src, err := os.ReadFile(at)
			require.NoError(t, err)
			tmp := t.TempDir()
			mutated := filepath.Join(tmp, "mutant.go")
			require.NoError(t, os.WriteFile(mutated, []byte(strings.Replace(string(src), m.old, m.new, 1)), 0o644))
			overlay, err := json.Marshal(map[string]map[string]string{"Replace": {at: mutated}})
			require.NoError(t, err)
			file := filepath.Join(tmp, "overlay.json")
			require.NoError(t, os.WriteFile(file, overlay, 0o644))
			cmd := exec.Command("go", "test", "-overlay", file, "-skip", "Mutants|Oracle", "-failfast", "-count", "1", ".")
			cmd.Env = append(os.Environ(), "KLPSIM_MUTANTS=")
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "the mutant lives:\n%s", out)
			require.Contains(t, string(out), "--- FAIL", "the mutant does not compile:\n%s", out)
		})
	}
}
