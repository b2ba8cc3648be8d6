package cpu

import (
	"math/bits"

	"klpsim/cpu/decode"
)

// setWide writes a double-width result to rDX:rAX, or to AX for bytes.
func (c *Core) setWide(hi, lo uint64, size uint8) {
	if size == 1 {
		c.setReg(RAX, 2, lo&0xff|hi<<8)
		return
	}
	c.setReg(RAX, size, lo)
	c.setReg(RDX, size, hi)
}

// mulFlags sets CF and OF when the upper half of a product matters. SF, ZF,
// AF and PF, which are undefined, stay, as on AMD's processors.
func (c *Core) mulFlags(overflow bool) {
	var f uint64
	if overflow {
		f = FlagCF | FlagOF
	}
	c.setFlags(FlagCF|FlagOF, f)
}

// mulWide returns the product of two unsigned numbers as halves of size bytes.
func mulWide(a, b uint64, size uint8) (hi, lo uint64) {
	if size == 8 {
		return bits.Mul64(a, b)
	}
	p := a * b
	return p >> (8 * size) & sizeMask(size), p & sizeMask(size)
}

// imulWide returns the product of two signed numbers as halves of size bytes.
func imulWide(a, b uint64, size uint8) (hi, lo uint64) {
	if size == 8 {
		hi, lo = bits.Mul64(a, b)
		return hi - a*msb(b, 8) - b*msb(a, 8), lo
	}
	p := signExtend(a, size) * signExtend(b, size)
	return p >> (8 * size) & sizeMask(size), p & sizeMask(size)
}

func opMul(c *Core, in *decode.Inst) {
	hi, lo := mulWide(c.reg(RAX, in.Size), c.arg(in, 0), in.Size)
	c.setWide(hi, lo, in.Size)
	c.mulFlags(hi != 0)
}

// opImul has one, two or three operands.
func opImul(c *Core, in *decode.Inst) {
	a, b := c.reg(RAX, in.Size), c.arg(in, 0)
	switch in.NArgs {
	case 2:
		a = c.arg(in, 1)
	case 3:
		a, b = c.arg(in, 1), c.arg(in, 2)
	}
	hi, lo := imulWide(a, b, in.Size)
	if in.NArgs == 1 {
		c.setWide(hi, lo, in.Size)
	} else {
		c.setArg(in, 0, lo)
	}
	c.mulFlags(hi != -msb(lo, in.Size)&sizeMask(in.Size))
}

// dividend returns rDX:rAX, or AX for bytes, as halves of size bytes.
func (c *Core) dividend(size uint8) (hi, lo uint64) {
	if size == 1 {
		return c.GPR[RAX] >> 8 & 0xff, c.GPR[RAX] & 0xff
	}
	return c.reg(RDX, size), c.reg(RAX, size)
}

// setQuotient writes quotient and remainder to rAX and rDX, or AL and AH. All
// flags are undefined: CF and OF stay, AF is set and the others are cleared,
// as on AMD's processors.
func (c *Core) setQuotient(q, r uint64, size uint8) {
	c.setWide(r&sizeMask(size), q, size)
	c.setFlags(FlagSF|FlagZF|FlagAF|FlagPF, FlagAF)
}

// opDiv raises #DE for a zero divisor and for a quotient that does not fit.
func opDiv(c *Core, in *decode.Inst) {
	d := c.arg(in, 0)
	hi, lo := c.dividend(in.Size)
	if hi >= d {
		c.raise(VecDE)
		return
	}
	q, r := divWide(hi, lo, d, in.Size)
	c.setQuotient(q, r, in.Size)
}

// divWide divides hi:lo, halves of size bytes, by d; hi < d.
func divWide(hi, lo, d uint64, size uint8) (q, r uint64) {
	if size == 8 {
		return bits.Div64(hi, lo, d)
	}
	n := hi<<(8*size) | lo
	return n / d, n % d
}

// opIdiv divides magnitudes and puts the signs back: the quotient is cut
// towards zero and the remainder has the dividend's sign (SDM vol. 2, IDIV).
func opIdiv(c *Core, in *decode.Inst) {
	d := c.arg(in, 0)
	hi, lo := c.dividend(in.Size)
	negN, negD := msb(hi, in.Size) != 0, msb(d, in.Size) != 0
	m := sizeMask(in.Size)
	if negN {
		lo = -lo & m
		hi = ^hi & m
		if lo == 0 {
			hi = (hi + 1) & m
		}
	}
	if negD {
		d = -d & m
	}
	if hi >= d {
		c.raise(VecDE)
		return
	}
	q, r := divWide(hi, lo, d, in.Size)
	limit := m >> 1
	if negN != negD {
		limit++
	}
	if q > limit {
		c.raise(VecDE)
		return
	}
	if negN != negD {
		q = -q
	}
	if negN {
		r = -r
	}
	c.setQuotient(q&m, r, in.Size)
}
