package main

import (
	"fmt"
	"sort"

	"github.com/spf13/cobra"

	"klpsim/kernel/session"
)

func newList(s streams) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the bundled scenarios",
		Example: "  klpsim list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			names := scenarioNames()
			width := 0
			for _, n := range names {
				width = max(width, len(n))
			}
			for _, n := range names {
				sc, err := session.Open(n)
				if err != nil {
					return err
				}
				fmt.Fprintf(s.out, "%-*s  %s\n", width, n, sc.Title)
			}
			return nil
		},
	}
}

// scenarioNames returns the names of the bundled scenarios in order.
func scenarioNames() []string {
	var names []string
	for n := range session.Bundled() {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// completeScenario completes the first argument of a command.
func completeScenario(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return scenarioNames(), cobra.ShellCompDirectiveDefault
}
