package scenario

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// files serves named texts; "loop" includes itself.
type files map[string]string

func (f files) Read(_, name string) (string, []byte, error) {
	if t, ok := f[name]; ok {
		return name, []byte(t), nil
	}
	return "", nil, errors.New("no such file")
}

var bundle = files{
	"klp/checks.inc":   "check from-include always: 1\n",
	"klp/transition.s": "nop\n",
	"klp/core.s":       "ret\n",
	"loop":             "include loop\n",
	"unfinished":       "code\nnop\n",
}

// docExample is the example of doc.go, so that the documentation parses.
func docExample(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var out []string
	for _, l := range strings.Split(string(src), "\n") {
		if code, ok := strings.CutPrefix(l, "//\t"); ok {
			if strings.HasPrefix(code, "entry ") || strings.HasPrefix(code, "expect holds") {
				continue // for bare machines; the other form of expect
			}
			out = append(out, code)
		} else {
			out = append(out, "")
		}
	}
	return strings.Join(out, "\n")
}

func TestDocumentedExampleParses(t *testing.T) {
	s, err := Parse("doc.go", []byte(docExample(t)), bundle)
	require.NoError(t, err)
	require.Equal(t, "rfc-v2", s.Name)
	require.Equal(t, "klp_patch_task() stores a stale target", s.Title)
	require.Len(t, s.About, 2)
	require.Equal(t, 2, s.Cores)
	require.False(t, s.Bare)
	require.Equal(t, "nop\n", string(s.Code[0].Text))
	require.Len(t, s.Code, 3)
	require.Contains(t, string(s.Code[2].Text), "\tcall klp_patch_task\n")
	require.Len(t, s.Tasks, 3)
	require.Equal(t, "victim", s.Tasks[0].Comm)
	require.Equal(t, "KLP_UNPATCHED", s.Tasks[0].State.Text)
	require.Equal(t, "user_nop", s.Tasks[0].User)
	require.True(t, s.Tasks[1].Running)
	require.Equal(t, "_TIF_PATCH_PENDING", s.Tasks[2].Flags.Text)
	require.Equal(t, "klp_patch1", s.Init[1].Address)
	require.Equal(t, Init{Reg: "rdi", Core: 1, Value: s.Init[2].Value, Pos: s.Init[2].Pos}, s.Init[2])
	require.Len(t, s.Checks, 4)
	require.Equal(t, "from-include", s.Checks[0].Name)
	require.Equal(t, "klp_target_state == KLP_UNDEFINED => forall(t, t.patch_state == KLP_UNDEFINED)", s.Checks[1].Expr.Text)
	require.Equal(t, s.Checks[1].Line+1, s.Checks[1].Expr.Line, "the expression stands on the continued line")
	require.Equal(t, 3, s.Checks[1].Expr.Col)
	require.Equal(t, At, s.Checks[2].When)
	require.Equal(t, "klp_warn", s.Checks[2].Place.Text)
	require.Equal(t, "0", s.Checks[2].Expr.Text)
	require.Len(t, s.Script, 3)
	require.Equal(t, "complete-means-done", s.Expect.Violated[0].Text)
	require.Equal(t, uint64(20000), s.Limit)
	require.Equal(t, Explore{IRQs: 1, NMIs: 1, Preempt: 2, Steps: 5000, Vectors: []uint8{0xec, 0xfd}, Cores: []int{0}, In: []string{"klp_patch_task"}}, s.Explore)
}

func TestCheckPlaceWithColonInside(t *testing.T) {
	s, err := Parse("f", []byte("scenario a\nbare\ncheck c at f:`mov %gs:0, %rax` after: %rax == 1\n"), nil)
	require.NoError(t, err)
	require.Equal(t, "f:`mov %gs:0, %rax` after", s.Checks[0].Place.Text)
	require.Equal(t, "%rax == 1", s.Checks[0].Expr.Text)
	require.Equal(t, 39, s.Checks[0].Expr.Col)
}

func TestErrorsNamePlaceAndText(t *testing.T) {
	const head = "scenario a\nbare\n"
	cases := map[string]string{
		"frobnicate":                        `f:3:1: a line cannot begin with "frobnicate"; it begins with one of scenario, about,`,
		"machine cores=99":                  `f:3:9: expected the number of cores from 1 to 16, found "99"`,
		"machine memory=arm":                `f:3:9: expected memory=tso or memory=sc, found "memory=arm"`,
		"machine speed=1":                   `f:3:9: a machine has cores, memory and storebuffer, not "speed"`,
		"kernel":                            `f:3:1: a machine is either "kernel" or "bare"`,
		"scenario b":                        `f:3:1: a second "scenario" line`,
		"load nosuch.s":                     `f:3:6: cannot read "nosuch.s": no such file`,
		"include loop":                      `loop:1:9: include "loop" is nested more than 10 deep`,
		"include unfinished":                `unfinished:1:1: "code" has no line "end"`,
		"define X":                          `f:3:8: expected name=value, found "X"`,
		"define X=y":                        `f:3:8: expected a number from -9223372036854775808 to 9223372036854775807, found "y"`,
		"task":                              `f:3:5: expected the task's number at the end of the line`,
		"task 0 on 0 entry x":               `f:3:6: expected a task number from 1 to 4194304, found "0"`,
		"task 1 entry x":                    `f:3:1: task 1 needs "on CPU"`,
		"task 1 on 0":                       `f:3:1: task 1 needs "entry SYMBOL"`,
		"task 1 on 3 entry x":               `f:3:1: there is no core 3; the machine has 1`,
		"task 1 on 0 entry x walking":       `f:3:21: a task has on, running,`,
		"task 1 \"abcdefghijklmnopq\" on 0": `f:3:8: the name "abcdefghijklmnopq" is longer than 15 bytes`,
		"task 1 \"abc":                      `f:3:8: the string "abc has no end`,
		"entry 4 x":                         `f:3:7: there is no core 4; the machine has 1`,
		"init %r16 = 1":                     `f:3:6: "%r16" is not a register`,
		"init x 1":                          `f:3:8: expected = between blanks, found "1"`,
		"init x =":                          `f:3:9: expected a value at the end of the line`,
		"enum e":                            `f:3:7: expected NAME=number at the end of the line`,
		"bits b A=64":                       `f:3:8: expected a number from 0 to 63, found "64"`,
		"type x":                            `f:3:7: expected a type, an enum or bits at the end of the line`,
		"type x int nosuch":                 `f:3:1: no enum or bits line is called "nosuch"`,
		"check c sometimes: 1":              `f:3:9: expected "always:", "at PLACE:" or "final:", found "sometimes:"`,
		"check c at x 1":                    `f:3:12: expected "PLACE: EXPRESSION", found "x 1"`,
		"check c always:":                   `f:3:16: expected an expression at the end of the line`,
		"expect failure":                    `f:3:8: expected "holds" or "violated CHECK", found "failure"`,
		"expect violated nosuch":            `f:3:17: no check is called "nosuch"`,
		"limit 0":                           `f:3:7: expected a number of steps from 1 to 1099511627776, found "0"`,
		"explore vectors=ec,5":              `f:3:9: a vector is hexadecimal, from 10 to ff, not "5"`,
		"explore frob=1":                    `f:3:9: explore has irq, nmi, preempt, steps, vectors, cores and in, not "frob"`,
		"run\nsi":                           `f:3:1: "run" has no line "end"`,
		"bare x":                            `f:3:6: unexpected "x"`,
	}
	for text, want := range cases {
		_, err := Parse("f", []byte(head+text+"\n"), bundle)
		require.Error(t, err, text)
		require.True(t, strings.HasPrefix(err.Error(), want), "%q:\ngot  %s\nwant %s", text, err, want)
		var list ErrorList
		require.True(t, errors.As(err, &list))
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	_, err := Parse("f", []byte("frob\nlimit x\ntask 1\n"), nil)
	var list ErrorList
	require.True(t, errors.As(err, &list))
	require.Len(t, list, 3)
	for i, e := range list {
		require.Equal(t, i+1, e.Line)
	}
	_, err = Parse("f", nil, nil)
	require.EqualError(t, err, "f:1:1: the scenario says neither \"kernel\" nor \"bare\"\nf:1:1: the scenario has no \"scenario NAME\" line")
}

func FuzzParse(f *testing.F) {
	src, err := os.ReadFile("doc.go")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(strings.ReplaceAll(string(src), "//\t", ""))
	f.Add("scenario a\nbare\ncheck c at f:`a: b`: 1\n")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse("f", []byte(s), bundle)
		if (got == nil) == (err == nil) {
			t.Fatal(fmt.Sprint("either a scenario or an error: ", got, err))
		}
		var list ErrorList
		if err != nil && (!errors.As(err, &list) || len(list) == 0 || list[0].Line < 1 || list[0].Col < 1) {
			t.Fatalf("an error without a place: %v", err)
		}
	})
}
