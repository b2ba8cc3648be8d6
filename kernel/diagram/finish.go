package diagram

import (
	"fmt"
	"slices"
	"strings"

	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
	"klpsim/kernel/stale"
)

// finish decides which rows stay, words them, and adds the verdicts.
func (b *builder) finish(s *session.Session) {
	for i := range b.rows {
		for _, d := range b.rows[i].subs {
			if !d.read && b.shared(d.datum) {
				b.rows[i].keep = true
			}
		}
	}
	for _, r := range b.reads {
		if b.shared(r.datum) && b.otherWriter(r.datum, r.core) {
			b.rows[r.row].keep = true
		}
	}
	var kept []*row
	for i := range b.rows {
		if r := &b.rows[i]; r.keep {
			b.word(r)
			kept = append(kept, r)
		}
	}
	if !b.opt.All {
		kept = b.gather(kept)
	}
	b.heads(kept)
	b.verdicts(s)
	b.pic.Schedule = s.Schedule()
	if !b.opt.Stale {
		b.pic.Stale = nil
	}
}

func (b *builder) verdicts(s *session.Session) {
	viol := map[*session.Check]session.Violation{}
	for _, v := range s.Violations() {
		viol[v.Check] = v
	}
	for _, c := range b.t.Checks {
		v, bad := viol[c]
		k := Verdict{Name: c.Name, Title: c.Title, Step: v.Step, Core: v.Core, Violated: bad, Final: c.When == scenario.Final}
		if v.Err != nil {
			k.Err = v.Err.Error()
		}
		b.pic.Verdicts = append(b.pic.Verdicts, k)
	}
}

// word writes a row's details: changes, and reads of what it does not change.
func (b *builder) word(r *row) {
	for _, d := range r.subs {
		changed := slices.ContainsFunc(r.subs, func(x sub) bool { return !x.read && x.datum == d.datum })
		if d.read && changed || !b.opt.All && !b.shared(d.datum) {
			continue
		}
		r.Sub = append(r.Sub, d.text)
	}
	var told []*stale.Load
	for i, l := range r.saved {
		if slices.Contains(told, l) || !b.worth(l) {
			continue
		}
		told = append(told, l)
		text := fmt.Sprintf("%s = %s saved at %s", regNames[l.Reg&15], b.value(l.PA, l.Size, l.Value), b.t.DataName(r.slots[i]))
		for j := i + 1; j < len(r.saved); j++ {
			if r.saved[j] == l {
				text += ", " + after(b.t.DataName(r.slots[j]), ")")
			}
		}
		r.Sub = append(r.Sub, text)
	}
}

// worth says whether a value that a task carries is worth telling: sets of bits
// such as thread flags come and go.
func (b *builder) worth(l *stale.Load) bool {
	d, _, ok := b.t.Datum(l.PA)
	return !ok || d.Type == nil || d.Type.Values == nil || !d.Type.Values.Bits
}

// gather joins rows of one core that make the same change to one task after
// the other, such as a loop over the task list. Tasks that several cores work
// on keep rows of their own.
func (b *builder) gather(rows []*row) []*row {
	var out []*row
	for i := 0; i < len(rows); {
		j := i
		for j < len(rows) && b.plain(rows[j]) && rows[j].Core == rows[i].Core {
			j++
		}
		if j == i {
			out = append(out, rows[i])
			i++
			continue
		}
		out = append(out, join(rows[i:j])...)
		i = j
	}
	return out
}

// plain says whether a row is one change to one task that nobody else works on.
func (b *builder) plain(r *row) bool {
	if r.Kind != Exec || r.Mark != "" || r.Fail != nil {
		return false
	}
	for _, d := range r.subs {
		if d.datum.Kind != session.TaskField || len(b.writer[d.datum]) > 1 && b.pair(d.datum) {
			return false
		}
	}
	return len(r.Sub) == 1
}

// pair says whether a datum's task is one whose data several cores change
// beyond bit sets such as TIF_NEED_RESCHED.
func (b *builder) pair(d *session.Datum) bool {
	for other, cores := range b.writer {
		bits := other.Type != nil && other.Type.Values != nil && other.Type.Values.Bits
		if other.Kind == session.TaskField && other.Task == d.Task && len(cores) > 1 && !bits && b.declared(other) {
			return true
		}
	}
	return false
}

// join makes one row of all rows that make the same change to a field.
func join(rows []*row) []*row {
	type key struct{ field, delta string }
	at := map[key]*row{}
	names := map[*row][]string{}
	var out []*row
	for _, r := range rows {
		d := change(r)
		field, task, _ := strings.Cut(d.datum.Name, "(")
		k := key{field, d.delta}
		first := at[k]
		if first == nil || d.read {
			at[k] = r
			names[r] = []string{strings.TrimSuffix(task, ")")}
			out = append(out, r)
			continue
		}
		names[first] = append(names[first], strings.TrimSuffix(task, ")"))
		sep := " "
		if strings.Count(d.delta, ":") == 0 {
			sep = ": "
		}
		first.Sub = nil
		first.Text = fmt.Sprintf("%s(%s)%s%s", field, strings.Join(names[first], ", "), sep, d.delta)
		first.Kind = Many
	}
	return out
}

// change returns the detail that a plain row shows.
func change(r *row) sub {
	for _, d := range r.subs {
		if d.text == r.Sub[0] {
			return d
		}
	}
	panic("BUG: a plain row shows no detail")
}

// heads copies rows to the picture, with a head wherever a core's rows turn to
// another task or function.
func (b *builder) heads(rows []*row) {
	last := make([]string, b.pic.Cores)
	for _, r := range rows {
		if r.Kind == Exec || r.Kind == Many {
			where, _, _ := strings.Cut(b.t.Where(r.pc), "+")
			head := fmt.Sprintf("%s  %s", b.taskName(r.task), where)
			if b.t.Scenario.Bare {
				head = where
			}
			if head != last[r.Core] {
				b.pic.Rows = append(b.pic.Rows, Row{Core: r.Core, Kind: Head, Depth: r.Depth, Text: head})
				last[r.Core] = head
			}
		}
		b.pic.Rows = append(b.pic.Rows, r.Row)
	}
}

// after returns what of s stands behind sep.
func after(s, sep string) string {
	_, rest, _ := strings.Cut(s, sep)
	return rest
}
