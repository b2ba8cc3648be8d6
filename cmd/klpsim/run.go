package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"klpsim/cpu"
	"klpsim/kernel/diagram"
	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
	"klpsim/kernel/trace"
)

// runFlags are the flags of klpsim run.
type runFlags struct {
	trace    string
	format   string
	schedule string
	memory   string
	width    int
	all      bool
	stale    bool
}

// formats are what --format takes.
var formats = []string{"diagram", "trace", "jsonl", "mermaid", "svg", "perfetto", "html"}

func newRun(s streams) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Run a scenario and print what happened as a diagram",
		Long: `Run executes a scenario, a bundled name or a file, by its own script or by a
schedule given with --schedule, and prints a diagram of what happened with the
verdict of each check.

The exit code is 1 if a check was violated or an expectation of the scenario
was missed, 3 if the run reached its step limit.`,
		Example: `  klpsim run rfc-v2
  klpsim run rfc-v2 --trace rfc-v2.trace
  klpsim run rfc-v2 --schedule '0*56 irq0:ec 0*152 1*20'
  klpsim run my.scenario --schedule @my.schedule --format jsonl`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenario,
		RunE: func(_ *cobra.Command, args []string) error {
			return f.run(s, args[0])
		},
	}
	c.Flags().StringVar(&f.trace, "trace", "", "also write the trace to `FILE`")
	c.Flags().StringVar(&f.format, "format", "diagram", "what to print: "+strings.Join(formats, ", "))
	c.Flags().StringVar(&f.schedule, "schedule", "", "replay this `SCHEDULE`, or that of @FILE, instead of the scenario's script")
	c.Flags().StringVar(&f.memory, "memory", "", "memory order: tso or sc, instead of the scenario's own")
	c.Flags().IntVar(&f.width, "width", diagram.DefaultWidth, "width of the diagram in columns")
	c.Flags().BoolVar(&f.all, "all", false, "show every instruction in the diagram")
	c.Flags().BoolVar(&f.stale, "stale", false, "report values that were overwritten while still carried")
	return c
}

// check refuses flags that have no meaning.
func (f *runFlags) check() error {
	if f.memory != "" && f.memory != "tso" && f.memory != "sc" {
		return fmt.Errorf("--memory %q: expected tso or sc", f.memory)
	}
	if f.width < 40 || f.width > 1000 {
		return fmt.Errorf("--width %d: expected 40 to 1000", f.width)
	}
	for _, k := range formats {
		if f.format == k {
			return nil
		}
	}
	return fmt.Errorf("--format %q: expected one of %s", f.format, strings.Join(formats, ", "))
}

func (f *runFlags) run(s streams, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	t, err := session.Load(name, session.Options{Memory: f.memory})
	if err != nil {
		return err
	}
	sched, late, err := f.produce(s, t)
	if err != nil {
		return err
	}
	if f.trace != "" {
		if err := writeTrace(f.trace, t, sched); err != nil {
			return err
		}
	}
	end, err := f.print(s.out, name, t, sched)
	if err != nil {
		return err
	}
	return outcome(s, end, late)
}

// produce returns the schedule to show, and what was missed in making it.
func (f *runFlags) produce(s streams, t *session.Target) (cpu.Schedule, error, error) {
	if f.schedule != "" {
		sched, err := readSchedule(f.schedule, t.Config.Cores)
		return sched, nil, err
	}
	return runScript(t)
}

// runScript runs a scenario's own script. late is an expectation that was
// missed or a limit that was reached; the run up to there is worth showing.
func runScript(t *session.Target) (sched cpu.Schedule, late, err error) {
	se, err := t.New()
	if err != nil {
		return nil, nil, err
	}
	e := script.New(se, io.Discard)
	e.Batch = true
	err = e.Script(t.Scenario.Script)
	switch {
	case errors.Is(err, session.ErrLimit), script.Missing(err):
		return se.Schedule(), err, nil
	case err != nil:
		return nil, nil, err
	}
	late = e.Finish()
	if late != nil && !script.Missing(late) {
		return nil, nil, late
	}
	if x := t.Scenario.Expect; x.Given && late == nil {
		if msg := script.Missed(se, texts(x.Violated)); msg != "" {
			late = fmt.Errorf("%s: %s: %w", t.Scenario.File, msg, script.ErrExpect)
		}
	}
	return se.Schedule(), late, nil
}

func texts(list []scenario.Text) []string {
	var out []string
	for _, t := range list {
		out = append(out, t.Text)
	}
	return out
}

// readSchedule reads the argument of --schedule.
func readSchedule(arg string, cores int) (cpu.Schedule, error) {
	file, isFile := strings.CutPrefix(arg, "@")
	text := arg
	if isFile {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read schedule: %w", err)
		}
		text = string(b)
	} else {
		file = "--schedule"
	}
	sched, err := cpu.ParseSchedule(text, cores)
	var se *cpu.ScheduleError
	if errors.As(err, &se) {
		return nil, fmt.Errorf("%s:%d:%d: %q: %s", file, se.Line, se.Col, se.Text, se.Msg)
	}
	return sched, err
}

func writeTrace(file string, t *session.Target, sched cpu.Schedule) (err error) {
	w, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	defer func() {
		if e := w.Close(); err == nil && e != nil {
			err = fmt.Errorf("write trace: %w", e)
		}
	}()
	tw := trace.NewWriter(w, t, trace.Text)
	if _, err := session.Play(t, sched, tw.Observer()); err != nil {
		return err
	}
	return tw.Err()
}

// print writes the run in the format asked for, and returns its end.
func (f *runFlags) print(w io.Writer, name string, t *session.Target, sched cpu.Schedule) (*session.Session, error) {
	if f.format == "trace" || f.format == "jsonl" {
		format := trace.Text
		if f.format == "jsonl" {
			format = trace.JSON
		}
		tw := trace.NewWriter(w, t, format)
		end, err := session.Play(t, sched, tw.Observer())
		if err == nil {
			err = tw.Err()
		}
		return end, err
	}
	if f.format == "perfetto" {
		if err := diagram.Perfetto(w, t, sched); err != nil {
			return nil, err
		}
		return session.Play(t, sched)
	}
	text, err := f.draw(name, t, sched)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return nil, fmt.Errorf("write diagram: %w", err)
	}
	return session.Play(t, sched)
}

// draw makes the picture of a run in a graphical format.
func (f *runFlags) draw(name string, t *session.Target, sched cpu.Schedule) (string, error) {
	pic, err := diagram.Build(t, sched, diagram.Options{All: f.all, Stale: f.stale})
	if err != nil {
		return "", err
	}
	pic.Name = name
	if f.memory != "" {
		pic.Replay = " --memory " + f.memory
	}
	switch f.format {
	case "mermaid":
		return pic.Mermaid(), nil
	case "svg":
		return pic.SVG(), nil
	case "html":
		return diagram.HTML(t, sched, pic)
	}
	return pic.Text(f.width), nil
}

// outcome turns the end of a run into an exit code, saying why on stderr.
func outcome(s streams, end *session.Session, late error) error {
	if late != nil {
		for _, e := range flatten(late) {
			fmt.Fprintln(s.err, e)
		}
	}
	switch {
	case end.Dead() >= 0:
		fmt.Fprint(s.err, coreState(end, end.Dead()))
		return verdict(exitViolated)
	case errors.Is(late, session.ErrLimit):
		for i := range end.M.NumCores() {
			fmt.Fprint(s.err, coreState(end, i))
		}
		return verdict(exitInconclusive)
	case late != nil, len(end.Violations()) > 0:
		return verdict(exitViolated)
	}
	return nil
}

// coreState tells where a core stands and its registers.
func coreState(end *session.Session, core int) string {
	var b strings.Builder
	e := script.New(end, &b)
	e.Batch = true
	for _, l := range []string{fmt.Sprintf("cpu %d", core), "info registers"} {
		if err := e.Exec(scenario.Text{Text: l}); err != nil {
			return err.Error() + "\n"
		}
	}
	return b.String()
}
