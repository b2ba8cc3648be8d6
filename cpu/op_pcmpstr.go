package cpu

import "klpsim/cpu/decode"

// The string comparisons of SSE4.2 (SDM vol. 2, section 4.1). The immediate:
// bits 1-0 the format (unsigned bytes, unsigned words, signed bytes, signed
// words), 3-2 the aggregation, 5-4 the polarity, 6 the kind of output.

// strArgs are the operands of a string comparison.
type strArgs struct {
	a, b       vec
	lenA, lenB int // valid elements
	imm        uint8
}

// elements is the number of elements of an operand.
func (s *strArgs) elements() int {
	if s.imm&1 != 0 {
		return 8
	}
	return 16
}

// at returns element i of v as the immediate's format has it.
func (s *strArgs) at(v vec, i int) int {
	switch s.imm & 3 {
	case 0:
		return int(byteAt(v, i))
	case 1:
		return int(wordAt(v, i))
	case 2:
		return int(int8(byteAt(v, i)))
	}
	return int(int16(wordAt(v, i)))
}

// implicitLen is the number of elements before the first zero.
func (s *strArgs) implicitLen(v vec) int {
	n := 0
	for n < s.elements() && s.at(v, n) != 0 {
		n++
	}
	return n
}

// explicitLen is the magnitude of a length register, at most the number of elements.
func (s *strArgs) explicitLen(v uint64, size uint8) int {
	n := int64(signExtend(v, size))
	if n < 0 {
		n = -n
	}
	if n < 0 || n > int64(s.elements()) {
		return s.elements()
	}
	return int(n)
}

// result computes IntRes2.
func (s *strArgs) result() uint32 {
	var r uint32
	n := s.elements()
	for j := range n {
		if s.aggregate(j, n) {
			r |= 1 << j
		}
	}
	all := uint32(1)<<n - 1
	switch s.imm >> 4 & 3 {
	case 1:
		r ^= all
	case 3:
		r ^= uint32(1)<<s.lenB - 1
	}
	return r
}

// aggregate is bit j of IntRes1.
func (s *strArgs) aggregate(j, n int) bool {
	switch s.imm >> 2 & 3 {
	case 0:
		return s.equalAny(j)
	case 1:
		return s.inRanges(j)
	case 2:
		return s.equalEach(j)
	}
	return s.equalOrdered(j, n)
}

// equalAny: element j of b is one of a's.
func (s *strArgs) equalAny(j int) bool {
	for i := range s.lenA {
		if j < s.lenB && s.at(s.a, i) == s.at(s.b, j) {
			return true
		}
	}
	return false
}

// inRanges: element j of b is in one of the ranges that pairs of a's elements give.
func (s *strArgs) inRanges(j int) bool {
	for i := 0; i+1 < s.lenA; i += 2 {
		if x := s.at(s.b, j); j < s.lenB && x >= s.at(s.a, i) && x <= s.at(s.a, i+1) {
			return true
		}
	}
	return false
}

// equalEach: elements j are equal, or both beyond the ends.
func (s *strArgs) equalEach(j int) bool {
	if j >= s.lenA || j >= s.lenB {
		return j >= s.lenA && j >= s.lenB
	}
	return s.at(s.a, j) == s.at(s.b, j)
}

// equalOrdered: a is found in b at j, as far as the register shows.
func (s *strArgs) equalOrdered(j, n int) bool {
	for i := 0; i < s.lenA && i+j < n; i++ {
		if i+j >= s.lenB || s.at(s.a, i) != s.at(s.b, i+j) {
			return false
		}
	}
	return true
}

// compareStrings runs a comparison and sets the flags.
func (c *Core) compareStrings(in *decode.Inst, explicit bool) (res uint32, s strArgs) {
	s = strArgs{a: c.xmm(in.Args[0].N), b: c.xarg(in, 1, false), imm: uint8(in.Imm)}
	if explicit {
		size := uint8(4)
		if in.Prefix&decode.RexW != 0 {
			size = 8
		}
		s.lenA = s.explicitLen(c.reg(RAX, size), size)
		s.lenB = s.explicitLen(c.reg(RDX, size), size)
	} else {
		s.lenA, s.lenB = s.implicitLen(s.a), s.implicitLen(s.b)
	}
	res = s.result()
	var f uint64
	if res != 0 {
		f |= FlagCF
	}
	if s.lenB < s.elements() {
		f |= FlagZF
	}
	if s.lenA < s.elements() {
		f |= FlagSF
	}
	if res&1 != 0 {
		f |= FlagOF
	}
	c.setFlags(FlagsStatus, f)
	return res, s
}

// opPcmpstri gives the index of the first or last set bit in ECX.
func opPcmpstri(explicit bool) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		res, s := c.compareStrings(in, explicit)
		i := s.elements()
		if res != 0 {
			low, high := setBits(uint64(res))
			i = low
			if s.imm&0x40 != 0 {
				i = high
			}
		}
		c.setReg(RCX, 4, uint64(i))
	})
}

// opPcmpstrm gives a mask in XMM0: of bits, or of whole elements.
func opPcmpstrm(explicit bool) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		res, s := c.compareStrings(in, explicit)
		if s.imm&0x40 == 0 {
			c.setXMM(0, vec{uint64(res)})
			return
		}
		w := uint(128 / s.elements())
		var r vec
		for i := range uint(s.elements()) {
			if res>>i&1 != 0 {
				r = put(r, i, w, ^uint64(0))
			}
		}
		c.setXMM(0, r)
	})
}
