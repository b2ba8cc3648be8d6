package cpu

// The lazy flags of the fast path. An operation leaves its result, sign-
// extended to 64 bits, in res, and its operands in x and y; kinds says which
// operation it was. ZF and SF follow from res alone. The kind in bits 0-7
// answers for OF, AF and PF, the one in bits 8-15 for CF: INC and DEC replace
// only the former. Bits 16 and 17 say that CF or OF has been replaced since, by
// a multiplication or a rotate, and stands in cf or of.

// A lazy kind is a family and the log2 of the width in bytes.
const (
	lazyNone  = 0 // the flags are in Core.Flags, but for ZF and SF
	lazyAdd   = 1 << 2
	lazySub   = 2 << 2
	lazyLogic = 3 << 2
	lazyInc   = 4 << 2
	lazyDec   = 5 << 2
	lazyShl   = 6 << 2
	lazyShr   = 7 << 2
	lazySar   = 8 << 2

	lazyAdd1, lazyAdd4, lazyAdd8       = lazyAdd, lazyAdd | 2, lazyAdd | 3
	lazySub1, lazySub4, lazySub8       = lazySub, lazySub | 2, lazySub | 3
	lazyLogic1, lazyLogic4, lazyLogic8 = lazyLogic, lazyLogic | 2, lazyLogic | 3
	lazyInc4, lazyInc8                 = lazyInc | 2, lazyInc | 3
	lazyDec4, lazyDec8                 = lazyDec | 2, lazyDec | 3
	lazyShl4, lazyShl8                 = lazyShl | 2, lazyShl | 3
	lazyShr4, lazyShr8                 = lazyShr | 2, lazyShr | 3
	lazySar4, lazySar8                 = lazySar | 2, lazySar | 3
)

const (
	lazyCF = 1 << 16
	lazyOF = 1 << 17
)

// setCO replaces CF and OF alone.
func (s *fastCore) setCO(cf, of bool) {
	s.cf, s.of = cf, of
	s.kinds |= lazyCF | lazyOF
}

// loadFlags makes Core.Flags the source of all flags. ZF and SF are never
// both set (fastReady sees to it at the entry; no handler makes it).
func (s *fastCore) loadFlags() {
	f := s.core.Flags
	switch {
	case f&FlagZF != 0:
		s.res = 0
	case f&FlagSF != 0:
		s.res = 1 << 63
	default:
		s.res = 1
	}
	s.kinds = lazyNone
}

// storeFlags computes the six status flags into Core.Flags.
func (s *fastCore) storeFlags() {
	if s.kinds == lazyNone {
		return
	}
	size := uint8(1) << (s.kinds & 3)
	f := uint64(0)
	if s.carry() {
		f = FlagCF
	}
	if s.res == 0 {
		f |= FlagZF
	}
	f |= s.res >> 63 * FlagSF
	if s.parity() {
		f |= FlagPF
	}
	f |= flagIf(FlagOF, s.overflow(size)) | s.adjust()
	s.core.Flags = s.core.Flags&^FlagsStatus | f
	s.kinds = lazyNone
}

// carry returns CF.
func (s *fastCore) carry() bool {
	if s.kinds&lazyCF != 0 {
		return s.cf
	}
	k := s.kinds >> 8 & 0xff
	size := uint8(1) << (k & 3)
	switch k &^ 3 {
	case lazyAdd:
		return (s.x+s.y)&sizeMask(size) < s.x
	case lazySub:
		return s.x < s.y
	case lazyLogic:
		return false
	case lazyShl, lazyShr, lazySar:
		_, cf, _ := s.shift(k&^3, size)
		return cf&1 != 0
	}
	return s.core.Flags&FlagCF != 0
}

// shift repeats the shift that left x and y.
func (s *fastCore) shift(k uint32, size uint8) (r, cf, of uint64) {
	switch k {
	case lazyShl:
		return shl(s.x, uint(s.y), size)
	case lazyShr:
		return shr(s.x, uint(s.y), size)
	}
	return sar(s.x, uint(s.y), size)
}

// overflow returns OF as 0 or 1 for an operation of size bytes.
func (s *fastCore) overflow(size uint8) uint64 {
	if s.kinds&lazyOF != 0 {
		return boolBit(s.of)
	}
	switch k := s.kinds & 0xfc; k {
	case lazyAdd:
		return msb((s.x^s.res)&(s.y^s.res), size)
	case lazySub:
		return msb((s.x^s.y)&(s.x^s.res), size)
	case lazyInc:
		return msb(^(s.res-1)&s.res, size)
	case lazyDec:
		return msb((s.res+1)&^s.res, size)
	case lazyShl, lazyShr, lazySar:
		_, _, of := s.shift(k, size)
		return of & 1
	case lazyLogic:
		return 0
	}
	return s.core.Flags >> 11 & 1
}

// adjust returns AF in place.
func (s *fastCore) adjust() uint64 {
	switch s.kinds & 0xfc {
	case lazyAdd, lazySub:
		return (s.x ^ s.y ^ s.res) & FlagAF
	case lazyInc:
		return (s.res ^ (s.res - 1) ^ 1) & FlagAF
	case lazyDec:
		return (s.res ^ (s.res + 1) ^ 1) & FlagAF
	case lazyShl, lazyShr, lazySar:
		return FlagAF // undefined; see shiftOp
	case lazyNone:
		return s.core.Flags & FlagAF
	}
	return 0
}

// parity returns PF.
func (s *fastCore) parity() bool {
	if s.kinds&0xfc == lazyNone {
		return s.core.Flags&FlagPF != 0
	}
	return flagsSZP(s.res, 8)&FlagPF != 0
}

// cond evaluates condition code cc (SDM vol. 1, appendix B).
func (s *fastCore) cond(cc uint8) bool {
	var v bool
	sign := s.res>>63 != 0
	switch cc >> 1 {
	case 0:
		v = s.overflow(1<<(s.kinds&3)) != 0
	case 1:
		v = s.carry()
	case 2:
		v = s.res == 0
	case 3:
		v = s.res == 0 || s.carry()
	case 4:
		v = sign
	case 5:
		v = s.parity()
	case 6:
		v = sign != (s.overflow(1<<(s.kinds&3)) != 0)
	case 7:
		v = s.res == 0 || sign != (s.overflow(1<<(s.kinds&3)) != 0)
	}
	return v != (cc&1 != 0)
}

func boolBit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
