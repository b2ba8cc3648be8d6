package explore

import (
	"fmt"

	"klpsim/cpu"
)

// graphEdge is a transition between two nodes.
type graphEdge struct{ from, to nodeRef }

// finish answers the questions.
func (s *searcher) finish() (*Report, error) {
	r := &s.report
	r.Bytes = s.bytes()
	r.Shared = s.own.count
	reached := unpackCost(s.leastQueued())
	for i, c := range s.prob.Checks {
		res, err := s.answer(c.Name, s.best[i], reached)
		if err != nil {
			return nil, err
		}
		r.Checks = append(r.Checks, res)
	}
	var err error
	n := len(s.prob.Checks)
	if r.Deadlock, err = s.answer("deadlock", s.best[n+askDeadlock], reached); err != nil {
		return nil, err
	}
	if r.Shutdown, err = s.answer("shutdown", s.best[n+askShutdown], reached); err != nil {
		return nil, err
	}
	r.Livelock = s.livelock()
	return r, nil
}

// leastQueued returns the cost below which everything has been expanded.
func (s *searcher) leastQueued() uint64 {
	least := ^uint64(0)
	for i := range s.queues {
		least = min(least, s.queues[i].minCost())
	}
	return least
}

// answer makes the result of one question and replays its counterexample.
func (s *searcher) answer(name string, v violation, reached Cost) (Result, error) {
	switch {
	case v.found:
		ex := s.example(v)
		ex.Minimal = v.cost <= reached.pack()
		return Result{name, Sometimes, ex}, nil
	case s.report.Complete:
		return Result{Name: name, Answer: Never}, nil
	}
	return Result{Name: name, Answer: Inconclusive}, nil
}

// Replay takes a schedule on a fresh machine by plain steps and returns the
// names of the checks that its last choice violates, or, in a terminal state,
// that the state does. first is the number of the first choice (from 1) that
// violates any check, or 0.
func Replay(p Problem, sch cpu.Schedule) (violated []string, first int, err error) {
	m, err := p.New()
	if err != nil {
		return nil, 0, err
	}
	m.SetRecording(true)
	evals := make([]Evaluator, len(p.Checks))
	for i, c := range p.Checks {
		evals[i] = c.Start()
	}
	for n, c := range sch {
		for i, e := range evals {
			if !p.Checks[i].Final {
				e.Before(m, c)
			}
		}
		if err := m.Take(c); err != nil {
			return nil, 0, fmt.Errorf("choice %d: %w", n+1, err)
		}
		violated = violated[:0]
		for i, e := range evals {
			if !p.Checks[i].Final && !e.Holds(m, c, m.Events()) {
				violated = append(violated, p.Checks[i].Name)
			}
		}
		if len(violated) > 0 && first == 0 {
			first = n + 1
		}
	}
	if len(m.Enabled(nil)) > 0 {
		return violated, first, nil
	}
	for i, e := range evals {
		if p.Checks[i].Final && !e.Holds(m, cpu.Choice{}, nil) {
			violated = append(violated, p.Checks[i].Name)
		}
	}
	return violated, first, nil
}

// livelock looks for a state from which no terminal state can be reached: from
// there the cores run for ever, however fair the scheduler.
func (s *searcher) livelock() Result {
	res := Result{Name: "livelock", Answer: Inconclusive}
	if !s.opts.Edges || !s.report.Complete {
		return res
	}
	stuck, found := s.cannotEnd()
	if !found {
		res.Answer = Never
		return res
	}
	n := s.groups[stuck.group].at(stuck.index)
	res.Answer = Sometimes
	res.Example = &Counterexample{Cost: unpackCost(n.cost())}
	for _, e := range s.path(stuck) {
		res.Example.Schedule = e.choices(res.Example.Schedule)
	}
	return res
}

// cannotEnd marks backwards from the terminal states and returns the cheapest
// state left unmarked.
func (s *searcher) cannotEnd() (nodeRef, bool) {
	var start [groups + 1]uint32
	for g := range s.groups {
		start[g+1] = start[g] + s.groups[g].count
	}
	id := func(r nodeRef) uint32 { return start[r.group] + r.index }
	first := make([]uint32, start[groups]+1) // edges sorted by target
	for _, e := range s.edges {
		first[id(e.to)]++
	}
	sum := uint32(0)
	for i, n := range first {
		first[i] = sum
		sum += n
	}
	from := make([]uint32, len(s.edges))
	fill := append([]uint32(nil), first...)
	for _, e := range s.edges {
		from[fill[id(e.to)]] = id(e.from)
		fill[id(e.to)]++
	}
	ends := make([]bool, start[groups])
	var todo []uint32
	for _, r := range s.ends {
		ends[id(r)] = true
		todo = append(todo, id(r))
	}
	for len(todo) > 0 {
		x := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, y := range from[first[x]:first[x+1]] {
			if !ends[y] {
				ends[y] = true
				todo = append(todo, y)
			}
		}
	}
	var best nodeRef
	found := false
	for g := range s.groups {
		for i := range s.groups[g].count {
			r := nodeRef{i, uint8(g)}
			if !ends[id(r)] && (!found || s.groups[g].at(i).cost() < s.groups[best.group].at(best.index).cost()) {
				best, found = r, true
			}
		}
	}
	return best, found
}
