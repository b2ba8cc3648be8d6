package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"klpsim/cpu"
)

// searcher is one search: what all workers share. Everything here is written
// by the searching goroutine between levels, or by one goroutine for each
// group while a level is merged.
type searcher struct {
	prob   Problem
	bounds Bounds
	opts   Options

	groups [groups]group
	queues [groups]queue
	own    *ownership
	work   []*worker
	strike []bool // by core: bounds allow injections there

	best    []violation // by question: checks, then deadlock, then shutdown
	report  Report
	started time.Time
	shown   time.Time
	saved   time.Time
	edges   []graphEdge
	ends    []nodeRef
	redo    uint64 // states at which a search whose assumptions have fallen ends; 0: they stand
}

// violation is the cheapest way found so far to violate a check.
type violation struct {
	found bool
	cost  uint64
	from  nodeRef
	by    edge
}

// Search explores p within b. An error means that the machine could not be
// made or that the simulator lacks something a run needed; a limit or a
// cancelled context is not an error but an incomplete report.
func Search(ctx context.Context, p Problem, b Bounds, o Options) (*Report, error) {
	if o.Workers < 1 {
		o.Workers = 1
	}
	for _, c := range p.Checks {
		o.NoMacro = o.NoMacro || c.Local
	}
	if b.IRQ+b.NMI > maxInjections || b.Preempt > maxPreempt || b.Steps > maxSteps {
		return nil, fmt.Errorf("bounds too large: at most %d injections, %d switches and %d steps", maxInjections, maxPreempt, maxSteps)
	}
	m, err := p.New()
	if err != nil {
		return nil, err
	}
	own := newOwnership(m.MemBytes(), m.NumCores())
	for _, r := range p.Shared {
		own.share(r)
	}
	if o.NoMacro {
		own.allShared = true
	}
	start := time.Now()
	for restarts := 0; ; restarts++ {
		s := &searcher{prob: p, bounds: b, opts: o, own: own, started: start, saved: start}
		s.report.Restarts = restarts
		again, err := s.run(ctx)
		if err != nil {
			return nil, err
		}
		if !again {
			return s.finish()
		}
		o.Resume = nil
	}
}

// run searches until it is over, or until an assumption has fallen (again).
func (s *searcher) run(ctx context.Context) (again bool, err error) {
	for range s.opts.Workers {
		w, err := newWorker(s)
		if err != nil {
			return false, err
		}
		s.work = append(s.work, w)
	}
	s.best = make([]violation, len(s.prob.Checks)+2)
	s.strike = make([]bool, s.work[0].m.NumCores())
	for i := range s.strike {
		s.strike[i] = s.bounds.Cores == nil || slices.Contains(s.bounds.Cores, i)
	}
	s.report.Finals = map[string]uint64{}
	if s.opts.Resume != nil {
		if err := s.restore(s.opts.Resume); err != nil {
			return false, err
		}
	} else {
		s.seed()
	}
	for {
		level, ok := s.nextLevel()
		if !ok {
			s.report.Complete = s.report.Stopped == ""
			return s.redo > 0, nil
		}
		s.report.Deepest = unpackCost(level.cost)
		if s.redo == 0 && s.allAnswered(level.cost) {
			return false, nil
		}
		if s.redo > 0 && s.report.States > s.redo {
			return true, nil
		}
		broken, err := s.expandLevel(level)
		if err != nil {
			return false, err
		}
		if broken && s.redo == 0 {
			s.redo = 2*s.report.States + 1000
		}
		reason := s.limit(ctx)
		if err := s.checkpoint(reason != ""); err != nil {
			return false, err
		}
		if reason != "" {
			s.report.Stopped = reason
			return false, nil
		}
	}
}

// seed puts the initial state into the queue.
func (s *searcher) seed() {
	w := s.work[0]
	w.load(nil)
	h := w.key(noCore, 0, 0)
	g := groupOf(h)
	for i := range s.groups {
		s.groups[i].init(s.opts.Exact)
	}
	n, i := s.groups[g].add(h, w.exactKey)
	n.set(0, nodeRef{}, edge{})
	n.edge = rootEdge
	s.queues[g].push(0, entry{node: i, last: noCore}, nil)
	s.report.States = 1
	for q, e := range w.evals {
		if s.prob.Checks[q].Final {
			continue
		}
		e.Before(w.m, cpu.Choice{})
		if !e.Holds(w.m, cpu.Choice{}, nil) {
			s.best[q] = violation{true, 0, nodeRef{i, g}, noEdge}
		}
	}
}

// allAnswered reports whether every question has its cheapest violation, now
// that everything cheaper than cost has been expanded.
func (s *searcher) allAnswered(cost uint64) bool {
	if s.opts.KeepGoing || s.prob.Final != nil || len(s.prob.Checks) == 0 {
		return false
	}
	for _, v := range s.best[:len(s.prob.Checks)] {
		if !v.found || v.cost > cost {
			return false
		}
	}
	return true
}

// limit reports which limit the search has hit, and shows progress.
func (s *searcher) limit(ctx context.Context) string {
	switch {
	case ctx.Err() != nil:
		return "interrupted"
	case s.opts.MaxStates > 0 && s.report.States >= s.opts.MaxStates:
		return "states"
	}
	if s.opts.MaxTime == 0 && s.opts.Progress == nil && s.opts.MaxMemory == 0 {
		return ""
	}
	now := time.Now()
	if s.opts.MaxTime > 0 && now.Sub(s.started) > s.opts.MaxTime {
		return "time"
	}
	if now.Sub(s.shown) < 250*time.Millisecond {
		return ""
	}
	s.shown = now
	b := s.bytes()
	if s.opts.MaxMemory > 0 && b > s.opts.MaxMemory {
		return "memory"
	}
	if s.opts.Progress != nil {
		s.opts.Progress(s.progress(now, b))
	}
	return ""
}

func (s *searcher) progress(now time.Time, bytes uint64) Progress {
	p := Progress{States: s.report.States, Edges: s.report.Edges, Cost: s.report.Deepest, Elapsed: now.Sub(s.started), Bytes: bytes}
	for i := range s.queues {
		p.Frontier += s.queues[i].size
	}
	for _, v := range s.best {
		if v.found {
			p.Violated++
		}
	}
	return p
}

func (s *searcher) bytes() uint64 {
	var b uint64
	for i := range s.groups {
		b += s.groups[i].bytes() + s.queues[i].bytes
	}
	return b
}

// level is all queued states of one cost, in an order that does not depend on
// the workers.
type level struct {
	cost    uint64
	entries [groups]*bucket
	size    int
}

// nextLevel takes the cheapest states from the queues.
func (s *searcher) nextLevel() (level, bool) {
	l := level{cost: ^uint64(0)}
	for i := range s.queues {
		l.cost = min(l.cost, s.queues[i].minCost())
	}
	if l.cost == ^uint64(0) {
		return l, false
	}
	for i := range s.queues {
		if l.entries[i] = s.queues[i].take(l.cost); l.entries[i] != nil {
			l.size += len(l.entries[i].entries)
		}
	}
	return l, true
}

// blockSize is how many states a worker expands at a time.
const blockSize = 64

// expandLevel expands every state of a level and merges what was found.
func (s *searcher) expandLevel(l level) (broken bool, err error) {
	blocks := s.cut(l)
	if len(blocks) == 1 || len(s.work) == 1 {
		for _, b := range blocks {
			if err := s.work[0].expandBlock(b); err != nil {
				return false, err
			}
		}
	} else if err := s.expandParallel(blocks); err != nil {
		return false, err
	}
	s.merge(blocks)
	for i := range l.entries {
		s.queues[i].release(l.entries[i])
	}
	for _, b := range blocks {
		news := s.own.stick(b.sticky)
		broken = s.own.apply(b.claims) || news || broken
	}
	return broken, nil
}

// cut divides a level into blocks.
func (s *searcher) cut(l level) []*block {
	var blocks []*block
	for g, b := range l.entries {
		if b == nil {
			continue
		}
		for rest := range slices.Chunk(b.entries, blockSize) {
			blocks = append(blocks, &block{cost: l.cost, group: uint8(g), bucket: b, entries: rest})
		}
	}
	return blocks
}

// expandParallel has all workers expand blocks; which worker gets which does
// not matter, as each block keeps its results to itself.
func (s *searcher) expandParallel(blocks []*block) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, len(s.work))
	for i, w := range s.work {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for errs[i] == nil {
				n := int(next.Add(1)) - 1
				if n >= len(blocks) {
					return
				}
				errs[i] = w.expandBlock(blocks[n])
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// merge enters what the blocks found into the visited set and the queues, in
// the order of the blocks; groups are merged independently of each other.
func (s *searcher) merge(blocks []*block) {
	work := func(first, stride int) {
		for g := first; g < groups; g += stride {
			for _, b := range blocks {
				s.mergeGroup(g, b)
			}
		}
	}
	if len(blocks) > 1 && len(s.work) > 1 {
		var wg sync.WaitGroup
		for i := range s.work {
			wg.Add(1)
			go func() { defer wg.Done(); work(i, len(s.work)) }()
		}
		wg.Wait()
	} else {
		work(0, 1)
	}
	s.report.States = 0
	for i := range s.groups {
		s.report.States += uint64(s.groups[i].count)
	}
	for _, b := range blocks {
		s.collect(b)
	}
}

// mergeGroup enters a block's candidates of group g.
func (s *searcher) mergeGroup(g int, b *block) {
	grp, q := &s.groups[g], &s.queues[g]
	for i := range b.found[g] {
		c := &b.found[g][i]
		var key []byte
		if s.opts.Exact {
			key = b.keys[c.key[0]:c.key[1]]
		}
		n, idx := grp.find(c.hash, key)
		switch {
		case n == nil:
			n, idx = grp.add(c.hash, key)
		case n.cost() <= c.cost:
			c.index = idx
			continue
		}
		c.index = idx
		n.set(c.cost, c.from, c.by)
		q.push(c.cost, entry{node: idx, last: c.last, irq: c.irq, nmi: c.nmi}, b.arena[c.state[0]:c.state[1]])
	}
}

// collect takes over a block's counters, violations and terminal states.
func (s *searcher) collect(b *block) {
	s.report.Edges += b.edges
	s.report.Choices += b.choices
	s.report.Terminals += uint64(len(b.ends))
	if b.cutSteps && s.report.Stopped == "" {
		s.report.Stopped = "steps"
	}
	for _, v := range b.violations {
		if best := &s.best[v.question]; !best.found || v.cost < best.cost {
			*best = violation{true, v.cost, v.from, v.by}
		}
	}
	for k, n := range b.finals {
		s.report.Finals[k] += n
	}
	if s.opts.Edges {
		s.ends = append(s.ends, b.ends...)
		for g := range b.found {
			for _, c := range b.found[g] {
				s.edges = append(s.edges, graphEdge{c.from, nodeRef{c.index, uint8(g)}})
			}
		}
	}
}

// path returns the edges from the initial state to n.
func (s *searcher) path(n nodeRef) []step {
	var rev []step
	for {
		x := s.groups[n.group].at(n.index)
		if x.edge == rootEdge {
			break
		}
		p := nodeRef{x.parent, x.group}
		rev = append(rev, step{x.choice(), int(x.stepCount() - s.groups[p.group].at(p.index).stepCount())})
		n = p
	}
	slices.Reverse(rev)
	return rev
}

// step is an edge with the number of choices it stands for.
type step struct {
	edge
	n int
}

// choices spells an edge out: the choices of a step or hold are steps but for
// the held one, behind which vector more come; an injection is followed by the
// step that delivers it.
func (e step) choices(dst cpu.Schedule) cpu.Schedule {
	switch e.kind {
	case cpu.Step, cpu.Hold:
		for i := range e.n {
			c := cpu.Choice{Kind: cpu.Step, Core: e.core}
			if e.kind == cpu.Hold && i == e.n-1-int(e.vector) {
				c.Kind = cpu.Hold
			}
			dst = append(dst, c)
		}
		return dst
	case cpu.Drain:
		for range e.n {
			dst = append(dst, cpu.Choice{Kind: cpu.Drain, Core: e.core})
		}
		return dst
	}
	return append(dst, cpu.Choice{Kind: e.kind, Core: e.core, Vector: e.vector}, cpu.Choice{Kind: cpu.Step, Core: e.core})
}

// example spells out a violation.
func (s *searcher) example(v violation) *Counterexample {
	var sch cpu.Schedule
	for _, e := range s.path(v.from) {
		sch = e.choices(sch)
	}
	if v.by != noEdge {
		from := s.groups[v.from.group].at(v.from.index)
		sch = step{v.by, int(v.cost&maxSteps - from.stepCount())}.choices(sch)
	}
	return &Counterexample{Schedule: sch, Cost: unpackCost(v.cost), Minimal: true}
}
