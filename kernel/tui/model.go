package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"klpsim/cpu"
	"klpsim/kernel/diagram"
	"klpsim/kernel/scenario"
	"klpsim/kernel/script"
	"klpsim/kernel/session"
)

// maxDrawn is the longest run whose diagram is drawn anew at every step.
const maxDrawn = 50_000

// Model is the state of the full-screen mode.
type Model struct {
	e     *script.Engine
	s     *session.Session
	out   *strings.Builder
	width int
	rows  int
	// Plain leaves out all styles, for tests.
	Plain bool

	message []string   // what the last command said
	before  []cpu.Regs // of every core, before it
	picture []string   // the diagram's lines
	scroll  int        // lines that the diagram is scrolled up from its end
	typing  bool
	line    string
	help    bool
}

// New returns the mode at the start of a session.
func New(s *session.Session) *Model {
	out := &strings.Builder{}
	m := &Model{e: script.New(s, out), s: s, out: out, width: 80, rows: 24}
	m.remember()
	m.draw()
	return m
}

// Engine returns the engine that executes the model's commands.
func (m *Model) Engine() *script.Engine { return m.e }

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.rows = max(msg.Width, 40), max(msg.Height, 16)
		m.draw()
	case tea.KeyPressMsg:
		if m.press(msg.Keystroke(), msg.Text) {
			return m, tea.Quit
		}
	}
	return m, nil
}

// View implements tea.Model.
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.Frame(), "\n"))
	v.AltScreen = true
	return v
}

// key is one key of the table.
type key struct {
	names []string // as Bubble Tea calls them
	shown string
	help  string
	do    func(*Model)
}

// keys is filled in by init, for help refers to it.
var keys []key

func command(c string) func(*Model) { return func(m *Model) { m.exec(c) } }

func init() {
	keys = []key{
		{[]string{"s", "right", "space"}, "s, Right, Space", "step the selected core", command("si")},
		{[]string{"n"}, "n", "step over calls and interrupts", command("ni")},
		{[]string{"b", "left"}, "b, Left", "take the last step of the core back", command("rsi")},
		{[]string{"f"}, "f", "run until the function returns", command("finish")},
		{[]string{"c"}, "c", "run all cores until something stops", command("c")},
		{[]string{"r"}, "r", "go back to the last breakpoint or watchpoint", command("rc")},
		{[]string{"tab"}, "Tab", "select the next core", func(m *Model) { m.exec(fmt.Sprintf("cpu %d", (m.e.Core()+1)%m.s.M.NumCores())) }},
		{[]string{"0", "1", "2", "3", "4", "5", "6", "7"}, "0 ... 7", "select a core", nil},
		{[]string{"i"}, "i", "make the timer's interrupt pending", command("inject irq ec")},
		{[]string{"m"}, "m", "make an NMI pending", command("inject nmi")},
		{[]string{"d"}, "d", "drain the oldest buffered store", command("drain")},
		{[]string{"h"}, "h", "keep the core's stores in its buffer", command("hold")},
		{[]string{"l"}, "l", "let them go to memory again", command("release")},
		{[]string{"up", "k"}, "k, Up", "scroll the diagram up", func(m *Model) { m.scroll++ }},
		{[]string{"down", "j"}, "j, Down", "scroll the diagram down", func(m *Model) { m.scroll-- }},
		{[]string{"pgup"}, "PgUp", "a page up", func(m *Model) { m.scroll += 10 }},
		{[]string{"pgdown"}, "PgDn", "a page down", func(m *Model) { m.scroll -= 10 }},
		{[]string{":"}, ":", "type a command of the prompt", func(m *Model) { m.typing, m.line = true, "" }},
		{[]string{"?"}, "?", "this help", func(m *Model) { m.help = true }},
		{[]string{"q", "ctrl+c"}, "q, Ctrl-C", "leave", nil},
	}
}

// press handles a key; it returns true to leave.
func (m *Model) press(name, text string) bool {
	switch {
	case name == "ctrl+c":
		return true
	case m.help:
		m.help = false
		return false
	case m.typing:
		m.typed(name, text)
		return m.e.Quit()
	case name == "q":
		return true
	case len(name) == 1 && name[0] >= '0' && name[0] <= '7':
		m.exec("cpu " + name)
		return false
	}
	if text != "" && text != " " {
		name = text
	}
	for _, k := range keys {
		for _, n := range k.names {
			if n == name && k.do != nil {
				k.do(m)
				m.scroll = max(0, min(m.scroll, len(m.picture)))
				return m.e.Quit()
			}
		}
	}
	return false
}

// typed handles a key while a command is typed.
func (m *Model) typed(name, text string) {
	switch name {
	case "enter":
		m.typing = false
		m.exec(m.line)
	case "esc":
		m.typing = false
	case "backspace":
		if m.line != "" {
			m.line = m.line[:len(m.line)-1]
		}
	case "tab":
		if c := m.e.Complete(m.line); len(c) == 1 {
			m.line = c[0]
		} else {
			m.message = c
		}
	default:
		m.line += text
	}
}

// exec executes a command of the prompt.
func (m *Model) exec(c string) {
	m.remember()
	m.out.Reset()
	err := m.e.Exec(scenario.Text{Text: c})
	m.message = strings.Split(strings.TrimRight(m.out.String(), "\n"), "\n")
	if err != nil {
		m.message = strings.Split(err.Error(), "\n")
	}
	m.scroll = 0
	m.draw()
}

func (m *Model) remember() {
	m.before = m.before[:0]
	for i := range m.s.M.NumCores() {
		m.before = append(m.before, m.s.M.Core(i).Regs)
	}
}

// draw makes the diagram of the run so far.
func (m *Model) draw() {
	if m.s.Len() > maxDrawn {
		m.picture = []string{fmt.Sprintf("(no diagram: the run is longer than %d choices)", maxDrawn)}
		return
	}
	p, err := diagram.Build(m.s.T, m.s.Schedule(), diagram.Options{})
	if err != nil {
		m.picture = []string{err.Error()}
		return
	}
	m.picture = p.Body(m.width)
}
