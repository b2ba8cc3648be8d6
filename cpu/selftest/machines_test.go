package selftest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/cpu/boot"
	"klpsim/cpu/peer"
)

// timeout is far beyond what a run takes; it only ends hung machines.
const timeout = 60 * time.Second

// runKlpsim boots the image on our own machine and returns what it printed on
// the serial port.
func runKlpsim(t *testing.T, image string) []byte {
	data, err := os.ReadFile(image)
	require.NoError(t, err)
	img, err := boot.Parse("image.bin", data)
	require.NoError(t, err)
	m, err := cpu.New(cpu.Config{Cores: 2, MemBytes: 64 << 20})
	require.NoError(t, err)
	require.NoError(t, boot.Load(m, img, boot.Options{Name: "image.bin"}))
	var out bytes.Buffer
	r := boot.Runner{Serial: &out, MaxSteps: 200_000_000}
	res, err := r.Run(m)
	require.NoError(t, err, "%s\n%s", out.Bytes(), boot.Describe(m))
	require.Equal(t, boot.Exited, res.Reason, "%s\n%s", out.Bytes(), boot.Describe(m))
	return out.Bytes()
}

// runQEMU boots the image under QEMU's own interpreter and returns what it
// printed on the serial port.
func runQEMU(t *testing.T, image string) []byte {
	qemu := peer.Need(t, "qemu-system-x86_64", "QEMU")
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemu, "-accel", "tcg", "-cpu", "max", "-m", "64", "-smp", "2", "-display", "none", "-nodefaults",
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

// runBochs boots the image under Bochs and returns what it printed on the
// serial port.
func runBochs(t *testing.T, image string) []byte {
	data, err := os.ReadFile(image)
	require.NoError(t, err)
	serial, _ := peer.Bochs(t, filepath.Join(sources, "rom.S"), data, timeout)
	return serial
}
