package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/kernel/trace"
)

// promptRE finds the prompts in a session's output.
var promptRE = regexp.MustCompile(`(?m)^\(cpu\d+\) `)

const goldenDir = "../../testdata/golden"

// update says whether this run rewrites the goldens: see make golden.
func update() bool { return os.Getenv("KLPSIM_UPDATE") != "" }

// golden compares got with a golden file, or rewrites the file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if update() {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "make golden writes it")
	require.Equal(t, string(want), string(got), "%s: make golden rewrites it", file)
}

// goldenTrace compares a trace with a compressed golden one, record by record.
func goldenTrace(t *testing.T, file string, got []byte) {
	t.Helper()
	if update() {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		require.NoError(t, err)
		_, err = z.Write(got)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
		return
	}
	packed, err := os.ReadFile(file)
	require.NoError(t, err, "make golden writes it")
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	want, err := io.ReadAll(z)
	require.NoError(t, err)
	if bytes.Equal(want, got) {
		return
	}
	a, err := trace.Parse(file, want)
	require.NoError(t, err)
	b, err := trace.Parse("now", got)
	require.NoError(t, err)
	t.Fatalf("the trace has changed; make golden rewrites it\n%s", trace.Diff(file, a, "now", b))
}

// TestGoldenScenarios pins, for every bundled scenario, what run prints, its
// exit code and its whole trace; and that a second run, from the schedule that
// the first one printed, leaves the same trace to the byte.
func TestGoldenScenarios(t *testing.T) {
	expected := map[string]bool{}
	for _, name := range scenarioNames() {
		expected[name+".txt"], expected[name+".trace.gz"] = true, true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first, again := filepath.Join(dir, "first"), filepath.Join(dir, "again")
			out, errs, code := klpsim(t, "", "run", name, "--trace", first)
			require.NotEqual(t, exitUsage, code, errs)
			golden(t, filepath.Join(goldenDir, name+".txt"), fmt.Appendf(nil, "%s--- exit %d\n%s", out, code, errs))
			for _, line := range strings.Split(out, "\n") {
				require.LessOrEqual(t, len(line), 72, line)
				for _, c := range []byte(line) {
					require.True(t, c >= 0x20 && c < 0x7f, "not ASCII: %q", line)
				}
			}
			text, err := os.ReadFile(first)
			require.NoError(t, err)
			goldenTrace(t, filepath.Join(goldenDir, name+".trace.gz"), text)
			klpsim(t, "", "run", name, "--schedule", replayOf(t, out), "--trace", again)
			replayed, err := os.ReadFile(again)
			require.NoError(t, err)
			require.True(t, bytes.Equal(text, replayed), "the printed schedule replays to the byte")
		})
	}
	entries, err := os.ReadDir(goldenDir)
	require.NoError(t, err)
	for _, e := range entries {
		require.True(t, expected[e.Name()], "no test reads the golden %s", e.Name())
	}
}

// replayOf returns the schedule on the replay line of a diagram.
func replayOf(t *testing.T, out string) string {
	t.Helper()
	_, rest, ok := strings.Cut(out, "--schedule '")
	require.True(t, ok, "a replay line")
	sched, _, ok := strings.Cut(rest, "'")
	require.True(t, ok)
	return sched
}

// TestTranscripts runs every testdata/transcripts/*.in through a batchless
// session at the prompt and pins what it shows. The first line of a file is
// the scenario, behind a #.
func TestTranscripts(t *testing.T) {
	dir := "../../testdata/transcripts"
	files, err := filepath.Glob(dir + "/*.in")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	sort.Strings(files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := transcript(t, string(text))
			golden(t, strings.TrimSuffix(file, ".in")+".golden", []byte(got))
		})
	}
}

// transcript is a session as a terminal would show it: each command behind its
// prompt. The scenario stands on the first line, behind "# ".
func transcript(t *testing.T, text string) string {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n")
	name := strings.TrimPrefix(head, "# ")
	out, errs, code := klpsim(t, body, "step", name)
	require.Equal(t, exitHeld, code, errs)
	lines := strings.Split(strings.TrimRight(body, "\n"), "\n")
	var b strings.Builder
	fmt.Fprintf(&b, "$ klpsim step %s\n", name)
	parts := promptRE.Split(out, -1)
	prompts := promptRE.FindAllString(out, -1)
	b.WriteString(parts[0])
	for i, p := range prompts {
		if i < len(lines) {
			b.WriteString(p + lines[i] + "\n" + parts[i+1])
		}
	}
	return b.String()
}
