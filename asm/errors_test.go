package asm

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestErrors: every line of the fixture that says ERROR "regexp" is reported
// with a message that matches, and no other line is.
func TestErrors(t *testing.T) {
	text, err := os.ReadFile("../testdata/asm/errors.s")
	require.NoError(t, err)
	_, err = Assemble(Source{Name: "errors.s", Text: text}, Options{})
	var list ErrorList
	require.ErrorAs(t, err, &list)
	got := map[int][]string{}
	for _, e := range list {
		got[e.Line] = append(got[e.Line], e.Error())
	}
	want := regexp.MustCompile(`# (?:ERROR|STRICT) "(.*)"$`)
	n := 0
	for i, line := range strings.Split(string(text), "\n") {
		m := want.FindStringSubmatch(line)
		if m == nil {
			assert.Empty(t, got[i+1], "line %d", i+1)
			continue
		}
		n++
		if assert.NotEmpty(t, got[i+1], "line %d is not reported: %s", i+1, line) {
			assert.Regexp(t, `^errors\.s:\d+:\d+: `+m[1], got[i+1][0])
		}
	}
	require.Greater(t, n, 20)
}

// TestErrorsAgainstAS: what the fixture calls an error is one for GNU as too.
func TestErrorsAgainstAS(t *testing.T) {
	as := needAS(t)
	text, err := os.ReadFile("../testdata/asm/errors.s")
	require.NoError(t, err)
	cmd := exec.Command(as, "--64", "-o", os.DevNull)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	bad := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\{standard input\}:(\d+): Error`).FindAllStringSubmatch(string(out), -1) {
		bad[m[1]] = true
	}
	for i, line := range strings.Split(string(text), "\n") {
		assert.Equal(t, bad[itoa3(i+1)], strings.Contains(line, "# ERROR"), "line %d: %s", i+1, line)
	}
}

func itoa3(n int) string {
	if n >= 100 {
		return itoa(n/100) + strings.Repeat("0", 2-len(itoa(n%100))) + itoa(n%100)
	}
	return itoa(n)
}

// TestTypesOfCompiledC reads structure offsets from what gcc -g makes of our
// own C, assembled by us.
func TestTypesOfCompiledC(t *testing.T) {
	gcc := needTool(t, "gcc")
	out := filepath.Join(t.TempDir(), "klp.s")
	msg, err := exec.Command(gcc, "-g", "-O1", "-S", "../testdata/asm/klp.c", "-o", out).CombinedOutput()
	require.NoError(t, err, "%s", msg)
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	o, err := Assemble(Source{Name: "klp.s", Text: text}, Options{})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, o.WriteELF(&b))
	types, err := ReadTypes("klp.o", bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	s, ok := types.Struct("task")
	require.True(t, ok)
	f, ok := s.Field("patch_state")
	require.True(t, ok)
	require.Equal(t, int64(8), f.Offset)
	require.Equal(t, int64(4), f.Size)
	next, ok := s.Field("next")
	require.True(t, ok)
	require.Equal(t, "task", next.Struct)

	read, err := ReadELF("klp.o", bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	l := DefaultLayout(0x10000)
	l.Symbols = []Define{{"tasks", 0x5000}}
	img, err := Link([]*Object{read}, l)
	require.NoError(t, err)
	fn, ok := img.Symbol("klp_patch_task")
	require.True(t, ok)
	pos, ok := img.LineAt(fn.Addr)
	require.True(t, ok)
	require.True(t, strings.HasSuffix(pos.File, "klp.c"))
	require.Equal(t, 14, pos.Line) // the row of the opening brace covers no byte
}
