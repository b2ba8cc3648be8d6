package softfloat

// Relation is the outcome of a comparison.
type Relation uint8

// The outcomes.
const (
	Less Relation = iota
	Equal
	Greater
	Unordered
)

// Compare32 compares singles. A signalling comparison finds any NaN invalid, a
// quiet one only signalling NaNs.
func (e *Env) Compare32(a, b uint32, signalling bool) Relation {
	x, y := e.operand(&single, uint64(a)), e.operand(&single, uint64(b))
	return e.compare(&x, &y, signalling)
}

// Compare64 compares doubles; see Compare32.
func (e *Env) Compare64(a, b uint64, signalling bool) Relation {
	x, y := e.operand(&double, a), e.operand(&double, b)
	return e.compare(&x, &y, signalling)
}

func (e *Env) compare(a, b *num, signalling bool) Relation {
	if a.isNaN() || b.isNaN() {
		if signalling || a.class == snan || b.class == snan {
			e.Flags |= IE
		}
		return Unordered
	}
	if a.denorm || b.denorm {
		e.Flags |= DE
	}
	return order(a, b)
}

// order compares numbers that are no NaNs.
func order(a, b *num) Relation {
	if a.class == zero && b.class == zero {
		return Equal
	}
	if a.class == zero || b.class != zero && a.neg != b.neg {
		if a.class == zero && b.neg || a.class != zero && !a.neg {
			return Greater
		}
		return Less
	}
	r := Greater // of the magnitudes
	switch {
	case b.class == zero:
	case a.exp < b.exp || a.exp == b.exp && a.class == finite && a.sig < b.sig:
		r = Less
	case a.exp == b.exp && (a.class == inf || a.sig == b.sig):
		return Equal
	}
	if a.neg {
		return Greater - r
	}
	return r
}

// Min32 and its siblings are MINSS, MAXSS, MINSD and MAXSD: b unless a is
// strictly on the wanted side, so that NaNs and pairs of zeroes give b.
func (e *Env) Min32(a, b uint32) uint32 {
	return uint32(e.pick(&single, uint64(a), uint64(b), e.Compare32(a, b, true) == Less))
}

// Max32 is the MAXSS operation.
func (e *Env) Max32(a, b uint32) uint32 {
	return uint32(e.pick(&single, uint64(a), uint64(b), e.Compare32(a, b, true) == Greater))
}

// Min64 is the MINSD operation.
func (e *Env) Min64(a, b uint64) uint64 {
	return e.pick(&double, a, b, e.Compare64(a, b, true) == Less)
}

// Max64 is the MAXSD operation.
func (e *Env) Max64(a, b uint64) uint64 {
	return e.pick(&double, a, b, e.Compare64(a, b, true) == Greater)
}

// pick returns a or b, a denormal as zero if DAZ says so.
func (e *Env) pick(f *format, a, b uint64, first bool) uint64 {
	if first {
		b = a
	}
	if n := f.unpack(b); n.denorm && e.DAZ {
		return f.pack(n.neg, 0, 0)
	}
	return b
}
