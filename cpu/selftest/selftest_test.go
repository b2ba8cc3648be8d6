package selftest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// machines run the image and return its serial output.
var machines = []struct {
	name string
	run  func(t *testing.T, image string) []byte
}{
	{"klpsim", runKlpsim},
	{"qemu", runQEMU},
	{"bochs", runBochs},
}

// parse returns the tests of a run in order, each with its line, and fails
// unless the run came to its end.
func parse(t *testing.T, out []byte) (order []string, lines map[string]string) {
	t.Helper()
	lines = map[string]string{}
	done := false
	for _, line := range strings.Split(strings.ReplaceAll(string(out), "\r", ""), "\n") {
		word := strings.Fields(line)
		switch {
		case len(word) >= 2 && (word[0] == "PASS" || word[0] == "FAIL" || word[0] == "SKIP"):
			require.NotContains(t, lines, word[1], "test reported twice")
			order = append(order, word[1])
			lines[word[1]] = line
		case len(word) > 0 && word[0] == "DONE":
			done = true
		}
	}
	require.True(t, done, "the image did not come to its end:\n%s", out)
	return order, lines
}

// Every test passes on every machine, the known deviations apart, and all
// machines run the same tests.
func TestSelfTest(t *testing.T) {
	peer.Need(t, "gcc", "gcc, which compiles the images")
	all := []string{}
	for _, im := range images {
		t.Run(im.name, func(t *testing.T) {
			file := im.build(t, t.TempDir())
			var first []string
			for _, m := range machines {
				t.Run(m.name, func(t *testing.T) {
					order, lines := parse(t, m.run(t, file))
					require.NotEmpty(t, order)
					if first == nil {
						first = order
					}
					assert.Equal(t, first, order, "the machines ran different tests")
					checkLines(t, m.name, order, lines)
				})
			}
			all = append(all, first...)
		})
	}
	for machine, list := range deviations {
		for name := range list {
			assert.Contains(t, all, name, "deviation of %s names no test", machine)
		}
	}
}

// checkLines wants every test of a run passed that is no known deviation.
func checkLines(t *testing.T, machine string, order []string, lines map[string]string) {
	t.Helper()
	for _, name := range order {
		passed := strings.HasPrefix(lines[name], "PASS ")
		why, known := deviations[machine][name]
		if known {
			t.Logf("%s: %s", lines[name], why)
		}
		assert.True(t, passed || known, "%s", lines[name])
	}
}
