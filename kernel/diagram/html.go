package diagram

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/session"
)

//go:embed page.html
var page string

// pageStep is one choice in the page's data: what changed, under short names.
type pageStep struct {
	Core   int               `json:"c"`
	Func   string            `json:"f"`
	Text   string            `json:"x"`
	Events []string          `json:"e,omitempty"`
	Regs   map[string]string `json:"r,omitempty"`
	Mem    map[string]string `json:"m,omitempty"`
	Buffer *int              `json:"sb,omitempty"`
	Task   *string           `json:"t,omitempty"`
	Where  string            `json:"w,omitempty"`
}

type pageRow struct {
	Step  int      `json:"step"`
	Core  int      `json:"core"`
	Depth int      `json:"depth"`
	Head  bool     `json:"head"`
	Text  string   `json:"text"`
	Sub   []string `json:"sub"`
	Mark  string   `json:"mark"`
	Fail  []string `json:"fail"`
}

type pageVerdict struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Step     int    `json:"step"`
	Violated bool   `json:"violated"`
}

type pageData struct {
	Name     string              `json:"name"`
	Title    string              `json:"title"`
	Cores    int                 `json:"cores"`
	Order    []string            `json:"order"` // of registers
	Regs     []map[string]string `json:"regs"`
	MemOrder []string            `json:"memorder"`
	Mem      map[string]string   `json:"mem"`
	Tasks    []string            `json:"tasks"`
	Where    []string            `json:"where"`
	Steps    []pageStep          `json:"steps"`
	Rows     []pageRow           `json:"rows"`
	Verdicts []pageVerdict       `json:"verdicts"`
	Replay   string              `json:"replay"`
}

var pageRegs = []string{"rip", "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rflags"}

var pageRegIndex = map[string]int{"rax": cpu.RAX, "rbx": cpu.RBX, "rcx": cpu.RCX, "rdx": cpu.RDX, "rsi": cpu.RSI, "rdi": cpu.RDI, "rbp": cpu.RBP, "rsp": cpu.RSP,
	"r8": 8, "r9": 9, "r10": 10, "r11": 11, "r12": 12, "r13": 13, "r14": 14, "r15": 15}

// HTML replays a schedule and returns one self-contained page that shows it: the
// columns, and registers, memory and checks at the cursor. p is the picture of
// the same run.
func HTML(t *session.Target, sched cpu.Schedule, p *Picture) (string, error) {
	d := &pageData{Name: p.Name, Title: p.Title, Cores: p.Cores, Order: pageRegs, Mem: map[string]string{},
		Replay: "klpsim run " + p.Name + p.Replay + " --schedule '" + sched.String() + "'"}
	if err := d.begin(t); err != nil {
		return "", err
	}
	if _, err := session.Play(t, sched, session.Observer{Step: func(s *session.Step) { d.step(t, s) }}); err != nil {
		return "", err
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		d.Rows = append(d.Rows, pageRow{r.Step, r.Core, r.Depth, r.Kind == Head, r.Text, append([]string{}, r.Sub...), r.Mark, append([]string{}, r.Fail...)})
	}
	for _, v := range p.Verdicts {
		d.Verdicts = append(d.Verdicts, pageVerdict{v.Name, v.Title, v.Step, v.Violated})
	}
	b, err := json.Marshal(d) // escapes <, so that no text ends the script element
	if err != nil {
		return "", fmt.Errorf("encode page: %w", err)
	}
	return strings.Replace(page, "@DATA@", string(b), 1), nil
}

// begin notes the initial state.
func (d *pageData) begin(t *session.Target) error {
	m, err := t.Machine()
	if err != nil {
		return err
	}
	for i := range m.NumCores() {
		c := m.Core(i)
		regs := map[string]string{}
		for _, n := range pageRegs {
			regs[n] = pageReg(t, &c.Regs, n)
		}
		d.Regs = append(d.Regs, regs)
		d.Tasks = append(d.Tasks, pageTask(t, m, i))
		d.Where = append(d.Where, t.Where(c.RIP))
	}
	b := newBuilder(t, Options{})
	for i := range t.Data() {
		if x := &t.Data()[i]; b.declared(x) && x.Size <= 8 {
			var buf [8]byte
			m.ReadPhys(x.PA, buf[:x.Size])
			v := uint64(0)
			for k := range buf {
				v |= uint64(buf[k]) << (8 * k)
			}
			d.MemOrder = append(d.MemOrder, x.Name)
			d.Mem[x.Name] = b.value(x.PA, x.Size, v)
		}
	}
	return nil
}

func pageReg(t *session.Target, r *cpu.Regs, name string) string {
	switch name {
	case "rip":
		return t.Where(r.RIP)
	case "rflags":
		return fmt.Sprintf("%#x", r.Flags)
	}
	return fmt.Sprintf("%#x", r.GPR[pageRegIndex[name]])
}

func pageTask(t *session.Target, m *cpu.Machine, core int) string {
	r, ok := t.View.Current(m, core)
	if !ok {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("task %d %s", r.PID, r.Comm))
}

func (d *pageData) step(t *session.Target, s *session.Step) {
	core := int(s.Choice.Core)
	p := pageStep{Core: core, Func: t.Where(s.Regs.RIP), Text: s.Choice.String(), Regs: map[string]string{}, Mem: map[string]string{}}
	if s.Code != nil {
		p.Text = t.SourceOrText(s.Regs.RIP)
	}
	now := &s.Session.M.Core(core).Regs
	for _, n := range pageRegs {
		if was, is := pageReg(t, &s.Regs, n), pageReg(t, now, n); was != is {
			p.Regs[n] = is
		}
	}
	b := builder{t: t}
	for i := range s.Events {
		e := &s.Events[i]
		switch e.Kind {
		case cpu.EvCommit:
			name := t.DataName(e.PA)
			text := b.value(e.PA, int(e.Size), e.Value[0])
			p.Events = append(p.Events, name+" = "+text)
			if dat, off, ok := t.Datum(e.PA); ok && off == 0 && dat.Size == int(e.Size) {
				if _, shown := d.Mem[name]; shown {
					p.Mem[name] = text
				}
			}
		case cpu.EvDeliver:
			p.Events = append(p.Events, fmt.Sprintf("delivers vector %#02x", e.Vector))
		}
	}
	if n := len(s.Session.M.Core(core).StoreBuffer()); n > 0 || s.Choice.Kind == cpu.Drain {
		p.Buffer = &n
	}
	task := pageTask(t, s.Session.M, core)
	p.Task = &task
	p.Where = t.Where(now.RIP)
	d.Steps = append(d.Steps, p)
}
