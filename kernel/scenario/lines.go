package scenario

import (
	"strconv"
	"strings"

	"klpsim/kernel/expr"
)

func (l *line) task() {
	t := Task{Pos: l.pos(0), CPU: -1}
	w := l.next("the task's number")
	t.PID = int(l.number(w, w.text, "a task number", 1, 1<<22))
	if l.more() && l.words[l.i].quoted {
		w := l.next("a name")
		if len(w.text) > 15 {
			l.fail(l.pos(w.col), "the name %q is longer than 15 bytes", w.text)
		}
		t.Comm = w.text
	}
	for l.more() {
		l.taskWord(&t)
	}
	switch {
	case t.CPU < 0:
		l.fail(t.Pos, "task %d needs \"on CPU\"", t.PID)
	case t.Entry == "":
		l.fail(t.Pos, "task %d needs \"entry SYMBOL\"", t.PID)
	case t.Running && t.Asleep:
		l.fail(t.Pos, "task %d cannot be both running and asleep", t.PID)
	}
	l.s.Tasks = append(l.s.Tasks, t)
}

func (l *line) taskWord(t *Task) {
	w := l.next("a word")
	switch w.text {
	case "on":
		n := l.next("a CPU")
		t.CPU = int(l.number(n, n.text, "a CPU", 0, 15))
	case "running":
		t.Running = true
	case "asleep":
		t.Asleep = true
	case "irqs-off":
		t.IRQsOff = true
	case "entry":
		t.Entry = l.name("a symbol")
	case "user":
		t.User = l.name("a symbol")
	case "frames":
		t.Frames = strings.Split(l.next("symbols with commas").text, ",")
	default:
		k, v, ok := strings.Cut(w.text, "=")
		text := Text{v, l.pos(w.col + len(k) + 1)}
		switch {
		case ok && k == "state" && v != "":
			t.State = text
		case ok && k == "flags" && v != "":
			t.Flags = text
		default:
			l.fail(l.pos(w.col), "a task has on, running, asleep, irqs-off, entry, user, frames, state= and flags=, not %q", w.text)
		}
	}
}

func (l *line) entry() {
	w := l.next("a core")
	e := Entry{Core: int(l.number(w, w.text, "a core", 0, 15)), Pos: l.pos(w.col)}
	e.Symbol = l.name("a symbol")
	l.done()
	l.s.Entries = append(l.s.Entries, e)
}

func (l *line) init() {
	in := Init{Pos: l.pos(l.words[0].col)}
	w := l.next("a symbol or %register@core")
	if t, ok := expr.NamedType(w.text); ok && t.Size > 0 {
		in.Size = t.Size
		w = l.next("a symbol")
	}
	if reg, ok := strings.CutPrefix(w.text, "%"); ok {
		name, core, hasCore := strings.Cut(reg, "@")
		if _, ok := expr.LookupReg(name); !ok {
			l.fail(l.pos(w.col), "%q is not a register", w.text)
		}
		in.Reg = name
		if hasCore {
			in.Core = int(l.number(w, core, "a core", 0, 15))
		}
	} else if !nameRE.MatchString(w.text) {
		l.fail(l.pos(w.col), "expected a symbol or %%register@core, found %q", w.text)
	} else {
		in.Symbol = w.text
	}
	if eq := l.next("="); eq.text != "=" {
		l.fail(l.pos(eq.col), "expected = between blanks, found %q", eq.text)
	}
	in.Value = l.rest("a value")
	if sym, ok := strings.CutPrefix(in.Value.Text, "&"); ok && nameRE.MatchString(sym) {
		in.Address = sym
	}
	l.s.Init = append(l.s.Init, in)
}

func (l *line) enum() { l.values(false) }
func (l *line) bits() { l.values(true) }

func (l *line) values(bits bool) {
	at := l.pos(l.words[1%len(l.words)].col)
	v := Values{Name: l.name("a name"), Bits: bits, Pos: at}
	for l.more() {
		w := l.next("NAME=number")
		k, n := l.option(w)
		lo, hi := int64(-1<<63), int64(1<<63-1)
		if bits {
			lo, hi = 0, 63
		}
		v.Names = append(v.Names, Define{k, l.number(w, n, "a number", lo, hi), l.pos(w.col)})
	}
	if len(v.Names) == 0 {
		l.fail(l.here(), "expected NAME=number at the end of the line")
	}
	l.s.Values = append(l.s.Values, v)
}

func (l *line) typeLine() {
	t := Type{Pos: l.pos(l.words[0].col)}
	w := l.next("a symbol or struct.field")
	t.Symbol, t.Field, _ = strings.Cut(w.text, ".")
	if open := strings.IndexByte(t.Symbol, '['); open > 0 && strings.HasSuffix(t.Symbol, "]") {
		t.Count = int(l.number(w, t.Symbol[open+1:len(t.Symbol)-1], "a number of elements", 1, 1<<20))
		t.Symbol = t.Symbol[:open]
	}
	if !nameRE.MatchString(t.Symbol) {
		l.fail(l.pos(w.col), "expected a symbol, found %q", w.text)
	}
	var ctype []string
	for l.more() {
		w := l.next("a type")
		if w.text == "struct" && ctype == nil {
			ctype = []string{"struct", l.name("the tag of a struct")}
			continue
		}
		_, isType := expr.NamedType(strings.Join(append(ctype, w.text), " "))
		switch {
		case isType && t.Values == "":
			ctype = append(ctype, w.text)
		case t.Values == "":
			t.Values = w.text
		default:
			l.fail(l.pos(w.col), "unexpected %q after the type", w.text)
		}
	}
	t.Type = strings.Join(ctype, " ")
	switch {
	case t.Type == "" && t.Values == "":
		l.fail(l.here(), "expected a type, an enum or bits at the end of the line")
	case t.Type == "" && t.Field == "":
		l.fail(t.Pos, "the type of %s needs a C type before %q", t.Symbol, t.Values)
	}
	l.s.Types = append(l.s.Types, t)
}

func (l *line) shared() {
	for l.more() {
		w := l.next("a name")
		l.s.Shared = append(l.s.Shared, Text{w.text, l.pos(w.col)})
	}
}

func (l *line) check() {
	c := Check{Pos: l.pos(l.words[0].col)}
	w := l.next("the check's name")
	if !checkName.MatchString(w.text) || w.quoted {
		l.fail(l.pos(w.col), "a check's name is letters, digits and -, not %q", w.text)
	}
	c.Name = w.text
	if l.more() && l.words[l.i].quoted {
		c.Title = l.quoted("the description")
	}
	w = l.next("always, at PLACE or final")
	switch w.text {
	case "always:":
	case "final:":
		c.When = Final
	case "at":
		c.When = At
		l.checkPlace(&c)
	default:
		l.fail(l.pos(w.col), "expected \"always:\", \"at PLACE:\" or \"final:\", found %q", w.text)
	}
	c.Expr = l.rest("an expression")
	l.s.Checks = append(l.s.Checks, c)
}

// checkPlace reads the place of a check up to the first colon that is followed
// by a blank and is not inside `...`.
func (l *line) checkPlace(c *Check) {
	c.Place = l.rest("a place")
	text, quoted := c.Place.Text, false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '`':
			quoted = !quoted
		case text[i] == ':' && !quoted && i+1 < len(text) && text[i+1] == ' ':
			off := strings.LastIndex(l.text, text) + i
			c.Place.Text = text[:i]
			for l.i = 0; l.i < len(l.words) && l.words[l.i].col <= off; {
				l.i++
			}
			return
		}
	}
	l.fail(c.Place.Pos, "expected \"PLACE: EXPRESSION\", found %q", text)
}

func (l *line) expect() {
	if l.s.Expect.Given {
		l.fail(l.pos(0), "a second \"expect\" line")
	}
	w := l.next("\"holds\" or \"violated CHECK\"")
	l.s.Expect.Given = true
	switch w.text {
	case "holds":
		l.done()
	case "violated":
		for {
			w := l.next("a check's name")
			l.s.Expect.Violated = append(l.s.Expect.Violated, Text{w.text, l.pos(w.col)})
			if !l.more() {
				return
			}
		}
	default:
		l.fail(l.pos(w.col), "expected \"holds\" or \"violated CHECK\", found %q", w.text)
	}
}

func (l *line) limit() {
	w := l.next("a number of steps")
	l.s.Limit = uint64(l.number(w, w.text, "a number of steps", 1, 1<<40))
	l.done()
}

func (l *line) explore() {
	for l.more() {
		w := l.next("an option")
		k, v := l.option(w)
		e := &l.s.Explore
		switch k {
		case "irq":
			e.IRQs = int(l.number(w, v, "a number", 0, 1000))
		case "nmi":
			e.NMIs = int(l.number(w, v, "a number", 0, 1000))
		case "preempt":
			e.Preempt = int(l.number(w, v, "a number", 0, 1<<20))
		case "steps":
			e.Steps = int(l.number(w, v, "a number", 1, 1<<40))
		case "vectors":
			for _, x := range strings.Split(v, ",") {
				n, err := strconv.ParseUint(x, 16, 8)
				if err != nil || n < 16 {
					l.fail(l.pos(w.col), "a vector is hexadecimal, from 10 to ff, not %q", x)
				}
				e.Vectors = append(e.Vectors, uint8(n))
			}
		case "cores":
			for _, x := range strings.Split(v, ",") {
				e.Cores = append(e.Cores, int(l.number(w, x, "a core", 0, 15)))
			}
		case "in":
			e.In = append(e.In, strings.Split(v, ",")...)
		default:
			l.fail(l.pos(w.col), "explore has irq, nmi, preempt, steps, vectors, cores and in, not %q", k)
		}
	}
}

// validate checks what concerns several lines.
func (p *parser) validate() {
	s := p.s
	if !p.machine {
		p.errorf(Pos{s.File, 1, 1}, "the scenario says neither \"kernel\" nor \"bare\"")
	}
	if s.Name == "" {
		p.errorf(Pos{s.File, 1, 1}, "the scenario has no \"scenario NAME\" line")
	}
	pids, running := map[int]bool{}, map[int]bool{}
	for _, t := range s.Tasks {
		p.core(t.CPU, t.Pos)
		if pids[t.PID] {
			p.errorf(t.Pos, "there is a task %d already", t.PID)
		}
		if t.Running && running[t.CPU] {
			p.errorf(t.Pos, "a second task is running on CPU %d", t.CPU)
		}
		pids[t.PID] = true
		running[t.CPU] = running[t.CPU] || t.Running
	}
	for _, e := range s.Entries {
		p.core(e.Core, e.Pos)
		if !s.Bare {
			p.errorf(e.Pos, "\"entry\" is for bare machines; give the kernel a task")
		}
		if running[e.Core] {
			p.errorf(e.Pos, "core %d has two entries", e.Core)
		}
		running[e.Core] = true
	}
	for _, in := range s.Init {
		p.core(in.Core, in.Pos)
	}
	p.validateNames()
}

func (p *parser) validateNames() {
	s := p.s
	values, checks := map[string]bool{}, map[string]bool{}
	for _, v := range s.Values {
		if values[v.Name] {
			p.errorf(v.Pos, "there is an enum or bits %q already", v.Name)
		}
		values[v.Name] = true
	}
	for _, t := range s.Types {
		if t.Values != "" && !values[t.Values] {
			p.errorf(t.Pos, "no enum or bits line is called %q", t.Values)
		}
	}
	for _, c := range s.Checks {
		if checks[c.Name] {
			p.errorf(c.Pos, "there is a check %q already", c.Name)
		}
		checks[c.Name] = true
	}
	for _, e := range s.Expect.Violated {
		if !checks[e.Text] {
			p.errorf(e.Pos, "no check is called %q", e.Text)
		}
	}
	for _, c := range s.Explore.Cores {
		p.core(c, Pos{s.File, 1, 1})
	}
}

func (p *parser) core(c int, at Pos) {
	if c >= p.s.Cores {
		p.errorf(at, "there is no core %d; the machine has %d", c, p.s.Cores)
	}
}
