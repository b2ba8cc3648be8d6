package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"klpsim/kernel/diagram"
	"klpsim/kernel/explore"
	"klpsim/kernel/explore/target"
	"klpsim/kernel/session"
)

func newMinimize(s streams) *cobra.Command {
	var memory, check string
	var draw bool
	cmd := &cobra.Command{
		Use:   "minimize SCENARIO SCHEDULE",
		Short: "Make a failing schedule smaller",
		Long: `minimize takes a schedule under which a scenario violates a check, from
wherever it came, and looks for a smaller one that violates the same check:
fewer injected events, then fewer switches between cores, then fewer choices.
It says which of the injected events left the failure needs. SCHEDULE is the
text of a schedule, or @FILE.

Exit codes: 1 the schedule fails (the smaller one is printed); 2 bad usage or
bad input, or a schedule that violates no check.`,
		Example: `  klpsim minimize rfc-v2 @long.schedule
  klpsim minimize klp-rfc-v2 '1*316 0*11 0h 1*121 drain0 1*42' --check stays-done`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeScenario,
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := session.Load(args[0], session.Options{Memory: memory})
			if err != nil {
				return err
			}
			if check != "" && !knownCheck(t, check) {
				return fmt.Errorf("%s has no check %q", t.Scenario.Name, check)
			}
			sched, err := readSchedule(args[1], t.Config.Cores)
			if err != nil {
				return err
			}
			m, err := target.Minimize(t, sched, check)
			if err != nil {
				return fmt.Errorf("%s: %w", t.Scenario.Name, err)
			}
			if err := printMinimized(s, t, args[0], m, draw); err != nil {
				return err
			}
			return verdict(exitViolated)
		},
	}
	cmd.Flags().StringVar(&memory, "memory", "", "memory model: tso or sc (the scenario's own if not given)")
	cmd.Flags().StringVar(&check, "check", "", "the check to keep violated (the first one violated if not given)")
	cmd.Flags().BoolVar(&draw, "diagram", false, "draw the smaller run")
	return cmd
}

// printMinimized prints what was saved, what is needed, and the schedule.
func printMinimized(s streams, t *session.Target, name string, m *target.Minimized, draw bool) error {
	fmt.Fprintf(s.out, "%s: %s still violated\n", name, m.Check)
	line := func(what string, c explore.Cost) {
		fmt.Fprintf(s.out, "  %-7s %d injected, %d switches, %d choices\n", what, c.Injections, c.Preempt, c.Steps)
	}
	line("before", m.Before)
	line("after", m.After)
	for i, needed := range m.Needed {
		what := "only widens a window"
		if needed {
			what = "is needed"
		}
		fmt.Fprintf(s.out, "  injection %d %s\n", i+1, what)
	}
	if draw {
		pic, err := diagram.Build(t, m.Schedule, diagram.Options{})
		if err != nil {
			return err
		}
		pic.Name = name
		_, err = fmt.Fprint(s.out, "\n"+pic.Text(diagram.DefaultWidth))
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s\n", m.Schedule)
	return err
}
