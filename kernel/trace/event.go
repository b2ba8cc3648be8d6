package trace

import (
	"fmt"

	"klpsim/cpu"
	"klpsim/kernel/session"
)

// eventKinds are the names of the machine's events in traces.
var eventKinds = map[cpu.EventKind]string{
	cpu.EvExec: "exec", cpu.EvRead: "read", cpu.EvWrite: "write", cpu.EvCommit: "commit", cpu.EvDeliver: "deliver",
	cpu.EvIret: "iret", cpu.EvPend: "pend", cpu.EvControl: "control", cpu.EvOut: "out", cpu.EvIn: "in", cpu.EvHalt: "halt",
	cpu.EvWake: "wake", cpu.EvShutdown: "shutdown", cpu.EvFlush: "flush",
}

// eventFlags are the flags of events, in the order in which they are written.
var eventFlags = []struct {
	flag cpu.EventFlags
	name string
}{
	{cpu.EvLocked, "locked"}, {cpu.EvForwarded, "forwarded"}, {cpu.EvBuffered, "buffered"}, {cpu.EvDrained, "drained"},
	{cpu.EvNMI, "nmi"}, {cpu.EvSoft, "soft"}, {cpu.EvFault, "fault"},
}

// event makes the record of one event.
func (w *Writer) event(s *session.Step, e *cpu.Event) Record {
	r := Record{Step: s.N, Core: int(e.Core), Kind: eventKinds[e.Kind]}
	add := func(key, format string, args ...any) {
		r.Fields = append(r.Fields, Field{Key: key, Value: fmt.Sprintf(format, args...)})
	}
	switch e.Kind {
	case cpu.EvExec:
		add("pc", "%#x", e.RIP)
		add("at", "%s", w.t.Where(e.RIP))
		if s.Code != nil {
			add("text", "%s", w.t.Disassemble(s.Code, e.RIP))
		}
	case cpu.EvRead, cpu.EvWrite, cpu.EvCommit:
		add("pa", "%#x", e.PA)
		add("at", "%s", w.t.DataName(e.PA))
		add("size", "%d", e.Size)
		if e.Kind == cpu.EvCommit {
			add("old", "%s", hex(e.Old, e.Size))
		}
		add("value", "%s", hex(e.Value, e.Size))
	case cpu.EvDeliver:
		add("vector", "%02x", e.Vector)
		add("code", "%#x", e.Code)
		add("from", "%s", w.t.Where(e.RIP))
		add("frame", "%#x", e.VA)
	case cpu.EvIret:
		add("to", "%s", w.t.Where(e.RIP))
	case cpu.EvPend:
		add("vector", "%02x", e.Vector)
		if e.Value[0] == ^uint64(0) {
			add("by", "outside")
		} else {
			add("by", "%d", e.Value[0])
		}
	case cpu.EvControl:
		add("register", "%#x", e.VA)
		add("old", "%#x", e.Old[0])
		add("value", "%#x", e.Value[0])
	case cpu.EvOut, cpu.EvIn:
		add("port", "%#x", e.VA)
		add("size", "%d", e.Size)
		add("value", "%#x", e.Value[0])
	case cpu.EvFlush:
		add("va", "%#x", e.VA)
	}
	for _, f := range eventFlags {
		if e.Flags&f.flag != 0 {
			r.Fields = append(r.Fields, Field{Key: f.name, Flag: true})
		}
	}
	return r
}

// hex writes a value of size bytes, of up to 16.
func hex(v [2]uint64, size uint8) string {
	if size > 8 {
		return fmt.Sprintf("%#x:%016x", v[1], v[0])
	}
	return fmt.Sprintf("%#x", v[0])
}
