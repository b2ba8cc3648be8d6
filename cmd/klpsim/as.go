package main

import (
	"github.com/spf13/cobra"

	"klpsim/asm/gas"
)

// newAs returns the command that stands in for GNU as.
func newAs(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "as [OPTIONS] [FILE...]",
		Short: "Assemble with the command line of GNU as, for gcc -B and test suites",
		Long: `as takes the options that compilers and the binutils test suite give GNU as
(--64 -o -I -g --defsym -al ...) and writes the object it would write. Its
messages have GNU as's form, file:line: Error: message, and its exit code is 1
after errors.`,
		Example:            `  klpsim as --64 -o f.o f.s`,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if code := gas.Main(args, s.in, s.out, s.err); code != 0 {
				return verdict(code)
			}
			return nil
		},
	}
}
