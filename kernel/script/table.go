package script

import (
	"fmt"
	"sort"
	"strings"

	"klpsim/cpu/decode"
)

// irrBits is the width of one word of the APIC's bitmaps.
const irrBits = 64

// decodeAt returns the length of the instruction that b begins with.
func decodeAt(b []byte) (int, error) {
	in, err := decode.Decode(b, decode.Mode64)
	return int(in.Len), err
}

// Command is one row of the command table.
type Command struct {
	Name    string
	Aliases []string
	Args    string // as help shows them
	Group   string
	Help    string
	Example string
	Format  bool // takes /FMT
	Repeat  bool // an empty line repeats it
	Saved   bool // save-script keeps it: it moves the run or sets something up
	run     func(*Engine, *args) error
}

// The groups of commands, in the order of help.
var groups = []string{"running", "reverse", "stops", "events", "looking", "script"}

// commands is filled in by init, for help refers to the table.
var commands []Command

func init() {
	commands = []Command{
		{"si", []string{"stepi", "s"}, "[N]", "running", "take N steps of the selected core", "si 3", false, true, true, cmdStep},
		{"ni", []string{"nexti", "n"}, "[N]", "running", "the same, over calls and interrupts", "ni", false, true, true, cmdNext},
		{"c", []string{"continue"}, "", "running", "run all cores, as sched says, until something stops", "c", false, true, true, cmdContinue},
		{"until", []string{"u", "advance"}, "PLACE [if COND]", "running", "run the selected core until it stands at a place", "until klp_patch_task:`mov klp_target_state, %r12d` after", false, false, true, cmdUntil},
		{"finish", nil, "", "running", "run the selected core until it has left the function", "finish", false, true, true, cmdFinish},
		{"take", nil, "SCHEDULE", "running", "take the choices of a schedule", "take 0*12 irq0:ec 1*3 drain1", false, false, true, cmdTake},
		{"cpu", nil, "[N]", "running", "select a core; show where it stands", "cpu 1", false, false, true, cmdCPU},
		{"task", nil, "N", "running", "select the core that runs a task, or tell where the task was switched out", "task 124", false, false, true, cmdTask},
		{"sched", nil, "[rr [N] | one | random [SEED]]", "running", "how c interleaves the cores", "sched rr 5", false, false, true, cmdSched},

		{"rsi", []string{"reverse-stepi", "rs"}, "[N]", "reverse", "take back N steps of the selected core, and what came after", "rsi", false, true, true, cmdReverse},
		{"rni", []string{"reverse-nexti"}, "", "reverse", "go back over the last instruction at this depth of the stack", "rni", false, true, true, cmdReverseNext},
		{"rc", []string{"reverse-continue"}, "", "reverse", "go back to the last breakpoint or watchpoint", "rc", false, true, true, cmdReverseContinue},
		{"goto", nil, "STEP", "reverse", "go back to a step of the run", "goto 120", false, false, true, cmdGoto},
		{"checkpoint", nil, "", "reverse", "remember this step", "checkpoint", false, false, true, cmdCheckpoint},
		{"restart", nil, "[N]", "reverse", "go back to checkpoint N, or to the start", "restart 1", false, false, true, cmdRestart},

		{"b", []string{"break"}, "PLACE [on CPU] [task N] [ignore N] [if COND]", "stops", "stop where a core comes to a place", "b klp_patch_task if current->pid == 123", false, false, true, cmdBreak},
		{"tb", []string{"tbreak"}, "PLACE ...", "stops", "the same, once", "tb schedule on 0", false, false, true, cmdTBreak},
		{"watch", nil, "OBJECT [on CPU] [task N] [ignore N] [if COND]", "stops", "stop when memory is written", "watch klp_target_state on 1", false, false, true, cmdWatch},
		{"rwatch", nil, "OBJECT ...", "stops", "stop when memory is read", "rwatch klp_target_state", false, false, true, cmdRWatch},
		{"awatch", nil, "OBJECT ...", "stops", "stop when memory is read or written", "awatch task(123).patch_state", false, false, true, cmdAWatch},
		{"d", []string{"delete"}, "[N ...]", "stops", "delete breakpoints and watchpoints", "d 2", false, false, true, cmdDelete},

		{"inject", nil, "irq VECTOR | nmi | init | sipi PAGE | tick [to CPU] [at PLACE [on CPU] [task N] [nth N] [every N] [when COND]]", "events", "make an event pending: now, or whenever a core comes to a place", "inject irq ec at klp_patch_task+0x9 task 123", false, false, true, cmdInject},
		{"drain", nil, "[N]", "events", "let the N oldest stores of the selected core reach memory", "drain", false, true, true, cmdDrain},
		{"hold", nil, "[CPU]", "events", "from now on keep a core's stores in its store buffer", "hold 0", false, false, true, cmdHold},
		{"release", nil, "[CPU]", "events", "end hold, and drain the store buffer", "release 0", false, false, true, cmdRelease},

		{"p", []string{"print"}, "[/FMT] EXPR", "looking", "print the value of an expression (FMT: x z d u o t c)", "p task(123).patch_state", true, false, false, cmdPrint},
		{"x", nil, "[/NFU] EXPR", "looking", "examine memory (F: x z d u o t c s i a, U: b h w g)", "x/4gx %rsp", true, true, false, cmdExamine},
		{"xp", nil, "[/NFU] EXPR", "looking", "examine physical memory", "xp/8wx 0x1000", true, false, false, cmdExamineP},
		{"disp", []string{"display"}, "[/FMT] [EXPR]", "looking", "print an expression at every stop", "disp klp_target_state", true, false, true, cmdDisplay},
		{"undisp", []string{"undisplay"}, "[N]", "looking", "end a display", "undisp 3", false, false, true, cmdUndisplay},
		{"disas", []string{"disassemble"}, "[PLACE]", "looking", "disassemble a function", "disas klp_patch_task", false, false, false, cmdDisas},
		{"info", []string{"i"}, "WHAT", "looking", infoHelp(), "info registers", false, false, false, cmdInfo},
		{"where", nil, "", "looking", "tell where every core stands", "where", false, false, false, cmdWhere},
		{"bt", []string{"backtrace"}, "[task N]", "looking", "tell the frames of the selected core or of a task, through interrupts,\nNMIs and switches; found by looking at every word of the stack", "bt task 123", false, false, false, cmdBacktrace},
		{"why", nil, "REGISTER | OBJECT", "looking", "tell who wrote a value, at which step, from which load", "why task(123).patch_state", false, false, false, cmdWhy},
		{"diagram", nil, "[--all] [--stale] [--width N]", "looking", "draw the run so far", "diagram", false, false, false, cmdDiagram},

		{"sweep", nil, "FUNCTION [FILE]", "script", "run the scenario's script, or a file's, with its first injection at every\ninstruction boundary of a function; tell the verdicts", "sweep klp_patch_task", false, false, false, cmdSweep},
		{"expect", nil, "EXPR | violated CHECK ... | holds", "script", "fail unless so; violated and holds are judged at the end", "expect violated complete-means-done", false, false, true, cmdExpect},
		{"set", nil, "width N", "script", "change a setting: the width of diagrams", "set width 100", false, false, true, cmdSet},
		{"echo", nil, "TEXT", "script", "print a text", "echo now the other core", false, false, true, cmdEcho},
		{"source", nil, "FILE", "script", "execute the commands of a file", "source race.klp", false, false, false, cmdSource},
		{"save-script", nil, "FILE", "script", "write the commands so far as a script", "save-script race.klp", false, false, false, cmdSave},
		{"help", []string{"h"}, "[COMMAND]", "script", "tell about the commands", "help inject", false, false, false, cmdHelp},
		{"quit", []string{"q"}, "", "script", "leave", "quit", false, false, false, cmdQuit},
	}
}

// lookup finds a command by its name, an alias or an unambiguous prefix.
func lookup(word string) (*Command, error) {
	var prefix []*Command
	for i := range commands {
		c := &commands[i]
		for _, n := range append([]string{c.Name}, c.Aliases...) {
			if n == word {
				return c, nil
			}
		}
		if strings.HasPrefix(c.Name, word) || hasPrefix(c.Aliases, word) {
			prefix = append(prefix, c)
		}
	}
	switch {
	case len(prefix) == 1 && word != "":
		return prefix[0], nil
	case len(prefix) > 1 && word != "":
		return nil, fmt.Errorf("%q is ambiguous: it could be %s", word, strings.Join(names(prefix), ", "))
	}
	return nil, fmt.Errorf("%q is not a command; help lists them", word)
}

func hasPrefix(list []string, word string) bool {
	for _, n := range list {
		if strings.HasPrefix(n, word) {
			return true
		}
	}
	return false
}

func names(list []*Command) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.Name)
	}
	sort.Strings(out)
	return out
}

// Commands returns the command table, for references and tests.
func Commands() []Command { return commands }

// Complete returns the completions of a partly typed line, whole lines.
func (e *Engine) Complete(line string) []string {
	word, rest, hasRest := strings.Cut(line, " ")
	var out []string
	if !hasRest {
		for _, c := range commands {
			if strings.HasPrefix(c.Name, word) {
				out = append(out, c.Name+" ")
			}
		}
		sort.Strings(out)
		return out
	}
	at := strings.LastIndexAny(rest, " (!&|=,*") + 1
	head, last := word+" "+rest[:at], rest[at:]
	for _, w := range e.words(word) {
		if strings.HasPrefix(w, last) {
			out = append(out, head+w)
		}
	}
	sort.Strings(out)
	return out
}

// words are what may stand behind a command.
func (e *Engine) words(command string) []string {
	c, err := lookup(command)
	if err != nil {
		return nil
	}
	var out []string
	switch c.Name {
	case "info":
		for _, i := range infos {
			out = append(out, i.name)
		}
		return out
	case "help":
		for _, k := range commands {
			out = append(out, k.Name)
		}
		return out
	case "inject":
		out = append(out, "irq", "nmi", "init", "sipi", "tick", "at", "to", "on", "task", "nth", "every", "when")
	case "sched":
		return []string{"rr", "one", "random"}
	case "expect":
		out = append(out, "holds", "violated")
		for _, k := range e.S.T.Checks {
			out = append(out, k.Name)
		}
	}
	for _, s := range e.S.T.Image.Symbols() {
		out = append(out, s.Name)
	}
	return out
}

func cmdHelp(e *Engine, a *args) error {
	w, at := a.word()
	if w == "" {
		for _, g := range groups {
			e.printf("%s\n", g)
			for _, c := range commands {
				if c.Group == g {
					e.printf("  %-11s %s\n", c.Name, firstLine(c.Help))
				}
			}
		}
		e.printf("Empty lines repeat; unambiguous beginnings are enough. help COMMAND tells more.\n")
		return nil
	}
	c, err := lookup(w)
	if err != nil {
		return a.wrap(at, err)
	}
	e.printf("%s", c.Text())
	return a.done()
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// Text is a command's help.
func (c *Command) Text() string {
	var b strings.Builder
	usage := c.Name
	if c.Args != "" {
		usage += " " + c.Args
	}
	fmt.Fprintf(&b, "%s\n    %s\n", strings.ReplaceAll(usage, " [/", "[/"), strings.ReplaceAll(c.Help, "\n", "\n    "))
	if len(c.Aliases) > 0 {
		fmt.Fprintf(&b, "    also: %s\n", strings.Join(c.Aliases, ", "))
	}
	fmt.Fprintf(&b, "    example: %s\n", c.Example)
	return b.String()
}

func cmdQuit(e *Engine, a *args) error {
	e.quit = true
	return a.done()
}

func cmdEcho(e *Engine, a *args) error {
	text, _ := a.rest()
	e.printf("%s\n", text)
	return nil
}

func cmdWhere(e *Engine, a *args) error {
	e.printf("%s", e.Where())
	return a.done()
}

func cmdSource(e *Engine, a *args) error {
	name, at := a.rest()
	if name == "" {
		return a.errorf(at, "expected a file")
	}
	if e.Read == nil {
		return a.errorf(at, "files cannot be read here")
	}
	if e.depth >= 10 {
		return a.errorf(at, "source is nested more than 10 deep")
	}
	text, err := e.Read(name)
	if err != nil {
		return a.wrap(at, err)
	}
	e.depth++
	defer func() { e.depth-- }()
	return e.Script(Lines(name, text))
}

func cmdSave(e *Engine, a *args) error {
	name, at := a.rest()
	if name == "" {
		return a.errorf(at, "expected a file")
	}
	if e.Write == nil {
		return a.errorf(at, "files cannot be written here")
	}
	if err := e.Write(name, e.SaveScript()); err != nil {
		return a.wrap(at, err)
	}
	e.printf("saved %d command(s)\n", len(e.saved))
	return nil
}

func cmdDiagram(e *Engine, a *args) error {
	opt := DrawOptions{Format: "diagram", Width: e.Width}
	for a.more() {
		w, at := a.word()
		switch w {
		case "--all":
			opt.All = true
		case "--stale":
			opt.Stale = true
		case "--width":
			n, err := a.number("a width", -1, 40, 1000)
			if err != nil {
				return err
			}
			opt.Width = n
		default:
			return a.errorf(at, "expected --all, --stale or --width N, found %q", w)
		}
	}
	if e.Draw == nil {
		return a.errorf(0, "diagrams cannot be drawn here")
	}
	text, err := e.Draw(e.S.T, e.S.Schedule(), opt)
	if err != nil {
		return err
	}
	e.printf("%s", text)
	return nil
}
