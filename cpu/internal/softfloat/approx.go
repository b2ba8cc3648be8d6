package softfloat

// Recip32 approximates 1/a as RCPSS does: the correctly rounded quotient cut to
// 12 significant bits, within the 1.5 * 2^-12 relative error that the manual
// allows; tiny results are zero, denormals count as zero, and no exception is
// flagged (SDM vol. 2, RCPSS). Processors differ in the digits.
func (e *Env) Recip32(a uint32) uint32 {
	n := single.unpack(uint64(a))
	if n.isNaN() {
		return uint32(single.packNaN(&n))
	}
	if n.denorm {
		n.class = zero
	}
	one := num{sig: 1 << 63}
	return approximate(div(&one, &n))
}

// RecipSqrt32 approximates 1/sqrt(a) in the same way (SDM vol. 2, RSQRTSS).
func (e *Env) RecipSqrt32(a uint32) uint32 {
	n := single.unpack(uint64(a))
	if n.isNaN() {
		return uint32(single.packNaN(&n))
	}
	if n.denorm {
		n.class = zero
	}
	s := sqrt(&n)
	if s.class == qnan {
		return uint32(single.indefinite())
	}
	one := num{sig: 1 << 63}
	return approximate(div(&one, &num{class: s.class, neg: s.neg, exp: s.exp, sig: s.hi}))
}

// approximate rounds to 12 bits.
func approximate(x exact) uint32 {
	switch {
	case x.class == inf:
		return uint32(single.pack(x.neg, infExp, 0))
	case x.class == zero || x.exp < single.emin:
		return uint32(single.pack(x.neg, 0, 0))
	}
	sig := x.hi + 1<<51
	if sig < x.hi {
		sig, x.exp = 1<<63, x.exp+1
	}
	return uint32(single.pack(x.neg, x.exp, sig&^(1<<52-1)))
}
