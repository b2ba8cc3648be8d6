package script

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"sort"
	"strconv"
	"strings"

	"klpsim/cpu"
	"klpsim/kernel/expr"
)

// display is an expression shown at every stop.
type display struct {
	num int
	x   *expr.Expr
	fmt string
}

// activity says what a core is doing.
func (e *Engine) activity(core int) string {
	return [...]string{"running", "halted", "waiting for a start-up IPI", "shut down"}[e.S.M.Core(core).Activity]
}

// stand shows where the selected core stands.
func (e *Engine) stand() {
	e.printf("%s\n", e.where(e.core))
	for _, d := range e.displays {
		e.showDisplay(d)
	}
}

// where tells where a core stands, in one line and what it would do next.
func (e *Engine) where(core int) string {
	t, m := e.S.T, e.S.M
	c := m.Core(core)
	var b strings.Builder
	fmt.Fprintf(&b, "step %d  cpu%d", e.S.Len(), core)
	if task, ok := t.View.Current(m, core); ok {
		fmt.Fprintf(&b, "  task %d", task.PID)
		if task.Comm != "" {
			fmt.Fprintf(&b, " %s", task.Comm)
		}
	}
	fmt.Fprintf(&b, "  %s", t.Where(c.RIP))
	if pos, ok := t.Image.LineAt(c.RIP); ok {
		fmt.Fprintf(&b, "  %s:%d", pos.File, pos.Line)
	}
	if c.CPL() == 3 {
		b.WriteString("  user")
	}
	b.WriteString(e.notes(core))
	_, due, err := m.Peek(core)
	switch {
	case due.Kind != cpu.DueNone:
		fmt.Fprintf(&b, "\n    => delivers %s", due)
	case c.Activity != cpu.Running:
		fmt.Fprintf(&b, "\n    => %s", e.activity(core))
	case err != nil:
		fmt.Fprintf(&b, "\n    => %v", err)
	default:
		fmt.Fprintf(&b, "\n    => %s", e.S.T.SourceOrText(c.RIP))
	}
	return b.String()
}

// Notes tells what is pending or blocked on a core, and its store buffer, in
// brackets; "" if there is nothing to tell.
func (e *Engine) Notes(core int) string { return e.notes(core) }

// notes tells what is pending or blocked on a core, and its store buffer.
func (e *Engine) notes(core int) string {
	c := e.S.M.Core(core)
	var n []string
	if c.Flags&cpu.FlagIF == 0 {
		n = append(n, "irqs off")
	}
	if c.Blocked&cpu.BlockNMI != 0 {
		n = append(n, "NMIs blocked")
	}
	if c.Blocked&(cpu.BlockSTI|cpu.BlockMovSS) != 0 {
		n = append(n, "interrupt shadow")
	}
	if c.Pending&cpu.PendNMI != 0 {
		n = append(n, "NMI pending")
	}
	for _, v := range pendingVectors(c) {
		n = append(n, fmt.Sprintf("IRQ %#02x pending", v))
	}
	if k := len(c.StoreBuffer()); k > 0 {
		n = append(n, fmt.Sprintf("%d store(s) buffered", k))
	}
	if e.holding[core] {
		n = append(n, "holding")
	}
	if n == nil {
		return ""
	}
	return "  [" + strings.Join(n, ", ") + "]"
}

// pendingVectors lists the vectors in a core's IRR, highest first.
func pendingVectors(c *cpu.Core) []int {
	var out []int
	for i := len(c.APIC.IRR) - 1; i >= 0; i-- {
		w := uint64(c.APIC.IRR[i])
		for w != 0 {
			b := 63 - bits.LeadingZeros64(w)
			out = append(out, i*irrBits+b)
			w &^= 1 << b
		}
	}
	return out
}

func cmdPrint(e *Engine, a *args) error {
	x, err := a.expression()
	if err != nil {
		return err
	}
	text, err := e.render(x, a.fmt)
	if err != nil {
		return err
	}
	e.printf("%s = %s\n", x, text)
	return nil
}

// render evaluates an expression and writes its value in a gdb format; a
// struct comes field by field.
func (e *Engine) render(x *expr.Expr, format string) (string, error) {
	t := x.Type()
	if t.Fields != nil && t.Size > 0 {
		va, ok := x.Addr(e.S.Context(e.core))
		if !ok {
			return "", fmt.Errorf("%s has no address", x)
		}
		return e.renderStruct(t, va), nil
	}
	if t.Count > 0 {
		va, _ := x.Addr(e.S.Context(e.core))
		return e.renderArray(t, va), nil
	}
	v, err := e.value(x)
	if err != nil {
		return "", err
	}
	if format != "" {
		return formatted(format, uint64(v), max(t.Size, 1))
	}
	s := t.Format(v)
	if sym, off, ok := e.S.T.Image.SymbolAt(uint64(v)); ok && t.Size == 8 && uint64(v) > 1<<20 {
		s += fmt.Sprintf(" <%s+%#x>", sym.Name, off)
	}
	return s, nil
}

func (e *Engine) renderStruct(t *expr.Type, va uint64) string {
	fields := append([]expr.Field(nil), t.Fields...)
	sort.Slice(fields, func(i, j int) bool { return fields[i].Off < fields[j].Off })
	var b strings.Builder
	b.WriteString("{")
	for _, f := range fields {
		fmt.Fprintf(&b, "\n  %s = %s", f.Name, e.renderAt(f.Type, va+uint64(f.Off)))
	}
	b.WriteString("\n}")
	return b.String()
}

func (e *Engine) renderAt(t *expr.Type, va uint64) string {
	if t.Count > 0 {
		return e.renderArray(t, va)
	}
	v, ok := e.S.Context(e.core).State.Load(e.core, va, min(max(t.Size, 1), 8))
	if !ok {
		return "(not mapped)"
	}
	if t.Signed && t.Size < 8 {
		shift := 64 - 8*uint(t.Size)
		return t.Format(int64(v<<shift) >> shift)
	}
	return t.Format(int64(v))
}

func (e *Engine) renderArray(t *expr.Type, va uint64) string {
	if t.Elem.Size == 1 {
		b := make([]byte, min(t.Count, 256))
		if !e.S.M.ReadVirt(e.core, va, b) {
			return "(not mapped)"
		}
		s, _, _ := strings.Cut(string(b), "\x00")
		return strconv.QuoteToASCII(s)
	}
	var items []string
	for i := range min(t.Count, 64) {
		items = append(items, e.renderAt(t.Elem, va+uint64(i*t.Elem.Size)))
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// formatted writes v, of size bytes, in one of gdb's formats.
func formatted(format string, v uint64, size int) (string, error) {
	if size < 8 {
		v &= 1<<(8*size) - 1
	}
	shift := 64 - 8*uint(size)
	switch format {
	case "x":
		return fmt.Sprintf("%#x", v), nil
	case "z":
		return fmt.Sprintf("0x%0*x", 2*size, v), nil
	case "d":
		return fmt.Sprint(int64(v<<shift) >> shift), nil
	case "u":
		return fmt.Sprint(v), nil
	case "o":
		return fmt.Sprintf("%#o", v), nil
	case "t":
		return fmt.Sprintf("%#b", v), nil
	case "c":
		return fmt.Sprintf("%d %s", v, strconv.QuoteRuneToASCII(rune(v&0xff))), nil
	}
	return "", fmt.Errorf("expected a format of x, z, d, u, o, t or c, found %q", format)
}

func cmdDisplay(e *Engine, a *args) error {
	if !a.more() {
		for _, d := range e.displays {
			e.showDisplay(d)
		}
		return nil
	}
	x, err := a.expression()
	if err != nil {
		return err
	}
	d := display{e.nextNum, x, a.fmt}
	e.nextNum++
	e.displays = append(e.displays, d)
	e.showDisplay(d)
	return nil
}

func (e *Engine) showDisplay(d display) {
	text, err := e.render(d.x, d.fmt)
	if err != nil {
		text = err.Error()
	}
	e.printf("%d: %s = %s\n", d.num, d.x, text)
}

func cmdUndisplay(e *Engine, a *args) error {
	if !a.more() {
		e.displays = nil
		return nil
	}
	w, at := a.word()
	n, err := strconv.Atoi(w)
	for i, d := range e.displays {
		if err == nil && d.num == n {
			e.displays = append(e.displays[:i:i], e.displays[i+1:]...)
			return a.done()
		}
	}
	return a.errorf(at, "there is no display %s", w)
}

// layoutOf splits gdb's NFU: count, format, unit size in bytes.
func (a *args) layoutOf() (count int, format string, unit int, err error) {
	count, format, unit = 1, "x", 8
	f := a.fmt
	digits := 0
	for digits < len(f) && f[digits] >= '0' && f[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		if count, err = strconv.Atoi(f[:digits]); err != nil || count < 1 || count > 4096 {
			return 0, "", 0, a.errorf(0, "expected a count from 1 to 4096, found %q", f[:digits])
		}
	}
	for _, c := range f[digits:] {
		switch c {
		case 'b', 'h', 'w', 'g':
			unit = 1 << strings.IndexRune("bhwg", c)
		case 'x', 'z', 'd', 'u', 'o', 't', 'c', 's', 'i', 'a':
			format = string(c)
		default:
			return 0, "", 0, a.errorf(0, "expected a format of x z d u o t c s i a and a unit of b h w g, found %q", f)
		}
	}
	return count, format, unit, nil
}

func cmdExamine(e *Engine, a *args) error {
	count, format, unit, err := a.layoutOf()
	if err != nil {
		return err
	}
	va := e.xAt
	if a.more() {
		at := a.at
		x, err := a.expression()
		if err != nil {
			return err
		}
		if va, err = e.addressOf(x); err != nil {
			return a.wrap(at, err)
		}
	}
	switch format {
	case "i":
		return e.disassemble(va, count)
	case "s":
		return e.examineString(a, va)
	}
	return e.dump(a, va, count, format, unit, func(at uint64, b []byte) bool { return e.S.M.ReadVirt(e.core, at, b) })
}

// addressOf is what x examines: an object's address, or a value as an address.
func (e *Engine) addressOf(x *expr.Expr) (uint64, error) {
	t := x.Type()
	if t.Fields != nil || t.Count > 0 || t.Func || t.Elem == nil && t.Size == 0 {
		if va, ok := x.Addr(e.S.Context(e.core)); ok {
			return va, nil
		}
	}
	if va, ok := x.Addr(e.S.Context(e.core)); ok && t.Elem == nil {
		return va, nil
	}
	v, err := e.value(x)
	return uint64(v), err
}

func (e *Engine) dump(a *args, va uint64, count int, format string, unit int, read func(uint64, []byte) bool) error {
	per := 16 / unit
	if format == "a" {
		unit, per = 8, 1
	}
	for i := range count {
		at := va + uint64(i*unit)
		var b [8]byte
		if !read(at, b[:unit]) {
			return a.errorf(0, "no memory at %#x", at)
		}
		v := binary.LittleEndian.Uint64(b[:])
		if i%per == 0 {
			e.printf("%s:", e.S.T.Where(at))
		}
		text := fmt.Sprintf("%#x <%s>", v, e.S.T.Where(v))
		if format != "a" {
			text, _ = formatted(map[bool]string{true: "z", false: format}[format == "x"], v, unit)
		}
		e.printf("  %s", text)
		if i%per == per-1 || i == count-1 {
			e.printf("\n")
		}
	}
	e.xAt = va + uint64(count*unit)
	return nil
}

func (e *Engine) examineString(a *args, va uint64) error {
	var s []byte
	for len(s) < 4096 {
		var b [1]byte
		if !e.S.M.ReadVirt(e.core, va+uint64(len(s)), b[:]) {
			return a.errorf(0, "no memory at %#x", va+uint64(len(s)))
		}
		if b[0] == 0 {
			break
		}
		s = append(s, b[0])
	}
	e.printf("%s: %s\n", e.S.T.Where(va), strconv.QuoteToASCII(string(s)))
	e.xAt = va + uint64(len(s)) + 1
	return nil
}

// cmdExamineP is x for physical addresses.
func cmdExamineP(e *Engine, a *args) error {
	count, format, unit, err := a.layoutOf()
	if err != nil {
		return err
	}
	at := a.at
	x, err := a.condition()
	if err != nil {
		return err
	}
	pa, err := e.value(x)
	if err != nil {
		return a.wrap(at, err)
	}
	if format == "i" || format == "s" {
		return a.errorf(0, "xp shows numbers; use x for instructions and strings")
	}
	return e.dump(a, uint64(pa), count, format, unit, func(at uint64, b []byte) bool {
		ok := at+uint64(len(b)) <= e.S.M.MemBytes()
		if ok {
			e.S.M.ReadPhys(at, b)
		}
		return ok
	})
}

func cmdDisas(e *Engine, a *args) error {
	va := e.S.M.Core(e.core).RIP
	if a.more() {
		p, err := a.place()
		if err != nil {
			return err
		}
		va = p.Addr
	}
	sym, _, ok := e.S.T.Image.SymbolAt(va)
	lo, hi, isFunc := uint64(0), uint64(0), false
	if ok {
		lo, hi, isFunc = e.S.T.Names.FuncRange(sym.Name)
	}
	if !isFunc || va >= hi {
		return e.disassemble(va, 10)
	}
	return e.disassembleTo(lo, hi, 1<<20)
}

func (e *Engine) disassemble(va uint64, count int) error {
	return e.disassembleTo(va, ^uint64(0), count)
}

func (e *Engine) disassembleTo(va, hi uint64, count int) error {
	rip := e.S.M.Core(e.core).RIP
	for ; count > 0 && va < hi; count-- {
		var b [15]byte
		n := 15
		for n > 0 && !e.S.M.ReadVirt(e.core, va, b[:n]) {
			n--
		}
		in, err := decodeAt(b[:n])
		mark := "   "
		if va == rip {
			mark = "=> "
		}
		if err != nil {
			e.printf("%s%-28s (bad)\n", mark, e.S.T.Where(va))
			return nil
		}
		e.printf("%s%-28s %s\n", mark, e.S.T.Where(va), e.S.T.Disassemble(b[:in], va))
		va += uint64(in)
	}
	e.xAt = va
	return nil
}

// Where tells where every core stands.
func (e *Engine) Where() string {
	var b strings.Builder
	for i := range e.S.M.NumCores() {
		b.WriteString(e.where(i) + "\n")
	}
	return b.String()
}

// SaveScript returns a script that does again what was done so far.
func (e *Engine) SaveScript() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# klpsim step %s -batch -x THIS\n", e.S.T.Scenario.Name)
	for _, l := range e.saved {
		b.WriteString(l + "\n")
	}
	fmt.Fprintf(&b, "# the schedule it leaves:\n")
	for _, l := range WrapSchedule(e.S.Schedule().String(), 70) {
		b.WriteString("#   " + l + "\n")
	}
	return []byte(b.String())
}

// WrapSchedule cuts a schedule's text into lines of at most width columns.
func WrapSchedule(text string, width int) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len(line)+1+len(w) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}
