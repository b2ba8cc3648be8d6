package cpu

import (
	"fmt"
	"strconv"
	"strings"
)

// choiceForm is how a kind of choice is written.
type choiceForm struct {
	kind   Kind
	word   string
	vector bool // followed by ":" and two hex digits
}

var choiceForms = []choiceForm{
	{Drain, "drain", false}, {IRQ, "irq", true}, {NMI, "nmi", false},
	{INIT, "init", false}, {SIPI, "sipi", true}, {Tick, "tick", false},
}

// String returns the choice as schedules write it.
func (c Choice) String() string {
	switch c.Kind {
	case Step:
		return strconv.Itoa(int(c.Core))
	case Hold:
		return strconv.Itoa(int(c.Core)) + "h"
	}
	for _, f := range choiceForms {
		if f.kind == c.Kind && f.vector {
			return fmt.Sprintf("%s%d:%02x", f.word, c.Core, c.Vector)
		}
		if f.kind == c.Kind {
			return fmt.Sprintf("%s%d", f.word, c.Core)
		}
	}
	return fmt.Sprintf("choice(%d)%d", c.Kind, c.Core)
}

// String returns the schedule run-length encoded, items separated by blanks.
// ParseSchedule reads it back.
func (s Schedule) String() string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 1
		for i+n < len(s) && s[i+n] == s[i] {
			n++
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s[i].String())
		if n > 1 {
			fmt.Fprintf(&b, "*%d", n)
		}
		i += n
	}
	return b.String()
}

// ScheduleError is a fault in a schedule's text.
type ScheduleError struct {
	Line int // 1-based
	Col  int // 1-based, in bytes
	Text string
	Msg  string
}

func (e *ScheduleError) Error() string {
	return fmt.Sprintf("schedule:%d:%d: %q: %s", e.Line, e.Col, e.Text, e.Msg)
}

// MaxSchedule bounds the choices that a schedule's text may expand to.
const MaxSchedule = 1 << 24

// ParseSchedule reads the text form of a schedule for a machine of the given
// number of cores: items separated by blanks, commas or line ends; # begins a
// comment. The error is a *ScheduleError.
func ParseSchedule(text string, cores int) (Schedule, error) {
	var out Schedule
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		for at := 0; at < len(line); {
			end := strings.IndexAny(line[at:], " \t\r,")
			if end < 0 {
				end = len(line) - at
			}
			if item := line[at : at+end]; item != "" {
				c, count, msg := parseItem(item, cores)
				if msg == "" && len(out)+count > MaxSchedule {
					msg = fmt.Sprintf("the schedule is longer than %d choices", MaxSchedule)
				}
				if msg != "" {
					return nil, &ScheduleError{n + 1, at + 1, item, msg}
				}
				for range count {
					out = append(out, c)
				}
			}
			at += end + 1
		}
	}
	return out, nil
}

// parseItem reads one item: what is repeated, and how often. msg says what is
// wrong with it, if anything is.
func parseItem(item string, cores int) (c Choice, count int, msg string) {
	body, times, repeated := strings.Cut(item, "*")
	count = 1
	if repeated {
		n, err := strconv.Atoi(times)
		if err != nil || n < 1 || n > MaxSchedule {
			return c, 0, fmt.Sprintf("expected a count from 1 to %d after *, found %q", MaxSchedule, times)
		}
		count = n
	}
	vector := ""
	hasVector := false
	form := choiceForm{kind: Step}
	for _, f := range choiceForms {
		if rest, ok := strings.CutPrefix(body, f.word); ok {
			form, body = f, rest
			body, vector, hasVector = strings.Cut(body, ":")
			break
		}
	}
	c.Kind = form.kind
	if rest, ok := strings.CutSuffix(body, "h"); ok && form.kind == Step {
		c.Kind, body = Hold, rest
	}
	core, err := strconv.ParseUint(body, 10, 8)
	if err != nil {
		return c, 0, "expected a core, or one of drain, irq, nmi, init, sipi, tick and a core, as in 0*12 0h drain1 irq0:ec"
	}
	if int(core) >= cores {
		return c, 0, fmt.Sprintf("there is no core %d; the machine has %d", core, cores)
	}
	c.Core = uint8(core)
	if form.vector != hasVector {
		return c, 0, fmt.Sprintf("irq and sipi take a vector of two hexadecimal digits, as in irq%d:ec; the others take none", core)
	}
	if hasVector {
		v, err := strconv.ParseUint(vector, 16, 8)
		if err != nil {
			return c, 0, fmt.Sprintf("%q is not a vector of two hexadecimal digits", vector)
		}
		c.Vector = uint8(v)
	}
	return c, count, ""
}
