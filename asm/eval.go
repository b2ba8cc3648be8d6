package asm

// terms is an expression reduced to add - sub + n. Equated symbols have been
// followed; labels of the same section have cancelled out.
type terms struct {
	add, sub *symbol
	n        int64
}

// reduce evaluates e after relaxation. It fails for expressions that no
// relocation can express, and for definitions that go in circles.
func (a *assembler) reduce(e *expr) (t terms, ok bool) {
	switch e.kind {
	case exAbsent:
		return terms{}, true
	case exConst:
		return terms{n: e.n}, true
	case exSym:
		t, ok = a.reduceSymbol(e.add)
		t.n += e.n
		return t, ok
	case exDiff:
		x, ok1 := a.reduceSymbol(e.add)
		y, ok2 := a.reduceSymbol(e.sub)
		if !ok1 || !ok2 {
			return t, false
		}
		t, ok = a.subtract(x, y)
		t.n += e.n
		return t, ok
	case exOp:
		t, ok = a.reduceOp(e)
		t.n += e.n
		return t, ok
	}
	return terms{}, false
}

// reduceSymbol follows an equated symbol to what it stands for, unless the
// symbol itself must be visible in the relocation.
func (a *assembler) reduceSymbol(s *symbol) (terms, bool) {
	switch s.kind {
	case symAbsolute:
		return terms{n: s.off}, true
	case symEquated:
		if s.resolving {
			return terms{}, false
		}
		s.resolving = true
		t, ok := a.reduce(s.eq)
		s.resolving = false
		if ok && t.sub == nil && t.add != nil && !s.anonymous && !s.weakref && t.add.kind == symDefined {
			return terms{add: s}, true
		}
		return t, ok
	}
	return terms{add: s}, true
}

// subtract computes x - y.
func (a *assembler) subtract(x, y terms) (terms, bool) {
	t := terms{n: x.n - y.n}
	if x.sub != nil && y.sub != nil && x.sub != y.sub || x.add != nil && y.sub != nil {
		return t, false
	}
	t.add, t.sub = x.add, x.sub
	if y.sub != nil {
		if t.sub == y.sub {
			t.sub = nil
		} else {
			t.add = y.sub
		}
	}
	if y.add == nil {
		return t, true
	}
	if t.sub != nil {
		return t, false
	}
	t.sub = y.add
	return a.cancel(t), true
}

// cancel turns a difference of two places of one section into a number.
func (a *assembler) cancel(t terms) terms {
	if t.add == nil || t.sub == nil {
		return t
	}
	if t.add == t.sub {
		return terms{n: t.n}
	}
	s1, v1, ok1 := a.location(t.add)
	s2, v2, ok2 := a.location(t.sub)
	if ok1 && ok2 && s1 == s2 {
		return terms{n: t.n + v1 - v2}
	}
	return t
}

// location returns the section and offset of a symbol that stands for a
// place in this object.
func (a *assembler) location(s *symbol) (*section, int64, bool) {
	switch s.kind {
	case symDefined:
		return s.sec.root(), s.sec.frags[s.frag].addr + s.off, true
	case symEquated:
		if s.resolving {
			return nil, 0, false
		}
		s.resolving = true
		t, ok := a.reduce(s.eq)
		s.resolving = false
		if !ok || t.sub != nil || t.add == nil || t.add == s {
			return nil, 0, false
		}
		sec, v, ok := a.location(t.add)
		return sec, v + t.n, ok
	}
	return nil, 0, false
}

func (a *assembler) reduceOp(e *expr) (terms, bool) {
	y, ok := a.reduce(e.y)
	if !ok {
		return y, false
	}
	if e.op >= opNeg {
		if e.op == opNeg {
			return a.subtract(terms{}, y)
		}
		return terms{n: applyUnary(e.op, y.n)}, y.add == nil && y.sub == nil
	}
	x, ok := a.reduce(e.x)
	if !ok {
		return x, false
	}
	switch {
	case e.op == opSub:
		return a.subtract(x, y)
	case e.op == opAdd:
		return a.addTerms(x, y)
	case e.op >= opEq && e.op <= opGt:
		d, ok := a.subtract(x, y)
		if ok && d.add == nil && d.sub == nil {
			return terms{n: applyBinary(e.op, d.n, 0)}, true
		}
		if e.op == opEq || e.op == opNe {
			return terms{n: truth(e.op == opNe)}, true
		}
		return d, false
	}
	known := x.add == nil && x.sub == nil && y.add == nil && y.sub == nil
	return terms{n: applyBinary(e.op, x.n, y.n)}, known
}

// addTerms computes x + y.
func (a *assembler) addTerms(x, y terms) (terms, bool) {
	if x.add != nil && y.add != nil || x.sub != nil && y.sub != nil {
		if x.sub != nil && y.sub != nil {
			return x, false
		}
		// a - b + (b - c) and the like: cancel crosswise first.
		if y.sub != nil {
			c := a.cancel(terms{add: x.add, sub: y.sub})
			if c.add == nil && c.sub == nil {
				return a.cancel(terms{add: y.add, n: x.n + y.n + c.n, sub: x.sub}), true
			}
		}
		if x.sub != nil {
			c := a.cancel(terms{add: y.add, sub: x.sub})
			if c.add == nil && c.sub == nil {
				return a.cancel(terms{add: x.add, n: x.n + y.n + c.n, sub: y.sub}), true
			}
		}
		return x, false
	}
	t := x
	t.n += y.n
	if y.add != nil {
		t.add = y.add
	}
	if y.sub != nil {
		t.sub = y.sub
	}
	return a.cancel(t), true
}
