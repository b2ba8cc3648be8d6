package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"

	"github.com/spf13/cobra"

	"klpsim/kernel/explore"
	"klpsim/kernel/explore/target"
)

// matrixFlags are the flags of `klpsim matrix`.
type matrixFlags struct {
	searchFlags
	only []string
}

func newMatrix(s streams) *cobra.Command {
	var f matrixFlags
	cmd := &cobra.Command{
		Use:   "matrix FAMILY",
		Short: "Search every variant of a family under every pressure",
		Long: `matrix searches each bundled variant of a family of scenarios (klp) under
memory=sc and memory=tso, with nothing injected, with an NMI and with an
interrupt that preempts, and prints which variant fails which check, with the
size of the smallest failing run.

Exit codes: 0 everything was searched, whatever the answers; 2 bad usage or bad
input; 3 a limit was hit.`,
		Example: `  klpsim matrix klp
  klpsim matrix klp --only klp-upstream,klp-fix-end`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
			defer stop()
			return f.run(ctx, s, args[0])
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "search only these variants")
	if err := cmd.Flags().MarkHidden("memory"); err != nil {
		panic("BUG: " + err.Error())
	}
	return cmd
}

func (f *matrixFlags) run(ctx context.Context, s streams, family string) error {
	names, err := target.Variants(family)
	if err != nil {
		return err
	}
	for _, n := range f.only {
		if !slices.Contains(names, n) {
			return fmt.Errorf("the family %s has no variant %q", family, n)
		}
	}
	if f.only != nil {
		names = slices.DeleteFunc(names, func(n string) bool { return !slices.Contains(f.only, n) })
	}
	o := f.options(s)
	o.Progress = nil
	tell := func(variant string, c target.Column) {
		if !f.quiet {
			fmt.Fprintf(s.err, "\r%s, %s\x1b[K", variant, c.Name())
		}
	}
	m, err := target.NewMatrix(ctx, family, names, o, tell)
	if !f.quiet {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if _, err := io.WriteString(s.out, m.Text()); err != nil {
		return err
	}
	for _, r := range m.Rows {
		for _, c := range r.Cells {
			for _, x := range c.Results {
				if x.Answer == explore.Inconclusive {
					return verdict(exitInconclusive)
				}
			}
		}
	}
	return nil
}
