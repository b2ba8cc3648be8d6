package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/kernel/explore/target"
)

func TestExploreAnswersAndExitCodes(t *testing.T) {
	out, errs, code := klpsim(t, "", "explore", "klp-rfc-v2", "--memory", "sc", "--irq", "0", "--quiet")
	require.Equal(t, exitViolated, code)
	require.Empty(t, errs)
	require.Contains(t, out, "complete-means-done  Sometimes")
	require.Contains(t, out, "FAIL    complete-means-done")
	require.Contains(t, out, "replay  klpsim run klp-rfc-v2 --memory sc")
	for _, l := range strings.Split(out, "\n") {
		require.LessOrEqual(t, len(l), 72, l)
	}

	out, _, code = klpsim(t, "", "explore", "klp-upstream", "--memory", "sc", "--irq", "0", "--json", "--quiet")
	require.Equal(t, exitHeld, code)
	var report target.JSON
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.True(t, report.Complete)
	require.Equal(t, "Never", report.Checks[0].Answer)

	_, _, code = klpsim(t, "", "explore", "klp-upstream", "--memory", "sc", "--irq", "0", "--max-states", "100", "--quiet")
	require.Equal(t, exitInconclusive, code)
}

func TestExploreBadInput(t *testing.T) {
	for _, c := range []struct{ want, args string }{
		{"no-such-scenario", "explore no-such-scenario"},
		{`no check "frob"`, "explore klp-upstream --check frob"},
		{`"zz"`, "explore klp-upstream --vectors zz"},
		{"--resume needs --checkpoint", "explore klp-upstream --resume"},
		{`no function "frob"`, "explore klp-upstream --in frob"},
		{`no family "frob"`, "matrix frob"},
		{`no variant "frob"`, "matrix klp --only frob"},
		{"violates no check", "minimize klp-upstream 0*3"},
	} {
		_, errs, code := klpsim(t, "", strings.Fields(c.args)...)
		require.Equal(t, exitUsage, code, c.args)
		require.Contains(t, errs, c.want)
	}
}

func TestExploreAtRandom(t *testing.T) {
	args := []string{"explore", "klp-rfc-v2", "--strategy", "uniform", "--runs", "60", "--length", "1500"}
	whole, errs, code := klpsim(t, "", args...)
	require.Empty(t, errs)
	require.Contains(t, []int{exitViolated, exitInconclusive}, code)
	require.Contains(t, whole, "60 random runs (uniform, seed 1, shard 0/1)")
	again, _, _ := klpsim(t, "", args...)
	require.Equal(t, whole, again)
	_, errs, code = klpsim(t, "", append(args, "--shard", "3/2")...)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `"3/2"`)
	_, errs, code = klpsim(t, "", "explore", "klp-rfc-v2", "--strategy", "luck")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `"luck"`)
}

// TestReadmeShowsTheMatrix compares the README's table with the golden.
func TestReadmeShowsTheMatrix(t *testing.T) {
	golden, err := os.ReadFile("../../testdata/explore/matrix-klp.golden")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	table, _, ok := strings.Cut(string(golden), "\nsmallest failing runs")
	require.True(t, ok)
	require.Contains(t, string(readme), table, "the README's matrix is the golden's, up to the smallest failing runs")
}

// TestExploreResumes stops a search, resumes it and compares the report with
// that of a search left alone.
func TestExploreResumes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "search")
	args := []string{"explore", "klp-upstream", "--memory", "sc", "--irq", "0", "--quiet"}
	want, _, _ := klpsim(t, "", args...)
	args = append(args, "--checkpoint", file, "--resume")
	_, _, code := klpsim(t, "", append(args, "--max-states", "2000")...)
	require.Equal(t, exitInconclusive, code)
	got, errs, code := klpsim(t, "", args...)
	require.Empty(t, errs)
	require.Equal(t, exitHeld, code)
	require.Equal(t, want, got)
	_, errs, code = klpsim(t, "", "explore", "klp-rfc-v2", "--quiet", "--checkpoint", file, "--resume")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "another scenario")
}
