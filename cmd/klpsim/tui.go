package main

import (
	"fmt"
	"os"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"klpsim/kernel/session"
	"klpsim/kernel/tui"
)

func newTUI(s streams) *cobra.Command {
	var memory string
	c := &cobra.Command{
		Use:               "tui SCENARIO",
		Short:             "Step through a scenario in full-screen mode",
		Long:              "Tui shows a pane for each core and the diagram growing below; ? lists the keys.",
		Example:           "  klpsim tui rfc-v2",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenario,
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := session.Load(args[0], session.Options{Memory: memory})
			if err != nil {
				return err
			}
			se, err := t.New()
			if err != nil {
				return err
			}
			m := tui.New(se)
			m.Engine().Read, m.Engine().Write = os.ReadFile, writeFile
			if _, err := tea.NewProgram(m, tea.WithInput(s.in), tea.WithOutput(s.out)).Run(); err != nil {
				return fmt.Errorf("full-screen mode: %w", err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&memory, "memory", "", "memory order: tso or sc, instead of the scenario's own")
	return c
}
