package tui

import (
	"fmt"
	"strings"

	"klpsim/cpu"
	"klpsim/cpu/decode"
)

// The heights of the panes, in lines.
const (
	codeLines    = 6
	messageLines = 3
)

// style marks a line for the terminal.
type style int

const (
	plain style = iota
	bold
	reverse
)

func (m *Model) styled(s string, st style) string {
	if m.Plain || st == plain {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", map[style]int{bold: 1, reverse: 7}[st], s)
}

// cell cuts or fills s to width columns.
func cell(s string, width int) string {
	if len(s) > width {
		return s[:width]
	}
	return s + strings.Repeat(" ", width-len(s))
}

// Frame returns the screen's lines.
func (m *Model) Frame() []string {
	if m.help {
		return m.fit(m.helpLines())
	}
	lines := m.panes()
	lines = append(lines, cell(m.tasks(), m.width), strings.Repeat("-", m.width))
	tail := m.tail()
	room := m.rows - len(lines) - len(tail)
	lines = append(lines, m.window(room)...)
	return m.fit(append(lines, tail...))
}

// fit makes a frame exactly as high as the screen.
func (m *Model) fit(lines []string) []string {
	for len(lines) < m.rows {
		lines = append(lines, "")
	}
	return lines[:m.rows]
}

// panes draws the cores side by side.
func (m *Model) panes() []string {
	n := m.s.M.NumCores()
	width := max((m.width-3*(n-1))/n, 10)
	var cols [][]string
	for i := range n {
		cols = append(cols, m.pane(i, width))
	}
	var out []string
	for row := range cols[0] {
		var parts []string
		for i := range n {
			parts = append(parts, cols[i][row])
		}
		out = append(out, strings.Join(parts, " | "))
	}
	return out
}

// pane draws one core: title, code around where it stands, registers, store
// buffer.
func (m *Model) pane(core, width int) []string {
	t, c := m.s.T, m.s.M.Core(core)
	title := fmt.Sprintf("CPU%d", core)
	if task, ok := t.View.Current(m.s.M, core); ok {
		title += fmt.Sprintf(" task %d %s", task.PID, task.Comm)
	}
	title += " " + t.Where(c.RIP) + m.e.Notes(core)
	st := bold
	if core == m.e.Core() {
		st = reverse
		title = "*" + title
	}
	lines := []string{m.styled(cell(title, width), st)}
	pc := c.RIP
	for i := range codeLines {
		text, next := m.code(core, pc)
		mark := "   "
		if i == 0 {
			mark = "=> "
		}
		line := cell(mark+text, width)
		if i == 0 {
			line = m.styled(line, bold)
		}
		lines = append(lines, line)
		pc = next
	}
	lines = append(lines, cell(m.changed(core), width), cell(m.buffer(core), width))
	return lines
}

// code returns the instruction at pc as its author wrote it, and the next address.
func (m *Model) code(core int, pc uint64) (text string, next uint64) {
	var b [15]byte
	n := 15
	for n > 0 && !m.s.M.ReadVirt(core, pc, b[:n]) {
		n--
	}
	in, err := decode.Decode(b[:n], decode.Mode64)
	if err != nil {
		return "", pc
	}
	text = m.s.T.SourceOrText(pc)
	if pos, ok := m.s.T.Image.LineAt(pc); ok {
		text = fmt.Sprintf("%-28s %s:%d", text, pos.File, pos.Line)
	}
	return text, pc + uint64(in.Len)
}

var regNames = []string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// changed tells the registers that the last command changed.
func (m *Model) changed(core int) string {
	was, is := &m.before[core], &m.s.M.Core(core).Regs
	var out []string
	for i, n := range regNames {
		if was.GPR[i] != is.GPR[i] {
			out = append(out, fmt.Sprintf("%s=%x", n, is.GPR[i]))
		}
	}
	if (was.Flags^is.Flags)&cpu.FlagIF != 0 {
		out = append(out, fmt.Sprintf("if=%d", is.Flags>>9&1))
	}
	if out == nil {
		return "   no register changed"
	}
	return "   " + strings.Join(out, " ")
}

func (m *Model) buffer(core int) string {
	sb := m.s.M.Core(core).StoreBuffer()
	if len(sb) == 0 {
		return "   store buffer empty"
	}
	var out []string
	for _, s := range sb {
		out = append(out, fmt.Sprintf("%s=%#x", m.s.T.DataName(s.PA), s.Value[0]))
	}
	return "   stores: " + strings.Join(out, ", ")
}

// tasks tells in one line where every task is.
func (m *Model) tasks() string {
	var out []string
	for _, t := range m.s.T.View.Tasks() {
		st := m.s.T.View.Status(m.s.M, t)
		where := "sleeps"
		switch {
		case st.OnCPU:
			where = fmt.Sprintf("cpu%d", t.CPU)
		case st.OnRQ:
			where = "queued"
		}
		if !t.Idle {
			out = append(out, fmt.Sprintf("%d %s: %s", t.PID, t.Comm, where))
		}
	}
	return "tasks  " + strings.Join(out, "   ")
}

// window is the part of the diagram that is shown.
func (m *Model) window(room int) []string {
	room = max(room, 0)
	end := max(len(m.picture)-m.scroll, min(room, len(m.picture)))
	lines := append([]string{}, m.picture[max(0, end-room):end]...)
	for i := range lines {
		lines[i] = cell(lines[i], m.width)
	}
	for len(lines) < room {
		lines = append(lines, "")
	}
	return lines
}

// tail is the bottom: what the last command said, and the line being typed.
func (m *Model) tail() []string {
	lines := []string{strings.Repeat("-", m.width)}
	msg := m.message
	if len(msg) > messageLines {
		msg = append(msg[:messageLines-1:messageLines-1], fmt.Sprintf("... %d more line(s)", len(m.message)-messageLines+1))
	}
	for i := range messageLines {
		s := ""
		if i < len(msg) {
			s = msg[i]
		}
		lines = append(lines, cell(s, m.width))
	}
	last := fmt.Sprintf("step %d   ? help   : command   q quit", m.s.Len())
	if m.typing {
		last = ":" + m.line + "_"
	}
	return append(lines, m.styled(cell(last, m.width), reverse))
}

func (m *Model) helpLines() []string {
	lines := []string{"klpsim tui: keys (any key goes back)", ""}
	for _, k := range keys {
		lines = append(lines, cell(fmt.Sprintf("  %-16s %s", k.shown, k.help), m.width))
	}
	return lines
}
