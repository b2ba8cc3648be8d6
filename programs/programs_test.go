package programs

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A scenario is called like its file, says in one line what it is, and every
// file it names is there; no assembly file lies about unused.
func TestScenariosAndTheirFiles(t *testing.T) {
	names := regexp.MustCompile(`(?m)^(?:load|include) (\S+)$`)
	used := map[string]bool{}
	scenarios := 0
	err := fs.WalkDir(FS(), ".", func(p string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if ext := path.Ext(p); ext != ".scenario" && (ext != ".inc" || p == "klp/klp.inc") {
			return nil
		}
		text, err := Read(p)
		require.NoError(t, err)
		if path.Ext(p) == ".scenario" {
			scenarios++
			name := strings.TrimSuffix(path.Base(p), ".scenario")
			assert.Regexp(t, `^scenario `+regexp.QuoteMeta(name)+` "[^"]{10,80}"\n`, string(text), p)
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
			_, err := Read(m[1])
			assert.NoError(t, err, "named in %s", p)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, scenarios, 30)
	sources, err := fs.Glob(FS(), "*/*.s")
	require.NoError(t, err)
	for _, s := range sources {
		assert.True(t, used[s], "%s is in no scenario", s)
	}
}
