package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// klpsim runs the program in memory and returns what it printed and its exit code.
func klpsim(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = doMain(args, strings.NewReader(stdin), &out, &errs)
	return out.String(), errs.String(), code
}

func TestHelpExitsZero(t *testing.T) {
	out, errs, code := klpsim(t, "", "--help")
	require.Equal(t, exitHeld, code)
	require.Empty(t, errs)
	require.Contains(t, out, "klpsim run rfc-v2")
}

func TestBadUsageExitsTwo(t *testing.T) {
	for _, args := range [][]string{{"nonsense"}, {"--nonsense"}} {
		_, errs, code := klpsim(t, "", args...)
		require.Equal(t, exitUsage, code, "%q", args)
		require.Contains(t, errs, "nonsense")
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out, _, code := klpsim(t, "", "completion", shell)
		require.Equal(t, exitHeld, code, shell)
		require.Contains(t, out, "klpsim", shell)
	}
}
