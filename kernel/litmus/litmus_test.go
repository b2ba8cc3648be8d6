package litmus

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/explore"
)

const dir = "../../testdata/litmus"

// load parses a test of the collection.
func load(t *testing.T, name string) *Test {
	t.Helper()
	path := filepath.Join(dir, name+".litmus")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	test, err := Parse(path, text)
	require.NoError(t, err)
	require.Equal(t, name, test.Name)
	return test
}

// TestPublishedVerdicts runs the classic tests under both models; what must be
// observed stands in expected.txt, taken from the published tables.
func TestPublishedVerdicts(t *testing.T) {
	f, err := os.Open(filepath.Join(dir, "expected.txt"))
	require.NoError(t, err)
	defer f.Close()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
		fields := strings.Fields(line)
		require.Len(t, fields, 3, line)
		test := load(t, fields[0])
		for i, model := range []cpu.MemoryModel{cpu.TSO, cpu.SC} {
			r, err := Run(context.Background(), test, Options{Model: model})
			require.NoError(t, err, fields[0])
			require.True(t, r.Complete, fields[0])
			require.Equal(t, fields[1+i], r.Observation(), "%s under %s", fields[0], model)
			require.Equal(t, fields[1+i] == "Sometimes", r.OK(), fields[0])
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.litmus"))
	require.NoError(t, err)
	require.Len(t, files, n, "every test has an expected verdict")
}

// TestReductionsKeepFinalStates compares the final states with and without
// macro-steps.
func TestReductionsKeepFinalStates(t *testing.T) {
	saved := uint64(0)
	for _, name := range []string{"SB", "SB+mfences", "n1", "n6", "XADD", "amd3", "RWC", "INC", "SB+xchgs"} {
		test := load(t, name)
		with, err := Run(context.Background(), test, Options{})
		require.NoError(t, err)
		without, err := Run(context.Background(), test, Options{Search: explore.Options{NoMacro: true}})
		require.NoError(t, err)
		require.Equal(t, without.States, with.States, name)
		require.LessOrEqual(t, with.Report.States, without.Report.States, name)
		saved = saved + without.Report.States - with.Report.States
	}
	require.NotZero(t, saved)
}

// TestReport pins the shape of herd7's report.
func TestReport(t *testing.T) {
	r, err := Run(context.Background(), load(t, "SB"), Options{})
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, r.Write(&b))
	require.Equal(t, `Test SB Allowed
States 4
0:EAX=0; 1:EAX=0;
0:EAX=0; 1:EAX=1;
0:EAX=1; 1:EAX=0;
0:EAX=1; 1:EAX=1;
Ok
Witnesses
Positive: 1 Negative: 3
Condition exists (0:EAX=0 /\ 1:EAX=0)
Observation SB Sometimes 1 3

`, b.String())
}

// TestSyntax runs one-off tests of the syntax's corners; each says what must
// be observed.
func TestSyntax(t *testing.T) {
	cases := []struct{ name, text, observed string }{
		{"array and scaled index", `X86_64 a
{ int64_t t[2]={1,-1}; 0:rax=t; 0:rbx=1; int64_t 0:rcx; }
P0 ;
movq 0(%rax,%ebx,8),%rcx ;
forall 0:rcx = -1`, "Always"},
		{"comments, labels and returns", `X86_64 b
(* a comment (* nested *) *)
Variant=telechat
{ [r]=0;[x]=0;[y]=0; }
  P0          | P1          ;
  movl $2,(x) | mov (y),%eax ;
  movl $1,(y) | cmp $1,%eax ;
  ret         | je L1       ;
              | L0:         ;
              | mov %eax,(r) ;
              | ret         ;
              | L1:         ;
              | movl $1,(x) ;
              | jmp L0      ;
exists ([x]=2 /\ r=1)`, "Never"},
		{"sizes by type", `X86_64 c
{ int64_t x=0; int8_t y=0; }
 P0           | P1           ;
 movq $2,(x)  | movb $2,(y)  ;
 movb $-1,(y) | movq $-1,(x) ;
exists ([x]=2 /\ [y]=2)`, "Never"},
		{"unsigned 64-bit registers", `X86_64 d
{ uint64_t y; uint64_t x; uint64_t 1:rax; uint64_t 0:rax; }
 P0            | P1            ;
 movq $1,(x)   | movq $1,(y)   ;
 mfence        | movq (x),%rax ;
 movq (y),%rax |               ;
exists (0:rax=0 /\ 1:rax=0)`, "Sometimes"},
		{"addresses as values", `X86 e
{ p=x; x=1; }
 P0 ;
 MOV EAX,[p] ;
 MOV EBX,[EAX] ;
exists (0:EAX=x /\ 0:EBX=1)`, "Always"},
		{"locations, filter and connectives", `X86 f
{ }
 P0 | P1 ;
 MOV [x],$1 | MOV EAX,[x] ;
locations [x; 1:EAX;]
filter (not (1:EAX=0) \/ x=2)
exists (1:EAX=0)`, "Never"},
		{"condition with disequality and implication", `X86 g
{ x=5; }
 P0 ;
 ADD [x],$2 ;
forall (x!=5 /\ (x=1 => false))`, "Always"},
	}
	for _, c := range cases {
		test, err := Parse(c.name, []byte(c.text))
		require.NoError(t, err, c.name)
		r, err := Run(context.Background(), test, Options{})
		require.NoError(t, err, c.name)
		require.Equal(t, c.observed, r.Observation(), c.name)
	}
}

// TestErrors gives the reader bad tests; the message names place and text.
func TestErrors(t *testing.T) {
	cases := []struct{ text, want string }{
		{"", `t:1:1: architecture X86 or X86_64 expected, found ""`},
		{"AArch64 a\n{}\n", `t:1:1: architecture X86 or X86_64 expected, found "AArch64"`},
		{"X86 a\n", `t:2:1: initial state in braces expected, found the end of the file`},
		{"X86 a (* \n{}\n", `t:1:7: comment is not closed`},
		{"X86 a\n{ x=; }\n", `t:2:5: value expected, found ";"`},
		{"X86 a\n{ x=1 y=2; }\n", `t:2:7: ";" expected, found "y"`},
		{"X86 a\n{ 0:FOO=1; }\n", `t:2:5: "FOO" is not a general register`},
		{"X86 a\n{}\n P0 | P2 ;\n", `t:3:7: thread name P1 expected, found "P2"`},
		{"X86 a\n{}\n P0 ;\n MOV [x],$1 | MOV [y],$1 ;\nexists (x=1)", `t:4:2: 2 columns in a test of 1 threads`},
		{"X86 a\n{}\n P0 ;\n MOV [x],$1 ;\n", `t:5:1: row of code ending in ';' or a condition expected, found the end of the file`},
		{"X86 a\n{}\n P0 ;\n MOV [x],$1 ;\nexists (x=1 /\\ )", `t:5:16: variable or register expected, found ")"`},
		{"X86 a\n{}\n P0 ;\n MOV [x],$1 ;\nexists (1:EAX=1)", `t:1:1: there is no thread 1 for 1:EAX`},
	}
	for _, c := range cases {
		_, err := Parse("t", []byte(c.text))
		require.EqualError(t, err, c.want, c.text)
	}
}

// TestUnknownInstruction: what cannot run is named, never left out.
func TestUnknownInstruction(t *testing.T) {
	for _, c := range []struct{ ins, want string }{
		{"FROB [x],$1", "frob"},
		{"MOV [x],@1", "@1"},
		{"MOV [x],", "MOV [x],"},
	} {
		test, err := Parse("t", []byte("X86 a\n{}\n P0 ;\n "+c.ins+" ;\nexists (x=1)"))
		require.NoError(t, err)
		_, err = Run(context.Background(), test, Options{})
		require.ErrorContains(t, err, c.want)
		require.ErrorContains(t, err, "t:4:2")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("X86 a\n{ x=1; }\n P0 ;\n MOV [x],$1 ;\nlocations [x;]\nexists (x=1 /\\ not (0:EAX=2))")
	f.Add("X86_64 a\n{ int64_t t[2]={1,-1}; 0:rax=t; }\nP0 ;\nmovq 8(%rax,%rbx,8),%rcx ;\nforall 0:rcx = -1")
	f.Fuzz(func(t *testing.T, text string) {
		test, err := Parse("f", []byte(text))
		if err != nil {
			require.IsType(t, &Error{}, err)
			return
		}
		require.NotEmpty(t, test.Cond.text(0))
	})
}
