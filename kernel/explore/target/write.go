package target

import (
	"fmt"
	"io"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/explore"
)

// width is how wide reports are: fit for a mail.
const width = 72

// Write prints the report. draw, if not nil, returns the picture of a
// counterexample, which then stands for its bare schedule.
func (out *Outcome) Write(w io.Writer, draw func(c *CheckResult) (string, error)) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", out.Scenario, out.Where())
	for _, c := range out.Checks {
		b.WriteString(c.line())
	}
	b.WriteByte('\n')
	out.writeCovered(&b)
	for i := range out.Checks {
		if c := &out.Checks[i]; c.Example != nil {
			if err := c.writeExample(&b, out.Scenario, draw); err != nil {
				return err
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Where names the bounds and the memory model in one line.
func (out *Outcome) Where() string {
	p := &out.Pressure
	parts := []string{p.injections()}
	if p.Preempt >= 0 {
		parts = append(parts, fmt.Sprintf("%d preemptive switches", p.Preempt))
	}
	if p.Steps > 0 {
		parts = append(parts, fmt.Sprintf("%d choices", p.Steps))
	}
	memory := "memory " + out.Memory.String()
	if out.Memory == cpu.TSO {
		memory += fmt.Sprintf(", store buffer %d", out.Buffer)
	}
	return strings.Join(append(parts, memory), ", ")
}

// injections says what may be injected, and where.
func (p *Pressure) injections() string {
	var parts []string
	if p.IRQ > 0 {
		parts = append(parts, fmt.Sprintf("%d irq (%s)", p.IRQ, vectors(p.Vectors)))
	}
	if p.NMI > 0 {
		parts = append(parts, fmt.Sprintf("%d nmi", p.NMI))
	}
	if len(parts) == 0 {
		return "no injections"
	}
	if p.Cores != nil {
		parts = append(parts, "on core "+strings.Trim(fmt.Sprint(p.Cores), "[]"))
	}
	if len(p.In) > 0 {
		parts = append(parts, "in "+strings.Join(p.In, ", "))
	}
	return strings.Join(parts, ", ")
}

func vectors(v []uint8) string {
	s := make([]string, len(v))
	for i, x := range v {
		s[i] = fmt.Sprintf("%02x", x)
	}
	return strings.Join(s, ",")
}

// line is a check's line in the list.
func (c CheckResult) line() string {
	s := fmt.Sprintf("  %-20s %-12s", c.Name, c.Answer)
	if c.Example != nil {
		s += fmt.Sprintf("%d injected, ", c.Example.Cost.Injections)
		if c.Preempt {
			s += fmt.Sprintf("%d switches, ", c.Example.Cost.Preempt)
		}
		s += fmt.Sprintf("%d choices", c.Example.Cost.Steps)
	}
	return strings.TrimRight(s, " ") + "\n"
}

// writeCovered says what was covered.
func (out *Outcome) writeCovered(b *strings.Builder) {
	r := out.Report
	fmt.Fprintf(b, "covered  %d states, %d transitions, %d choices taken\n", r.States, r.Edges, r.Choices)
	fmt.Fprintf(b, "         %d states in which runs end, %d shared words\n", r.Terminals, r.Shared)
	if r.Complete {
		b.WriteString("         every run within the bounds; spin loops closed by repetition\n")
	} else if r.Stopped == "" {
		b.WriteString("         up to the last answer asked for; the rest was not searched\n")
	} else {
		fmt.Fprintf(b, "         stopped by %s at %d injected, %d choices\n", r.Stopped, r.Deepest.Injections, r.Deepest.Steps)
	}
	b.WriteString("         interrupts find the store buffer empty (SDM vol. 3A)\n")
	fmt.Fprintf(b, "         odds that two states were taken for one: 2^%d\n", collisionOdds(r.States))
}

// collisionOdds returns the exponent of the chance that among n states two
// have the same 128-bit hash: n^2 / 2^129.
func collisionOdds(n uint64) int {
	bits := 0
	for n > 1 {
		n >>= 1
		bits++
	}
	return 2*(bits+1) - 129
}

// writeExample prints a counterexample: what it needs, and the run.
func (c *CheckResult) writeExample(b *strings.Builder, scenario string, draw func(*CheckResult) (string, error)) error {
	fmt.Fprintf(b, "\n%s: %s\n", c.Name, c.Needs())
	if draw != nil && len(c.Example.Schedule) > 0 {
		text, err := draw(c)
		if err != nil {
			return err
		}
		b.WriteString("\n" + text)
		return nil
	}
	cmd := fmt.Sprintf("klpsim run %s --schedule '%s'", scenario, c.Example.Schedule)
	b.WriteString(fold("replay  ", cmd))
	return nil
}

// Needs says which injected events a counterexample needs.
func (c CheckResult) Needs() string {
	var s string
	switch {
	case c.IRQs+c.NMIs == 0:
		s = "needs no injected event, only a slow core"
	case c.NMIs == 0:
		s = fmt.Sprintf("needs %s: no run with fewer fails", plural(c.IRQs, "interrupt"))
	case c.IRQs == 0:
		s = fmt.Sprintf("needs %s: no run with fewer injected events fails", plural(c.NMIs, "NMI"))
	default:
		s = fmt.Sprintf("needs %s and %s: no run with fewer injected events fails", plural(c.IRQs, "interrupt"), plural(c.NMIs, "NMI"))
	}
	if !c.Example.Minimal {
		s = strings.Replace(s, "needs", "found with", 1) + " (not known to be minimal)"
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// fold breaks text at blanks into lines that fit, the later ones indented.
func fold(lead, text string) string {
	var b strings.Builder
	line := lead
	for i, w := range strings.Fields(text) {
		if i > 0 && len(line)+1+len(w) > width-2 {
			b.WriteString(line + " \\\n")
			line = strings.Repeat(" ", len(lead)-1)
		}
		if i > 0 {
			line += " "
		}
		line += w
	}
	return b.String() + line + "\n"
}

// JSON is the report in the form of `klpsim explore --json`.
type JSON struct {
	Scenario    string      `json:"scenario"`
	Memory      string      `json:"memory"`
	StoreBuffer int         `json:"store_buffer"`
	IRQ         int         `json:"irq"`
	NMI         int         `json:"nmi"`
	Vectors     []string    `json:"vectors,omitempty"`
	Cores       []int       `json:"cores,omitempty"`
	In          []string    `json:"in,omitempty"`
	Preempt     int         `json:"preempt"`
	Steps       int         `json:"steps"`
	Checks      []JSONCheck `json:"checks"`
	States      uint64      `json:"states"`
	Transitions uint64      `json:"transitions"`
	Choices     uint64      `json:"choices"`
	Terminals   uint64      `json:"terminals"`
	Complete    bool        `json:"complete"`
	Stopped     string      `json:"stopped,omitempty"`
}

// JSONCheck is one check of a JSON report.
type JSONCheck struct {
	Name       string `json:"name"`
	Answer     string `json:"answer"`
	Injections *int   `json:"injections,omitempty"`
	Preempt    *int   `json:"preempt,omitempty"`
	Choices    *int   `json:"choices,omitempty"`
	Minimal    bool   `json:"minimal,omitempty"`
	Schedule   string `json:"schedule,omitempty"`
}

// JSON returns the report for encoding.
func (out *Outcome) JSON() JSON {
	p, r := out.Pressure, out.Report
	j := JSON{Scenario: out.Scenario, Memory: out.Memory.String(), StoreBuffer: out.Buffer, IRQ: p.IRQ, NMI: p.NMI,
		Cores: p.Cores, In: p.In, Preempt: p.Preempt, Steps: p.Steps,
		States: r.States, Transitions: r.Edges, Choices: r.Choices, Terminals: r.Terminals, Complete: r.Complete, Stopped: r.Stopped}
	for _, v := range p.Vectors {
		j.Vectors = append(j.Vectors, fmt.Sprintf("%02x", v))
	}
	for i := range out.Checks {
		c := &out.Checks[i]
		k := JSONCheck{Name: c.Name, Answer: c.Answer.String()}
		if c.Answer == explore.Sometimes {
			k.Injections, k.Choices = &c.Example.Cost.Injections, &c.Example.Cost.Steps
			if c.Preempt {
				k.Preempt = &c.Example.Cost.Preempt
			}
			k.Minimal, k.Schedule = c.Example.Minimal, c.Example.Schedule.String()
		}
		j.Checks = append(j.Checks, k)
	}
	return j
}
