package trace

import (
	"bufio"
	"fmt"
	"io"

	"klpsim/cpu"
	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
)

// Format is how records are written.
type Format uint8

// The formats of a written trace.
const (
	Text Format = iota
	JSON
)

// Writer writes a session's trace. It is an observer: see Observer.
type Writer struct {
	w      *bufio.Writer
	format Format
	err    error
	buf    []byte
	t      *session.Target
}

// NewWriter writes the head of a trace of t and returns its writer.
func NewWriter(w io.Writer, t *session.Target, format Format) *Writer {
	tw := &Writer{w: bufio.NewWriter(w), format: format, t: t}
	if format == Text {
		tw.raw(fmt.Appendf(nil, "klpsim-trace %d\n", Version))
	} else {
		tw.raw(fmt.Appendf(nil, "{\"format\":\"klpsim-trace\",\"version\":%d}\n", Version))
	}
	tw.put(Record{Kind: "scenario", Fields: []Field{{Key: "name", Value: t.Scenario.Name}}})
	tw.put(Record{Kind: "machine", Fields: []Field{{Key: "cores", Value: fmt.Sprint(t.Config.Cores)},
		{Key: "memory", Value: t.Config.Memory.String()}, {Key: "storebuffer", Value: fmt.Sprint(t.Config.StoreBuffer)}}})
	return tw
}

// Observer returns the functions to give a session. After the session's end
// the trace is complete; Err says whether it was written.
func (w *Writer) Observer() session.Observer {
	return session.Observer{Step: w.step, End: w.end}
}

// Err returns the first error of writing.
func (w *Writer) Err() error { return w.err }

func (w *Writer) raw(b []byte) {
	if _, err := w.w.Write(b); err != nil && w.err == nil {
		w.err = fmt.Errorf("write trace: %w", err)
	}
}

func (w *Writer) put(r Record) {
	w.buf = w.buf[:0]
	if w.format == JSON {
		w.buf = r.appendJSON(w.buf)
	} else {
		w.buf = r.append(w.buf)
	}
	w.raw(append(w.buf, '\n'))
}

// step writes the records of one choice.
func (w *Writer) step(s *session.Step) {
	take := Record{Step: s.N, Core: int(s.Choice.Core), Kind: "take", Fields: []Field{{Key: "choice", Value: s.Choice.String()}}}
	if s.HasTask {
		take.Fields = append(take.Fields, Field{Key: "task", Value: fmt.Sprint(s.Task.PID)})
	}
	w.put(take)
	for i := range s.Events {
		if s.Events[i].Flags&cpu.EvWalk == 0 {
			w.put(w.event(s, &s.Events[i]))
		}
	}
}

func (w *Writer) end(s *session.Session) {
	viol := map[*session.Check]int{}
	for _, v := range s.Violations() {
		viol[v.Check] = v.Step
	}
	for _, c := range w.t.Checks {
		r := Record{Kind: "check", Fields: []Field{{Key: "name", Value: c.Name}, {Key: "verdict", Value: "holds"}}}
		if step, ok := viol[c]; ok {
			r.Fields[1].Value = "violated"
			r.Fields = append(r.Fields, Field{Key: "step", Value: fmt.Sprint(step)})
		}
		if c.When == scenario.Final {
			r.Fields = append(r.Fields, Field{Key: "final", Flag: true})
		}
		w.put(r)
	}
	w.put(Record{Kind: "end", Fields: []Field{{Key: "steps", Value: fmt.Sprint(s.Len())}}})
	if err := w.w.Flush(); err != nil && w.err == nil {
		w.err = fmt.Errorf("write trace: %w", err)
	}
}

// Schedule returns the choices of a trace's run.
func Schedule(records []Record, cores int) (cpu.Schedule, error) {
	var out cpu.Schedule
	for _, r := range records {
		if r.Kind != "take" {
			continue
		}
		v, _ := r.Get("choice")
		c, err := cpu.ParseSchedule(v, cores)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", r.Step, err)
		}
		out = append(out, c...)
	}
	return out, nil
}
