package cpu

// Packed integer arithmetic, logic and comparison (SDM vol. 2, P...). Each
// operation is one function of the two operands.

import (
	"math/bits"

	"klpsim/cpu/decode"
)

// saturate clamps v to lo..hi.
func saturate(v, lo, hi int64) int64 { return max(lo, min(v, hi)) }

func pand(a, b vec) vec  { return vec{a[0] & b[0], a[1] & b[1]} }
func pandn(a, b vec) vec { return vec{^a[0] & b[0], ^a[1] & b[1]} }
func por(a, b vec) vec   { return vec{a[0] | b[0], a[1] | b[1]} }
func pxor(a, b vec) vec  { return vec{a[0] ^ b[0], a[1] ^ b[1]} }

// addLanes adds the lanes whose top bits are set in h, without carries between them.
func addLanes(a, b vec, h uint64) vec {
	f := func(x, y uint64) uint64 { return (x&^h + y&^h) ^ (x^y)&h }
	return vec{f(a[0], b[0]), f(a[1], b[1])}
}

// The top bits of bytes, words and doublewords.
const (
	tops8  = 0x8080808080808080
	tops16 = 0x8000800080008000
	tops32 = 0x8000000080000000
)

func paddb(a, b vec) vec { return addLanes(a, b, tops8) }
func paddw(a, b vec) vec { return addLanes(a, b, tops16) }
func paddd(a, b vec) vec { return addLanes(a, b, tops32) }
func paddq(a, b vec) vec { return vec{a[0] + b[0], a[1] + b[1]} }
func psubb(a, b vec) vec { return lanes8(a, b, func(x, y uint8) uint8 { return x - y }) }
func psubw(a, b vec) vec { return lanes16(a, b, func(x, y uint16) uint16 { return x - y }) }
func psubd(a, b vec) vec { return lanes32(a, b, func(x, y uint32) uint32 { return x - y }) }
func psubq(a, b vec) vec { return vec{a[0] - b[0], a[1] - b[1]} }

func paddsb(a, b vec) vec {
	return lanes8(a, b, func(x, y int8) int8 { return int8(saturate(int64(x)+int64(y), -128, 127)) })
}

func paddsw(a, b vec) vec { return lanes16(a, b, addSatW) }
func psubsw(a, b vec) vec { return lanes16(a, b, subSatW) }

func addSatW(x, y int16) int16 { return int16(saturate(int64(x)+int64(y), -32768, 32767)) }
func subSatW(x, y int16) int16 { return int16(saturate(int64(x)-int64(y), -32768, 32767)) }

func paddusb(a, b vec) vec {
	return lanes8(a, b, func(x, y uint8) uint8 { return uint8(min(uint(x)+uint(y), 255)) })
}

func paddusw(a, b vec) vec {
	return lanes16(a, b, func(x, y uint16) uint16 { return uint16(min(uint(x)+uint(y), 65535)) })
}

func psubsb(a, b vec) vec {
	return lanes8(a, b, func(x, y int8) int8 { return int8(saturate(int64(x)-int64(y), -128, 127)) })
}

func psubusb(a, b vec) vec {
	return lanes8(a, b, func(x, y uint8) uint8 { return x - min(x, y) })
}

func psubusw(a, b vec) vec {
	return lanes16(a, b, func(x, y uint16) uint16 { return x - min(x, y) })
}

func pavgb(a, b vec) vec {
	return lanes8(a, b, func(x, y uint8) uint8 { return uint8((uint(x) + uint(y) + 1) >> 1) })
}

func pavgw(a, b vec) vec {
	return lanes16(a, b, func(x, y uint16) uint16 { return uint16((uint(x) + uint(y) + 1) >> 1) })
}

func pmaxsb(a, b vec) vec { return lanes8(a, b, func(x, y int8) int8 { return max(x, y) }) }
func pmaxsw(a, b vec) vec { return lanes16(a, b, func(x, y int16) int16 { return max(x, y) }) }
func pmaxsd(a, b vec) vec { return lanes32(a, b, func(x, y int32) int32 { return max(x, y) }) }
func pmaxub(a, b vec) vec { return lanes8(a, b, func(x, y uint8) uint8 { return max(x, y) }) }
func pmaxuw(a, b vec) vec { return lanes16(a, b, func(x, y uint16) uint16 { return max(x, y) }) }
func pmaxud(a, b vec) vec { return lanes32(a, b, func(x, y uint32) uint32 { return max(x, y) }) }
func pminsb(a, b vec) vec { return lanes8(a, b, func(x, y int8) int8 { return min(x, y) }) }
func pminsw(a, b vec) vec { return lanes16(a, b, func(x, y int16) int16 { return min(x, y) }) }
func pminsd(a, b vec) vec { return lanes32(a, b, func(x, y int32) int32 { return min(x, y) }) }
func pminub(a, b vec) vec { return lanes8(a, b, func(x, y uint8) uint8 { return min(x, y) }) }
func pminuw(a, b vec) vec { return lanes16(a, b, func(x, y uint16) uint16 { return min(x, y) }) }
func pminud(a, b vec) vec { return lanes32(a, b, func(x, y uint32) uint32 { return min(x, y) }) }

// allOnes is a comparison's result.
func allOnes[T lane](yes bool) T {
	if yes {
		return ^T(0)
	}
	return 0
}

func pcmpeqb(a, b vec) vec {
	return lanes8(a, b, func(x, y uint8) uint8 { return allOnes[uint8](x == y) })
}

func pcmpeqw(a, b vec) vec {
	return lanes16(a, b, func(x, y uint16) uint16 { return allOnes[uint16](x == y) })
}

func pcmpeqd(a, b vec) vec {
	return lanes32(a, b, func(x, y uint32) uint32 { return allOnes[uint32](x == y) })
}

func pcmpeqq(a, b vec) vec {
	return vec{allOnes[uint64](a[0] == b[0]), allOnes[uint64](a[1] == b[1])}
}

func pcmpgtb(a, b vec) vec {
	return lanes8(a, b, func(x, y int8) int8 { return allOnes[int8](x > y) })
}

func pcmpgtw(a, b vec) vec {
	return lanes16(a, b, func(x, y int16) int16 { return allOnes[int16](x > y) })
}

func pcmpgtd(a, b vec) vec {
	return lanes32(a, b, func(x, y int32) int32 { return allOnes[int32](x > y) })
}

func pcmpgtq(a, b vec) vec {
	return vec{allOnes[uint64](int64(a[0]) > int64(b[0])), allOnes[uint64](int64(a[1]) > int64(b[1]))}
}

func pmullw(a, b vec) vec { return lanes16(a, b, func(x, y uint16) uint16 { return x * y }) }
func pmulld(a, b vec) vec { return lanes32(a, b, func(x, y uint32) uint32 { return x * y }) }

func pmulhw(a, b vec) vec {
	return lanes16(a, b, func(x, y int16) int16 { return int16(int32(x) * int32(y) >> 16) })
}

func pmulhuw(a, b vec) vec {
	return lanes16(a, b, func(x, y uint16) uint16 { return uint16(uint32(x) * uint32(y) >> 16) })
}

func pmulhrsw(a, b vec) vec {
	return lanes16(a, b, func(x, y int16) int16 { return int16((int32(x)*int32(y)>>14 + 1) >> 1) })
}

func pmuludq(a, b vec) vec {
	f := func(x, y uint64) uint64 { return uint64(uint32(x)) * uint64(uint32(y)) }
	return vec{f(a[0], b[0]), f(a[1], b[1])}
}

func pmuldq(a, b vec) vec {
	f := func(x, y uint64) uint64 { return uint64(int64(int32(x)) * int64(int32(y))) }
	return vec{f(a[0], b[0]), f(a[1], b[1])}
}

func pmaddwd(a, b vec) vec {
	return lanes32(a, b, func(x, y uint32) uint32 {
		return uint32(int32(int16(x))*int32(int16(y)) + int32(int16(x>>16))*int32(int16(y>>16)))
	})
}

func pmaddubsw(a, b vec) vec {
	return lanes16(a, b, func(x, y uint16) uint16 {
		sum := int64(uint8(x))*int64(int8(y)) + int64(x>>8)*int64(int8(y>>8))
		return uint16(saturate(sum, -32768, 32767))
	})
}

func psadbw(a, b vec) vec {
	f := func(x, y uint64) (sum uint64) {
		for s := 0; s < 64; s += 8 {
			p, q := uint8(x>>s), uint8(y>>s)
			sum += uint64(max(p, q) - min(p, q))
		}
		return sum
	}
	return vec{f(a[0], b[0]), f(a[1], b[1])}
}

func pabsb(_, b vec) vec { return lanes8(b, b, func(x, _ int8) int8 { return max(x, -x) }) }
func pabsw(_, b vec) vec { return lanes16(b, b, func(x, _ int16) int16 { return max(x, -x) }) }
func pabsd(_, b vec) vec { return lanes32(b, b, func(x, _ int32) int32 { return max(x, -x) }) }

// withSign is PSIGN on one lane: x negated, cleared or kept by the sign of y.
func withSign[T int8 | int16 | int32](x, y T) T {
	switch {
	case y < 0:
		return -x
	case y == 0:
		return 0
	}
	return x
}

func psignb(a, b vec) vec { return lanes8(a, b, withSign[int8]) }
func psignw(a, b vec) vec { return lanes16(a, b, withSign[int16]) }
func psignd(a, b vec) vec { return lanes32(a, b, withSign[int32]) }

// pairs16 joins the four pairs of words in v by f; pairs32 the two pairs of doublewords.
func pairs16(v vec, f func(x, y int16) int16) (r uint64) {
	for i := range 4 {
		r |= uint64(uint16(f(int16(wordAt(v, 2*i)), int16(wordAt(v, 2*i+1))))) << (16 * i)
	}
	return r
}

func pairs32(v vec, f func(x, y uint32) uint32) uint64 {
	return uint64(f(dwordAt(v, 0), dwordAt(v, 1))) | uint64(f(dwordAt(v, 2), dwordAt(v, 3)))<<32
}

func phaddw(v vec) uint64  { return pairs16(v, func(x, y int16) int16 { return x + y }) }
func phsubw(v vec) uint64  { return pairs16(v, func(x, y int16) int16 { return x - y }) }
func phaddsw(v vec) uint64 { return pairs16(v, addSatW) }
func phsubsw(v vec) uint64 { return pairs16(v, subSatW) }
func phaddd(v vec) uint64  { return pairs32(v, func(x, y uint32) uint32 { return x + y }) }
func phsubd(v vec) uint64  { return pairs32(v, func(x, y uint32) uint32 { return x - y }) }

func packsswb(v vec) (r uint64) {
	for i := range 8 {
		r |= uint64(uint8(saturate(int64(int16(wordAt(v, i))), -128, 127))) << (8 * i)
	}
	return r
}

func packuswb(v vec) (r uint64) {
	for i := range 8 {
		r |= uint64(saturate(int64(int16(wordAt(v, i))), 0, 255)) << (8 * i)
	}
	return r
}

func packssdw(v vec) (r uint64) {
	for i := range 4 {
		r |= uint64(uint16(saturate(int64(int32(dwordAt(v, i))), -32768, 32767))) << (16 * i)
	}
	return r
}

func packusdw(v vec) (r uint64) {
	for i := range 4 {
		r |= uint64(saturate(int64(int32(dwordAt(v, i))), 0, 65535)) << (16 * i)
	}
	return r
}

// shiftLanes shifts the w-bit lanes of a 64-bit half; a count of w or more
// clears them.
func shiftLanes(w uint, left bool) func(a, n uint64) uint64 {
	return func(a, n uint64) uint64 {
		if n >= uint64(w) {
			return 0
		}
		return map64(a, 0, w, func(x, _ uint64) uint64 {
			if left {
				return x << n
			}
			return x & (^uint64(0) >> (64 - w)) >> n
		})
	}
}

func psraw(a, n uint64) uint64 {
	n = min(n, 15)
	return map64(a, 0, 16, func(x, _ int16) int16 { return x >> n })
}

func psrad(a, n uint64) uint64 {
	n = min(n, 31)
	return map64(a, 0, 32, func(x, _ int32) int32 { return x >> n })
}

func pslldq(c *Core, in *decode.Inst) {
	a := c.xmm(in.Args[0].N)
	c.setVec(in, shiftBytes(vec{}, a, 16-min(int(uint8(in.Imm)), 16)))
}

func psrldq(c *Core, in *decode.Inst) {
	a := c.xmm(in.Args[0].N)
	c.setVec(in, shiftBytes(a, vec{}, min(int(uint8(in.Imm)), 16)))
}

// shiftBytes returns the 16 bytes of high:low that start at byte n (0..32).
func shiftBytes(low, high vec, n int) vec {
	all := [5]uint64{low[0], low[1], high[0], high[1], 0}
	at := func(i int) uint64 {
		w, s := i/8, uint(i%8*8)
		if w > 3 {
			return 0
		}
		return all[w]>>s | all[w+1]<<(64-s)
	}
	return vec{at(n), at(n + 8)}
}

// opPalignr: SDM vol. 2, PALIGNR; the MMX form joins two 8-byte values.
func opPalignr(c *Core, in *decode.Inst) {
	if !c.enterSIMD(in) {
		return
	}
	b := c.xarg(in, 1, true)
	a := c.xarg(in, 0, true)
	n := int(uint8(in.Imm))
	if isMMX(in) {
		c.setVec(in, vec{shiftBytes(vec{b[0], a[0]}, vec{}, min(n, 16))[0]})
		return
	}
	c.setVec(in, shiftBytes(b, a, min(n, 32)))
}

// opPshufb: SDM vol. 2, PSHUFB; a set top bit clears the byte.
func opPshufb(c *Core, in *decode.Inst) {
	if !c.enterSIMD(in) {
		return
	}
	b := c.xarg(in, 1, true)
	a := c.xarg(in, 0, true)
	mask := uint8(15)
	if isMMX(in) {
		mask = 7
	}
	var r vec
	for i := range 16 {
		if k := byteAt(b, i); k < 0x80 {
			r[i>>3] |= uint64(byteAt(a, int(k&mask))) << (i & 7 * 8)
		}
	}
	c.setVec(in, r)
}

// shuffleWords picks four words of a half by an immediate.
func shuffleWords(v uint64, imm uint8) (r uint64) {
	for i := range 4 {
		r |= v >> (imm >> (2 * i) & 3 * 16) & 0xffff << (16 * i)
	}
	return r
}

func pshufw(v vec, imm uint8) vec  { return vec{shuffleWords(v[0], imm)} }
func pshuflw(v vec, imm uint8) vec { return vec{shuffleWords(v[0], imm), v[1]} }
func pshufhw(v vec, imm uint8) vec { return vec{v[0], shuffleWords(v[1], imm)} }

func pshufd(v vec, imm uint8) vec { return shufps(v, v, imm) }

// shufps takes the lower two elements from a and the upper two from b.
func shufps(a, b vec, imm uint8) vec {
	return dwords(dwordAt(a, int(imm&3)), dwordAt(a, int(imm>>2&3)),
		dwordAt(b, int(imm>>4&3)), dwordAt(b, int(imm>>6)))
}

func shufpd(a, b vec, imm uint8) vec { return vec{a[imm&1], b[imm>>1&1]} }

// blend takes the w-bit lanes of b whose bit in the mask is set.
func blend(w uint) func(a, b vec, mask uint8) vec {
	return func(a, b vec, mask uint8) vec {
		for i := uint(0); i < 128/w; i++ {
			if mask>>i&1 != 0 {
				a = put(a, i, w, b[i*w/64]>>(i*w%64))
			}
		}
		return a
	}
}

// blendByXMM0 is the variable blend: the top bit of each w-bit lane of XMM0
// takes the lane of the source.
func blendByXMM0(w uint) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, true)
		r, mask := c.xmm(in.Args[0].N), c.xmm(0)
		for i := uint(0); i < 128/w; i++ {
			pos := i * w
			if mask[pos/64]>>(pos%64+w-1)&1 != 0 {
				r = put(r, i, w, b[pos/64]>>(pos%64))
			}
		}
		c.setVec(in, r)
	})
}

// extend widens the lanes of the source from one width to another, with or
// without sign (PMOVSX, PMOVZX).
func extend(from, to uint, signed bool) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		src := c.xarg(in, 1, false)[0]
		var r vec
		for i := uint(0); i < 128/to; i++ {
			x := src >> (i * from) << (64 - from)
			if signed {
				x = uint64(int64(x) >> (64 - from))
			} else {
				x >>= 64 - from
			}
			r = put(r, i, to, x)
		}
		c.setVec(in, r)
	})
}

// opPmovmskb: SDM vol. 2, PMOVMSKB.
func opPmovmskb(c *Core, in *decode.Inst) {
	if !c.enterSIMD(in) {
		return
	}
	v := c.xarg(in, 1, true)
	c.setReg(in.Args[0].N, 8, signBits(v[0], 8)|signBits(v[1], 8)<<8)
}

// signBits collects the top bits of the w-bit lanes of a half.
func signBits(v uint64, w uint) (r uint64) {
	for i := uint(0); i < 64/w; i++ {
		r |= v >> (i*w + w - 1) & 1 << i
	}
	return r
}

// opPhminposuw: the smallest unsigned word and its first position.
func opPhminposuw(c *Core, in *decode.Inst) {
	v := c.xarg(in, 1, true)
	best := 0
	for i := range 8 {
		if wordAt(v, i) < wordAt(v, best) {
			best = i
		}
	}
	c.setVec(in, vec{uint64(wordAt(v, best)) | uint64(best)<<16})
}

// mpsadbw: eight sums of absolute differences of four bytes each.
func mpsadbw(a, b vec, imm uint8) (r vec) {
	aoff, boff := int(imm>>2&1*4), int(imm&3*4)
	for i := range 8 {
		sum := uint64(0)
		for k := range 4 {
			p, q := byteAt(a, aoff+i+k), byteAt(b, boff+k)
			sum += uint64(max(p, q) - min(p, q))
		}
		r = put(r, uint(i), 16, sum)
	}
	return r
}

// opPtest: ZF if a AND b is zero, CF if NOT a AND b is (SDM vol. 2, PTEST).
func opPtest(c *Core, in *decode.Inst) {
	b := c.xarg(in, 1, true)
	a := c.xmm(in.Args[0].N)
	var f uint64
	if pand(a, b) == (vec{}) {
		f |= FlagZF
	}
	if pandn(a, b) == (vec{}) {
		f |= FlagCF
	}
	c.setFlags(FlagsStatus, f)
}

// opPinsr inserts a w-bit element taken from a general register or memory.
func opPinsr(w uint) handler {
	return func(c *Core, in *decode.Inst) {
		if !c.enterSIMD(in) {
			return
		}
		var x uint64
		if a := &in.Args[1]; a.Kind == decode.Mem {
			x = c.load(in.Segment, c.ea(in), uint8(w/8))
		} else {
			x = c.reg(a.N, 8)
		}
		n := 128 / w
		if isMMX(in) {
			n = 64 / w
		}
		c.setVec(in, put(c.xarg(in, 0, true), uint(uint8(in.Imm))%n, w, x))
	}
}

// opPextr extracts a w-bit element into memory of that width, or into a
// general register with zeroes above it.
func opPextr(w uint) handler {
	return func(c *Core, in *decode.Inst) {
		if !c.enterSIMD(in) {
			return
		}
		n := 128 / w
		if isMMX(in) {
			n = 64 / w
		}
		v := c.xarg(in, 1, true)
		pos := uint(uint8(in.Imm)) % n * w
		x := v[pos/64] >> (pos % 64) & (^uint64(0) >> (64 - w))
		if a := &in.Args[0]; a.Kind == decode.Mem {
			c.store(in.Segment, c.ea(in), uint8(w/8), x)
		} else {
			c.setReg(a.N, 8, x)
		}
	}
}

// setBits returns the positions of the lowest and highest set bit of a mask
// that is not zero.
func setBits(m uint64) (low, high int) {
	return bits.TrailingZeros64(m), bits.Len64(m) - 1
}
