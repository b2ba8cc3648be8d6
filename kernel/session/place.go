package session

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"klpsim/cpu/decode"
	"klpsim/kernel/expr"
)

// Place is one instruction boundary that a text names.
type Place struct {
	Text  string
	Addr  uint64 // of the instruction
	Next  uint64 // of the one behind it
	After bool   // the boundary is behind the instruction, once it has retired
}

// PlaceError says why a text names no single place.
type PlaceError struct {
	Text       string
	Msg        string
	Candidates []string // what it could have meant
}

func (e *PlaceError) Error() string {
	s := fmt.Sprintf("%q: %s", e.Text, e.Msg)
	if len(e.Candidates) > 0 {
		s += ": " + strings.Join(e.Candidates, "; ")
	}
	return s
}

// maxCandidates bounds the list in an error.
const maxCandidates = 12

// Place resolves a place:
//
//	klp_patch_task  klp_patch_task+0x12  *0xffffffff81000123  *%rip
//	transition.s:42  klp_patch_task:`mov klp_target_state, %r12d`
//
// each optionally followed by "before" (which is the default) or "after".
func (t *Target) Place(text string) (Place, error) {
	body, after := strings.TrimSpace(text), false
	if b, ok := strings.CutSuffix(body, " after"); ok {
		body, after = strings.TrimSpace(b), true
	} else if b, ok := strings.CutSuffix(body, " before"); ok {
		body = strings.TrimSpace(b)
	}
	addr, err := t.placeAddr(body)
	if err != nil {
		return Place{}, err
	}
	in, ok := t.InstructionAt(addr)
	if !ok {
		return Place{}, &PlaceError{Text: body, Msg: fmt.Sprintf("no instruction is at %#x", addr)}
	}
	return Place{Text: strings.TrimSpace(text), Addr: addr, Next: addr + uint64(in.Len), After: after}, nil
}

func (t *Target) placeAddr(body string) (uint64, error) {
	if rest, ok := strings.CutPrefix(body, "*"); ok {
		return t.starPlace(body, rest)
	}
	if sym, text, ok := strings.Cut(body, ":`"); ok && strings.HasSuffix(text, "`") {
		return t.textPlace(body, sym, strings.TrimSuffix(text, "`"))
	}
	if file, line, ok := strings.Cut(body, ":"); ok {
		return t.linePlace(body, file, line)
	}
	name, off, hasOff := strings.Cut(body, "+")
	sym, ok := t.Image.Symbol(strings.TrimSpace(name))
	if !ok {
		return 0, &PlaceError{body, "no such symbol", t.similar(name)}
	}
	if !hasOff {
		return sym.Addr, nil
	}
	n, err := strconv.ParseUint(strings.TrimSpace(off), 0, 32)
	if err != nil {
		return 0, &PlaceError{Text: body, Msg: fmt.Sprintf("%q is not an offset", off)}
	}
	addr := sym.Addr + n
	lo, hi, isFunc := t.Names.FuncRange(strings.TrimSpace(name))
	if isFunc && addr < hi {
		var starts []string
		for pc := lo; pc < hi; {
			in, ok := t.InstructionAt(pc)
			if !ok || pc == addr {
				return addr, nil
			}
			starts = append(starts, fmt.Sprintf("%s+%#x", name, pc-lo))
			pc += uint64(in.Len)
		}
		return 0, &PlaceError{body, "that is inside an instruction; instructions begin at", trim(starts)}
	}
	return addr, nil
}

func (t *Target) starPlace(body, text string) (uint64, error) {
	x, err := expr.CompileValue(text, t.Names, expr.Source{Col: 2})
	if err != nil {
		return 0, &PlaceError{Text: body, Msg: err.Error()}
	}
	m, err := t.Machine()
	if err != nil {
		return 0, err
	}
	v, err := x.Eval(&expr.Context{State: State{m}})
	if err != nil {
		return 0, &PlaceError{Text: body, Msg: err.Error()}
	}
	return uint64(v), nil
}

func (t *Target) linePlace(body, file, line string) (uint64, error) {
	n, err := strconv.Atoi(line)
	if err != nil {
		return 0, &PlaceError{Text: body, Msg: "expected FILE:LINE or SYMBOL:`instruction`"}
	}
	addrs := t.Image.AddrsOfLine(file, n)
	switch len(addrs) {
	case 0:
		return 0, &PlaceError{Text: body, Msg: "no instruction comes from that line"}
	case 1:
		return addrs[0], nil
	}
	var list []string
	for _, a := range addrs {
		list = append(list, fmt.Sprintf("*%#x (%s: %s)", a, t.Where(a), t.Instruction(a)))
	}
	return 0, &PlaceError{body, "several instructions come from that line", trim(list)}
}

// textPlace finds an instruction of a function by its source text or its
// disassembly, blanks aside; the beginning of the text is enough if nothing
// else begins so.
func (t *Target) textPlace(body, sym, text string) (uint64, error) {
	lo, hi, ok := t.Names.FuncRange(sym)
	if !ok {
		return 0, &PlaceError{body, fmt.Sprintf("no function is called %q", sym), t.similar(sym)}
	}
	want := squeeze(text)
	var exact, prefix []uint64
	var all []string
	for pc := lo; pc < hi; {
		in, ok := t.InstructionAt(pc)
		if !ok {
			break
		}
		source, dis := squeeze(t.Source(pc)), squeeze(t.Instruction(pc))
		all = append(all, "`"+t.Instruction(pc)+"`")
		switch {
		case source == want || dis == want:
			exact = append(exact, pc)
		case want != "" && (strings.HasPrefix(source, want) || strings.HasPrefix(dis, want)):
			prefix = append(prefix, pc)
		}
		pc += uint64(in.Len)
	}
	if len(exact) == 0 {
		exact = prefix
	}
	switch len(exact) {
	case 0:
		return 0, &PlaceError{body, "no instruction there reads so; there are", trim(all)}
	case 1:
		return exact[0], nil
	}
	var list []string
	for _, pc := range exact {
		list = append(list, fmt.Sprintf("%s `%s`", t.Where(pc), t.Instruction(pc)))
	}
	return 0, &PlaceError{body, "several instructions read so", trim(list)}
}

// squeeze removes blanks and a trailing comment, for comparing instructions.
func squeeze(s string) string {
	s, _, _ = strings.Cut(s, "#")
	return strings.Join(strings.Fields(strings.ReplaceAll(s, ",", " , ")), " ")
}

func trim(list []string) []string {
	if len(list) > maxCandidates {
		return append(list[:maxCandidates:maxCandidates], fmt.Sprintf("and %d more", len(list)-maxCandidates))
	}
	return list
}

// similar lists symbols that a mistyped name may have meant: those that
// contain it or that it begins like.
func (t *Target) similar(name string) []string {
	var out []string
	if len(name) < 2 {
		return nil
	}
	for _, s := range t.Image.Symbols() {
		if strings.Contains(s.Name, name) || len(name) > 4 && strings.HasPrefix(s.Name, name[:len(name)*2/3]) {
			out = append(out, s.Name)
		}
	}
	sort.Strings(out)
	return trim(out)
}

// bytesAt reads up to 15 bytes of code from the initial state.
func (t *Target) bytesAt(addr uint64) []byte {
	for _, s := range t.Image.Segments {
		if addr >= s.Addr && addr < s.Addr+uint64(len(s.Data)) {
			d := s.Data[addr-s.Addr:]
			return d[:min(15, len(d))]
		}
	}
	return nil
}

// InstructionAt decodes the instruction at addr in the image.
func (t *Target) InstructionAt(addr uint64) (decode.Inst, bool) {
	b := t.bytesAt(addr)
	if len(b) == 0 {
		return decode.Inst{}, false
	}
	in, err := decode.Decode(b, decode.Mode64)
	return in, err == nil
}

// symbolAt is the decoder's symbol finder.
func (t *Target) symbolAt(addr uint64) (string, uint64) {
	s, off, ok := t.Image.SymbolAt(addr)
	if !ok {
		return "", 0
	}
	return s.Name, addr - off
}

// Instruction returns the text of the instruction at addr in the image.
func (t *Target) Instruction(addr uint64) string {
	return t.Disassemble(t.bytesAt(addr), addr)
}

// Disassemble returns the text of the instruction that b begins with.
func (t *Target) Disassemble(b []byte, addr uint64) string {
	return decode.Text(b, addr, t.symbolAt)
}

// Source returns the source line of the instruction at addr, without the
// blanks around it; "" if none is known.
func (t *Target) Source(addr uint64) string {
	pos, ok := t.Image.LineAt(addr)
	if !ok {
		return ""
	}
	text, _, _ := strings.Cut(pos.Text, "#")
	if label, rest, ok := strings.Cut(text, ":"); ok && !strings.ContainsAny(label, " \t%$(") {
		text = rest
	}
	text = strings.Join(strings.Fields(text), " ")
	if in, ok := t.InstructionAt(addr); ok && in.Prefix&decode.Lock != 0 && !strings.HasPrefix(text, "lock") && text != "" {
		text = "lock " + text // the prefix is a statement of its own
	}
	return text
}

// SourceOrText returns the instruction at addr as its author wrote it or, if it
// came out of a macro or its source is not known, its disassembly.
func (t *Target) SourceOrText(addr uint64) string {
	if src := t.Source(addr); src != "" && src[0] >= 'a' && src[0] <= 'z' {
		return src
	}
	return t.Instruction(addr)
}

// Where returns addr as symbol+offset, or in hexadecimal.
func (t *Target) Where(addr uint64) string {
	s, off, ok := t.Image.SymbolAt(addr)
	switch {
	case !ok:
		return fmt.Sprintf("%#x", addr)
	case off == 0:
		return s.Name
	}
	return fmt.Sprintf("%s+%#x", s.Name, off)
}
