package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"klpsim/kernel/explore"
	"klpsim/kernel/session"
)

// Column is one pressure of a matrix: a memory model and what is injected.
type Column struct {
	Memory   string // "sc" or "tso"
	IRQ, NMI int
}

// Name is the column's heading, two words.
func (c Column) Name() string {
	switch {
	case c.IRQ > 0:
		return c.Memory + " irq"
	case c.NMI > 0:
		return c.Memory + " nmi"
	}
	return c.Memory + " none"
}

// Columns are the pressures that a matrix tries. Those without injections
// come before those with some, in each memory model.
var Columns = []Column{
	{Memory: "sc"}, {Memory: "sc", NMI: 1}, {Memory: "sc", IRQ: 1},
	{Memory: "tso"}, {Memory: "tso", NMI: 1}, {Memory: "tso", IRQ: 1},
}

// Matrix is the answers of a family of scenarios under every pressure.
type Matrix struct {
	Family string
	Checks []string // of all variants, in order
	Rows   []Row
}

// Row is a variant.
type Row struct {
	Name  string
	Title string
	Cells []Cell // one for each of Columns
}

// Cell is a variant under a pressure.
type Cell struct {
	Results []CheckResult // one for each check of the matrix
	States  uint64        // visited for this cell

	Pressure Pressure // what was searched; zero if nothing had to be
}

// Variants returns the family's bundled scenarios that are made for searching,
// bare machines with a search's bounds, in the order of their titles.
func Variants(family string) ([]string, error) {
	type variant struct{ name, title string }
	var found []variant
	for name, path := range session.Bundled() {
		if !strings.HasPrefix(path, family+"/") {
			continue
		}
		s, err := session.Open(name)
		if err != nil {
			return nil, err
		}
		if s.Bare && s.Explore.IRQs+s.Explore.NMIs > 0 {
			found = append(found, variant{name, s.Title})
		}
	}
	if found == nil {
		return nil, fmt.Errorf("there is no family %q of scenarios to search; klpsim list shows what is bundled", family)
	}
	slices.SortFunc(found, func(a, b variant) int {
		return strings.Compare(a.title+"\x00"+a.name, b.title+"\x00"+b.name)
	})
	names := make([]string, len(found))
	for i, v := range found {
		names[i] = v.name
	}
	return names, nil
}

// NewMatrix searches every variant under every pressure. tell is called before
// each search.
func NewMatrix(ctx context.Context, family string, variants []string, o explore.Options, tell func(variant string, c Column)) (*Matrix, error) {
	m := &Matrix{Family: family}
	for _, name := range variants {
		row := Row{Name: name}
		for i, col := range Columns {
			tell(name, col)
			t, err := session.Load(name, session.Options{Memory: col.Memory})
			if err != nil {
				return nil, err
			}
			if m.Checks == nil {
				for _, c := range t.Checks {
					m.Checks = append(m.Checks, c.Name)
				}
			}
			row.Title = t.Scenario.Title
			var base *Cell
			if i > 0 && Columns[i-1].Memory == col.Memory {
				base = &row.Cells[slices.IndexFunc(Columns, func(c Column) bool { return c.Memory == col.Memory })]
			}
			cell, err := m.cell(ctx, t, col, base, o)
			if err != nil {
				return nil, err
			}
			row.Cells = append(row.Cells, cell)
		}
		m.Rows = append(m.Rows, row)
	}
	return m, nil
}

// cell searches a variant under a pressure. What is violated without
// injections (base) is violated with them too, for less: only the rest is asked.
func (m *Matrix) cell(ctx context.Context, t *session.Target, col Column, base *Cell, o explore.Options) (Cell, error) {
	pr := ScenarioPressure(t)
	pr.IRQ, pr.NMI = col.IRQ, col.NMI
	cell := Cell{Results: make([]CheckResult, len(m.Checks))}
	var ask []string
	for i, name := range m.Checks {
		if base != nil && base.Results[i].Answer == explore.Sometimes {
			cell.Results[i] = base.Results[i]
		} else {
			ask = append(ask, name)
		}
	}
	if ask == nil {
		return cell, nil
	}
	out, err := Explore(ctx, t, ask, pr, o)
	if err != nil {
		return cell, err
	}
	cell.States, cell.Pressure = out.Report.States, pr
	for _, r := range out.Checks {
		if i := slices.Index(m.Checks, r.Name); i >= 0 {
			cell.Results[i] = r
		}
	}
	return cell, nil
}

// letter is the check's letter in the table.
func (m *Matrix) letter(i int) string { return string(rune('A' + i)) }

// label is a row's name without the family's, short enough for the table.
func (m *Matrix) label(r Row) string {
	name := strings.TrimPrefix(r.Name, m.Family+"-")
	return strings.Replace(name, "upstream-no-", "upstream -", 1)
}

// Text renders the matrix.
func (m *Matrix) Text() string {
	var b strings.Builder
	m.writeHead(&b)
	for _, r := range m.Rows {
		line := fmt.Sprintf("%-24s", m.label(r))
		for _, c := range r.Cells {
			line += fmt.Sprintf(" %-7s", m.cellText(c))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n. every run within the bounds holds every check   ? not all searched\n-X without the part X\n\n")
	for i, c := range m.Checks {
		fmt.Fprintf(&b, "%s %s\n", m.letter(i), c)
	}
	m.writeExamples(&b)
	m.writeBounds(&b)
	return b.String()
}

func (m *Matrix) writeHead(b *strings.Builder) {
	first, second := strings.Repeat(" ", 24), strings.Repeat(" ", 24)
	for _, c := range Columns {
		memory, what, _ := strings.Cut(c.Name(), " ")
		first += fmt.Sprintf(" %-7s", memory)
		second += fmt.Sprintf(" %-7s", what)
	}
	b.WriteString(strings.TrimRight(first, " ") + "\n" + strings.TrimRight(second, " ") + "\n")
}

// cellText is the letters of the violated checks.
func (m *Matrix) cellText(c Cell) string {
	s, open := "", false
	for i, r := range c.Results {
		switch r.Answer {
		case explore.Sometimes:
			s += m.letter(i)
		case explore.Inconclusive:
			open = true
		}
	}
	switch {
	case open:
		return s + "?"
	case s == "":
		return "."
	}
	return s
}

// writeExamples lists the smallest counterexamples.
func (m *Matrix) writeExamples(b *strings.Builder) {
	b.WriteString("\nsmallest failing runs: injected + preemptive switches / choices\n")
	for _, r := range m.Rows {
		lead := fmt.Sprintf("%-24s", m.label(r))
		for i := range m.Checks {
			text := ""
			for j, col := range Columns {
				res := r.Cells[j].Results[i]
				if res.Answer != explore.Sometimes || res.Example.Cost.Injections != col.IRQ+col.NMI {
					continue
				}
				c := res.Example.Cost
				text += fmt.Sprintf(" %s %d+%d/%d", col.Memory, c.Injections, c.Preempt, c.Steps)
			}
			if text != "" {
				fmt.Fprintf(b, "%s %s%s\n", lead, m.letter(i), text)
				lead = strings.Repeat(" ", 24)
			}
		}
	}
}

// writeBounds says what each column's searches covered.
func (m *Matrix) writeBounds(b *strings.Builder) {
	b.WriteString("\nsearched, over all variants\n")
	for j, col := range Columns {
		states := uint64(0)
		p := Pressure{IRQ: col.IRQ, NMI: col.NMI, Preempt: -1}
		for _, r := range m.Rows {
			c := &r.Cells[j]
			states += c.States
			p.merge(&c.Pressure)
		}
		fmt.Fprintf(b, "%9d states  %s\n", states, col.Name())
		if len(p.Cores) > 0 && p.IRQ+p.NMI > 0 {
			fmt.Fprintf(b, "                  %s\n", p.injections())
		}
	}
	b.WriteString("store buffers have the machine's default size; any number of preemptive\nswitches between cores; spin loops closed by repetition\n")
}

// merge adds the cores, vectors and functions of another pressure.
func (p *Pressure) merge(q *Pressure) {
	p.Vectors = union(p.Vectors, q.Vectors)
	p.Cores = union(p.Cores, q.Cores)
	p.In = union(p.In, q.In)
}

func union[T comparable](a, b []T) []T {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}
