package asm

import (
	"fmt"
	"strconv"
	"strings"
)

// Layout says where Link puts things. Sections are collected by name into
// segments, the first rule that matches a section's name takes it; what no
// rule takes follows the last segment, one segment per section name.
type Layout struct {
	Segments []SegmentRule
	Stubs    []Stub
	Symbols  []Define // symbols with fixed addresses
	Entry    string   // symbol of the entry point, "" for none
	// Discard lists section names (or prefixes ending in '*') that are dropped.
	Discard []string
}

// SegmentRule places the sections with matching names one after another.
type SegmentRule struct {
	Name     string
	Addr     uint64   // address of the first byte; with After set, ignored
	After    bool     // directly after the segment before it
	Align    uint64   // alignment of the start, in bytes, 0 for the sections' own
	Sections []string // names, or prefixes ending in '*'
}

// Stub binds an undefined symbol on purpose: to a function that only returns
// a value, or to another symbol.
type Stub struct {
	Name    string
	Target  string // other symbol, or "" for a function that returns Returns
	Returns int64
}

// DefaultLayout places code, read-only data and data one after another from
// addr on, each at a page boundary.
func DefaultLayout(addr uint64) Layout {
	return Layout{
		Segments: []SegmentRule{
			{Name: "text", Addr: addr, Align: 4096, Sections: []string{".text", ".text.*", ".init.text", ".entry.text", ".noinstr.text", ".init", ".fini"}},
			{Name: "rodata", After: true, Align: 4096, Sections: []string{".rodata", ".rodata.*"}},
			{Name: "data", After: true, Align: 4096, Sections: []string{".data", ".data.*", ".init.data"}},
			{Name: "bss", After: true, Align: 64, Sections: []string{".bss", ".bss.*", "COMMON"}},
		},
		Discard: defaultDiscard(),
	}
}

func defaultDiscard() []string {
	return []string{".comment", ".note*", ".eh_frame", ".debug*", ".llvm_addrsig", ".modinfo", "__patchable_function_entries", ".discard*"}
}

// ParseLayout reads a layout description, one statement a line:
//
//	segment NAME at ADDRESS [align N] [: SECTION...]
//	segment NAME [align N] : SECTION...      directly after the one before
//	stub NAME returns N
//	stub NAME = OTHER
//	symbol NAME = VALUE
//	entry NAME
//	discard SECTION...
//
// '#' begins a comment. The error is an ErrorList.
func ParseLayout(name string, text []byte) (Layout, error) {
	l := Layout{}
	var errs ErrorList
	for i, line := range strings.Split(string(text), "\n") {
		full := line
		if j := strings.IndexByte(line, '#'); j >= 0 {
			line = line[:j]
		}
		words := strings.Fields(strings.NewReplacer(":", " : ", "=", " = ").Replace(line))
		if len(words) == 0 {
			continue
		}
		if bad, msg := l.statement(words); msg != "" {
			col := strings.Index(full, bad) + 1
			errs = append(errs, &Error{File: name, Line: i + 1, Col: max(col, 1), Msg: msg})
		}
	}
	if len(l.Discard) == 0 {
		l.Discard = defaultDiscard()
	}
	if errs != nil {
		return Layout{}, errs
	}
	return l, nil
}

// statement adds one line of a layout; msg is empty if it is right, else it
// says what is wrong with the word bad.
func (l *Layout) statement(w []string) (bad, msg string) {
	switch {
	case w[0] == "segment" && len(w) >= 2:
		return l.segment(w)
	case w[0] == "stub":
		s, bad, msg := parseStub(w[1:])
		if msg == "" {
			l.Stubs = append(l.Stubs, s)
		}
		return bad, msg
	case w[0] == "symbol" && len(w) == 4 && w[2] == "=":
		n, err := strconv.ParseUint(w[3], 0, 64)
		if err != nil {
			return w[3], fmt.Sprintf("`%s' is not a number", w[3])
		}
		l.Symbols = append(l.Symbols, Define{w[1], int64(n)})
	case w[0] == "entry" && len(w) == 2:
		l.Entry = w[1]
	case w[0] == "discard" && len(w) > 1:
		l.Discard = append(l.Discard, w[1:]...)
	default:
		return w[0], fmt.Sprintf("`%s' is not a layout statement: want segment, stub, symbol, entry or discard", strings.Join(w, " "))
	}
	return "", ""
}

// ParseStub reads "NAME returns N" or "NAME = OTHER".
func ParseStub(text string) (Stub, error) {
	s, _, msg := parseStub(strings.Fields(strings.ReplaceAll(text, "=", " = ")))
	if msg != "" {
		return Stub{}, fmt.Errorf("%s", msg)
	}
	return s, nil
}

func parseStub(w []string) (s Stub, bad, msg string) {
	if len(w) != 3 || w[1] != "=" && w[1] != "returns" {
		return s, strings.Join(w, " "), "want stub NAME returns N, or stub NAME = OTHER"
	}
	if w[1] == "=" {
		return Stub{Name: w[0], Target: w[2]}, "", ""
	}
	n, err := strconv.ParseInt(w[2], 0, 64)
	if err != nil {
		return s, w[2], fmt.Sprintf("`%s' is not a number", w[2])
	}
	return Stub{Name: w[0], Returns: n}, "", ""
}

func (l *Layout) segment(w []string) (bad, msg string) {
	r := SegmentRule{Name: w[1], After: true}
	i := 2
	for ; i+1 < len(w) && w[i] != ":"; i += 2 {
		n, err := strconv.ParseUint(w[i+1], 0, 64)
		if err != nil {
			return w[i+1], fmt.Sprintf("`%s' is not a number", w[i+1])
		}
		switch w[i] {
		case "at":
			r.Addr, r.After = n, false
		case "align":
			if n == 0 || n&(n-1) != 0 {
				return w[i+1], "alignment is not a power of two"
			}
			r.Align = n
		default:
			return w[i], fmt.Sprintf("`%s': want at, align or :", w[i])
		}
	}
	if i < len(w) && w[i] == ":" {
		i++
	}
	r.Sections = append(r.Sections, w[i:]...)
	if len(r.Sections) == 0 {
		r.Sections = []string{"." + r.Name, "." + r.Name + ".*"}
	}
	l.Segments = append(l.Segments, r)
	return "", ""
}

// matches reports whether a section name is one of the patterns.
func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if p == name || strings.HasSuffix(p, "*") && strings.HasPrefix(name, p[:len(p)-1]) {
			return true
		}
	}
	return false
}
