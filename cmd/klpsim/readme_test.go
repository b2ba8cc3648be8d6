package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var generatedRE = regexp.MustCompile(`(?s)<!-- generated: ([^\n]*) -->\n.*?<!-- end -->`)

// TestReadmeIsCurrent runs the commands of the README's generated parts and
// compares what they print; make docs rewrites the parts.
func TestReadmeIsCurrent(t *testing.T) {
	const file = "../../README.md"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	now := generatedRE.ReplaceAllStringFunc(string(text), func(part string) string {
		command := generatedRE.FindStringSubmatch(part)[1]
		return fmt.Sprintf("<!-- generated: %s -->\n\n```\n%s```\n\n<!-- end -->", command, generated(t, command))
	})
	if update() {
		require.NoError(t, os.WriteFile(file, []byte(now), 0o644))
		return
	}
	require.Equal(t, now, string(text), "make docs rewrites the README's generated parts")
}

// generated is what a command of the README prints, behind its prompt.
func generated(t *testing.T, command string) string {
	t.Helper()
	if name, ok := strings.CutPrefix(command, "transcript "); ok {
		text, err := os.ReadFile(filepath.Join("../../testdata/transcripts", name+".in"))
		require.NoError(t, err)
		return transcript(t, string(text))
	}
	head, quoted, _ := strings.Cut(command, ` "`)
	args := strings.Fields(head)[1:]
	if quoted != "" {
		args = append(args, strings.TrimSuffix(quoted, `"`))
	}
	for i, a := range args {
		if strings.HasPrefix(a, "testdata/") { // the reader stands at the top
			args[i] = "../../" + a
		}
	}
	out, errs, code := klpsim(t, "", args...)
	require.NotEqual(t, exitUsage, code, errs)
	return "$ " + command + "\n" + out
}

// TestReadmesScenario runs the scenario that the README shows.
func TestReadmesScenario(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "```\nscenario sb ")
	require.True(t, ok)
	body, _, _ := strings.Cut(rest, "```")
	file := filepath.Join(t.TempDir(), "sb.scenario")
	require.NoError(t, os.WriteFile(file, []byte("scenario sb "+body), 0o644))
	out, errs, code := klpsim(t, "", "run", file)
	require.Empty(t, errs)
	require.Equal(t, exitViolated, code)
	require.Contains(t, out, "FAIL    one-is-seen, in the final state")
	_, _, code = klpsim(t, "", "run", file, "--memory", "sc")
	require.Equal(t, exitViolated, code, "under sc the expectation is missed")
}
