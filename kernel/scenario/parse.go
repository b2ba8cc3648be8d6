package scenario

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Source finds the files that a scenario names.
type Source interface {
	// Read returns the text of a file named by a load or include line, and
	// the name to show for it. from is the file with the line.
	Read(from, name string) (shown string, text []byte, err error)
}

// maxErrors ends the reading of a hopeless file.
const maxErrors = 50

// maxIncludes bounds the nesting of include lines.
const maxIncludes = 10

type parser struct {
	s       *Scenario
	src     Source
	errs    ErrorList
	named   bool
	machine bool
	depth   int
	block   string // "code" or "run" while inside
	start   Pos
	code    *Code
}

// word is one word of a line, with the column where it begins.
type word struct {
	text   string
	col    int
	quoted bool
}

// line is a logical line: its words, and its text for expressions.
type line struct {
	*parser
	words []word
	i     int
	text  string
	file  string
	// at maps a byte offset of text to its place in the file.
	num  int
	cuts []cut
}

// cut says that from byte off on, text comes from line num, column col.
type cut struct{ off, num, col int }

// Parse reads a scenario. name is the file as errors show it. The error is an
// ErrorList.
func Parse(name string, text []byte, src Source) (*Scenario, error) {
	p := &parser{s: &Scenario{File: name, Cores: 1, Memory: "tso", Limit: DefaultLimit}, src: src}
	p.s.Explore.Preempt = -1
	p.file(name, string(text))
	if p.block != "" {
		p.errorf(p.start, "%q has no line \"end\"", p.block)
	}
	if len(p.errs) == 0 {
		p.validate()
	}
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return p.s, nil
}

func (p *parser) errorf(at Pos, format string, args ...any) {
	if len(p.errs) < maxErrors {
		p.errs = append(p.errs, &Error{at, fmt.Sprintf(format, args...)})
	}
}

// file reads the lines of one file.
func (p *parser) file(name, text string) {
	lines := strings.Split(text, "\n")
	for n := 0; n < len(lines); n++ {
		raw := strings.TrimSuffix(lines[n], "\r")
		if p.block != "" {
			p.inBlock(name, n+1, raw)
			continue
		}
		l := &line{parser: p, file: name, num: n + 1, cuts: []cut{{0, n + 1, 1}}}
		for strings.HasSuffix(raw, "\\") && n+1 < len(lines) {
			l.text += strings.TrimSuffix(raw, "\\") + " "
			n++
			raw = strings.TrimSuffix(lines[n], "\r")
			l.cuts = append(l.cuts, cut{len(l.text), n + 1, 1})
		}
		l.text += raw
		l.split()
		if len(l.words) > 0 {
			l.parse()
		}
	}
}

// inBlock takes a line of a code or run block.
func (p *parser) inBlock(file string, num int, raw string) {
	trimmed := strings.TrimSpace(raw)
	if trimmed == "end" {
		if p.block == "code" {
			p.s.Code = append(p.s.Code, *p.code)
		}
		p.block = ""
		return
	}
	if p.block == "code" {
		p.code.Text = append(append(p.code.Text, raw...), '\n')
		return
	}
	if trimmed == "" || trimmed[0] == '#' {
		return
	}
	col := strings.Index(raw, trimmed) + 1
	p.s.Script = append(p.s.Script, Text{trimmed, Pos{file, num, col}})
}

// split cuts the line into words; double quotes hold a word together.
func (l *line) split() {
	s := l.text
	for i := 0; i < len(s); {
		switch {
		case s[i] == ' ' || s[i] == '\t':
			i++
		case s[i] == '#':
			l.text = s[:i]
			return
		case s[i] == '"':
			end := strings.IndexByte(s[i+1:], '"')
			if end < 0 {
				l.errorf(l.pos(i), "the string %s has no end", s[i:])
				l.words = nil
				return
			}
			l.words = append(l.words, word{s[i+1 : i+1+end], i, true})
			i += end + 2
		default:
			end := i
			for end < len(s) && s[end] != ' ' && s[end] != '\t' {
				end++
			}
			l.words = append(l.words, word{s[i:end], i, false})
			i = end
		}
	}
}

// pos returns where byte off of the logical line is in the file.
func (l *line) pos(off int) Pos {
	p := Pos{l.file, l.num, off + 1}
	for _, c := range l.cuts {
		if off >= c.off {
			p.Line, p.Col = c.num, off-c.off+c.col
		}
	}
	return p
}

func (l *line) here() Pos {
	if l.i < len(l.words) {
		return l.pos(l.words[l.i].col)
	}
	return l.pos(len(strings.TrimRight(l.text, " \t")))
}

// stop ends the reading of a line after an error.
type stop struct{}

func (l *line) fail(at Pos, format string, args ...any) {
	l.errorf(at, format, args...)
	panic(stop{})
}

func (l *line) more() bool { return l.i < len(l.words) }

// next returns the next word; what says what it should be.
func (l *line) next(what string) word {
	if !l.more() {
		l.fail(l.here(), "expected %s at the end of the line", what)
	}
	l.i++
	return l.words[l.i-1]
}

func (l *line) done() {
	if l.more() {
		l.fail(l.here(), "unexpected %q", l.words[l.i].text)
	}
}

var nameRE = regexp.MustCompile(`^[A-Za-z_.$][\w.$]*$`)

// name reads a symbol.
func (l *line) name(what string) string {
	w := l.next(what)
	if w.quoted || !nameRE.MatchString(w.text) {
		l.fail(l.pos(w.col), "expected %s, found %q", what, w.text)
	}
	return w.text
}

func (l *line) number(w word, text, what string, lo, hi int64) int64 {
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil || n < lo || n > hi {
		l.fail(l.pos(w.col), "expected %s from %d to %d, found %q", what, lo, hi, text)
	}
	return n
}

// rest returns the unread remainder of the line as text.
func (l *line) rest(what string) Text {
	if !l.more() {
		l.fail(l.here(), "expected %s at the end of the line", what)
	}
	at := l.words[l.i].col
	l.i = len(l.words)
	return Text{strings.TrimRight(l.text[at:], " \t"), l.pos(at)}
}

// option splits "key=value".
func (l *line) option(w word) (key, value string) {
	k, v, ok := strings.Cut(w.text, "=")
	if !ok || w.quoted || v == "" {
		l.fail(l.pos(w.col), "expected name=value, found %q", w.text)
	}
	return k, v
}

// directive is one kind of line.
type directive struct {
	word  string
	parse func(*line)
}

// directives is filled in by init, for include makes the table refer to itself.
var directives []directive

func init() {
	directives = []directive{
		{"scenario", (*line).scenario}, {"about", (*line).about}, {"machine", (*line).machineLine},
		{"kernel", (*line).kernel}, {"bare", (*line).bare}, {"include", (*line).include},
		{"define", (*line).define}, {"load", (*line).load}, {"code", (*line).codeBlock},
		{"task", (*line).task}, {"entry", (*line).entry}, {"init", (*line).init},
		{"enum", (*line).enum}, {"bits", (*line).bits}, {"type", (*line).typeLine},
		{"shared", (*line).shared}, {"check", (*line).check}, {"run", (*line).run},
		{"expect", (*line).expect}, {"limit", (*line).limit}, {"explore", (*line).explore},
	}
}

func (l *line) parse() {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
		}
	}()
	w := l.next("a word")
	for _, d := range directives {
		if d.word == w.text && !w.quoted {
			d.parse(l)
			return
		}
	}
	var known []string
	for _, d := range directives {
		known = append(known, d.word)
	}
	l.fail(l.pos(w.col), "a line cannot begin with %q; it begins with one of %s", w.text, strings.Join(known, ", "))
}

func (l *line) scenario() {
	if l.named {
		l.fail(l.pos(0), "a second \"scenario\" line")
	}
	l.named = true
	w := l.next("the scenario's name")
	if !checkName.MatchString(w.text) {
		l.fail(l.pos(w.col), "a name is letters, digits and -, not %q", w.text)
	}
	l.s.Name = w.text
	if l.more() {
		l.s.Title = l.quoted("the title")
	}
	l.done()
}

var checkName = regexp.MustCompile(`^[A-Za-z0-9][\w-]*$`)

func (l *line) quoted(what string) string {
	w := l.next(what)
	if !w.quoted {
		l.fail(l.pos(w.col), "expected %s between double quotes, found %q", what, w.text)
	}
	return w.text
}

func (l *line) about() {
	l.s.About = append(l.s.About, l.rest("a text").Text)
}

func (l *line) machineLine() {
	for l.more() {
		w := l.next("an option")
		k, v := l.option(w)
		switch k {
		case "cores", "cpus":
			l.s.Cores = int(l.number(w, v, "the number of cores", 1, 16))
		case "memory":
			if v != "tso" && v != "sc" {
				l.fail(l.pos(w.col), "expected memory=tso or memory=sc, found %q", w.text)
			}
			l.s.Memory = v
		case "storebuffer":
			l.s.StoreBuffer = int(l.number(w, v, "the entries of the store buffer", 1, 256))
		default:
			l.fail(l.pos(w.col), "a machine has cores, memory and storebuffer, not %q", k)
		}
	}
}

func (l *line) kernel() { l.kind(false) }
func (l *line) bare()   { l.kind(true) }

func (l *line) kind(bare bool) {
	if l.machine && l.s.Bare != bare {
		l.fail(l.pos(0), "a machine is either \"kernel\" or \"bare\"")
	}
	l.machine, l.s.Bare = true, bare
	l.done()
}

func (l *line) include() {
	w := l.next("a file")
	l.done()
	if l.depth >= maxIncludes {
		l.fail(l.pos(w.col), "include %q is nested more than %d deep", w.text, maxIncludes)
	}
	shown, text := l.read(w)
	l.depth++
	l.parser.file(shown, string(text))
	l.depth--
	if l.block != "" {
		block := l.block
		l.block = ""
		l.fail(l.start, "%q has no line \"end\"", block)
	}
}

func (l *line) read(w word) (string, []byte) {
	if l.src == nil {
		l.fail(l.pos(w.col), "cannot read %q: no files are at hand", w.text)
	}
	shown, text, err := l.src.Read(l.file, w.text)
	if err != nil {
		l.fail(l.pos(w.col), "cannot read %q: %v", w.text, err)
	}
	return shown, text
}

func (l *line) define() {
	for {
		w := l.next("NAME=value")
		k, v := l.option(w)
		l.s.Defines = append(l.s.Defines, Define{k, l.number(w, v, "a number", -1<<63, 1<<63-1), l.pos(w.col)})
		if !l.more() {
			return
		}
	}
}

func (l *line) load() {
	for {
		w := l.next("a file")
		shown, text := l.read(w)
		l.s.Code = append(l.s.Code, Code{Name: shown, Text: text, Line: 1, Pos: l.pos(w.col)})
		if !l.more() {
			return
		}
	}
}

func (l *line) codeBlock() {
	l.done()
	l.parser.block, l.parser.start = "code", l.pos(0)
	l.parser.code = &Code{Name: path.Base(l.file), Line: l.num + 1, Pos: l.pos(0)}
}

func (l *line) run() {
	l.done()
	l.parser.block, l.parser.start = "run", l.pos(0)
}
