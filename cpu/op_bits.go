package cpu

import (
	"hash/crc32"
	"math/bits"

	"klpsim/cpu/decode"
)

// bitOperand finds the operand of BT and its kin: its value, the bit number in
// it and the offset it has in memory. A register bit number reaches beyond a
// memory operand, in both directions (SDM vol. 2, BT).
func (c *Core) bitOperand(in *decode.Inst, write bool) (v uint64, bit uint, off uint64) {
	n := c.arg(in, 1)
	width := 8 * uint64(in.Size)
	bit = uint(n % width)
	if in.Args[0].Kind != decode.Mem {
		return c.arg(in, 0), bit, 0
	}
	off = c.ea(in)
	if in.Args[1].Kind == decode.Reg {
		words := int64(signExtend(n, in.Size)) >> bits.TrailingZeros64(width)
		off = (off + uint64(words)*uint64(in.Size)) & sizeMask(in.AddrSize)
	}
	if write {
		c.storeCheck(in.Segment, off, in.Size)
	}
	return c.load(in.Segment, off, in.Size), bit, off
}

// bitOp is the frame of BTS, BTR and BTC: CF takes the old bit; OF, SF, AF and
// PF (undefined) stay, as ZF does.
func (c *Core) bitOp(in *decode.Inst, f func(v, mask uint64) uint64) {
	v, bit, off := c.bitOperand(in, true)
	r := f(v, 1<<bit)
	if in.Args[0].Kind == decode.Mem {
		c.store(in.Segment, off, in.Size, r)
	} else {
		c.setArg(in, 0, r)
	}
	c.setFlags(FlagCF, v>>bit&1)
}

func opBt(c *Core, in *decode.Inst) {
	v, bit, _ := c.bitOperand(in, false)
	c.setFlags(FlagCF, v>>bit&1)
}

func opBts(c *Core, in *decode.Inst) {
	c.bitOp(in, func(v, mask uint64) uint64 { return v | mask })
}

func opBtr(c *Core, in *decode.Inst) {
	c.bitOp(in, func(v, mask uint64) uint64 { return v &^ mask })
}

func opBtc(c *Core, in *decode.Inst) {
	c.bitOp(in, func(v, mask uint64) uint64 { return v ^ mask })
}

// scan writes the result of BSF or BSR. For a zero source the destination
// stays as it was, upper half included (AMD APM vol. 3, BSF; Intel processors
// do the same). CF, OF, SF and AF (undefined) are cleared, PF (undefined) is
// the result's parity.
func (c *Core) scan(in *decode.Inst, src uint64, bit int) {
	if src == 0 {
		c.setFlags(FlagsStatus, FlagZF|FlagPF)
		return
	}
	c.setArg(in, 0, uint64(bit))
	c.setFlags(FlagsStatus, flagsSZP(uint64(bit), 1)&FlagPF)
}

func opBsf(c *Core, in *decode.Inst) {
	v := c.arg(in, 1)
	c.scan(in, v, bits.TrailingZeros64(v))
}

func opBsr(c *Core, in *decode.Inst) {
	v := c.arg(in, 1)
	c.scan(in, v, bits.Len64(v)-1)
}

func opPopcnt(c *Core, in *decode.Inst) {
	v := c.arg(in, 1)
	c.setArg(in, 0, uint64(bits.OnesCount64(v)))
	var f uint64
	if v == 0 {
		f = FlagZF
	}
	c.setFlags(FlagsStatus, f)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// opCrc32 adds operand 1 to the CRC32C in operand 0, without the inversions
// that the checksum's users do themselves (SDM vol. 2, CRC32).
func opCrc32(c *Core, in *decode.Inst) {
	v, n := c.arg(in, 1), in.Args[1].Size
	var p [8]byte
	for i := range p {
		p[i] = byte(v >> (8 * i))
	}
	crc := ^crc32.Update(^uint32(c.reg(in.Args[0].N, 4)), castagnoli, p[:n])
	c.setArg(in, 0, uint64(crc))
}
