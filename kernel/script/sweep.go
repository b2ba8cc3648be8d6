package script

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
)

// SweepRow is the outcome of one injection point of a sweep.
type SweepRow struct {
	Place    string // symbol+offset; the injection strikes before its instruction
	Text     string // the instruction
	Violated []string
	Steps    int
	Note     string // how the run ended, if not at the script's end
}

// Sweep runs a script once for every instruction boundary of a function, with
// the script's first injection moved there: the place of the first inject ...
// at PLACE or of the first until PLACE that an inject follows. A run that was
// cut off has no final state, so final checks do not count for it.
func Sweep(t *session.Target, lines []scenario.Text, function string) ([]SweepRow, error) {
	lo, hi, ok := t.Names.FuncRange(function)
	if !ok {
		return nil, fmt.Errorf("no function is called %q", function)
	}
	at, cut, err := injectionLine(lines)
	if err != nil {
		return nil, err
	}
	var rows []SweepRow
	for pc := lo; pc < hi; {
		in, ok := t.InstructionAt(pc)
		if !ok {
			break
		}
		moved := append([]scenario.Text(nil), lines...)
		moved[at].Text = cut(fmt.Sprintf("*%#x", pc))
		row, err := sweepOne(t, moved)
		if err != nil {
			return nil, err
		}
		row.Place, row.Text = t.Where(pc), t.SourceOrText(pc)
		rows = append(rows, row)
		pc += uint64(in.Len)
	}
	return rows, nil
}

// injectionLine finds the line that says where the injection strikes; cut
// returns that line with another place in it.
func injectionLine(lines []scenario.Text) (at int, cut func(place string) string, err error) {
	for i, l := range lines {
		word, rest, _ := strings.Cut(l.Text, " ")
		if word == "inject" {
			if head, tail, ok := strings.Cut(l.Text, " at "); ok {
				a := &args{text: tail}
				a.word()
				if w := a.peek(); w == "after" || w == "before" {
					a.word()
				}
				tail, _ = a.rest()
				return i, func(p string) string { return strings.TrimRight(head+" at "+p+" "+tail, " ") }, nil
			}
		}
		if (word == "until" || word == "u") && i+1 < len(lines) && strings.HasPrefix(lines[i+1].Text, "inject ") && rest != "" {
			return i, func(p string) string { return "until " + p }, nil
		}
	}
	return 0, nil, errors.New("the script has no injection to move: an inject ... at PLACE, or an inject behind an until PLACE")
}

func sweepOne(t *session.Target, lines []scenario.Text) (SweepRow, error) {
	s, err := t.New()
	if err != nil {
		return SweepRow{}, err
	}
	e := New(s, io.Discard)
	e.Batch = true
	row := SweepRow{}
	if err := e.Script(lines); err != nil {
		row.Note = "cut off"
		if errors.Is(err, session.ErrLimit) {
			row.Note = "step limit"
		}
	} else {
		s.Finish()
	}
	row.Steps = s.Len()
	for _, v := range s.Violations() {
		row.Violated = append(row.Violated, v.Check.Name)
	}
	return row, nil
}

// SweepTable renders a sweep as text.
func SweepTable(rows []SweepRow) string {
	var b strings.Builder
	for _, r := range rows {
		verdict := "holds"
		if r.Violated != nil {
			verdict = "FAIL  " + strings.Join(r.Violated, " ")
		}
		if r.Note != "" {
			verdict += " (" + r.Note + ")"
		}
		fmt.Fprintf(&b, "%-22s %s\n", r.Place, r.Text)
		fmt.Fprintf(&b, "    %s\n", verdict)
	}
	return b.String()
}

// cmdSweep sweeps the injection of the scenario's own script, or of a file's,
// over a function.
func cmdSweep(e *Engine, a *args) error {
	fn, at := a.word()
	if fn == "" {
		return a.errorf(at, "expected a function")
	}
	lines := e.S.T.Scenario.Script
	if a.more() {
		name, at := a.rest()
		if e.Read == nil {
			return a.errorf(at, "files cannot be read here")
		}
		text, err := e.Read(name)
		if err != nil {
			return a.wrap(at, err)
		}
		lines = Lines(name, text)
	}
	rows, err := Sweep(e.S.T, lines, fn)
	if err != nil {
		return a.wrap(at, err)
	}
	e.printf("%s", SweepTable(rows))
	return nil
}
