package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"klpsim/kernel/explore"
	"klpsim/kernel/explore/target"
	"klpsim/kernel/session"
)

// sampleFlags are the flags of `klpsim explore --strategy`.
type sampleFlags struct {
	strategy            string
	runs, depth, length int
	seed                int64
	shard               string
}

// strategies are what --strategy takes, besides full.
var strategies = map[string]explore.Strategy{"uniform": explore.Uniform, "pct": explore.PCT}

func (f *sampleFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.strategy, "strategy", "full", "full, or random runs: uniform or pct")
	fs.IntVar(&f.runs, "runs", 10000, "random runs to take")
	fs.Int64Var(&f.seed, "seed", 1, "seed of the random runs")
	fs.IntVar(&f.length, "length", 2000, "choices of a random run at most")
	fs.IntVar(&f.depth, "depth", 3, "pct: orderings that a failure may depend on")
	fs.StringVar(&f.shard, "shard", "0/1", "take the random runs whose number is I modulo N, given as `I/N`")
}

// sample returns what the flags say.
func (f *sampleFlags) sample() (explore.Sample, error) {
	st, ok := strategies[f.strategy]
	if !ok {
		return explore.Sample{}, fmt.Errorf("--strategy %q: expected full, uniform or pct", f.strategy)
	}
	s := explore.Sample{Strategy: st, Runs: f.runs, Seed: f.seed, Length: f.length, Depth: f.depth}
	if n, err := fmt.Sscanf(f.shard, "%d/%d", &s.Shard, &s.Shards); n != 2 || err != nil || s.Shards < 1 || s.Shard < 0 || s.Shard >= s.Shards {
		return s, fmt.Errorf("--shard %q: expected I/N with I below N", f.shard)
	}
	return s, nil
}

// sampleCheck is one check of a sample's report in JSON.
type sampleCheck struct {
	Name     string `json:"name"`
	Runs     int    `json:"runs"`
	FirstRun int    `json:"first_run"`
	Schedule string `json:"schedule"`
}

// runSample takes random runs of a scenario and reports what they met.
func (f *exploreFlags) runSample(ctx context.Context, s streams, t *session.Target, name string, pr target.Pressure) error {
	sm, err := f.sample()
	if err != nil {
		return err
	}
	b, err := pr.Bounds(t)
	if err != nil {
		return err
	}
	rep, err := explore.RandomRuns(ctx, target.NewProblem(t, f.checks), b, sm)
	if err != nil {
		return err
	}
	if f.json {
		err = sampleJSON(s, rep)
	} else {
		err = sampleText(s, f, t, name, rep)
	}
	switch {
	case err != nil:
		return err
	case len(rep.Found) > 0:
		return verdict(exitViolated)
	}
	return verdict(exitInconclusive)
}

func sampleJSON(s streams, rep *explore.SampleReport) error {
	out := struct {
		Runs    int           `json:"runs"`
		Ended   int           `json:"ended"`
		Choices uint64        `json:"choices"`
		Chance  float64       `json:"chance,omitempty"`
		Checks  []sampleCheck `json:"violated"`
	}{rep.Runs, rep.Ended, rep.Choices, rep.Chance, []sampleCheck{}}
	for _, x := range rep.Found {
		out.Checks = append(out.Checks, sampleCheck{x.Check, x.Runs, x.Run, x.Schedule.String()})
	}
	enc := json.NewEncoder(s.out)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func sampleText(s streams, f *exploreFlags, t *session.Target, name string, rep *explore.SampleReport) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d random runs (%s, seed %d, shard %s)\n\n", name, rep.Runs, f.strategy, f.seed, f.shard)
	for _, k := range t.Checks {
		if f.checks != nil && !slices.Contains(f.checks, k.Name) {
			continue
		}
		i := slices.IndexFunc(rep.Found, func(x explore.Found) bool { return x.Check == k.Name })
		if i < 0 {
			fmt.Fprintf(&b, "  %-20s Inconclusive\n", k.Name)
			continue
		}
		x := rep.Found[i]
		fmt.Fprintf(&b, "  %-20s Sometimes    %d runs, first in run %d\n", k.Name, x.Runs, x.Run)
	}
	fmt.Fprintf(&b, "\ncovered  %d choices; %d of %d runs came to an end\n", rep.Choices, rep.Ended, rep.Runs)
	if rep.Chance > 0 {
		fmt.Fprintf(&b, "         a failure of depth %d would have been met with a chance of at\n         least %.2g (pct's bound)\n", f.depth, rep.Chance)
	}
	for _, x := range rep.Found {
		fmt.Fprintf(&b, "\n%s\nreplay  klpsim minimize %s '%s' --check %s\n", x.Check, name, x.Schedule, x.Check)
	}
	_, err := fmt.Fprint(s.out, b.String())
	return err
}
