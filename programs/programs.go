// Package programs holds the bundled guest programs and scenarios, embedded as
// they are written. It knows nothing about what they mean.
package programs

import (
	"embed"
	"io/fs"
)

//go:embed klp races
var files embed.FS

// FS returns all bundled files; paths are like "klp/rfc-v2.scenario".
func FS() fs.FS { return files }

// Read returns a bundled file by its path, such as "klp/transition.s".
func Read(path string) ([]byte, error) { return files.ReadFile(path) }
