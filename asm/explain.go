package asm

import "fmt"

// explainMismatch says why no form of m took the operands.
func (a *assembler) explainMismatch(m *mnemonic, at int) {
	best := (*candidate)(nil)
	bestBad, counts := -1, map[int]bool{}
	onlyMode := false
	for i := range m.cands {
		c := &m.cands[i]
		if c.attr&atNo64 != 0 && a.mode == 8 || c.attr&atOnly64 != 0 && a.mode != 8 {
			onlyMode = true
			continue
		}
		counts[int(c.nargs)] = true
		if int(c.nargs) != a.nops {
			continue
		}
		if bad := a.firstBad(c.form); bad > bestBad {
			best, bestBad = c, bad
		}
	}
	switch {
	case len(counts) == 0 && onlyMode && a.mode == 8:
		a.errorAt(at, "`%s' is not supported in 64-bit mode", m.name)
	case len(counts) == 0 && onlyMode:
		a.errorAt(at, "`%s' is only supported in 64-bit mode", m.name)
	case best == nil:
		a.errorAt(at, "number of operands mismatch for `%s': it takes %s, here are %d", m.name, countList(counts), a.nops)
	case bestBad < a.nops:
		o := &a.ops[bestBad]
		a.errorAt(o.at, "operand %d `%s' does not fit `%s'%s", bestBad+1, a.textBetween(o.at, o.end), m.name, a.widthHint(best, o))
	default:
		a.errorAt(at, "operand type mismatch for `%s'", m.name)
	}
}

// firstBad is the index of the first operand that the form refuses.
func (a *assembler) firstBad(f *form) int {
	for i := 0; i < a.nops; i++ {
		o := &a.ops[i]
		switch {
		case o.mask&f.mask[i]&^mStar == 0,
			(o.mask^f.mask[i])&mStar != 0 && !a.starOptional(f, o, i),
			f.acc&(1<<i) != 0 && o.mask&(mReg|mXMM) != 0 && o.mask&mAcc == 0,
			f.imm[i] != immNone && !a.immFits(f, i, o):
			return i
		}
	}
	return a.nops
}

// widthHint explains a register of the wrong size.
func (a *assembler) widthHint(c *candidate, o *operand) string {
	if o.mask&mReg == 0 || c.width == 0 {
		return ""
	}
	if c.suffixed != 0 {
		return fmt.Sprintf(": incorrect register used with `%c' suffix", suffixLetter(c.suffixed))
	}
	return ": operand size mismatch"
}

func suffixLetter(width uint8) byte {
	for c, w := range suffixWidth {
		if w == width {
			return c
		}
	}
	return '?'
}

// countList renders the operand counts that a mnemonic takes.
func countList(counts map[int]bool) string {
	s := ""
	for n := 0; n <= 4; n++ {
		if counts[n] {
			if s != "" {
				s += " or "
			}
			s += itoa(n)
		}
	}
	if s == "" {
		return "none of these"
	}
	return s
}
