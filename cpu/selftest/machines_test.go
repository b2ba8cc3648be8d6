package selftest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// timeout is far beyond what a run takes; it only ends hung machines.
const timeout = 60 * time.Second

// runQEMU boots the image under QEMU's own interpreter and returns what it
// printed on the serial port.
func runQEMU(t *testing.T, image string) []byte {
	qemu := need(t, "qemu-system-x86_64", "QEMU")
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu, "-accel", "tcg", "-cpu", "max", "-m", "64", "-display", "none", "-nodefaults",
		"-no-reboot", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", image)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	require.NoError(t, ctx.Err(), "QEMU did not end:\n%s", out.Bytes())
	// The debug-exit port makes the status 2n+1, so that success is 1.
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode()&1 == 0 {
		t.Fatalf("QEMU: %v\n%s%s", err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes()
}

// bochsConfig is Bochs' configuration: our ROM, the image in memory, no disks,
// a display that is never looked at.
const bochsConfig = `config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file=%[1]s/rom.bin
vgaromimage: file=%[1]s/vga.bin
optramimage1: file=%[2]s, address=0x100000
megs: 64
cpu: model=broadwell_ult, ips=50000000, reset_on_triple_fault=0
com1: enabled=1, mode=file, dev=%[1]s/serial.txt
plugin_ctrl: speaker=0, voodoo=0, sb16=0, es1370=0
clock: sync=none
log: %[1]s/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
`

// runBochs boots the image under Bochs and returns what it printed on the
// serial port. Bochs exits with a failure after "Shutdown" on its port 0x8900,
// so the exit status says nothing; the image's last line does.
func runBochs(t *testing.T, image string) []byte {
	bochs := need(t, "bochs", "Bochs")
	dir := t.TempDir()
	buildROM(t, dir)
	vga := make([]byte, 512) // an option ROM that returns at once
	copy(vga, []byte{0x55, 0xaa, 1, 0xcb})
	for _, b := range vga[:511] {
		vga[511] -= b
	}
	for name, text := range map[string][]byte{
		"vga.bin":  vga,
		"bochsrc":  fmt.Appendf(nil, bochsConfig, dir, image),
		"debugger": []byte("c\nq\n"), // Debian's build stops in its debugger first
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, bochs, "-q", "-f", filepath.Join(dir, "bochsrc"), "-rc", filepath.Join(dir, "debugger"))
	out, _ := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "Bochs did not end:\n%s", out)
	serial, err := os.ReadFile(filepath.Join(dir, "serial.txt"))
	require.NoError(t, err, "Bochs wrote no serial output:\n%s", out)
	return serial
}
