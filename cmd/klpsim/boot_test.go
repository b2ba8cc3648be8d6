package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bootImage writes a flat Multiboot image with code to a file.
func bootImage(t *testing.T, code ...byte) string {
	t.Helper()
	magic, flags := uint32(0x1badb002), uint32(1<<16)
	var b []byte
	for _, w := range []uint32{magic, flags, -(magic + flags), 0x100000, 0x100000, 0, 0, 0x100020} {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	file := filepath.Join(t.TempDir(), "image")
	require.NoError(t, os.WriteFile(file, append(b, code...), 0o644))
	return file
}

func bootRun(args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = doMain(append([]string{"boot"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// The guest prints its command line and exits with 3.
func TestBootCommandLine(t *testing.T) {
	image := bootImage(t,
		0x8b, 0x73, 0x10, // mov 16(%ebx), %esi: the command line
		0xba, 0xf8, 3, 0, 0, // mov $0x3f8, %edx
		0xac, 0x84, 0xc0, // 1: lodsb; test %al, %al
		0x74, 0x03, 0xee, 0xeb, 0xf8, // jz 2f; out %al, %dx; jmp 1b
		0xb0, 3, 0xe6, 0xf4) // 2: mov $3, %al; out %al, $0xf4
	code, out, errs := bootRun(image, "--append", "one two")
	assert.Equal(t, 7, code)
	assert.Equal(t, "image one two", out)
	assert.Empty(t, errs)
}

func TestBootEnds(t *testing.T) {
	code, _, errs := bootRun(bootImage(t, 0xf4), "--cpus", "2")
	assert.Equal(t, exitInconclusive, code)
	assert.Contains(t, errs, "all cores halted after 1 steps\ncpu0 halted at 0008:100021")
	code, _, errs = bootRun(bootImage(t, 0xeb, 0xfe), "--max-steps", "100")
	assert.Equal(t, exitInconclusive, code)
	assert.Contains(t, errs, "stopped after 100 steps, the limit of --max-steps")
}

func TestBootBadInput(t *testing.T) {
	image := bootImage(t, 0xf4)
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("hello"), 0o644))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "accepts 1 arg"},
		{[]string{filepath.Join(t.TempDir(), "absent")}, "reading the image"},
		{[]string{text}, text + ": is neither an ELF file"},
		{[]string{image, "--cpus", "300"}, "300 cores"},
		{[]string{image, "--cpus", "-1"}, "-1 cores"},
		{[]string{image, "--memory", "x"}, `--memory: bad size "x"`},
		{[]string{image, "--memory", "1MM"}, `--memory: bad size "1MM"`},
		{[]string{image, "--memory", "8G"}, "want 2 MiB to"},
		{[]string{image, "--memory", "0"}, `--memory: bad size "0"`},
		{[]string{image, "--quantum", "0"}, "--quantum"},
		{[]string{image, "--module", text + "absent x"}, "reading a module"},
	} {
		code, _, errs := bootRun(c.args...)
		assert.Equal(t, exitUsage, code, "%q", c.args)
		assert.Contains(t, errs, c.want, "%q", c.args)
	}
}
