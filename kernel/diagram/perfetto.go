package diagram

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/session"
)

// traceEvent is one event of the Chrome trace event format, which Perfetto
// reads. One choice is one microsecond.
type traceEvent struct {
	Name string         `json:"name"`
	Ph   string         `json:"ph"`
	Pid  int            `json:"pid"`
	Tid  int            `json:"tid"`
	Ts   int            `json:"ts"`
	Dur  int            `json:"dur,omitempty"`
	Cat  string         `json:"cat,omitempty"`
	ID   int            `json:"id,omitempty"`
	BP   string         `json:"bp,omitempty"`
	S    string         `json:"s,omitempty"`
	Args map[string]any `json:"args,omitempty"`
}

// perfetto collects the events of a run.
type perfetto struct {
	t      *session.Target
	events []traceEvent
	open   [][]string // interrupts that run, per core
	fn     []string   // the function that a core is in
	since  []int      // since when
	depth  []int      // of the store buffers
	flow   int
	sent   map[[2]int]int // core and vector of a pending IPI: its flow
	held   [][]int        // flows of buffered stores, oldest first
}

// Perfetto replays a schedule and writes it for Perfetto or chrome://tracing: a
// track for each core with functions and interrupts nested, flows from senders
// of IPIs to their delivery and from buffered stores to their draining, and a
// counter for the depth of each store buffer.
func Perfetto(w io.Writer, t *session.Target, sched cpu.Schedule) error {
	n := t.Config.Cores
	p := &perfetto{t: t, open: make([][]string, n), fn: make([]string, n), since: make([]int, n), depth: make([]int, n),
		sent: map[[2]int]int{}, held: make([][]int, n)}
	p.meta("process_name", 0, "klpsim "+t.Scenario.Name)
	for i := range n {
		p.meta("thread_name", i, fmt.Sprintf("CPU%d", i))
	}
	if _, err := session.Play(t, sched, session.Observer{Step: p.step, End: p.end}); err != nil {
		return err
	}
	doc := struct {
		DisplayTimeUnit string       `json:"displayTimeUnit"`
		TraceEvents     []traceEvent `json:"traceEvents"`
	}{"ns", p.events}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("write perfetto trace: %w", err)
	}
	return nil
}

func (p *perfetto) meta(name string, tid int, value string) {
	p.events = append(p.events, traceEvent{Name: name, Ph: "M", Tid: tid, Args: map[string]any{"name": value}})
}

func (p *perfetto) add(e traceEvent) { p.events = append(p.events, e) }

func (p *perfetto) step(s *session.Step) {
	core := int(s.Choice.Core)
	if s.Code != nil {
		p.inFunction(s, core)
		p.add(traceEvent{Name: p.t.Disassemble(s.Code, s.Regs.RIP), Ph: "X", Tid: core, Ts: s.N, Dur: 1, Cat: "instruction",
			Args: map[string]any{"at": p.t.Where(s.Regs.RIP), "step": s.N}})
	}
	for i := range s.Events {
		p.event(s, &s.Events[i])
	}
	if n := len(s.Session.M.Core(core).StoreBuffer()); n != p.depth[core] {
		p.depth[core] = n
		p.add(traceEvent{Name: fmt.Sprintf("store buffer CPU%d", core), Ph: "C", Tid: core, Ts: s.N, Args: map[string]any{"entries": n}})
	}
	for _, v := range s.Violations {
		p.add(traceEvent{Name: v.Check.Name + " violated", Ph: "i", Tid: core, Ts: s.N, S: "g", Cat: "check"})
	}
}

// inFunction closes the slice of the function that a core has left.
func (p *perfetto) inFunction(s *session.Step, core int) {
	fn, _, _ := strings.Cut(p.t.Where(s.Regs.RIP), "+")
	if s.HasTask {
		fn = fmt.Sprintf("%s [task %d]", fn, s.Task.PID)
	}
	if fn == p.fn[core] {
		return
	}
	p.leave(core, s.N)
	p.fn[core], p.since[core] = fn, s.N
	p.add(traceEvent{Name: fn, Ph: "B", Tid: core, Ts: s.N, Cat: "function"})
}

func (p *perfetto) leave(core, ts int) {
	if p.fn[core] != "" {
		p.add(traceEvent{Name: p.fn[core], Ph: "E", Tid: core, Ts: ts, Cat: "function"})
		p.fn[core] = ""
	}
}

func (p *perfetto) event(s *session.Step, e *cpu.Event) {
	core := int(e.Core)
	switch e.Kind {
	case cpu.EvDeliver:
		p.leave(core, s.N)
		name := fmt.Sprintf("IRQ %#02x", e.Vector)
		if e.Flags&cpu.EvNMI != 0 {
			name = "NMI"
		} else if e.Vector < 32 {
			name = exceptionName(e.Vector)
		}
		p.open[core] = append(p.open[core], name)
		p.add(traceEvent{Name: name, Ph: "B", Tid: core, Ts: s.N, Cat: "interrupt"})
		p.arrive(core, int(e.Vector), s.N)
	case cpu.EvIret:
		if n := len(p.open[core]); n > 0 {
			p.leave(core, s.N+1)
			p.add(traceEvent{Name: p.open[core][n-1], Ph: "E", Tid: core, Ts: s.N + 1, Cat: "interrupt"})
			p.open[core] = p.open[core][:n-1]
		}
	case cpu.EvPend:
		from := int(s.Choice.Core)
		if e.Value[0] != ^uint64(0) {
			from = int(e.Value[0])
		}
		p.flow++
		p.sent[[2]int{core, int(e.Vector)}] = p.flow
		p.add(traceEvent{Name: "pending", Ph: "s", Tid: from, Ts: s.N, Cat: "ipi", ID: p.flow})
	case cpu.EvWrite:
		if e.Flags&cpu.EvBuffered != 0 {
			p.flow++
			p.held[core] = append(p.held[core], p.flow)
			p.add(traceEvent{Name: "store", Ph: "s", Tid: core, Ts: s.N, Cat: "drain", ID: p.flow})
		}
	case cpu.EvCommit:
		if e.Flags&cpu.EvDrained != 0 && len(p.held[core]) > 0 {
			p.add(traceEvent{Name: "store", Ph: "f", BP: "e", Tid: core, Ts: s.N, Cat: "drain", ID: p.held[core][0]})
			p.held[core] = p.held[core][1:]
		}
	}
}

// arrive ends the flow of a pending interrupt where it is delivered.
func (p *perfetto) arrive(core, vector, ts int) {
	key := [2]int{core, vector}
	if id, ok := p.sent[key]; ok {
		p.add(traceEvent{Name: "pending", Ph: "f", BP: "e", Tid: core, Ts: ts, Cat: "ipi", ID: id})
		delete(p.sent, key)
	}
}

// end closes every slice that is open.
func (p *perfetto) end(s *session.Session) {
	for core := range p.open {
		p.leave(core, s.Len()+1)
		for i := len(p.open[core]) - 1; i >= 0; i-- {
			p.add(traceEvent{Name: p.open[core][i], Ph: "E", Tid: core, Ts: s.Len() + 1, Cat: "interrupt"})
		}
	}
}
