package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mailRace is the mail's race in commands, as a person types them.
const mailRace = `cpu 1
until klp_reverse_transition
cpu 0
until klp_patch_task:` + "`mov klp_target_state, %r12d`" + ` after
inject irq ec
until foo_v1
cpu 1
until schedule_delayed_work
cpu 0
inject irq ec
until klp_patch_task:` + "`mov %r12d, TASK_patch_state(%rdi)`" + ` after
`

// inOrder requires that the parts stand in s one behind the other.
func inOrder(t *testing.T, s string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		_, rest, ok := strings.Cut(s, p)
		require.True(t, ok, "%q is missing, or not in this order, in\n%s", p, s)
		s = rest
	}
}

// TestTheMailsRace walks through the diagram in the order of the mail.
func TestTheMailsRace(t *testing.T) {
	out, errs, code := klpsim(t, "", "run", "rfc-v2")
	require.Equal(t, exitViolated, code)
	require.Empty(t, errs)
	flat := strings.Join(strings.Fields(out), " ")
	inOrder(t, flat,
		"lock btrl $TIF_PATCH_PENDING", "TIF_PATCH_PENDING: 1 -> 0",
		"mov klp_target_state, %r12d r12 = 1 KLP_PATCHED",
		"<IRQ 0xec>",
		"task 123 -> task 124", "r12 = 1 KLP_PATCHED saved at stack(123)",
		"klp_reverse_transition", "klp_target_state: 1 -> 0 KLP_UNPATCHED",
		"klp_try_switch_task", "patch_state(123) is 0 KLP_UNPATCHED: equal",
		"klp_complete_transition", "klp_transition_patch: klp_patch2 -> 0",
		"klp_transition_patch: 0 -> klp_patch1", "klp_target_state: -1 -> 0",
		"task 124 -> task 123",
		"mov %r12d, TASK_patch_state(%rdi)", "0 -> 1 KLP_PATCHED <-- stale since step",
		"stays-done violated",
		"FAIL stays-done", "replay klpsim run rfc-v2 --schedule '")
}

func TestTheNMIVariant(t *testing.T) {
	out, _, code := klpsim(t, "", "run", "rfc-v2-nmi")
	require.Equal(t, exitViolated, code)
	flat := strings.Join(strings.Fields(out), " ")
	inOrder(t, flat, "<NMI>", "frame at nmi_stack_0", "NMI pending: blocked until iretq", "</NMI>", "<NMI>", "</NMI>", "stale since", "FAIL")
}

// TestSavedScriptReplaysToTheByte types the race at the prompt, saves the
// script, replays it in batch mode and compares traces.
func TestSavedScriptReplaysToTheByte(t *testing.T) {
	dir := t.TempDir()
	saved, typed, again := filepath.Join(dir, "saved"), filepath.Join(dir, "typed"), filepath.Join(dir, "again")
	detour := strings.Replace(mailRace, "inject irq ec\nuntil foo", "si 3\nrsi 3\np %r12\ninject irq ec\nuntil foo", 1)
	out, errs, code := klpsim(t, detour+"save-script "+saved+"\ninfo schedule\n", "step", "rfc-v2")
	require.Equal(t, exitHeld, code, errs)
	require.Contains(t, out, "saved 13 command(s)")
	_, _, code = klpsim(t, "", "step", "rfc-v2", "-batch", "-x", saved, "--trace", typed)
	require.Equal(t, exitViolated, code)
	_, _, code = klpsim(t, "", "run", "rfc-v2", "--trace", again)
	require.Equal(t, exitViolated, code)
	a, err := os.ReadFile(typed)
	require.NoError(t, err)
	b, err := os.ReadFile(again)
	require.NoError(t, err)
	require.Equal(t, string(b), string(a))
}

// TestTheRaceNeedsItsWindow sweeps the interrupt over klp_patch_task: only
// between the load and the store does the check fail.
func TestTheRaceNeedsItsWindow(t *testing.T) {
	out, errs, code := klpsim(t, "", "step", "rfc-v2", "-batch", "-ex", "sweep klp_patch_task")
	require.Equal(t, exitHeld, code, errs)
	require.Equal(t, `klp_patch_task         push %r12
    holds
klp_patch_task+0x2     lock btrl $TIF_PATCH_PENDING, TASK_flags(%rdi)
    holds
klp_patch_task+0x7     mov klp_target_state, %r12d
    holds
klp_patch_task+0xf     mov %r12d, TASK_patch_state(%rdi)
    FAIL  stays-done
klp_patch_task+0x13    pop %r12
    holds (step limit)
klp_patch_task+0x15    ret
    holds (step limit)
`, out)
}

// TestBadInput pins that every kind of bad input is an error with a place and
// the text that is wrong, and exit code 2.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		p := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(p, []byte(text), 0o644))
		return p
	}
	const head = "scenario a\nbare\nentry 0 start\n"
	cases := []struct {
		name, want string
		args       []string
	}{
		{"mnemonic", "a.scenario:6:2: ", []string{"run", file("a.scenario", head+"code\nstart:\n\tfrobnicate %rax\nend\n")}},
		{"operand", "b.scenario:6:", []string{"run", file("b.scenario", head+"code\nstart:\n\tmov %rax, $1\nend\n")}},
		{"symbol", "nosuch", []string{"run", file("c.scenario", head+"code\n\t.globl start\nstart:\n\tcall nosuch\nend\n")}},
		{"command", `d.scenario:8:1: "frob" is not a command; help lists them`, []string{"run", file("d.scenario", head+"code\nstart:\tnop\nend\nrun\nfrob\nend\n")}},
		{"place", "e.scenario:10:7: ", []string{"run", file("e.scenario", head+"code\n\t.globl start\nstart:\tnop\n\tnop\nend\nrun\nuntil start:`nop`\nend\n")}},
		{"schedule core", `--schedule:1:3: "7": there is no core 7; the machine has 2`, []string{"run", "rfc-v2", "--schedule", "0 7"}},
		{"schedule file", `s.txt:2:1: "x": expected a core`, []string{"run", "rfc-v2", "--schedule", "@" + file("s.txt", "0\nx\n")}},
		{"trace", "t.trace:3:1: the trace is truncated: it has no end record", []string{"trace", "diff", file("t.trace", "klpsim-trace 1\n1 0 take choice=0\n"), "x"}},
		{"no scenario", "neither bundled", []string{"run", file("g.scenario", head+"load nosuch.s\n")}},
		{"unknown", `"nosuch": no bundled scenario and no file has this name`, []string{"run", "nosuch"}},
		{"format", `--format "gif": expected one of`, []string{"run", "rfc-v2", "--format", "gif"}},
		{"memory", `--memory "arm": expected tso or sc`, []string{"run", "rfc-v2", "--memory", "arm"}},
		{"script", `-ex:1:7: "nosuch": no such symbol`, []string{"step", "rfc-v2", "-batch", "-ex", "until nosuch"}},
		{"entry", "nosuch", []string{"run", file("h.scenario", "scenario a\nbare\nentry 0 nosuch\ncode\nnop\nend\n")}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, errs, code := klpsim(t, "", c.args...)
			require.Equal(t, exitUsage, code, errs)
			require.Contains(t, errs, c.want)
		})
	}
}

// TestEveryProblemOfAScenarioIsReported pins that what only linking can show is
// reported in one go.
func TestEveryProblemOfAScenarioIsReported(t *testing.T) {
	p := filepath.Join(t.TempDir(), "bad.scenario")
	require.NoError(t, os.WriteFile(p, []byte("scenario a\nbare\nentry 0 f\ncode\n\t.globl f\nf:\tret\nend\ncheck c always: nosuch == 1\ncheck d at nowhere: 1\ntype y int\n"), 0o644))
	_, errs, code := klpsim(t, "", "run", p)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, ":10:1: there is no symbol \"y\"\n")
	require.Contains(t, errs, ":8:17: no symbol, constant or variable is called \"nosuch\"\n")
	require.Contains(t, errs, ":9:12: \"nowhere\": no such symbol\n")
}

// TestTripleFaultIsReported runs a core into a triple fault.
func TestTripleFaultIsReported(t *testing.T) {
	p := filepath.Join(t.TempDir(), "fault.scenario")
	require.NoError(t, os.WriteFile(p, []byte("scenario fault\nbare\nentry 0 start\ncode\n\t.globl start\nstart:\tlidt nothing\n\tud2\nnothing: .quad 0, 0\nend\nrun\nsi 2\nend\n"), 0o644))
	out, errs, code := klpsim(t, "", "run", p)
	require.Equal(t, exitViolated, code, errs)
	require.Contains(t, out, "CPU0 shut down after a triple fault")
	require.Contains(t, errs, "rsp")
}

// TestStepLimitIsInconclusive runs a loop into its limit.
func TestStepLimitIsInconclusive(t *testing.T) {
	p := filepath.Join(t.TempDir(), "loop.scenario")
	require.NoError(t, os.WriteFile(p, []byte("scenario loop\nbare\nentry 0 start\nlimit 100\ncode\n\t.globl start\nstart:\tjmp start\nend\nrun\nc\nend\n"), 0o644))
	_, errs, code := klpsim(t, "", "run", p)
	require.Equal(t, exitInconclusive, code)
	require.Contains(t, errs, "the run reached its step limit of 100 choices")
	require.Contains(t, errs, "rip")
}

// TestTraceDiff compares traces of two runs.
func TestTraceDiff(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	klpsim(t, "", "run", "rfc-v2", "--schedule", "1*5 0*5", "--trace", a)
	klpsim(t, "", "run", "rfc-v2", "--schedule", "1*5 0*4 1", "--trace", b)
	out, _, code := klpsim(t, "", "trace", "diff", a, a)
	require.Equal(t, exitHeld, code)
	require.Empty(t, out)
	out, _, code = klpsim(t, "", "trace", "diff", a, b)
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "\n- 10 0 take choice=0")
	require.Contains(t, out, "\n+ 10 1 take choice=1")
}
