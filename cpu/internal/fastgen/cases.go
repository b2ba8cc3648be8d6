package main

import (
	"fmt"
	"strings"

	"klpsim/cpu"
	"klpsim/cpu/decode"
)

// width is an operand size and how Go spells it.
type width struct {
	bytes  int
	suffix string // in names of constants
	u, i   string // unsigned and signed type
}

var (
	w1 = width{1, "B", "uint8", "int8"}
	w2 = width{2, "W", "uint16", "int16"}
	w4 = width{4, "L", "uint32", "int32"}
	w8 = width{8, "Q", "uint64", "int64"}
)

// A place is how the memory operand's address is made: base and displacement,
// or with an index too. Absent registers read as zero.
type place struct{ suffix, ea string }

var places = []place{
	{"D", "r[o.b&31] + uint64(int64(o.disp))"},
	{"X", "r[o.b&31] + r[o.c&31]<<(o.s&63) + uint64(int64(o.disp))"},
}

// shape literals, as the translator knows them.
func key(op string, w width, shape string) string {
	return fmt.Sprintf("{decode.%s, %d, shape%s, 0}", op, w.bytes, shape)
}

func key2(op string, w width, shape string, sub int) string {
	return fmt.Sprintf("{decode.%s, %d, shape%s, %d}", op, w.bytes, shape, sub)
}

// access returns code that finds the page of w bytes at place p, as pointer h.
func access(p place, w width, write bool) string {
	kind, miss := "read", "missRead"
	if write {
		kind, miss = "write", "missWrite"
	}
	last := ""
	if w.bytes > 1 {
		last = fmt.Sprintf("+%d", w.bytes-1)
	}
	return fmt.Sprintf(`			ea = %s
			e := &tlb.%s[ea>>12&(fastTLB-1)]
			if (ea%s)&^0xfff != e.va {
				goto %s
			}
			h := (*%s)(unsafe.Add(e.page, ea&0xfff))
`, p.ea, kind, last, miss, w.u)
}

// setReg returns code that writes expression v, of w's unsigned type, to the
// register at index.
func setReg(index string, w width, v string) string {
	switch w.bytes {
	case 8:
		return fmt.Sprintf("r[%s] = %s\n", index, v)
	case 4:
		return fmt.Sprintf("r[%s] = uint64(%s)\n", index, v)
	case 2:
		return fmt.Sprintf("r[%[1]s] = r[%[1]s]&^0xffff | uint64(%[2]s)\n", index, v)
	}
	return fmt.Sprintf("r[%[1]s] = r[%[1]s]&^0xff | uint64(%[2]s)\n", index, v)
}

// moves are the data movement cases: no flags.
func (g *gen) moves() {
	g.add("", "{decode.MOV, 8, shapeRI, 0}", "\t\t\tr[o.a&31] = o.imm")
	for _, w := range []width{w1, w2, w4, w8} {
		g.add("fastMov"+w.suffix+"RR", key("MOV", w, "RR"), "%s", setReg("o.a&31", w, w.u+"(r[o.b&31])"))
		for _, p := range places {
			g.add("fastMov"+w.suffix+"R"+p.suffix, key("MOV", w, "R"+p.suffix), "%s%s", access(p, w, false), setReg("o.a&31", w, "*h"))
			g.add("fastMov"+w.suffix+p.suffix+"R", key("MOV", w, p.suffix+"R"), "%s*h = %s(r[o.a&31])", access(p, w, true), w.u)
			g.add("fastMov"+w.suffix+p.suffix+"I", key("MOV", w, p.suffix+"I"), "%s*h = %s(o.imm)", access(p, w, true), w.u)
		}
	}
	for _, w := range []width{w4, w8} {
		for _, p := range places {
			g.add("fastLea"+w.suffix+p.suffix, key("LEA", w, "R"+p.suffix), "%s", setReg("o.a&31", w, w.u+"("+p.ea+")"))
		}
		g.add("fastCmov"+w.suffix, key("CMOV", w, "RR"), "v := r[o.a&31]\nif s.cond(o.s) { v = r[o.b&31] }\n%s", setReg("o.a&31", w, w.u+"(v)"))
		g.add("fastXchg"+w.suffix, key("XCHG", w, "RR"), "a, b := %[1]s(r[o.a&31]), %[1]s(r[o.b&31])\nr[o.a&31], r[o.b&31] = uint64(b), uint64(a)", w.u)
		g.extensions(w)
	}
	g.add("fastSetcc", key("SET", w1, "R"), "v := uint64(0)\nif s.cond(o.s) { v = 1 }\nr[o.a&31] = r[o.a&31]&^0xff | v")
	g.add("fastNop", "{decode.NOP, 0, shapeNone, 0}", "")
	g.add("fastCwdL", key("CWD", w4, "None"), "r[RDX] = uint64(uint32(int32(r[RAX]) >> 31))")
	g.add("fastCwdQ", key("CWD", w8, "None"), "r[RDX] = uint64(int64(r[RAX]) >> 63)")
	g.add("fastCbwL", key("CBW", w4, "None"), "r[RAX] = uint64(uint32(int16(r[RAX])))")
	g.add("fastCbwQ", key("CBW", w8, "None"), "r[RAX] = uint64(int64(int32(r[RAX])))")
}

// extensions are MOVZX and MOVSX to width w.
func (g *gen) extensions(w width) {
	for _, from := range []width{w1, w2, w4} {
		if from.bytes >= w.bytes {
			continue
		}
		for _, op := range []struct{ name, conv string }{
			{"MOVZX", "%[1]s(%[2]s(%[4]s))"},
			{"MOVSX", "%[1]s(%[3]s(%[4]s))"},
		} {
			ext := func(v string) string {
				return fmt.Sprintf(op.conv, w.u, from.u, from.i, v)
			}
			name := "fast" + op.name + from.suffix + w.suffix
			g.add(name, key2(op.name, w, "RR", from.bytes), "%s", setReg("o.a&31", w, ext("r[o.b&31]")))
			for _, p := range places {
				g.add(name+p.suffix, key2(op.name, w, "R"+p.suffix, from.bytes), "%s%s", access(p, from, false), setReg("o.a&31", w, ext("*h")))
			}
		}
	}
}

// rule is an operation of the instruction table: its name as a constant of
// package decode, what it computes and the family of lazy flags it leaves.
type rule struct{ op, expr, lazy string }

// rules looks operations up in the instruction table.
func rules(ops ...decode.Op) []rule {
	var list []rule
	for _, op := range ops {
		row := cpu.Lookup(op)
		if row.Fast.Result == "" {
			panic("BUG: no fast rule for " + row.Name)
		}
		list = append(list, rule{strings.ToUpper(row.Name), row.Fast.Result, row.Fast.Lazy})
	}
	return list
}

// comparisons leave flags only.
var comparisons = rules(decode.CMP, decode.TEST)

// lazyFlags returns code that records what the flags follow from: the result v
// and the operands x and y, all of width w.
func lazyFlags(lazy string, w width) string {
	kind := fmt.Sprintf("lazy%s%d", lazy, w.bytes)
	code := fmt.Sprintf("s.res, s.kinds = uint64(int64(%s(v))), %[2]s|%[2]s<<8\n", w.i, kind)
	if lazy == "Logic" {
		return code
	}
	return code + "s.x, s.y = uint64(x), uint64(y)\n"
}

func (b rule) writes() bool { return b.op != "CMP" && b.op != "TEST" }

// arithmetic are the cases that leave flags, and their twins that leave none
// because the next instruction replaces them all.
func (g *gen) arithmetic() {
	for _, b := range append(rules(decode.ADD, decode.SUB, decode.AND, decode.OR, decode.XOR), comparisons...) {
		for _, w := range []width{w1, w4, w8} {
			g.binary(b, w)
		}
	}
	for _, w := range []width{w4, w8} {
		g.unary(w)
		g.shifts(w)
	}
}

// binary adds the shapes of one operation at one width.
func (g *gen) binary(b rule, w width) {
	name := "fast" + b.op + w.suffix
	both := func(suffix, shape, load, store string) {
		body := load + "\nv := " + b.expr + "\n"
		if !b.writes() {
			store = ""
		}
		g.add(name+suffix, key(b.op, w, shape), "%s%s%s", body, lazyFlags(b.lazy, w), store)
		if b.writes() {
			g.add(name+suffix+"q", key2(b.op, w, shape, 1), "%s%s", body, store)
		}
	}
	toReg := setReg("o.a&31", w, "v")
	both("RR", "RR", fmt.Sprintf("x, y := %[1]s(r[o.a&31]), %[1]s(r[o.b&31])", w.u), toReg)
	both("RI", "RI", fmt.Sprintf("x, y := %[1]s(r[o.a&31]), %[1]s(o.imm)", w.u), toReg)
	for _, p := range places {
		rw := access(p, w, b.writes())
		both("R"+p.suffix, "R"+p.suffix, access(p, w, false)+fmt.Sprintf("x, y := %s(r[o.a&31]), *h", w.u), toReg)
		both(p.suffix+"R", p.suffix+"R", rw+fmt.Sprintf("x, y := *h, %s(r[o.a&31])", w.u), "*h = v\n")
		both(p.suffix+"I", p.suffix+"I", rw+fmt.Sprintf("x, y := *h, %s(o.imm)", w.u), "*h = v\n")
	}
}

// unary adds INC, DEC, NEG and NOT of registers, and the multiplications.
func (g *gen) unary(w width) {
	for _, u := range rules(decode.INC, decode.DEC) {
		load := fmt.Sprintf("x := %s(r[o.a&31])\nv := %s\n", w.u, u.expr)
		lazy := fmt.Sprintf("s.res, s.kinds = uint64(int64(%s(v))), s.kinds&0x1ff00|lazy%s%d\n", w.i, u.lazy, w.bytes)
		g.add("fast"+u.op+w.suffix, key(u.op, w, "R"), "%s%s%s", load, lazy, setReg("o.a&31", w, "v"))
		g.add("fast"+u.op+w.suffix+"q", key2(u.op, w, "R", 1), "%s%s", load, setReg("o.a&31", w, "v"))
	}
	neg := fmt.Sprintf("x, y := %[1]s(0), %[1]s(r[o.a&31])\nv := x - y\n", w.u)
	g.add("fastNEG"+w.suffix, key("NEG", w, "R"), "%s%s%s", neg, lazyFlags("Sub", w), setReg("o.a&31", w, "v"))
	g.add("fastNOT"+w.suffix, key("NOT", w, "R"), "%s", setReg("o.a&31", w, "^"+w.u+"(r[o.a&31])"))
	// A product overflows when it is not the sign extension of its lower half.
	over := "p := int64(int32(x)) * int64(int32(y))\nv := uint32(p)\nover := p != int64(int32(p))\n"
	if w.bytes == 8 {
		over = "hi, v := bits.Mul64(x, y)\nhi -= uint64(int64(x)>>63)&y + uint64(int64(y)>>63)&x\nover := hi != uint64(int64(v)>>63)\n"
	}
	mul := func(suffix, shape, load string) {
		name := "fastIMUL" + w.suffix + suffix
		g.add(name, key("IMUL", w, shape), "%s\n%ss.setCO(over, over)\n%s", load, over, setReg("o.a&31", w, "v"))
		g.add(name+"q", key2("IMUL", w, shape, 1), "%s\n%s", load, setReg("o.a&31", w, "x * y"))
	}
	mul("RR", "RR", fmt.Sprintf("x, y := %[1]s(r[o.a&31]), %[1]s(r[o.b&31])", w.u))
	mul("RRI", "RRI", fmt.Sprintf("x, y := %[1]s(r[o.b&31]), %[1]s(o.imm)", w.u))
	for _, p := range places {
		mul("R"+p.suffix, "R"+p.suffix, access(p, w, false)+fmt.Sprintf("x, y := %s(r[o.a&31]), *h", w.u))
	}
}

// shifts adds the shifts and rotates by an immediate count that is not zero,
// and the shifts by CL.
func (g *gen) shifts(w width) {
	bitsOf := 8 * w.bytes
	types := strings.NewReplacer("U(", w.u+"(", "I(", w.i+"(")
	for _, sh := range rules(decode.SHL, decode.SHR, decode.SAR) {
		load := fmt.Sprintf("x := %s(r[o.a&31])\nn := o.imm & %d\nv := %s\n", w.u, bitsOf-1, types.Replace(sh.expr))
		lazy := fmt.Sprintf("s.res, s.kinds = uint64(int64(%s(v))), lazy%[2]s%[3]d|lazy%[2]s%[3]d<<8\ns.x, s.y = uint64(x), n\n", w.i, sh.lazy, w.bytes)
		g.add("fast"+sh.op+w.suffix, key(sh.op, w, "RI"), "%s%s%s", load, lazy, setReg("o.a&31", w, "v"))
		g.add("fast"+sh.op+w.suffix+"q", key2(sh.op, w, "RI", 1), "%s%s", load, setReg("o.a&31", w, "v"))
		byCL := strings.Replace(load, "o.imm", "r[RCX]", 1)
		g.add("fast"+sh.op+w.suffix+"CL", key(sh.op, w, "RR"), "%sif n != 0 {\n%s}\n%s", byCL, lazy, setReg("o.a&31", w, "v"))
	}
	for _, rot := range []struct{ op, sign, flags string }{
		{"ROL", "", "s.setCO(v&1 != 0, v&1 != v>>%[1]d)\n"},
		{"ROR", "-", "s.setCO(v>>%[1]d != 0, v>>%[1]d != v>>(%[1]d-1)&1)\n"},
	} {
		body := fmt.Sprintf("v := bits.RotateLeft%d(%s(r[o.a&31]), %sint(o.imm))\n", bitsOf, w.u, rot.sign) + setReg("o.a&31", w, "v")
		g.add("fast"+rot.op+w.suffix, key(rot.op, w, "RI"), "%s%s", body, fmt.Sprintf(rot.flags, bitsOf-1))
		g.add("fast"+rot.op+w.suffix+"q", key2(rot.op, w, "RI", 1), "%s", body)
	}
}
