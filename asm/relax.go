package asm

// Relaxation gives every fragment its address. As GNU as does it, branches
// start short and only ever grow; a pass walks the section once, carrying the
// growth so far ("stretch") into targets that the pass has not reached yet.

// maxPasses bounds relaxation; alignments can otherwise swing for ever.
const maxPasses = 1000

// parts are the section and its subsections in the order of their numbers.
func (s *section) parts() []*section {
	if len(s.subs) == 0 {
		return []*section{s}
	}
	out := make([]*section, 0, 1+len(s.subs))
	done := false
	for _, sub := range s.subs {
		if sub.subNum > 0 && !done {
			out, done = append(out, s), true
		}
		out = append(out, sub)
	}
	if !done {
		out = append(out, s)
	}
	return out
}

// relax lays out one section.
func (a *assembler) relax(root *section) {
	parts := root.parts()
	addr, region := int64(0), int32(0)
	a.bouncing = 0
	for _, s := range parts {
		s.last().end = int32(len(s.buf))
		for i := range s.frags {
			f := &s.frags[i]
			f.addr, f.region = addr, region
			addr += int64(f.end - f.start)
			f.size = a.firstSize(s, f, addr)
			addr += f.size
			if f.kind == fragAlign || f.kind == fragOrg {
				region++
			}
		}
	}
	for pass := int32(1); pass < maxPasses; pass++ {
		stretch, changed := int64(0), false
		for _, s := range parts {
			for i := range s.frags {
				f := &s.frags[i]
				f.pass = pass
				was := f.addr
				f.addr += stretch
				grow := a.grow(s, f, was, stretch, pass)
				if grow != 0 {
					f.size += grow
					stretch += grow
					changed = true
					a.noteGrowth(f, stretch)
				}
			}
		}
		if !changed {
			break
		}
	}
	last := parts[len(parts)-1].last()
	root.size = last.addr + int64(last.end-last.start) + last.size
}

// firstSize is the size of the variable part before the first pass.
func (a *assembler) firstSize(s *section, f *frag, at int64) int64 {
	switch f.kind {
	case fragJump:
		if !a.relaxable(s, f) {
			f.max = 1 // long for good, by relocation
			return longSize(f)
		}
		return 2
	case fragAlign:
		return alignSize(at, f)
	case fragLEB:
		return 1
	case fragFill:
		if n, ok := a.fillCount(f); ok {
			return n * int64(len(f.fill))
		}
	}
	return 0
}

// relaxable reports whether the branch stays in its section. As in GNU as, a
// jump to a global symbol of the section counts, a call to one does not.
func (a *assembler) relaxable(s *section, f *frag) bool {
	t := f.val.add
	if t.weak || t.typ == sttIfunc || t.unique || t.global && f.val.mod == modPLT {
		return false
	}
	sec, _, ok := a.location(t)
	return ok && sec == s.root()
}

// longSize is the size of the long form of a branch.
func longSize(f *frag) int64 {
	n := int64(5)
	if f.sub != 0xeb {
		n = 6
	}
	if f.align == 2 {
		n -= 2
	}
	return n
}

func alignSize(at int64, f *frag) int64 {
	n := -at & (f.align - 1)
	if f.max != 0 && n > f.max {
		return 0
	}
	return n
}

// grow returns by how much the variable part of f changes in this pass.
func (a *assembler) grow(s *section, f *frag, was, stretch int64, pass int32) int64 {
	fixed := int64(f.end - f.start)
	switch f.kind {
	case fragJump:
		if f.size != 2 || f.max == 1 {
			return 0
		}
		d := a.target(s, f, stretch, pass) - (f.addr + fixed + 2)
		if d < -128 || d > 127 {
			return longSize(f) - 2
		}
	case fragAlign:
		n := alignSize(f.addr+fixed, f)
		if n < f.size && a.bouncing&16 != 0 && (f.max == 0 || n+f.align <= f.max) {
			n += f.align
		}
		return n - f.size
	case fragOrg:
		n := a.target(s, f, stretch, pass) - (f.addr + fixed)
		if n < 0 {
			n = 0
		}
		return n - f.size
	case fragFill:
		n, ok := a.fillCount(f)
		if !ok {
			return 0
		}
		return n*int64(len(f.fill)) - f.size
	case fragLEB:
		t, _ := a.reduce(&f.val)
		return int64(lebSize(t.n, f.sub != 0)) - f.size
	case fragCFA:
		return int64(cfaSize(a.delta(f))) - f.size
	}
	return 0
}

// noteGrowth watches for a LEB128 number and an alignment behind it that
// undo each other's changes for ever. When they do, the alignment takes more
// room than it needs, in the very pass in which GNU as makes it do so.
func (a *assembler) noteGrowth(f *frag, stretch int64) {
	switch {
	case f.kind == fragLEB, f.kind == fragAlign && a.bouncing&16 != 0 && stretch == 0:
		a.bouncing += 16
	default:
		a.bouncing = 0
	}
}

// delta is the current distance between the two labels of f.
func (a *assembler) delta(f *frag) int64 {
	t, _ := a.reduce(&f.val)
	return t.n
}

// target is the current address of the fragment's expression: an offset in
// the section.
func (a *assembler) target(s *section, f *frag, stretch int64, pass int32) int64 {
	t, ok := a.reduce(&f.val)
	if !ok || t.add == nil {
		return t.n
	}
	_, v, _ := a.location(t.add)
	v += t.n
	if stretch == 0 || t.add.kind != symDefined {
		return v
	}
	tf := &t.add.sec.frags[t.add.frag]
	if tf.pass != pass && (stretch < 0 || tf.region == f.region) {
		v += stretch
	} else if here := f.addr + int64(f.end-f.start) + 1; tf.pass != pass && v < here && f.kind == fragJump {
		return here // a forward branch, only seemingly backward
	}
	return v
}

// fillCount is the repeat count of a fill, if it is a number.
func (a *assembler) fillCount(f *frag) (int64, bool) {
	t, ok := a.reduce(&f.val)
	if !ok || t.add != nil || t.sub != nil {
		return 0, false
	}
	if t.n < 0 {
		return 0, true
	}
	return t.n, true
}

// lebSize is the length of a LEB128 number.
func lebSize(n int64, signed bool) int {
	size := 1
	if signed {
		for n < -64 || n > 63 {
			n >>= 7
			size++
		}
		return size
	}
	for u := uint64(n); u >= 0x80; u >>= 7 {
		size++
	}
	return size
}

// appendLEB appends a LEB128 number of at least size bytes.
func appendLEB(dst []byte, n int64, signed bool, size int) []byte {
	for i := 1; ; i++ {
		b := byte(n & 0x7f)
		if signed {
			n >>= 7
		} else {
			n = int64(uint64(n) >> 7)
		}
		if i >= lebMore(n, b, signed, size, i) {
			return append(dst, b)
		}
		dst = append(dst, b|0x80)
	}
}

// lebMore returns i if the number is complete after byte b, else a larger number.
func lebMore(n int64, b byte, signed bool, size, i int) int {
	done := n == 0 && (!signed || b&0x40 == 0) || signed && n == -1 && b&0x40 != 0
	if done && i >= size {
		return i
	}
	return i + 1
}
