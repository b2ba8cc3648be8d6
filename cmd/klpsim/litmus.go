package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"github.com/spf13/cobra"

	"klpsim/cpu"
	"klpsim/kernel/explore"
	"klpsim/kernel/litmus"
)

// litmusFlags are the flags of `klpsim litmus`.
type litmusFlags struct {
	model   string
	buffer  int
	workers int
	states  uint64
	noMacro bool
}

func newLitmus(s streams) *cobra.Command {
	var f litmusFlags
	cmd := &cobra.Command{
		Use:   "litmus FILE...",
		Short: "Run litmus tests in herd7's X86 and X86_64 format exhaustively",
		Long: `litmus reads tests in herd7's X86 or X86_64 format, explores every run of
each on the simulated cores and prints herd7's report. Positive and Negative
count distinct final states. A file that cannot be read, or that has an
instruction klpsim does not know, is reported on standard error; the others run.

Exit codes: 0 every test was run completely, whatever its answer; 2 a file
could not be read or run; 3 a limit was hit.`,
		Example: `  klpsim litmus testdata/litmus/SB.litmus
  klpsim litmus --model sc testdata/litmus/*.litmus`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
			defer stop()
			return f.run(ctx, s, args)
		},
	}
	cmd.Flags().StringVar(&f.model, "model", "tso", "memory model: tso or sc")
	cmd.Flags().IntVar(&f.buffer, "store-buffer", 0, "store buffer entries of a core (0: the machine's default)")
	cmd.Flags().IntVar(&f.workers, "workers", runtime.NumCPU(), "tests run at the same time")
	cmd.Flags().Uint64Var(&f.states, "max-states", 0, "stop a test after this many states (0: no limit)")
	cmd.Flags().BoolVar(&f.noMacro, "no-macro", false, "make every instruction boundary a state")
	return cmd
}

// memoryModel parses the name of a memory model.
func memoryModel(name string) (cpu.MemoryModel, error) {
	for _, m := range []cpu.MemoryModel{cpu.TSO, cpu.SC} {
		if name == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("unknown memory model %q, want tso or sc", name)
}

// litmusOutcome is what one file gave.
type litmusOutcome struct {
	text     bytes.Buffer
	err      error
	complete bool
}

// run runs the files, several at a time, and prints the reports in their order.
func (f *litmusFlags) run(ctx context.Context, s streams, files []string) error {
	model, err := memoryModel(f.model)
	if err != nil {
		return err
	}
	outcomes := make([]litmusOutcome, len(files))
	done := make([]chan struct{}, len(files))
	slots := make(chan struct{}, max(1, f.workers))
	for i := range files {
		done[i] = make(chan struct{})
	}
	go func() {
		for i := range files {
			slots <- struct{}{}
			go func() {
				defer func() { <-slots; close(done[i]) }()
				outcomes[i].err = f.one(ctx, model, files[i], &outcomes[i])
			}()
		}
	}()
	code := verdict(exitHeld)
	for i := range files {
		<-done[i]
		o := &outcomes[i]
		switch {
		case o.err != nil:
			fmt.Fprintln(s.err, o.err)
			code = exitUsage
		case !o.complete && code == exitHeld:
			code = exitInconclusive
		}
		if _, err := o.text.WriteTo(s.out); err != nil {
			return err
		}
	}
	if code != exitHeld {
		return code
	}
	return nil
}

// one reads, runs and prints one file.
func (f *litmusFlags) one(ctx context.Context, model cpu.MemoryModel, file string, o *litmusOutcome) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	test, err := litmus.Parse(file, text)
	if err != nil {
		return err
	}
	r, err := litmus.Run(ctx, test, litmus.Options{
		Model: model, StoreBuffer: f.buffer,
		Search: explore.Options{MaxStates: f.states, NoMacro: f.noMacro},
	})
	if err != nil {
		return err
	}
	o.complete = r.Complete
	return r.Write(&o.text)
}
