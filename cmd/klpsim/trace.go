package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"klpsim/kernel/trace"
)

func newTrace(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "trace",
		Short: "Work with traces that klpsim run has written",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:     "diff A B",
		Short:   "Show the first difference of two traces, with context",
		Long:    "Diff exits with 0 if the traces are equal, with 1 if they differ.",
		Example: "  klpsim trace diff before.trace after.trace",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var both [2][]trace.Record
			for i, name := range args {
				text, err := os.ReadFile(name)
				if err != nil {
					return fmt.Errorf("read trace: %w", err)
				}
				if both[i], err = trace.Parse(name, text); err != nil {
					return err
				}
			}
			if d := trace.Diff(args[0], both[0], args[1], both[1]); d != "" {
				fmt.Fprint(s.out, d)
				return verdict(exitViolated)
			}
			return nil
		},
	})
	return c
}
