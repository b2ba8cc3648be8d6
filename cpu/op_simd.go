package cpu

import "klpsim/cpu/decode"

// Packed integers, MMX and SSE together: an operation is a function on 128-bit
// values, and the wrappers below fetch operands, check the unit and write the
// result. MMX values are the lower half of such a value; operations that cross
// the halves are written as operations on one 64-bit half of the result, so
// that the same function serves both widths.

// vec is a 128-bit value, [0] being bits 0-63.
type vec = [2]uint64

// handler is what a table row executes.
type handler = func(*Core, *decode.Inst)

// lane is the element type of a packed operation.
type lane interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int8 | ~int16 | ~int32 | ~int64
}

// map64 applies f to the lanes of two 64-bit halves.
func map64[T lane](a, b uint64, w uint, f func(x, y T) T) (r uint64) {
	mask := ^uint64(0) >> (64 - w)
	for s := uint(0); s < 64; s += w {
		r |= uint64(f(T(a>>s), T(b>>s))) & mask << s
	}
	return r
}

// lanes8, lanes16 and lanes32 apply f lane by lane.
func lanes8[T uint8 | int8](a, b vec, f func(x, y T) T) vec {
	return vec{map64(a[0], b[0], 8, f), map64(a[1], b[1], 8, f)}
}

func lanes16[T uint16 | int16](a, b vec, f func(x, y T) T) vec {
	return vec{map64(a[0], b[0], 16, f), map64(a[1], b[1], 16, f)}
}

func lanes32[T uint32 | int32](a, b vec, f func(x, y T) T) vec {
	return vec{map64(a[0], b[0], 32, f), map64(a[1], b[1], 32, f)}
}

// isMMX reports whether an instruction works on MMX registers.
func isMMX(in *decode.Inst) bool {
	return in.Args[0].Kind == decode.MM || in.Args[1].Kind == decode.MM
}

// enterSIMD checks that the unit may be used: MMX for instructions with an MMX
// operand, else SSE. MMX instructions also make the x87 stack the MMX file
// (SDM vol. 1, section 9.5.1). It reports whether to go on.
func (c *Core) enterSIMD(in *decode.Inst) bool {
	if !isMMX(in) {
		c.checkSSE()
		return !c.faulted()
	}
	return c.enterMMX()
}

// enterMMX is the unit check and the transition of an MMX instruction.
func (c *Core) enterMMX() bool {
	if c.checkMMX(); c.faulted() {
		return false
	}
	if c.FTW != 0xff || c.FSW&fswTop != 0 {
		c.touchFP()
		c.FSW &^= fswTop
		c.FTW = 0xff
	}
	return true
}

// setMM writes MMX register n; the exponent of the x87 register under it
// becomes all ones (SDM vol. 1, section 9.5.1).
func (c *Core) setMM(n uint8, v uint64) {
	c.touchFP()
	c.FPR[n&7] = Float80{Mant: v, Exp: 0xffff}
}

// setVec writes operand 0, an MMX or XMM register.
func (c *Core) setVec(in *decode.Inst, v vec) {
	if a := &in.Args[0]; a.Kind == decode.MM {
		c.setMM(a.N, v[0])
	} else {
		c.setXMM(a.N, v)
	}
}

// packed is an operation r = f(dst, src) with an aligned memory source.
func packed(f func(a, b vec) vec) handler {
	return func(c *Core, in *decode.Inst) {
		if !c.enterSIMD(in) {
			return
		}
		b := c.xarg(in, 1, true)
		c.setVec(in, f(c.xarg(in, 0, true), b))
	}
}

// halves is an operation that works out one 64-bit half from 128 bits: the
// XMM form applies it to each operand, the MMX form to both operands' 64 bits
// put together (packs, horizontal sums).
func halves(f func(v vec) uint64) handler {
	return func(c *Core, in *decode.Inst) {
		if !c.enterSIMD(in) {
			return
		}
		b := c.xarg(in, 1, true)
		a := c.xarg(in, 0, true)
		if isMMX(in) {
			c.setVec(in, vec{f(vec{a[0], b[0]})})
			return
		}
		c.setVec(in, vec{f(a), f(b)})
	}
}

// interleave is PUNPCKL (high false) and PUNPCKH with elements of w bits.
func interleave(w uint, high bool) handler {
	return func(c *Core, in *decode.Inst) {
		if !c.enterSIMD(in) {
			return
		}
		b := c.xarg(in, 1, true)
		a := c.xarg(in, 0, true)
		switch {
		case isMMX(in):
			r := zip(a[0], b[0], w)
			if high {
				r[0] = r[1]
			}
			c.setVec(in, vec{r[0]})
		case high:
			c.setVec(in, zip(a[1], b[1], w))
		default:
			c.setVec(in, zip(a[0], b[0], w))
		}
	}
}

// zip interleaves the w-bit elements of a and b.
func zip(a, b uint64, w uint) (r vec) {
	if w == 64 {
		return vec{a, b}
	}
	mask := ^uint64(0) >> (64 - w)
	for i := uint(0); i < 64/w; i++ {
		pair := a>>(i*w)&mask | b>>(i*w)&mask<<w
		pos := 2 * i * w
		r[pos/64] |= pair << (pos % 64)
	}
	return r
}

// shifted is a shift by a count from an immediate or the low 64 bits of the
// source operand.
func shifted(f func(a uint64, n uint64) uint64) handler {
	return func(c *Core, in *decode.Inst) {
		if !c.enterSIMD(in) {
			return
		}
		var n uint64
		if in.Args[1].Kind == decode.Imm {
			n = uint64(uint8(in.Imm))
		} else {
			n = c.xarg(in, 1, true)[0]
		}
		a := c.xarg(in, 0, true)
		c.setVec(in, vec{f(a[0], n), f(a[1], n)})
	}
}

// immediate is an operation r = f(src, imm) (shuffles): n is the width of the
// registers in bytes.
func immediate(f func(v vec, imm uint8) vec) handler {
	return func(c *Core, in *decode.Inst) {
		if c.enterSIMD(in) {
			c.setVec(in, f(c.xarg(in, 1, true), uint8(in.Imm)))
		}
	}
}

// ternary is an operation r = f(dst, src, imm).
func ternary(f func(a, b vec, imm uint8) vec) handler {
	return func(c *Core, in *decode.Inst) {
		if !c.enterSIMD(in) {
			return
		}
		b := c.xarg(in, 1, true)
		c.setVec(in, f(c.xarg(in, 0, true), b, uint8(in.Imm)))
	}
}

// xmmOnly wraps a handler that needs nothing but the SSE check.
func xmmOnly(h handler) handler {
	return func(c *Core, in *decode.Inst) {
		c.checkSSE()
		if !c.faulted() {
			h(c, in)
		}
	}
}

// byteAt returns byte i (0..15) of v.
func byteAt(v vec, i int) uint8 { return uint8(v[i>>3&1] >> (i & 7 * 8)) }

// wordAt returns 16-bit element i (0..7) of v.
func wordAt(v vec, i int) uint16 { return uint16(v[i>>2&1] >> (i & 3 * 16)) }

// dwordAt returns 32-bit element i (0..3) of v.
func dwordAt(v vec, i int) uint32 { return uint32(v[i>>1&1] >> (i & 1 * 32)) }

// dwords makes a vector of four 32-bit elements, lowest first.
func dwords(a, b, c, d uint32) vec {
	return vec{uint64(a) | uint64(b)<<32, uint64(c) | uint64(d)<<32}
}

// put returns v with the w-bit element i replaced by x.
func put(v vec, i, w uint, x uint64) vec {
	mask := ^uint64(0) >> (64 - w)
	pos := i * w
	s := pos % 64
	v[pos/64] = v[pos/64]&^(mask<<s) | x&mask<<s
	return v
}
