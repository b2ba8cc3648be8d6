package main

import "fmt"

// conds are the condition codes that compare-and-branch cases exist for (the
// parity conditions are too rare), over x and y as left by CMP and v by TEST.
var conds = []struct {
	code      int
	cmp, test string
}{
	{0x0, "I((x^y)&(x^v)) < 0", "false"},
	{0x1, "I((x^y)&(x^v)) >= 0", "true"},
	{0x2, "x < y", "false"},
	{0x3, "x >= y", "true"},
	{0x4, "x == y", "v == 0"},
	{0x5, "x != y", "v != 0"},
	{0x6, "x <= y", "v == 0"},
	{0x7, "x > y", "v != 0"},
	{0x8, "I(v) < 0", "I(v) < 0"},
	{0x9, "I(v) >= 0", "I(v) >= 0"},
	{0xc, "I(x) < I(y)", "I(v) < 0"},
	{0xd, "I(x) >= I(y)", "I(v) >= 0"},
	{0xe, "I(x) <= I(y)", "I(v) <= 0"},
	{0xf, "I(x) > I(y)", "I(v) > 0"},
}

// compareBranch adds CMP or TEST fused with the conditional jump behind it.
// The jump keeps an operation of its own, which has the target.
func (g *gen) compareBranch() {
	for _, b := range comparisons {
		for _, w := range []width{w1, w4, w8} {
			g.compareBranchShape(b, w, "RR", fmt.Sprintf("x, y := %[1]s(r[o.a&31]), %[1]s(r[o.b&31])", w.u))
			g.compareBranchShape(b, w, "RI", fmt.Sprintf("x, y := %[1]s(r[o.a&31]), %[1]s(o.imm)", w.u))
		}
		g.compareBranchShape(b, w1, "DI", access(places[0], w1, false)+"x, y := *h, uint8(o.imm)")
		g.compareBranchShape(b, w4, "DI", access(places[0], w4, false)+"x, y := *h, uint32(o.imm)")
		g.compareBranchShape(b, w8, "RD", access(places[0], w8, false)+"x, y := r[o.a&31], *h")
	}
}

func (g *gen) compareBranchShape(b rule, w width, shape, load string) {
	for _, c := range conds {
		cond := c.cmp
		if b.op == "TEST" {
			cond = c.test
		}
		name := fmt.Sprintf("fast%s%s%sJ%x", b.op, w.suffix, shape, c.code)
		k := fmt.Sprintf("{decode.%s, %d, shape%s, %d}", b.op, w.bytes, shape, 0x10+c.code)
		g.add(name, k, "%s\nv := %s\n%so = fastNext(o)\nif %s {\ngoto taken\n}\ngoto fall",
			load, b.expr, lazyFlags(b.lazy, w), signed(cond, w))
	}
}

// signed puts w's signed type where a condition says I.
func signed(cond string, w width) string {
	out := ""
	for i := 0; i < len(cond); i++ {
		if cond[i] == 'I' && i+1 < len(cond) && cond[i+1] == '(' {
			out += w.i
			continue
		}
		out += string(cond[i])
	}
	return out
}

// stack returns code that finds the eight bytes at address ea for writing or reading.
func stack(ea string, write bool) string {
	return access(place{"", ea}, w8, write)
}

// control are the jumps, calls, returns and stack operations.
func (g *gen) control() {
	simple := map[int]string{4: "s.res == 0", 5: "s.res != 0", 8: "int64(s.res) < 0", 9: "int64(s.res) >= 0"}
	for cc := range 16 {
		cond, ok := simple[cc]
		if !ok {
			cond = fmt.Sprintf("s.cond(%d)", cc)
		}
		g.add(fmt.Sprintf("fastJcc%x", cc), fmt.Sprintf("{decode.JCC, 0, shapeNone, %d}", 0x10+cc), "if %s {\ngoto taken\n}\ngoto fall", cond)
	}
	push := stack("r[RSP] - 8", true)
	g.add("fastPushR", key("PUSH", w8, "R"), "%s*h = r[o.a&31]\nr[RSP] = ea", push)
	g.add("fastPushI", key("PUSH", w8, "I"), "%s*h = o.imm\nr[RSP] = ea", push)
	g.add("fastPopR", key("POP", w8, "R"), "%sr[RSP] = ea + 8\nr[o.a&31] = *h", stack("r[RSP]", false))
	g.add("fastLeave", key("LEAVE", w8, "None"), "%sr[RSP] = ea + 8\nr[RBP] = *h", stack("r[RBP]", false))
	g.add("fastCallRel", "{decode.CALL, 8, shapeRel, 0}", "%s*h = s.page | uint64(o.off) + uint64(o.len)\nr[RSP] = ea\ngoto taken", push)
	g.add("fastCallR", key("CALL", w8, "R"), "pc = r[o.a&31]\nif !canonical(pc) { goto slow }\n%s*h = s.page | uint64(o.off) + uint64(o.len)\nr[RSP] = ea\ngoto lookup", push)
	g.add("fastJmpR", key("JMP", w8, "R"), "pc = r[o.a&31]\nif !canonical(pc) { goto slow }\ngoto lookup")
	for _, p := range places {
		g.add("fastJmp"+p.suffix, key("JMP", w8, p.suffix), "%spc = *h\nif !canonical(pc) { goto slow }\ngoto lookup", access(p, w8, false))
		g.add("fastCall"+p.suffix, key("CALL", w8, p.suffix), `%spc = *h
			if !canonical(pc) { goto slow }
			ea = r[RSP] - 8
			e = &tlb.write[ea>>12&(fastTLB-1)]
			if (ea+7)&^0xfff != e.va {
				goto missWrite
			}
			*(*uint64)(unsafe.Add(e.page, ea&0xfff)) = s.page | uint64(o.off) + uint64(o.len)
			r[RSP] = ea
			goto lookup`, access(p, w8, false))
	}
	g.add("fastRet", "{decode.RET, 8, shapeNone, 0}", "%spc = *h\nif !canonical(pc) { goto slow }\nr[RSP] = ea + 8\ngoto lookup", stack("r[RSP]", false))
}
