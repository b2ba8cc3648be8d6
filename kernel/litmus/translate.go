package litmus

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// translator turns one thread's lines into AT&T text with addresses for
// variables.
type translator struct {
	arch   Arch
	addr   func(name string) (uint64, bool) // of a variable
	size   func(name string) uint8          // of a variable, 0 if not declared
	labels map[string]bool
}

// operand is one operand of an instruction in AT&T form.
type operand struct {
	text string
	mem  bool
	vari string // variable accessed, if it is named directly
	reg  bool
	size uint8 // of a register
}

// suffixes are AT&T's operand-size suffixes by size in bytes.
var suffixes = map[uint8]string{1: "b", 2: "w", 4: "l", 8: "q"}

// sized are the mnemonics that take a size suffix; the value tells whether a
// memory operand's size cannot be seen from a register operand even if there
// is one (the counts of shifts).
var sized = map[string]bool{
	"mov": false, "xchg": false, "cmpxchg": false, "xadd": false, "add": false, "adc": false,
	"sub": false, "sbb": false, "and": false, "or": false, "xor": false, "cmp": false, "test": false,
	"inc": false, "dec": false, "neg": false, "not": false, "push": false, "pop": false,
	"bts": false, "btr": false, "btc": false, "bt": false, "lea": false,
	"shl": true, "shr": true, "sar": true, "sal": true, "rol": true, "ror": true,
}

// thread translates all lines of a thread, each to a line for its label and
// one for its instruction. The error names the first line that is not understood.
func (t *translator) thread(lines []Line) ([]string, error) {
	t.labels = map[string]bool{}
	for _, l := range lines {
		if l.Label != "" {
			t.labels[l.Label] = true
		}
	}
	var out []string
	for _, l := range lines {
		label, text := "", ""
		if l.Label != "" {
			label = labelName(l.Label) + ":"
		}
		if l.Text != "" {
			ins, err := t.instruction(l.Text)
			if err != nil {
				return nil, &Error{l.Pos, err.Error()}
			}
			text = ins
		}
		out = append(out, label, text)
	}
	return out, nil
}

func labelName(l string) string { return ".L" + l }

// endLabel is the label of the HLT behind every thread.
const endLabel = ".Lklpsim_end"

// instruction translates one instruction.
func (t *translator) instruction(text string) (string, error) {
	prefix, mnem, rest := splitMnemonic(text)
	if mnem == "" {
		return "", fmt.Errorf("instruction expected, found %q", text)
	}
	if mnem == "ret" || mnem == "retq" {
		return "jmp " + endLabel, nil
	}
	var ops []operand
	for _, field := range splitOperands(rest) {
		op, err := t.operand(field)
		if err != nil {
			return "", fmt.Errorf("%s: %w", text, err)
		}
		ops = append(ops, op)
	}
	if t.arch == X86 {
		for i, j := 0, len(ops)-1; i < j; i, j = i+1, j-1 {
			ops[i], ops[j] = ops[j], ops[i]
		}
	}
	texts := make([]string, len(ops))
	for i, op := range ops {
		texts[i] = op.text
	}
	mnem = t.withSuffix(mnem, ops)
	return strings.TrimSpace(prefix + mnem + " " + strings.Join(texts, ", ")), nil
}

// splitMnemonic separates prefixes, the mnemonic (both in lower case) and the
// operands.
func splitMnemonic(text string) (prefix, mnem, rest string) {
	for {
		mnem, rest, _ = strings.Cut(strings.TrimSpace(text), " ")
		mnem = strings.ToLower(strings.TrimSuffix(mnem, ";"))
		switch mnem {
		case "lock", "rep", "repe", "repz", "repne", "repnz":
			prefix += mnem + " "
			text = rest
			continue
		}
		return prefix, mnem, rest
	}
}

// splitOperands cuts at the commas outside brackets and parentheses.
func splitOperands(s string) []string {
	var out []string
	depth, start := 0, 0
	for i, c := range s {
		switch c {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	if strings.TrimSpace(s[start:]) != "" {
		out = append(out, s[start:])
	}
	return out
}

// withSuffix adds the operand-size suffix where no register operand shows it.
func (t *translator) withSuffix(mnem string, ops []operand) string {
	hidden, ok := sized[mnem]
	if !ok {
		return mnem
	}
	var size, varSize uint8
	mem := false
	for _, op := range ops {
		if op.reg && !hidden {
			size = op.size
		}
		if op.mem {
			mem = true
			if op.vari != "" {
				varSize = t.size(op.vari)
			}
		}
	}
	switch {
	case !mem, size != 0:
		return mnem
	case varSize != 0:
		return mnem + suffixes[varSize]
	}
	return mnem + "l"
}

var (
	intelMem = regexp.MustCompile(`^\[\s*([^\[\]]*?)\s*\]$`)
	attMem   = regexp.MustCompile(`^([-+\w]*)\s*\(\s*([^()]*?)\s*\)$`)
)

// operand translates one operand of either syntax.
func (t *translator) operand(s string) (operand, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return operand{}, fmt.Errorf("an operand is missing")
	case t.labels[s]:
		return operand{text: labelName(s)}, nil
	case strings.HasPrefix(s, "$"):
		return t.immediate(s[1:])
	}
	if m := intelMem.FindStringSubmatch(s); m != nil {
		return t.address("", m[1])
	}
	if m := attMem.FindStringSubmatch(s); m != nil {
		return t.address(m[1], m[2])
	}
	if r, ok := regByName(s); ok {
		return operand{text: "%" + strings.ToLower(strings.TrimPrefix(s, "%")), reg: true, size: r.size}, nil
	}
	if isNumber(s) {
		return t.immediate(s)
	}
	if _, ok := t.addr(s); ok {
		return t.address("", s)
	}
	return operand{}, fmt.Errorf("operand %q is neither a register, a variable, a label nor a number", s)
}

func isNumber(s string) bool {
	_, err := strconv.ParseInt(s, 0, 64)
	return err == nil
}

// immediate translates a constant or the address of a variable.
func (t *translator) immediate(s string) (operand, error) {
	s = strings.TrimSpace(s)
	if isNumber(s) {
		return operand{text: "$" + s}, nil
	}
	if a, ok := t.addr(s); ok {
		return operand{text: fmt.Sprintf("$%#x", a)}, nil
	}
	if _, err := strconv.ParseUint(s, 0, 64); err == nil {
		return operand{text: "$" + s}, nil
	}
	return operand{}, fmt.Errorf("immediate %q is neither a number nor a variable", s)
}

// address translates disp(inner): inner is a variable, or registers in either
// syntax.
func (t *translator) address(disp, inner string) (operand, error) {
	if inner == "%rip" || inner == "rip" {
		disp, inner = "", disp
	}
	if a, ok := t.addr(inner); ok {
		if disp != "" {
			n, err := strconv.ParseInt(disp, 0, 32)
			if err != nil {
				return operand{}, fmt.Errorf("bad displacement %q", disp)
			}
			a += uint64(n)
		}
		return operand{text: fmt.Sprintf("%#x", a), mem: true, vari: inner}, nil
	}
	parts := strings.Split(inner, ",")
	if len(parts) == 1 && strings.ContainsAny(inner, "+-*") {
		return t.intelSum(inner)
	}
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if p == "" || i == 2 && isNumber(p) {
			parts[i] = p
			continue
		}
		r, ok := regByName(p)
		if !ok {
			return operand{}, fmt.Errorf("%q is neither a variable nor a register", p)
		}
		parts[i] = "%" + regs64[r.n]
	}
	if disp != "" && !isNumber(disp) {
		a, ok := t.addr(disp)
		if !ok {
			return operand{}, fmt.Errorf("%q is neither a variable nor a number", disp)
		}
		disp = fmt.Sprintf("%#x", a)
	}
	return operand{text: disp + "(" + strings.Join(parts, ",") + ")", mem: true}, nil
}

// intelSum translates [REG+4], [x+4] and [REG+REG*4].
func (t *translator) intelSum(inner string) (operand, error) {
	var disp int64
	base, index := "", ""
	vari := ""
	for _, term := range strings.FieldsFunc(strings.ReplaceAll(inner, "-", "+-"), func(r rune) bool { return r == '+' }) {
		term = strings.TrimSpace(term)
		name, scale, scaled := strings.Cut(term, "*")
		r, isReg := regByName(strings.TrimSpace(name))
		a, isVar := t.addr(term)
		switch {
		case isReg && scaled:
			index = "%" + regs64[r.n] + "," + strings.TrimSpace(scale)
		case isReg && base == "":
			base = "%" + regs64[r.n]
		case isReg:
			index = "%" + regs64[r.n] + ",1"
		case isVar:
			disp += int64(a)
			vari = term
		case isNumber(term):
			n, _ := strconv.ParseInt(term, 0, 64)
			disp += n
		default:
			return operand{}, fmt.Errorf("%q in an address is neither a variable, a register nor a number", term)
		}
	}
	text := fmt.Sprintf("%#x", disp)
	if index != "" {
		text += "(" + base + "," + index + ")"
	} else if base != "" {
		text += "(" + base + ")"
	}
	return operand{text: text, mem: true, vari: vari}, nil
}
