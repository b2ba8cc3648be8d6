package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLitmusPrintsHerdShape(t *testing.T) {
	out, errs, code := klpsim(t, "", "litmus", "../../testdata/litmus/SB.litmus", "../../testdata/litmus/MP.litmus")
	require.Equal(t, exitHeld, code)
	require.Empty(t, errs)
	require.Contains(t, out, "Observation SB Sometimes 1 3\n")
	require.Contains(t, out, "Observation MP Never 0 3\n")
	out, _, _ = klpsim(t, "", "litmus", "--model", "sc", "../../testdata/litmus/SB.litmus")
	require.Contains(t, out, "Observation SB Never 0 3\n")
}

func TestLitmusBadInput(t *testing.T) {
	_, errs, code := klpsim(t, "", "litmus", "no-such-file.litmus")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "no-such-file.litmus")
	_, errs, code = klpsim(t, "", "litmus", "--model", "arm", "../../testdata/litmus/SB.litmus")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `"arm"`)
	_, _, code = klpsim(t, "", "litmus", "--max-states", "2", "../../testdata/litmus/SB.litmus")
	require.Equal(t, exitInconclusive, code)
}
