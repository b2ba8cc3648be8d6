package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"klpsim/kernel/diagram"
	"klpsim/kernel/explore"
	"klpsim/kernel/explore/target"
	"klpsim/kernel/session"
)

// searchFlags are the flags that `explore`, `minimize` and `matrix` share: how
// to search, not what.
type searchFlags struct {
	memory    string
	workers   int
	maxStates uint64
	maxMemory uint64
	time      time.Duration
	exact     bool
	noMacro   bool
	merge     bool
	quiet     bool
}

func (f *searchFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.memory, "memory", "", "memory model: tso or sc (the scenario's own if not given)")
	fs.IntVar(&f.workers, "workers", runtime.NumCPU(), "goroutines that search; the report does not depend on it")
	fs.Uint64Var(&f.maxStates, "max-states", 0, "stop after this many states (0: no limit)")
	fs.Uint64Var(&f.maxMemory, "max-memory", 0, "stop when states and frontier take this many MiB (0: no limit)")
	fs.DurationVar(&f.time, "time", 0, "stop after this long (0: no limit)")
	fs.BoolVar(&f.exact, "exact", false, "compare whole states, not their hashes")
	fs.BoolVar(&f.noMacro, "no-macro", false, "make every instruction boundary a state")
	fs.BoolVar(&f.merge, "merge", false, "merge injection points; sound if handlers do not look at what they interrupt")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress line on standard error")
}

// options returns what the flags say.
func (f *searchFlags) options(s streams) explore.Options {
	o := explore.Options{Workers: f.workers, MaxStates: f.maxStates, MaxMemory: f.maxMemory << 20, MaxTime: f.time,
		Exact: f.exact, NoMacro: f.noMacro, Merge: f.merge}
	if !f.quiet {
		o.Progress = func(p explore.Progress) { fmt.Fprint(s.err, progressLine(p)) }
	}
	return o
}

// progressLine is the line shown, and shown over again, while a search works.
func progressLine(p explore.Progress) string {
	rate := 0.0
	if sec := p.Elapsed.Seconds(); sec > 0 {
		rate = float64(p.States) / sec
	}
	return fmt.Sprintf("\r%10d states  %9d queued  %8.0f/s  %d injected %d choices  %d violated  %d MiB \x1b[K",
		p.States, p.Frontier, rate, p.Cost.Injections, p.Cost.Steps, p.Violated, p.Bytes>>20)
}

// exploreFlags are the flags of `klpsim explore`.
type exploreFlags struct {
	searchFlags
	sampleFlags
	irq, nmi, preempt, steps, buffer int
	vectors, in, checks              []string
	cores                            []int
	livelock, json, plain            bool
	checkpoint                       string
	resume                           bool
}

func newExplore(s streams) *cobra.Command {
	var f exploreFlags
	cmd := &cobra.Command{
		Use:   "explore SCENARIO",
		Short: "Search every run of a scenario within bounds",
		Long: `explore tries every way in which the cores can interleave, stores can wait in
store buffers, and interrupts and NMIs can strike, within the bounds of the
scenario or of the flags. For each check, for deadlock and for a core's
shutdown it answers Never (every run was covered), Sometimes (with a smallest
failing run) or Inconclusive (a limit was hit). Interrupt it to see what is
known so far. With --strategy it takes random runs instead, which never
answer Never.

Exit codes: 0 every answer is Never; 1 an answer is Sometimes; 2 bad usage or
bad input; 3 an answer is Inconclusive.`,
		Example: `  klpsim explore rfc-v2-free
  klpsim explore klp-upstream --irq 2 --memory sc --time 1m
  klpsim explore klp-rfc-v2 --check complete-means-done --json
  klpsim explore rfc-v2-free --strategy pct --runs 1000 --shard 2/8`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenario,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
			defer stop()
			return f.run(ctx, s, c.Flags(), args[0])
		},
	}
	fs := cmd.Flags()
	f.searchFlags.register(fs)
	f.sampleFlags.register(fs)
	fs.IntVar(&f.irq, "irq", 0, "interrupts injected in a run (the scenario's own if not given)")
	fs.IntVar(&f.nmi, "nmi", 0, "NMIs injected in a run")
	fs.StringSliceVar(&f.vectors, "vectors", nil, "vectors of the interrupts, hexadecimal")
	fs.IntSliceVar(&f.cores, "cores", nil, "cores that injections may strike")
	fs.StringSliceVar(&f.in, "in", nil, "functions that injections may strike in")
	fs.IntVar(&f.preempt, "preempt", -1, "preemptive switches in a run (-1: any number)")
	fs.IntVar(&f.steps, "steps", 0, "choices in a run (0: any number)")
	fs.IntVar(&f.buffer, "store-buffer", 0, "store buffer entries of a core (the scenario's own if not given)")
	fs.StringSliceVar(&f.checks, "check", nil, "answer only these checks")
	fs.BoolVar(&f.livelock, "livelock", false, "look for states from which no run ends; takes more memory")
	fs.StringVar(&f.checkpoint, "checkpoint", "", "save the search to `FILE` every minute and when it is stopped")
	fs.BoolVar(&f.resume, "resume", false, "go on from the checkpoint, if there is one")
	fs.BoolVar(&f.plain, "no-diagram", false, "print counterexamples as schedules only")
	fs.BoolVar(&f.json, "json", false, "print the report as JSON")
	return cmd
}

// pressure is the scenario's bounds with the flags that were given on top.
func (f *exploreFlags) pressure(fs *pflag.FlagSet, t *session.Target) (target.Pressure, error) {
	p := target.ScenarioPressure(t)
	for name, set := range map[string]func(){
		"irq": func() { p.IRQ = f.irq }, "nmi": func() { p.NMI = f.nmi },
		"cores": func() { p.Cores = f.cores }, "in": func() { p.In = f.in },
		"preempt": func() { p.Preempt = f.preempt }, "steps": func() { p.Steps = f.steps },
	} {
		if fs.Changed(name) {
			set()
		}
	}
	if fs.Changed("vectors") {
		p.Vectors = nil
		for _, v := range f.vectors {
			n, err := strconv.ParseUint(strings.TrimPrefix(v, "0x"), 16, 8)
			if err != nil {
				return p, fmt.Errorf("--vectors: %q is not a vector in hexadecimal", v)
			}
			p.Vectors = append(p.Vectors, uint8(n))
		}
	}
	return p, nil
}

func (f *exploreFlags) run(ctx context.Context, s streams, fs *pflag.FlagSet, name string) error {
	if f.memory != "" {
		if _, err := memoryModel(f.memory); err != nil {
			return err
		}
	}
	t, err := session.Load(name, session.Options{Memory: f.memory})
	if err != nil {
		return err
	}
	if f.buffer > 0 {
		t.Config.StoreBuffer = f.buffer
	}
	for _, c := range f.checks {
		if !knownCheck(t, c) {
			return fmt.Errorf("%s has no check %q", t.Scenario.Name, c)
		}
	}
	pr, err := f.pressure(fs, t)
	if err != nil {
		return err
	}
	if f.strategy != "full" {
		return f.runSample(ctx, s, t, name, pr)
	}
	o := f.options(s)
	o.Edges = f.livelock
	closeFile, err := f.checkpoints(&o)
	if err != nil {
		return err
	}
	defer closeFile()
	out, err := target.Explore(ctx, t, f.checks, pr, o)
	if !f.quiet {
		fmt.Fprint(s.err, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	if f.json {
		enc := json.NewEncoder(s.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(out.JSON())
	} else {
		err = out.Write(s.out, f.draw(t, name))
	}
	if err != nil {
		return err
	}
	return answerCode(out.Answer())
}

// checkpointFile replaces the file of its name when it is closed, so that a
// search killed while it saves leaves the checkpoint before.
type checkpointFile struct {
	*os.File
	name string
}

// Close implements io.Closer.
func (f checkpointFile) Close() error {
	if err := f.File.Close(); err != nil {
		return err
	}
	return os.Rename(f.File.Name(), f.name)
}

// checkpoints sets up saving and resuming; the function returned closes what
// was opened.
func (f *exploreFlags) checkpoints(o *explore.Options) (func(), error) {
	if f.checkpoint == "" {
		if f.resume {
			return nil, errors.New("--resume needs --checkpoint FILE")
		}
		return func() {}, nil
	}
	o.SaveEvery = time.Minute
	o.Save = func() (io.WriteCloser, error) {
		w, err := os.Create(f.checkpoint + ".new")
		return checkpointFile{w, f.checkpoint}, err
	}
	if !f.resume {
		return func() {}, nil
	}
	r, err := os.Open(f.checkpoint)
	if errors.Is(err, os.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open checkpoint: %w", err)
	}
	o.Resume = r
	return func() { r.Close() }, nil
}

// draw returns a function that draws counterexamples as `klpsim run` does, or
// nil if pictures are not wanted.
func (f *exploreFlags) draw(t *session.Target, name string) func(*target.CheckResult) (string, error) {
	if f.plain {
		return nil
	}
	return func(c *target.CheckResult) (string, error) {
		pic, err := diagram.Build(t, c.Example.Schedule, diagram.Options{})
		if err != nil {
			return "", fmt.Errorf("draw the counterexample of %s: %w", c.Name, err)
		}
		pic.Name = name
		if f.memory != "" {
			pic.Replay = " --memory " + f.memory
		}
		return pic.Text(diagram.DefaultWidth), nil
	}
}

func knownCheck(t *session.Target, name string) bool {
	for _, c := range t.Checks {
		if c.Name == name {
			return true
		}
	}
	return false
}

// answerCode is the exit code that stands for an answer.
func answerCode(a explore.Answer) error {
	switch a {
	case explore.Sometimes:
		return verdict(exitViolated)
	case explore.Inconclusive:
		return verdict(exitInconclusive)
	}
	return nil
}
