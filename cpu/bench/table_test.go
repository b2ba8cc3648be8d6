package bench

import (
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
)

var (
	withPeers  = flag.Bool("peers", false, "compare with other emulators and print the table of ratios")
	peerRounds = flag.Int("rounds", 5, "interleaved rounds of the comparison with peers")
)

// cpuTime is what this process has used on all its threads.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// runner returns how klpsim runs a blob, in the form of a rival.
func runner(t *testing.T, blob []byte, n uint64) (time.Duration, uint64) {
	m := newMachine(t, cpu.Config{}, blob, n)
	begin := cpuTime()
	runAll(t, m)
	return cpuTime() - begin, m.Core(0).GPR[cpu.RAX]
}

type runFunc func(t *testing.T, blob []byte, n uint64) (time.Duration, uint64)

// column is one machine of the comparison; run is nil if it is not installed.
type column struct {
	name string
	run  runFunc
}

// columns prepares klpsim and the rivals that are there.
func columns(t *testing.T) []column {
	dir := t.TempDir()
	list := []column{{"klpsim", runner}}
	for _, r := range rivals {
		var run runFunc
		t.Run("prepare-"+r.name, func(t *testing.T) { run = r.make(t, dir) })
		list = append(list, column{r.name, run})
	}
	return list
}

// TestPeers prints how much faster klpsim is than each peer: CPU time over
// CPU time for the same machine code, medians of interleaved rounds, start-up
// taken off by the difference of two lengths. It runs by make bench-peers only.
func TestPeers(t *testing.T) {
	if !*withPeers {
		t.Skip("a measurement: make bench-peers")
	}
	cols := columns(t)
	times := map[string][]time.Duration{} // by workload and column, one a round
	steps := map[string]uint64{}
	for range *peerRounds {
		for _, w := range Workloads {
			blob := assemble(t, w)
			steps[w.Name] = countSteps(t, blob, w.Count) - countSteps(t, blob, 1)
			want := w.Want(w.Count)
			for _, c := range cols {
				if c.run == nil {
					continue
				}
				short, _ := c.run(t, blob, 1)
				long, got := c.run(t, blob, w.Count)
				require.Equal(t, want, got, "%s under %s", w.Name, c.name)
				key := w.Name + " " + c.name
				times[key] = append(times[key], max(long-short, time.Microsecond))
			}
		}
	}
	fmt.Print(table(cols, times, steps))
}

func countSteps(t *testing.T, blob []byte, n uint64) uint64 {
	return runAll(t, newMachine(t, cpu.Config{}, blob, n))
}

// table renders the medians: klpsim's speed, then the ratios, then their
// geometric means.
func table(cols []column, times map[string][]time.Duration, steps map[string]uint64) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%-10s %14s", "workload", "klpsim Minsn/s")
	for _, c := range cols[1:] {
		fmt.Fprintf(&w, " %13s", "/"+c.name)
	}
	fmt.Fprintln(&w)
	logs := make([]float64, len(cols))
	for _, load := range Workloads {
		own := median(times[load.Name+" klpsim"])
		speed := float64(steps[load.Name]) / own.Seconds() / 1e6
		logs[0] += math.Log(speed)
		fmt.Fprintf(&w, "%-10s %14.1f", load.Name, speed)
		for i, c := range cols[1:] {
			if c.run == nil {
				fmt.Fprintf(&w, " %13s", "-")
				continue
			}
			ratio := median(times[load.Name+" "+c.name]).Seconds() / own.Seconds()
			logs[i+1] += math.Log(ratio)
			fmt.Fprintf(&w, " %13.2f", ratio)
		}
		fmt.Fprintln(&w)
	}
	n := float64(len(Workloads))
	fmt.Fprintf(&w, "%-10s %14.1f", "geo. mean", math.Exp(logs[0]/n))
	for i, c := range cols[1:] {
		if c.run == nil {
			fmt.Fprintf(&w, " %13s", "-")
			continue
		}
		fmt.Fprintf(&w, " %13.2f", math.Exp(logs[i+1]/n))
	}
	fmt.Fprintln(&w)
	return w.String()
}

func median(d []time.Duration) time.Duration {
	s := slices.Clone(d)
	slices.Sort(s)
	return s[len(s)/2]
}
