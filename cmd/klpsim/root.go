package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// The exit codes of the program.
const (
	exitHeld         = 0 // every check held, every expectation was met
	exitViolated     = 1 // a check was violated or an expectation missed
	exitUsage        = 2 // bad usage or bad input
	exitInconclusive = 3 // a bound was hit before an answer
)

// verdict is returned by a command that did its work and has an exit code
// other than 0 to give. What there is to say has been printed already.
type verdict int

func (v verdict) Error() string { return fmt.Sprintf("exit code %d", int(v)) }

// streams are the program's standard streams, injected so that tests can
// hold a whole run in memory.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands lists the builders of all subcommands, in the order of help.
var commands = []func(streams) *cobra.Command{
	newList,
	newRun,
	newStep,
	newTrace,
	newTUI,
	newAsm,
	newDisasm,
	newAs,
	newLink,
	newBoot,
	newLitmus,
	newExplore,
	newMatrix,
	newMinimize,
}

// New returns the command tree, reading from stdin and writing to stdout and
// stderr only.
func New(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	s := streams{in: stdin, out: stdout, err: stderr}
	root := &cobra.Command{
		Use:   "klpsim",
		Short: "Run kernel races instruction by instruction on simulated x86-64 cores",
		Long: `klpsim assembles small pieces of kernel code, runs them on a simulated
multi-core x86-64 machine under a guest kernel, and puts interrupts, NMIs,
task switches and store-buffer drains exactly where you want them.

Exit codes: 0 every check held and every expectation was met; 1 a check was
violated or an expectation missed; 2 bad usage or bad input; 3 inconclusive,
a bound was hit.`,
		Example: `  klpsim list
  klpsim run rfc-v2
  klpsim step rfc-v2`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	for _, build := range commands {
		root.AddCommand(build(s))
	}
	return root
}

// doMain runs the program with the given arguments and returns its exit code.
func doMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := New(stdin, stdout, stderr)
	root.SetArgs(gdbFlags(args))
	err := root.Execute()
	var v verdict
	switch {
	case err == nil:
		return exitHeld
	case errors.As(err, &v):
		return int(v)
	}
	for _, e := range flatten(err) {
		fmt.Fprintln(stderr, e)
	}
	return exitUsage
}

// flatten returns the errors that a list type holds one by one, so that each
// stands on its own line.
func flatten(err error) []error {
	var list interface{ Unwrap() []error }
	if errors.As(err, &list) && len(list.Unwrap()) > 0 {
		return list.Unwrap()
	}
	return []error{err}
}
