package trace

import (
	"fmt"
	"strconv"
	"strings"
)

// Error is a fault in a trace's text.
type Error struct {
	File      string
	Line, Col int // 1-based
	Msg       string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// kinds are the kinds of records; true for those of a step.
var kinds = map[string]bool{
	"take": true, "exec": true, "read": true, "write": true, "commit": true, "deliver": true, "iret": true, "pend": true,
	"control": true, "out": true, "in": true, "halt": true, "wake": true, "shutdown": true, "flush": true,
	"scenario": false, "machine": false, "check": false, "end": false,
}

// Parse reads a whole trace; file is its name in errors, which are *Error.
func Parse(file string, text []byte) ([]Record, error) {
	lines := strings.Split(string(text), "\n")
	want := fmt.Sprintf("klpsim-trace %d", Version)
	if lines[0] != want {
		return nil, &Error{file, 1, 1, fmt.Sprintf("expected %q, found %q: not a trace of this version", want, clip(lines[0]))}
	}
	var out []Record
	for i, l := range lines[1:] {
		num := i + 2
		if l == "" && num == len(lines) {
			break
		}
		if num == len(lines) {
			return nil, &Error{file, num, len(l) + 1, "the trace is truncated: its last line has no end"}
		}
		if n := len(out); n > 0 && out[n-1].Kind == "end" {
			return nil, &Error{file, num, 1, fmt.Sprintf("%q after the end record", clip(l))}
		}
		p := lineParser{file: file, num: num, s: l}
		r, err := p.record()
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	if n := len(out); n == 0 || out[n-1].Kind != "end" {
		return nil, &Error{file, len(lines), 1, "the trace is truncated: it has no end record"}
	}
	return out, nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

type lineParser struct {
	file string
	num  int
	s    string
	at   int
}

func (p *lineParser) errorf(at int, format string, args ...any) *Error {
	return &Error{p.file, p.num, at + 1, fmt.Sprintf(format, args...)}
}

// word returns the next blank-separated word and its offset.
func (p *lineParser) word() (string, int) {
	at := p.at
	end := strings.IndexByte(p.s[at:], ' ')
	if end < 0 {
		end = len(p.s) - at
	}
	p.at = min(at+end+1, len(p.s))
	return p.s[at : at+end], at
}

func (p *lineParser) record() (Record, error) {
	var r Record
	w, at := p.word()
	if n, err := strconv.Atoi(w); err == nil {
		if n < 1 {
			return r, p.errorf(at, "expected a step from 1, found %q", w)
		}
		r.Step = n
		w, at = p.word()
		if r.Core, err = strconv.Atoi(w); err != nil || r.Core < 0 || r.Core > 255 {
			return r, p.errorf(at, "expected a core, found %q", clip(w))
		}
		w, at = p.word()
	}
	inStep, known := kinds[w]
	if !known || inStep != (r.Step > 0) {
		return r, p.errorf(at, "expected a kind of record, found %q", clip(w))
	}
	r.Kind = w
	for p.at < len(p.s) {
		f, err := p.field()
		if err != nil {
			return r, err
		}
		r.Fields = append(r.Fields, f)
	}
	if strings.HasSuffix(p.s, " ") {
		return r, p.errorf(len(p.s)-1, "a blank at the end of the line")
	}
	return r, nil
}

func (p *lineParser) field() (Field, error) {
	start := p.at
	end := strings.IndexAny(p.s[start:], " =")
	if end < 0 {
		end = len(p.s) - start
	}
	key := p.s[start : start+end]
	if key == "" || strings.ContainsAny(key, "\"\\") {
		return Field{}, p.errorf(start, "expected key=value, found %q", clip(p.s[start:]))
	}
	p.at = start + end
	if p.at == len(p.s) || p.s[p.at] == ' ' {
		p.at = min(p.at+1, len(p.s))
		return Field{Key: key, Flag: true}, nil
	}
	p.at++
	if p.at < len(p.s) && p.s[p.at] == '"' {
		q, err := strconv.QuotedPrefix(p.s[p.at:])
		if err != nil {
			return Field{}, p.errorf(p.at, "the quoted value of %q has no end", key)
		}
		v, err := strconv.Unquote(q)
		if err != nil {
			return Field{}, p.errorf(p.at, "the quoted value of %q is malformed", key)
		}
		p.at += len(q)
		if p.at < len(p.s) && p.s[p.at] != ' ' {
			return Field{}, p.errorf(p.at, "expected a blank behind the value of %q", key)
		}
		p.at = min(p.at+1, len(p.s))
		return Field{Key: key, Value: v}, nil
	}
	v, at := p.word()
	if v == "" || strings.Contains(v, "\"") {
		return Field{}, p.errorf(at, "expected a value for %q, found %q", key, clip(v))
	}
	return Field{Key: key, Value: v}, nil
}
