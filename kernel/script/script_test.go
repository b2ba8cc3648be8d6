package script_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
)

const program = `scenario test "two cores and a lock"
bare
machine cores=2
task 1 "core0" on 0 running entry first
task 2 "core1" on 1 running entry second
type x int
type y int
check small "x stays small" always: x < 9
code
	.globl first, second, work, x, y, vector_20
first:
	call work
	movl $2, y
	jmp first
work:
	incl x
	ret
second:
	mov x, %eax
	sti
1:	nop
	jmp 1b
vector_20:
	movl $1, y
	iretq
	.data
x:	.long 0
y:	.long 0
end
`

// terminal is a fake one: it types lines and holds what was shown.
type terminal struct {
	t   *testing.T
	e   *script.Engine
	out strings.Builder
}

func open(t *testing.T) *terminal {
	t.Helper()
	s, err := scenario.Parse("test", []byte(program), nil)
	require.NoError(t, err)
	target, err := session.Build(s, session.Options{})
	require.NoError(t, err)
	se, err := target.New()
	require.NoError(t, err)
	term := &terminal{t: t}
	term.e = script.New(se, &term.out)
	return term
}

// must types lines that succeed and returns what the last one showed.
func (k *terminal) must(lines ...string) string {
	k.t.Helper()
	for _, l := range lines {
		k.out.Reset()
		require.NoError(k.t, k.e.Exec(scenario.Text{Text: l}), l)
	}
	return k.out.String()
}

// fails types a line that fails, and returns the error.
func (k *terminal) fails(line string) string {
	k.t.Helper()
	before := k.e.S.Len()
	err := k.e.Exec(scenario.Text{Text: line, Pos: scenario.Pos{File: "f", Line: 3, Col: 1}})
	require.Error(k.t, err, line)
	require.Equal(k.t, before, k.e.S.Len(), "a failed command has not moved the session: %s", line)
	return err.Error()
}

func (k *terminal) schedule() string { return k.e.S.Schedule().String() }

func TestMoving(t *testing.T) {
	k := open(t)
	require.Contains(t, k.must("si"), "step 1  cpu0  task 1 core0  work  test:")
	require.Contains(t, k.must("si 2"), "=> movl $2, y")
	require.Equal(t, "0*3", k.schedule())
	require.Contains(t, k.must("until first"), "=> call work")
	require.Contains(t, k.must("ni"), "=> movl $2, y")
	require.Equal(t, "0*8", k.schedule())
	k.must("until work", "finish")
	require.Equal(t, "0*13", k.schedule())
	require.Contains(t, k.must("cpu 1"), "step 13  cpu1")
	k.must("take 1*2 0")
	require.Equal(t, "0*13 1*2 0", k.schedule())
	k.must("cpu 0", "until work if x == 4")
	require.Contains(t, k.must("p x"), "x = 4")
}

func TestEmptyLineRepeats(t *testing.T) {
	k := open(t)
	k.must("si", "", "")
	require.Equal(t, "0*3", k.schedule())
	k.must("p x", "")
	require.Equal(t, "0*3", k.schedule(), "p does not repeat")
}

func TestContinueAndSched(t *testing.T) {
	k := open(t)
	k.must("sched rr 2", "b first on 0", "c")
	require.Equal(t, "0*2 1*2 0*2 1*2 0", k.schedule())
	require.Contains(t, k.must("sched"), "round-robin, 2 step(s) each")
	k.must("sched one", "cpu 1", "tb *%rip@1", "sched random 3", "sched rr")
	require.Contains(t, k.fails("sched frob"), `f:3:7: expected rr [quantum], one or random [seed], found "frob"`)
}

func TestBreakpoints(t *testing.T) {
	k := open(t)
	require.Equal(t, "breakpoint 1 at work: incl x\n", k.must("b work if x == 2"))
	require.Contains(t, k.must("c"), "breakpoint 1\n")
	require.Contains(t, k.must("p x"), "x = 2")
	require.Contains(t, k.must("info b"), "1  work: incl x  if x == 2  hit 1 time(s)")
	k.must("d 1")
	require.Contains(t, k.must("info b"), "no breakpoints")
	require.Contains(t, k.fails("d 1"), "there is no breakpoint 1")
	k.must("b work ignore 2", "c") // past x of 3 and 4
	require.Contains(t, k.must("p x"), "x = 5")
	k.must("d", "tb first task 1", "c")
	require.Contains(t, k.must("info breakpoints"), "no breakpoints")
}

func TestWatchpoints(t *testing.T) {
	k := open(t)
	require.Equal(t, "watchpoint 1: x\n", k.must("rwatch x on 1"))
	require.Contains(t, k.must("c"), "watchpoint 1: x read by core 1 at second: 0\n")
	k.must("d", "watch x")
	require.Contains(t, k.must("c"), "watchpoint 2: x written by core 0 at work: 0 -> 1\n")
	k.must("d", "awatch y if y == 2")
	require.Contains(t, k.must("c"), "watchpoint 3: y written by core 0 at first+0x5: 0 -> 2\n")
	require.Contains(t, k.fails("watch %rax"), "f:3:7: %rax is not an object in memory")
}

func TestReverse(t *testing.T) {
	k := open(t)
	k.must("si 4", "cpu 1", "si", "cpu 0", "si 2")
	k.must("rsi")
	require.Equal(t, "0*4 1 0", k.schedule())
	k.must("rsi 2")
	require.Equal(t, "0*3", k.schedule())
	require.Contains(t, k.must("rsi 9"), "the run begins here")
	require.Empty(t, k.schedule())
	k.must("si 40", "watch x")
	require.Contains(t, k.must("rc"), "watchpoint 1: x written by core 0 at work: 7 -> 8")
	n := k.e.S.Len()
	require.Contains(t, k.must("rc"), "watchpoint 1: x written by core 0 at work: 6 -> 7")
	require.Equal(t, n-5, k.e.S.Len())
	k = open(t)
	k.must("si 3") // behind the call
	require.Contains(t, k.must("rni"), "=> call work")
	require.Empty(t, k.schedule())
	k.must("si 40")
	k.must("goto 3", "checkpoint", "si 5", "restart 1")
	require.Equal(t, "0*3", k.schedule())
	require.Contains(t, k.must("info checkpoints"), "1  step 3")
	k.must("restart")
	require.Empty(t, k.schedule())
	require.Contains(t, k.fails("goto 9"), "expected a step from 0 to 0, found \"9\"")
	require.Contains(t, k.fails("restart 1"), "checkpoint 1 was at step 3, which the run has not reached again")
}

func TestInjections(t *testing.T) {
	k := open(t)
	k.must("cpu 1", "si 3")
	require.Contains(t, k.must("inject irq 20"), "[IRQ 0x20 pending]\n    => delivers IRQ 0x20")
	require.Contains(t, k.must("si"), "vector_20")
	k.must("restart", "cpu 1", "inject irq 0x20 at second:`nop` nth 2", "si 7")
	require.Equal(t, "1*4 irq1:20 1*3", k.schedule())
	require.Contains(t, k.must("info injections"), "irq 20 at second:`nop`: fired 1 time(s) [5]")
	k.must("restart")
	require.Contains(t, k.must("info injections"), "fired 0 time(s)")
	k = open(t)
	k.must("inject irq 20 to 1 at work when x == 1", "si 6")
	require.Equal(t, "0*6 irq1:20", k.schedule())
	k = open(t)
	k.must("inject irq 20 to 1 at work every 2", "si 20")
	require.Equal(t, "0 irq1:20 0*10 irq1:20 0*9", k.schedule())
}

func TestInjectionThatNeverFired(t *testing.T) {
	k := open(t)
	k.e.Batch = true
	k.must("inject nmi at work when x == 77", "si 6")
	err := k.e.Finish()
	require.ErrorIs(t, err, script.ErrNever)
	require.ErrorContains(t, err, "inject nmi at work when x == 77: the injection never fired")
}

func TestStoreBufferCommands(t *testing.T) {
	k := open(t)
	k.must("hold", "si 2")
	require.Equal(t, "0h*2", k.schedule())
	require.Contains(t, k.must("info sb"), "cpu0: 2 store(s)\n  0  stack(1)+")
	require.Contains(t, k.must("p x"), "x = 0")
	k.must("drain")
	require.Equal(t, "0h*2 drain0", k.schedule())
	k.must("release")
	require.Equal(t, "0h*2 drain0*2", k.schedule())
	require.Contains(t, k.must("p x"), "x = 1")
	require.Contains(t, k.fails("drain"), "the store buffer of core 0 is empty")
}

func TestLooking(t *testing.T) {
	k := open(t)
	require.Contains(t, k.must("si 2", "p/x x + 15"), "x + 15 = 0x10")
	require.Contains(t, k.must("x/2wx &x"), "x:  0x00000001  0x00000000\n")
	require.Contains(t, k.must("x/2i work"), "   work                         incl ")
	require.Contains(t, k.must("disas work"), "=> work+0x7                     ret")
	require.Contains(t, k.must("xp/1bx 0"), "0x00")
	require.Contains(t, k.must("info registers"), "rip  0xffffffff810000")
	require.Contains(t, k.must("info registers %rip"), "<work+0x7>")
	require.Contains(t, k.must("info checks"), "small                    always: holds so far")
	require.Contains(t, k.must("info symbol x"), "is x\n  physical 0x")
	require.Contains(t, k.must("info irq"), "cpu0:  nothing pending, nothing blocked")
	require.Contains(t, k.must("where"), "cpu1")
	require.Contains(t, k.must("info apic"), "cpu0: id 0")
	require.Equal(t, "0*2\n", k.must("info schedule"))
	require.Equal(t, "1: x = 1\n", k.must("disp x"))
	require.Contains(t, k.must("si 5"), "\n1: x = 2\n")
	k.must("undisp 1")
	require.NotContains(t, k.must("si"), "1: x")
	require.Contains(t, k.must("info tasks"), "task 1    core0")
	require.Contains(t, k.must("info locks"), "no lock is held")
	require.Equal(t, "a text\n", k.must("echo a text"))
	require.Contains(t, k.must("p *(struct task_struct *)current"), "\n  pid = 1\n")
}

func TestBacktrace(t *testing.T) {
	k := open(t)
	require.Equal(t, "#0  work at test:16\n#1  first+0x5 at test:13\n", k.must("si", "bt"))
	k.must("cpu 1", "si 3", "inject irq 20", "si")
	require.Equal(t, "#0  vector_20 at test:24\n#1  second+0x9 at test:22  <interrupted here>\n", k.must("bt"))
	require.Contains(t, k.must("bt task 1"), "#0  work at test:16  <running on cpu0>\n")
	require.Contains(t, k.fails("bt task 77"), "f:3:9: there is no task 77")
}

func TestWhy(t *testing.T) {
	k := open(t)
	require.Equal(t, "x = 0\n  as it was when the run began\n", k.must("why x"))
	k.must("si 2", "cpu 1", "si", "cpu 0", "si 5")
	require.Equal(t, "x = 2\n  written   step 8  cpu0 task 1  work: incl x\n", k.must("why x"))
	require.Equal(t, "%rax@1 = 1\n  written   step 3  cpu1 task 2  second: mov x, %eax\n  loaded    step 3  cpu1 task 2  second, from x = 1\n"+
		"  meanwhile step 8  cpu0 task 1  work overwrote it with 2\n", k.must("why %rax@1"))
	require.Contains(t, k.fails("why %rip"), "f:3:5: %rip: why knows general registers and memory")
	require.Contains(t, k.must("info stale"), "no stale value was used")
	require.Contains(t, k.must("info idt"), "20  vector_20\n")
}

func TestTaskAndSet(t *testing.T) {
	k := open(t)
	require.Contains(t, k.must("task 2"), "cpu1  task 2")
	require.Equal(t, 1, k.e.Core())
	require.Contains(t, k.fails("task 9"), "f:3:6: there is no task 9")
	k.must("set width 100")
	require.Equal(t, 100, k.e.Width)
	require.Contains(t, k.fails("set frob"), "f:3:5: expected width N, found \"frob\"")
}

func TestChecksStopThePrompt(t *testing.T) {
	k := open(t)
	require.Contains(t, k.must("c"), "check small is violated\n")
	require.Contains(t, k.must("p x"), "x = 9")
	require.Contains(t, k.must("info checks"), "VIOLATED at step")
}

func TestExpect(t *testing.T) {
	k := open(t)
	k.must("si 2", "expect x == 1", "expect holds")
	require.Contains(t, k.fails("expect x == 2"), "f:3:8: expectation missed: x == 2 is false at step 2")
	k.must("expect violated small")
	err := k.e.Finish()
	require.True(t, script.Missing(err))
	require.ErrorContains(t, err, "expected small to be violated, but it holds")
}

func TestErrorsSayWhatWasExpected(t *testing.T) {
	k := open(t)
	for line, want := range map[string]string{
		"frob":                 `f:3:1: "frob" is not a command; help lists them`,
		"r":                    `f:3:1: "r" is ambiguous: it could be rc, release, restart, rni, rsi, rwatch`,
		"si x":                 `f:3:4: expected a number of steps from 1 to 1073741824, found "x"`,
		"si 1 2":               `f:3:6: unexpected "2"`,
		"si/x":                 `f:3:3: si takes no format, found "/x"`,
		"cpu 5":                `f:3:5: expected a core from 0 to 1, found "5"`,
		"until":                "f:3:6: expected a place: a symbol, symbol+offset, *address, file:line or symbol:`instruction`",
		"until wrok":           `f:3:7: "wrok": no such symbol`,
		"until work iff x":     `f:3:12: expected "if CONDITION", found "iff"`,
		"until work if z":      `f:3:15: no symbol, constant or variable is called "z"`,
		"b work frob":          `f:3:8: expected on, task, ignore or if, found "frob"`,
		"take 0 5":             `f:3:8: "5": there is no core 5; the machine has 2`,
		"take":                 `f:3:5: expected a schedule, as in 0*12 irq0:ec 1*3`,
		"inject":               `f:3:7: expected irq VECTOR, nmi, init, sipi PAGE or tick, found the end of the line`,
		"inject irq zz":        `f:3:12: expected a vector in hexadecimal from 10 to ff, found "zz"`,
		"inject irq 20 nth 2":  `f:3:15: "nth" goes with a place: inject ... at PLACE ...`,
		"inject irq 20 frob":   `f:3:15: expected to, at, on, task, nth, every or when, found "frob"`,
		"p":                    `f:3:2: expected an expression at the end of the line`,
		"p 1 +":                `f:3:6: expected a value, found the end of the expression`,
		"p/q x":                `f:3:1: expected a format of x, z, d, u, o, t or c, found "q"`,
		"x/9999x x":            `f:3:1: expected a count from 1 to 4096, found "9999"`,
		"x 0x123":              `f:3:1: no memory at 0x123`,
		"info":                 `f:3:5: expected one of registers, threads,`,
		"info frob":            `f:3:6: expected one of registers, threads,`,
		"expect violated frob": `f:3:17: no check is called "frob"`,
		"help frob":            `f:3:6: "frob" is not a command; help lists them`,
		"source nosuch":        `f:3:8: files cannot be read here`,
		"save-script x":        `f:3:13: files cannot be written here`,
		"diagram --frob":       `f:3:9: expected --all, --stale or --width N, found "--frob"`,
		"sweep nosuch":         `f:3:7: no function is called "nosuch"`,
		"sweep work":           `f:3:7: the script has no injection to move`,
		"undisp 4":             `f:3:8: there is no display 4`,
	} {
		require.True(t, strings.HasPrefix(k.fails(line), want), "%s:\ngot  %s\nwant %s", line, k.fails(line), want)
	}
}

func TestSourceAndSave(t *testing.T) {
	k := open(t)
	disk := map[string][]byte{"loop": []byte("source loop\n"), "ok": []byte("# a comment\n\nsi 2\n p x\n")}
	k.e.Read = func(n string) ([]byte, error) {
		if b, ok := disk[n]; ok {
			return b, nil
		}
		return nil, errors.New("no such file")
	}
	k.e.Write = func(n string, b []byte) error { disk[n] = b; return nil }
	require.Contains(t, k.must("source ok"), "x = 1")
	require.Contains(t, k.fails("source loop"), "loop:1:8: source is nested more than 10 deep")
	require.Contains(t, k.fails("source nosuch"), "no such file")
	require.Contains(t, k.must("save-script out"), "saved 1 command(s)")
	require.Equal(t, "# klpsim step test -batch -x THIS\nsi 2\n# the schedule it leaves:\n#   0*2\n", string(disk["out"]))
}

func TestBatchStopsAtIdle(t *testing.T) {
	k := open(t)
	k.e.Batch = true
	err := k.e.Script(script.Lines("s", []byte("si 2\nuntil nosuch\nsi 2\n")))
	require.ErrorContains(t, err, "s:2:7: ")
	require.Equal(t, "0*2", k.schedule())
}

func TestCompletion(t *testing.T) {
	k := open(t)
	require.Equal(t, []string{"si "}, k.e.Complete("si"))
	require.Equal(t, []string{"until work"}, k.e.Complete("until wo"))
	require.Equal(t, []string{"info registers"}, k.e.Complete("info re"))
	require.Equal(t, []string{"p x + work"}, k.e.Complete("p x + wor"))
	require.Contains(t, k.e.Complete(""), "inject ")
}

// TestCommandsReference pins docs/commands against the table.
func TestCommandsReference(t *testing.T) {
	const file = "COMMANDS.md"
	if os.Getenv("KLPSIM_UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(script.Reference()), 0o644))
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(got), script.Reference(), "the command table has changed: make docs")
}

// TestEveryCommandIsTold holds the table itself: help, group and a working
// example for each command, and no name twice.
func TestEveryCommandIsTold(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range script.Commands() {
		require.NotEmpty(t, c.Help, c.Name)
		require.True(t, strings.HasPrefix(c.Example, c.Name), c.Name)
		for _, n := range append([]string{c.Name}, c.Aliases...) {
			require.False(t, seen[n], n)
			seen[n] = true
		}
		require.Contains(t, script.Reference(), c.Example)
		require.Contains(t, open(t).must("help "+c.Name), c.Example)
	}
}

func FuzzExec(f *testing.F) {
	for _, s := range []string{"si 3", "until work if x==2", "inject irq 20 to 1 at work nth 2", "x/3i work", "b work ignore 2", "p *(struct task_struct*)current", "take 0*3 1h", "disp/x x", "rsi"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		k := open(t)
		k.e.S.SetLimit(200)
		_ = k.e.Exec(scenario.Text{Text: line}) // must come back
	})
}
