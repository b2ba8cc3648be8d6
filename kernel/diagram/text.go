package diagram

import (
	"fmt"
	"strings"
)

// DefaultWidth is the width of a diagram that fits a mail.
const DefaultWidth = 72

// minColumn is the narrowest column that can be read.
const minColumn = 12

// stepWidth is the width of the step numbers with the blanks around them.
const stepWidth = 8

// canvas lays rows out in columns.
type canvas struct {
	b      strings.Builder
	cores  int
	width  int // of everything
	column int // of one core's
}

// Text draws the picture as ASCII, no line longer than width if the cores'
// columns leave any choice.
func (p *Picture) Text(width int) string {
	if width <= 0 {
		width = DefaultWidth
	}
	c := newCanvas(p, width)
	c.wrap("", p.Name+": "+p.Title, "  ")
	c.b.WriteString("\n")
	c.body(p)
	c.b.WriteString("\n")
	p.bottom(c)
	return c.b.String()
}

// Body returns the lines of the columns alone, without title and verdicts.
func (p *Picture) Body(width int) []string {
	c := newCanvas(p, width)
	c.body(p)
	return strings.Split(strings.TrimRight(c.b.String(), "\n"), "\n")
}

func newCanvas(p *Picture, width int) *canvas {
	return &canvas{cores: p.Cores, width: width, column: max((width-stepWidth-2*(p.Cores-1))/p.Cores, minColumn)}
}

// body draws the head of the columns and all rows.
func (c *canvas) body(p *Picture) {
	var names, rules []string
	for i := range p.Cores {
		names = append(names, fmt.Sprintf("CPU%d", i))
		rules = append(rules, strings.Repeat("-", c.column))
	}
	c.line("step", names)
	c.line("", rules)
	for i := range p.Rows {
		c.row(&p.Rows[i])
	}
}

// line writes one line: the step, and a cell for each core.
func (c *canvas) line(step string, cells []string) {
	var l strings.Builder
	fmt.Fprintf(&l, "%*s  ", stepWidth-2, step)
	for i, cell := range cells {
		if i > 0 {
			l.WriteString("  ")
		}
		fmt.Fprintf(&l, "%-*s", c.column, cell)
	}
	c.b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
}

// cell writes text in a core's column.
func (c *canvas) cell(step string, core int, text string) {
	cells := make([]string, c.cores)
	cells[core] = text
	c.line(step, cells)
}

func (c *canvas) row(r *Row) {
	indent := strings.Repeat("  ", min(r.Depth, c.column/6)) // deeper nesting stays readable
	step := ""
	if r.Step > 0 {
		step = fmt.Sprint(r.Step)
	}
	if r.Kind == Exec || r.Kind == Drain || r.Kind == Many {
		indent += "  "
	}
	lines := fold(r.Text, c.column, indent, indent+"    ")
	for _, s := range r.Sub {
		lines = append(lines, fold(s, c.column, indent+"  ", indent+"    ")...)
	}
	mark := ""
	if r.Mark != "" {
		mark = "<-- " + r.Mark
	}
	for i, l := range lines {
		s := ""
		if i == 0 {
			s = step
		}
		cells := make([]string, c.cores)
		cells[r.Core] = l
		if i == len(lines)-1 && mark != "" && r.Core+1 < c.cores && len(mark) <= c.column {
			cells[r.Core+1] = mark
			mark = ""
		}
		c.line(s, cells)
	}
	if mark != "" {
		for _, l := range fold(strings.Replace(mark, "<--", "^", 1), c.column, indent+"  ", indent+"    ") {
			c.cell("", r.Core, l)
		}
	}
	for _, f := range r.Fail {
		for _, l := range fold("*** "+f+" violated", c.column, indent, indent+"    ") {
			c.cell("", r.Core, l)
		}
	}
}

// fold cuts text into lines of at most width columns, at blanks if it can.
func fold(text string, width int, first, next string) []string {
	var out []string
	indent, line, empty := first, first, true
	for _, w := range strings.Fields(text) {
		for {
			sep := " "
			if empty {
				sep = ""
			}
			if len(line)+len(sep)+len(w) <= width {
				line += sep + w
				empty = false
				break
			}
			if !empty {
				out = append(out, line)
				indent = next
				line, empty = indent, true
				continue
			}
			n := max(width-len(line), 1)
			out = append(out, line+w[:n])
			w = w[n:]
			indent = next
			line = indent
		}
	}
	if !empty || len(out) == 0 {
		out = append(out, line)
	}
	return out
}

// wrap writes a paragraph: label, then the text beside it.
func (c *canvas) wrap(label, text, next string) {
	for _, l := range fold(text, c.width, label, next) {
		c.b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
}

// bottom writes verdicts, replay line and bounds.
func (p *Picture) bottom(c *canvas) {
	for _, v := range p.Verdicts {
		if v.Violated {
			where := fmt.Sprintf("at step %d on CPU%d", v.Step, v.Core)
			if v.Final {
				where = "in the final state"
			}
			if v.Err != "" {
				where += ": " + v.Err
			}
			c.wrap("FAIL    ", fmt.Sprintf("%s, %s", v.Name, where), "        ")
			if v.Title != "" {
				c.wrap("        ", v.Title, "        ")
			}
		}
	}
	for _, v := range p.Verdicts {
		if !v.Violated {
			c.wrap("holds   ", v.Name, "        ")
		}
	}
	if p.Dead >= 0 {
		c.wrap("DEAD    ", fmt.Sprintf("CPU%d shut down after a triple fault", p.Dead), "        ")
	}
	for _, s := range p.Stale {
		c.b.WriteString("\n")
		for _, l := range strings.Split(strings.TrimRight(s, "\n"), "\n") {
			if len(l) <= c.width {
				c.b.WriteString(l + "\n")
				continue
			}
			c.wrap(l[:len(l)-len(strings.TrimLeft(l, " "))], l, "                 ")
		}
	}
	if p.Stale != nil {
		c.b.WriteString("\n")
	}
	injected := "nothing injected"
	if len(p.Injected) > 0 {
		injected = "injected " + strings.Join(p.Injected, ", ")
	}
	c.wrap("bounds  ", fmt.Sprintf("one run of %d choices, memory=%s, %s", len(p.Schedule), p.Memory, injected), "        ")
	for _, n := range p.Notes {
		c.wrap("        ", n, "        ")
	}
	head := "klpsim run " + p.Name + p.Replay + " --schedule '"
	lines := fold(p.Schedule.String()+"'", c.width-10, "", "")
	c.b.WriteString("replay  " + head + "\n")
	for _, l := range lines {
		c.b.WriteString("          " + l + "\n")
	}
}
