package selftest

import (
	"path/filepath"
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

const sources = "../../testdata/selftest"

// cflags make code that runs without a run-time library, at any address, in
// interrupt handlers, and without SSE, which the tests themselves set up.
var cflags = []string{"-c", "-O2", "-Wall", "-Werror", "-ffreestanding", "-fno-builtin",
	"-fvisibility=hidden", "-mno-red-zone", "-mgeneral-regs-only", "-fno-stack-protector",
	"-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-fno-toplevel-reorder"}

// image is one of the self-test images.
type image struct {
	name   string
	dir    string   // below sources; every *.c file in it belongs to the image
	asm    []string // its assembly files, in the order of linking
	cflags []string // added to cflags
	ld     []string // how to link
}

var images = []image{
	{name: "long", dir: ".", asm: []string{"start.S", "ap.S"}, cflags: []string{"-fpie"}},
	{name: "real", dir: "real", asm: []string{"start.S"}, cflags: []string{"-m16", "-march=i686", "-fno-pic"},
		ld: []string{"-m", "elf_i386"}},
}

// build compiles and links an image and returns its file.
func (im image) build(t testing.TB, dir string) string {
	t.Helper()
	peer.Need(t, "gcc", "gcc")
	root, err := filepath.Abs(filepath.Join(sources, im.dir))
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(root, "*.c"))
	require.NoError(t, err)
	sort.Strings(files)
	link := append([]string{"-n", "-z", "noexecstack", "-T", filepath.Join(root, "image.ld"), "-o", "image.elf"}, im.ld...)
	flags := append(slices.Clone(cflags), im.cflags...)
	for _, name := range im.asm {
		files = append(files, filepath.Join(root, name))
	}
	for _, f := range files {
		obj := filepath.Base(f) + ".o"
		peer.Run(t, dir, "gcc", append(slices.Clone(flags), "-o", obj, f)...)
		link = append(link, obj)
	}
	peer.Run(t, dir, "ld", link...)
	peer.Run(t, dir, "objcopy", "-O", "binary", "image.elf", "image.bin")
	return filepath.Join(dir, "image.bin")
}
