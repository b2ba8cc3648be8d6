package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"klpsim/cpu"
	"klpsim/cpu/boot"
)

// bootFlags are what klpsim boot is told on the command line.
type bootFlags struct {
	appended string
	initrd   []string
	modules  []string
	cpus     int
	memory   string
	maxSteps uint64
	quantum  uint64
}

// newBoot returns the command that boots bare images.
func newBoot(s streams) *cobra.Command {
	var f bootFlags
	c := &cobra.Command{
		Use:   "boot IMAGE",
		Short: "Boot a bare Multiboot or ELF64 image as QEMU's -kernel does",
		Long: `boot loads a Multiboot-1 image (ELF, or any file whose header has addresses),
an ELF64 image with a PVH note, or any other ELF64 image, and runs it until it
writes to the debug-exit port. Core 0 starts as the image wants it; the others
wait for INIT and start-up IPIs. What the guest sends to the serial port at
3f8h goes to standard output as it comes. There are local APICs, a 16550 UART
and the debug-exit port f4h; all other ports read all ones. The cores take
turns of --quantum instructions, so a run repeats exactly.

Exit codes: 2n+1 (cut to 8 bits) when the guest wrote n to port f4h; 2 for a
bad image or bad usage, or an instruction that klpsim does not execute; 3 when
all cores halt for good, one shuts down after a triple fault, or --max-steps
is reached; the states of the cores are then on standard error.`,
		Example: `  klpsim boot kernel.elf
  klpsim boot tests.flat --cpus 2 --append "smp verbose" --module env.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runBoot(s, f, args[0]) },
	}
	fs := c.Flags()
	fs.StringVar(&f.appended, "append", "", "command line of the image, after its name")
	fs.StringArrayVar(&f.modules, "module", nil, "load `FILE` as a module, words after it are its command line; may be repeated")
	fs.StringArrayVar(&f.initrd, "initrd", nil, "the same as --module; these come first")
	fs.IntVar(&f.cpus, "cpus", 1, "number of cores")
	fs.StringVar(&f.memory, "memory", "128M", "size of memory: bytes, or with K, M or G")
	fs.Uint64Var(&f.maxSteps, "max-steps", 0, "stop after so many instructions of all cores together, 0: never")
	fs.Uint64Var(&f.quantum, "quantum", boot.DefaultQuantum, "instructions of a core's turn")
	return c
}

// runBoot boots an image and returns the verdict of its run.
func runBoot(s streams, f bootFlags, file string) error {
	memBytes, err := parseSize(f.memory)
	if err != nil {
		return fmt.Errorf("--memory: %w", err)
	}
	if f.quantum == 0 {
		return fmt.Errorf("--quantum: want at least 1")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	img, err := boot.Parse(file, data)
	if err != nil {
		return err
	}
	opt := boot.Options{Name: boot.GuestName(file), CommandLine: f.appended}
	for _, arg := range append(f.initrd, f.modules...) {
		name, rest, _ := strings.Cut(arg, " ")
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("reading a module: %w", err)
		}
		line := strings.TrimSpace(boot.GuestName(name) + " " + rest)
		opt.Modules = append(opt.Modules, boot.Module{CommandLine: line, Data: data})
	}
	m, err := cpu.New(cpu.Config{Cores: f.cpus, MemBytes: memBytes})
	if err != nil {
		return err
	}
	if err := boot.Load(m, img, opt); err != nil {
		return err
	}
	r := boot.Runner{Quantum: f.quantum, MaxSteps: f.maxSteps, Serial: s.out}
	res, err := r.Run(m)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, strings.TrimSuffix(boot.Describe(m), "\n"))
	}
	return bootVerdict(s, m, res)
}

// bootVerdict says on standard error how a run ended that did not end by the
// debug-exit port, and returns its exit code.
func bootVerdict(s streams, m *cpu.Machine, res boot.Result) error {
	switch res.Reason {
	case boot.Exited:
		return verdict(res.Status)
	case boot.AllHalted:
		fmt.Fprintf(s.err, "all cores halted after %d steps\n", res.Steps)
	case boot.TripleFault:
		fmt.Fprintf(s.err, "cpu%d shut down after a triple fault, after %d steps\n", res.Core, res.Steps)
	case boot.StepLimit:
		fmt.Fprintf(s.err, "stopped after %d steps, the limit of --max-steps\n", res.Steps)
	}
	fmt.Fprint(s.err, boot.Describe(m))
	return verdict(exitInconclusive)
}

// parseSize reads a number of bytes with an optional suffix K, M or G.
func parseSize(s string) (uint64, error) {
	shift := 0
	digits := strings.TrimRight(s, "kKmMgG")
	switch strings.ToUpper(s[len(digits):]) {
	case "":
	case "K":
		shift = 10
	case "M":
		shift = 20
	case "G":
		shift = 30
	default:
		return 0, fmt.Errorf("bad size %q", s)
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n == 0 || n > 1<<40>>shift {
		return 0, fmt.Errorf("bad size %q: want a number of bytes, or of K, M or G, up to 1T", s)
	}
	return n << shift, nil
}
