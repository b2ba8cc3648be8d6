package target

import (
	"fmt"

	"klpsim/kernel/explore"
	"klpsim/kernel/session"
)

// Pressure is a set of bounds by the names of a scenario: functions instead of
// addresses.
type Pressure struct {
	IRQ, NMI int
	Vectors  []uint8
	Cores    []int
	In       []string // functions in which injections may strike; empty: anywhere
	Preempt  int      // negative: no bound
	Steps    int
}

// ScenarioPressure returns what a scenario asks for.
func ScenarioPressure(t *session.Target) Pressure {
	x := t.Scenario.Explore
	return Pressure{IRQ: x.IRQs, NMI: x.NMIs, Vectors: x.Vectors, Cores: x.Cores, In: x.In, Preempt: x.Preempt, Steps: x.Steps}
}

// Bounds resolves the names.
func (p Pressure) Bounds(t *session.Target) (explore.Bounds, error) {
	b := explore.Bounds{IRQ: p.IRQ, NMI: p.NMI, Vectors: p.Vectors, Cores: p.Cores, Preempt: p.Preempt, Steps: p.Steps}
	if b.IRQ > 0 && len(b.Vectors) == 0 {
		return b, fmt.Errorf("%s: interrupts are to strike, but no vector is given", t.Scenario.Name)
	}
	for _, c := range p.Cores {
		if c < 0 || c >= t.Config.Cores {
			return b, fmt.Errorf("%s: there is no core %d to strike; the machine has %d", t.Scenario.Name, c, t.Config.Cores)
		}
	}
	for _, name := range p.In {
		lo, hi, ok := t.Names.FuncRange(name)
		if !ok {
			return b, fmt.Errorf("%s: there is no function %q to strike in", t.Scenario.Name, name)
		}
		b.Code = append(b.Code, explore.Range{Lo: lo, Hi: hi})
	}
	return b, nil
}
