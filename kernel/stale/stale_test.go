package stale_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
	"klpsim/kernel/stale"
)

// track runs a schedule of a two-core program and returns what the tracker
// reports, one line per use.
func track(t *testing.T, code, sched string) []string {
	t.Helper()
	s, err := scenario.Parse("test", []byte("scenario test\nbare\nmachine cores=2\ntask 1 on 0 running entry first\ntask 2 on 1 running entry second\n"+
		"type x long\ntype y long\ncode\n\t.globl first, second, x, y, vector_20\n"+code+"\n\t.data\nx: .quad 3\ny: .quad 0\nend\n"), nil)
	require.NoError(t, err)
	target, err := session.Build(s, session.Options{})
	require.NoError(t, err)
	choices, err := cpu.ParseSchedule(sched, 2)
	require.NoError(t, err)
	k := stale.New(target)
	_, err = session.Play(target, choices, k.Observer())
	require.NoError(t, err)
	var out []string
	for _, u := range k.Uses() {
		out = append(out, strings.Join(strings.Fields(k.Report(u)), " "))
	}
	return out
}

const other = "\nsecond: movq $9, x\n\thlt\n"

func TestStoreOfAStaleRegister(t *testing.T) {
	got := track(t, "first: mov x, %rax\n\tmov %rax, y\n"+other, "0 1 0")
	require.Len(t, got, 1)
	require.Equal(t, "stale x = 3 loaded step 1 cpu0 task 1 first into %rax overwritten step 2 cpu1 task 2 second with 9 stored step 3 cpu0 task 1 first+0x8 to y", got[0])
}

func TestNothingStale(t *testing.T) {
	for name, c := range map[string][2]string{
		"overwritten before":       {"first: mov x, %rax\n\tmov %rax, y\n" + other, "1 0 0"},
		"overwritten after":        {"first: mov x, %rax\n\tmov %rax, y\n" + other, "0 0 1"},
		"never used":               {"first: mov x, %rax\n\tnop\n" + other, "0 1 0"},
		"loaded again":             {"first: mov x, %rax\n\tmov x, %rax\n\tmov %rax, y\n" + other, "0 1 0 0"},
		"zeroed":                   {"first: mov x, %rax\n\txor %eax, %eax\n\tmov %rax, y\n" + other, "0 1 0 0"},
		"own store":                {"first: mov x, %rax\n\tincq x\n\tmov %rax, y\n" + other, "0*3"},
		"the same value again":     {"first: mov x, %rax\n\tmov %rax, y\nsecond: movq $3, x\n\thlt\n", "0 1 0"},
		"constant into a register": {"first: mov x, %rax\n\tmov $5, %eax\n\tmov %rax, y\n" + other, "0 1 0 0"},
	} {
		require.Empty(t, track(t, c[0], c[1]), name)
	}
}

func TestCarriers(t *testing.T) {
	for name, c := range map[string][3]string{
		"another register":    {"first: mov x, %rax\n\tmov %rax, %rdx\n\tmov %rdx, y\n" + other, "0*2 1 0", "stored"},
		"arithmetic":          {"first: mov x, %rax\n\tlea 1(%rax,%rax), %rdx\n\tadd $2, %rdx\n\tmov %rdx, y\n" + other, "0*3 1 0", "stored"},
		"push and pop":        {"first: mov x, %rax\n\tpush %rax\n\tpop %r12\n\tmov %r12, y\n" + other, "0*2 1 0*2", "carried in stack(1)+"},
		"a spill":             {"first: mov x, %rax\n\tmov %rax, -8(%rsp)\n\tmov -8(%rsp), %rcx\n\tmov %rcx, y\n" + other, "0*2 1 0*2", "carried in stack(1)+"},
		"a comparison":        {"first: mov x, %rax\n\tcmp $3, %rax\n" + other, "0 1 0", "compared"},
		"exchange":            {"first: mov x, %rax\n\txchg %rax, %rbx\n\tmov %rbx, y\n" + other, "0*2 1 0", "stored"},
		"a narrow part":       {"first: movzbl x, %eax\n\tmov %al, y\n" + other, "0 1 0", "stored"},
		"memory and register": {"first: mov x, %rax\n\tadd %rax, y\n" + other, "0 1 0", "stored"},
	} {
		got := track(t, c[0], c[1])
		require.Len(t, got, 1, name)
		require.Contains(t, got[0], c[2], name)
		require.Contains(t, got[0], "loaded step 1", name)
	}
}

// TestInterruptOverwrites lets a handler on the same core change the value.
func TestInterruptOverwrites(t *testing.T) {
	got := track(t, "first: sti\n\tnop\n\tmov x, %rax\n\tmov %rax, y\nvector_20:\tincq x\n\tiretq\nsecond:\thlt\n", "0*3 irq0:20 0*4")
	require.Len(t, got, 1)
	require.Contains(t, got[0], "overwritten step 6 cpu0")
}

// TestBundle pins that the mail's run names %r12 and the frames that carried
// it, and that no staleness is told where the schedule has none.
func TestBundle(t *testing.T) {
	target, err := session.Load("rfc-v2", session.Options{})
	require.NoError(t, err)
	sched, err := cpu.ParseSchedule("1*1164 0*56 irq0:ec 0*152 1*2222 irq0:ec 0*153", 2)
	require.NoError(t, err)
	k := stale.New(target)
	_, err = session.Play(target, sched, k.Observer())
	require.NoError(t, err)
	var reports []string
	for _, u := range k.Uses() {
		if u.Kind == stale.Stored {
			reports = append(reports, k.Report(u))
		}
	}
	require.Len(t, reports, 1)
	require.Contains(t, reports[0], "stale  klp_target_state = 1 KLP_PATCHED\n")
	require.Contains(t, reports[0], "into %r12\n")
	require.Contains(t, reports[0], "carried      in stack(123)+")
	require.Contains(t, reports[0], "klp_reverse_transition")
	require.Contains(t, reports[0], "to patch_state(123)\n")

	k = stale.New(target)
	quiet, err := cpu.ParseSchedule("0*1500", 2)
	require.NoError(t, err)
	_, err = session.Play(target, quiet, k.Observer())
	require.NoError(t, err)
	require.Empty(t, k.Uses())
}

// TestBundledScripts runs every bundled scenario's own script: the ones whose
// task stores an outdated target state say so, harmful or not, and no other.
func TestBundledScripts(t *testing.T) {
	want := map[string]int{"rfc-v2": 1, "rfc-v2-nmi": 1, "rfc-v2-eax": 1, "mail-fix": 1, "mail-fix-complete": 1, "upstream": 1}
	for name := range session.Bundled() {
		target, err := session.Load(name, session.Options{})
		require.NoError(t, err, name)
		s, err := target.New()
		require.NoError(t, err)
		e := script.New(s, io.Discard)
		e.Batch = true
		if err := e.Script(target.Scenario.Script); err != nil {
			require.ErrorIs(t, err, session.ErrLimit, name)
		}
		k := stale.New(target)
		_, err = session.Play(target, s.Schedule(), k.Observer())
		require.NoError(t, err)
		stored := 0
		for _, u := range k.Uses() {
			if u.Kind == stale.Stored && target.DataName(u.Load.PA) == "klp_target_state" {
				stored++
				require.Contains(t, target.DataName(u.PA), "patch_state(", name)
			}
		}
		require.Equal(t, want[name], stored, name)
	}
}
