// Package programs holds the bundled guest programs and scenarios, embedded as
// they are written. It knows nothing about what they mean.
package programs

import "embed"

//go:embed klp races
var files embed.FS

// Read returns a bundled file by its path, such as "klp/transition.s".
func Read(path string) ([]byte, error) { return files.ReadFile(path) }
