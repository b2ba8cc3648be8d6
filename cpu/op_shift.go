package cpu

import "klpsim/cpu/decode"

// shiftCount returns the count operand, cut to 5 bits, or 6 for 64-bit operands.
func (c *Core) shiftCount(in *decode.Inst, i int) uint {
	n := uint(c.arg(in, i))
	if in.Size == 8 {
		return n & 63
	}
	return n & 31
}

// shiftOp is the frame of the shifts and rotates: f returns result, CF and OF
// for a count that is not zero. A zero count changes nothing, not even flags,
// but the destination is written all the same (a 32-bit register loses its
// upper half). szp tells whether SF, ZF and PF follow the result; then AF
// (undefined) is set. OF, undefined for counts above 1, follows the result by
// the same formula for every count. AMD's processors do both.
func (c *Core) shiftOp(in *decode.Inst, szp bool, f func(a uint64, n uint, size uint8) (r, cf, of uint64)) {
	n := c.shiftCount(in, 1)
	a := c.rmwArg(in, 0)
	if n == 0 {
		c.setArg(in, 0, a)
		return
	}
	r, cf, of := f(a, n, in.Size)
	r &= sizeMask(in.Size)
	c.setArg(in, 0, r)
	mask, flags := FlagCF|FlagOF, flagIf(FlagCF, cf&1)|flagIf(FlagOF, of&1)
	if szp {
		mask, flags = FlagsStatus, flags|flagsSZP(r, in.Size)|FlagAF
	}
	c.setFlags(mask, flags)
}

func shl(a uint64, n uint, size uint8) (r, cf, of uint64) {
	r = a << n
	cf = msb(a<<(n-1), size)
	return r, cf, msb(r, size) ^ cf
}

func shr(a uint64, n uint, size uint8) (r, cf, of uint64) {
	r = a >> n
	return r, a >> (n - 1), msb(r<<1^r, size)
}

func sar(a uint64, n uint, size uint8) (r, cf, of uint64) {
	s := int64(signExtend(a, size))
	return uint64(s >> n), uint64(s >> (n - 1)), 0
}

func rol(a uint64, n uint, size uint8) (r, cf, of uint64) {
	w := 8 * uint(size)
	n %= w
	r = a<<n | a>>(w-n)
	return r, r & 1, msb(r, size) ^ r&1
}

func ror(a uint64, n uint, size uint8) (r, cf, of uint64) {
	w := 8 * uint(size)
	n %= w
	r = a>>n | a<<(w-n)
	return r, msb(r, size), msb(r^r<<1, size)
}

func opShl(c *Core, in *decode.Inst) { c.shiftOp(in, true, shl) }
func opShr(c *Core, in *decode.Inst) { c.shiftOp(in, true, shr) }
func opSar(c *Core, in *decode.Inst) { c.shiftOp(in, true, sar) }
func opRol(c *Core, in *decode.Inst) { c.shiftOp(in, false, rol) }
func opRor(c *Core, in *decode.Inst) { c.shiftOp(in, false, ror) }

// opRcl rotates through CF, one bit at a time: at most 63 rounds, and the
// count is taken modulo 9 or 17 for bytes and words.
func opRcl(c *Core, in *decode.Inst) {
	c.rotateCarry(in, func(a, cf uint64, size uint8) (uint64, uint64) {
		return a<<1 | cf, msb(a, size)
	}, func(r, cf uint64, size uint8) uint64 { return msb(r, size) ^ cf })
}

func opRcr(c *Core, in *decode.Inst) {
	c.rotateCarry(in, func(a, cf uint64, size uint8) (uint64, uint64) {
		return a>>1 | cf<<(8*size-1), a & 1
	}, func(r, cf uint64, size uint8) uint64 { return msb(r^r<<1, size) })
}

// rotateCarry is the frame of RCL and RCR: round turns by one bit, overflow
// computes OF from the result.
func (c *Core) rotateCarry(in *decode.Inst, round func(a, cf uint64, size uint8) (uint64, uint64), overflow func(r, cf uint64, size uint8) uint64) {
	n := c.shiftCount(in, 1)
	a := c.rmwArg(in, 0)
	cf := c.carry()
	for range n % (8*uint(in.Size) + 1) {
		a, cf = round(a, cf, in.Size)
		a &= sizeMask(in.Size)
	}
	c.setArg(in, 0, a)
	if n != 0 {
		c.setFlags(FlagCF|FlagOF, cf|flagIf(FlagOF, overflow(a, cf, in.Size)))
	}
}

// opShld shifts left, filling from operand 1. A count beyond the width of a
// 16-bit operand gives an undefined result: the filler repeated.
func opShld(c *Core, in *decode.Inst) {
	c.doubleShift(in, func(a, b uint64, n, w uint) (r, cf, of uint64) {
		if n > w {
			return b<<(n-w) | b>>(2*w-n), 0, 0
		}
		cf = a >> (w - n) & 1
		return a<<n | b>>(w-n), cf, a<<n>>(w-1)&1 ^ cf
	})
}

// opShrd shifts right, filling from operand 1.
func opShrd(c *Core, in *decode.Inst) {
	c.doubleShift(in, func(a, b uint64, n, w uint) (r, cf, of uint64) {
		if n > w {
			r = b>>(n-w) | b<<(2*w-n)
			return r, 0, (r ^ r<<1) >> (w - 1) & 1
		}
		r = a>>n | b<<(w-n)
		return r, a >> (n - 1) & 1, (r ^ r<<1) >> (w - 1) & 1
	})
}

// doubleShift is the frame of SHLD and SHRD: f gets both operands, a count
// that is not zero and the width in bits. AF (undefined) is set.
func (c *Core) doubleShift(in *decode.Inst, f func(a, b uint64, n, w uint) (r, cf, of uint64)) {
	n := c.shiftCount(in, 2)
	a, b := c.rmwArg(in, 0), c.arg(in, 1)
	if n == 0 {
		c.setArg(in, 0, a)
		return
	}
	r, cf, of := f(a, b, n, 8*uint(in.Size))
	r &= sizeMask(in.Size)
	c.setArg(in, 0, r)
	c.setFlags(FlagsStatus, flagsSZP(r, in.Size)|FlagAF|flagIf(FlagCF, cf)|flagIf(FlagOF, of))
}
