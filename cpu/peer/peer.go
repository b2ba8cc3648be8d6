// Package peer runs other people's tools and machines for tests and
// benchmarks. Only tests import it.
package peer

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Need returns the path of a tool; what names it for people. Without it the
// test is skipped, or fails when KLPSIM_REQUIRE_TOOLS is set.
func Need(t testing.TB, tool, what string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		if os.Getenv("KLPSIM_REQUIRE_TOOLS") != "" {
			t.Fatalf("needs %s (%s), and KLPSIM_REQUIRE_TOOLS is set: %v", what, tool, err)
		}
		t.Skipf("needs %s: %v", what, err)
	}
	return path
}

// Run executes a tool in a directory (the current one when it is empty) and
// fails the test with the tool's output unless it succeeds.
func Run(t testing.TB, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

// bochsConfig is Bochs' configuration: our ROM, no firmware, no disks, a
// display that is never looked at.
const bochsConfig = `config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=%[1]s/rom.bin
vgaromimage: file=%[1]s/vga.bin
megs: 64
cpu: model=broadwell_ult, ips=500000000, reset_on_triple_fault=0, ignore_bad_msrs=0
com1: enabled=1, mode=file, dev=%[1]s/serial.txt
plugin_ctrl: speaker=0, voodoo=0, sb16=0, es1370=0
clock: sync=none
log: %[1]s/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
`

// romImageSize is the room for an image in the ROM, in bytes.
const romImageSize = 0xf0000

// Bochs boots a flat Multiboot image linked at 1 MiB, with addresses in its
// header, at most 960 KiB long, under Bochs without firmware, from a ROM
// whose source is romSource. It returns what the image printed on the serial
// port and the CPU time of the whole process. The image ends the run by
// writing "Shutdown" to port 0x8900; Bochs then exits with a failure, so the
// exit status says nothing.
func Bochs(t testing.TB, romSource string, image []byte, limit time.Duration) (serial []byte, spent time.Duration) {
	t.Helper()
	bochs := Need(t, "bochs", "Bochs")
	Need(t, "gcc", "gcc")
	if len(image) > romImageSize {
		t.Fatalf("image of %d bytes does not fit into the ROM", len(image))
	}
	dir := t.TempDir()
	source, err := filepath.Abs(romSource)
	if err != nil {
		t.Fatal(err)
	}
	Run(t, dir, "gcc", "-c", "-o", "rom.o", source)
	Run(t, dir, "ld", "-Ttext=0", "--section-start=.rom=0xf0000", "-e", "0xf0000", "-o", "rom.elf", "rom.o")
	Run(t, dir, "objcopy", "-O", "binary", "-j", ".rom", "rom.elf", "reset.bin")
	reset, err := os.ReadFile(filepath.Join(dir, "reset.bin"))
	if err != nil {
		t.Fatal(err)
	}
	vga := make([]byte, 512) // an option ROM that returns at once
	copy(vga, []byte{0x55, 0xaa, 1, 0xcb})
	for _, b := range vga[:511] {
		vga[511] -= b
	}
	for name, text := range map[string][]byte{
		"rom.bin":  append(append(bytes.Clone(image), make([]byte, romImageSize-len(image))...), reset...),
		"vga.bin":  vga,
		"bochsrc":  fmt.Appendf(nil, bochsConfig, dir),
		"debugger": []byte("c\nq\n"), // Debian's build stops in its debugger first
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bochs, "-q", "-f", filepath.Join(dir, "bochsrc"), "-rc", filepath.Join(dir, "debugger"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("Bochs did not end within %v:\n%s", limit, out.Bytes())
	}
	serial, err = os.ReadFile(filepath.Join(dir, "serial.txt"))
	if err != nil {
		t.Fatalf("no serial output: %v\n%s", err, out.Bytes())
	}
	return serial, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
