package litmus

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/explore"
)

// Options say how to run a test.
type Options struct {
	Model       cpu.MemoryModel
	StoreBuffer int // entries, 0: the machine's default
	Search      explore.Options
}

// State is a final state: one value for each location of Result.Locs.
type State struct {
	Values  []int64
	Witness bool // it satisfies the condition that is quantified over
}

// Result is the outcome of a test.
type Result struct {
	Test     *Test
	Locs     []Loc
	States   []State // distinct, sorted, those that pass the filter
	Complete bool    // these are all
	Report   *explore.Report

	prog *program
}

// Run explores every run of a test.
func Run(ctx context.Context, t *Test, o Options) (*Result, error) {
	p, err := compile(t)
	if err != nil {
		return nil, err
	}
	r := &Result{Test: t, Locs: p.locations(), prog: p}
	prob := explore.Problem{
		New:    func() (*cpu.Machine, error) { return p.machine(o.Model, o.StoreBuffer) },
		Shared: p.shared(),
		Final: func(dst []byte, m *cpu.Machine) []byte {
			for _, l := range r.Locs {
				dst = binary.BigEndian.AppendUint64(dst, uint64(p.read(m, l))^1<<63)
			}
			return dst
		},
	}
	rep, err := explore.Search(ctx, prob, explore.Bounds{Preempt: -1}, o.Search)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	r.Report, r.Complete = rep, rep.Complete
	r.collect(rep.Finals)
	return r, nil
}

// shared returns the places of the variables that several threads name, which
// saves the explorer finding out.
func (p *program) shared() []explore.PhysRange {
	var out []explore.PhysRange
	for _, v := range p.vars {
		threads := 0
		for _, lines := range p.test.Threads {
			if slices.ContainsFunc(lines, func(l Line) bool { return names(l.Text, v.name) }) {
				threads++
			}
		}
		if threads > 1 {
			out = append(out, explore.PhysRange{Addr: v.addr, Size: uint64(v.n) * uint64(v.typ.Size)})
		}
	}
	return out
}

// names reports whether an instruction's text names a variable.
func names(text, name string) bool {
	for _, lead := range []string{"[", "(", "$"} {
		if strings.Contains(text, lead+name) {
			return true
		}
	}
	return false
}

// locations returns what to print: what the question names, then the
// locations asked for, each once.
func (p *program) locations() []Loc {
	var locs []Loc
	see := func(l Loc) {
		if !slices.Contains(locs, l) {
			locs = append(locs, l)
		}
	}
	for _, l := range p.test.Locations {
		if v := p.byNam[l.Name]; l.Thread < 0 && l.Index == 0 && v.n > 1 {
			for i := range v.n {
				see(Loc{Thread: -1, Name: l.Name, Index: i})
			}
			continue
		}
		see(l)
	}
	p.test.Cond.locs(see)
	if p.test.Filter != nil {
		p.test.Filter.locs(see)
	}
	slices.SortStableFunc(locs, func(a, b Loc) int {
		if (a.Thread < 0) != (b.Thread < 0) { // registers first, as herd7 has them
			return b.Thread - a.Thread
		}
		if a.Thread != b.Thread {
			return a.Thread - b.Thread
		}
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return a.Index - b.Index
	})
	return locs
}

// collect turns the explorer's final states into sorted values and judges them.
func (r *Result) collect(finals map[string]uint64) {
	keys := make([]string, 0, len(finals))
	for k := range finals {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		vals := make([]int64, len(r.Locs))
		for i := range vals {
			vals[i] = int64(binary.BigEndian.Uint64([]byte(k[8*i:])) ^ 1<<63)
		}
		if f := r.Test.Filter; f != nil && !r.holds(f, vals) {
			continue
		}
		r.States = append(r.States, State{vals, r.holds(r.Test.Cond, vals)})
	}
}

func (r *Result) holds(c Cond, vals []int64) bool {
	return c.holds(
		func(l Loc) int64 { return vals[slices.Index(r.Locs, l)] },
		func(name string) int64 { return int64(r.prog.byNam[name].addr) },
		r.prog.typeOf)
}

// Counts returns how many final states satisfy the condition and how many do not.
func (r *Result) Counts() (positive, negative int) {
	for _, s := range r.States {
		if s.Witness {
			positive++
		} else {
			negative++
		}
	}
	return positive, negative
}

// OK reports whether the test's question is answered with yes.
func (r *Result) OK() bool {
	pos, neg := r.Counts()
	switch r.Test.Quant {
	case Exists:
		return pos > 0
	case NotExists:
		return pos == 0
	}
	return neg == 0
}

// Observation returns Never, Sometimes or Always: how often final states
// satisfy the condition.
func (r *Result) Observation() string {
	pos, neg := r.Counts()
	switch {
	case pos == 0:
		return "Never"
	case neg == 0:
		return "Always"
	}
	return "Sometimes"
}

// Write prints the result in herd7's shape.
func (r *Result) Write(w io.Writer) error {
	var b strings.Builder
	kind := [...]string{"Allowed", "Forbidden", "Required"}[r.Test.Quant]
	fmt.Fprintf(&b, "Test %s %s\nStates %d\n", r.Test.Name, kind, len(r.States))
	for _, s := range r.States {
		b.WriteString(r.stateText(s) + "\n")
	}
	pos, neg := r.Counts()
	verdict := "No"
	if r.OK() {
		verdict = "Ok"
	}
	fmt.Fprintf(&b, "%s\nWitnesses\nPositive: %d Negative: %d\n", verdict, pos, neg)
	fmt.Fprintf(&b, "Condition %s (%s)\n", r.Test.Quant, r.Test.Cond.text(precImplies))
	fmt.Fprintf(&b, "Observation %s %s %d %d\n", r.Test.Name, r.Observation(), pos, neg)
	if !r.Complete {
		fmt.Fprintf(&b, "Incomplete %s stopped by %s after %d states\n", r.Test.Name, r.Report.Stopped, r.Report.States)
	}
	for _, m := range r.Test.Meta {
		if m.Key == "Hash" {
			fmt.Fprintf(&b, "Hash=%s\n", m.Value)
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// stateText renders a final state as herd7 does: "0:EAX=1; [x]=1;".
func (r *Result) stateText(s State) string {
	parts := make([]string, len(s.Values))
	for i, v := range s.Values {
		parts[i] = r.Locs[i].condText() + "=" + r.valueText(r.Locs[i], v) + ";"
	}
	return strings.Join(parts, " ")
}

// valueText prints a value, as a variable's name if it is its address.
func (r *Result) valueText(l Loc, v int64) string {
	t := r.prog.typeOf(l)
	if t.Size >= 4 {
		for _, x := range r.prog.vars {
			if int64(x.addr) == v {
				return x.name
			}
		}
	}
	return t.format(v)
}
