//go:build linux && amd64

package cpu

import (
	"encoding/binary"
	"math/bits"
)

// dice is the oracle's random source (wyrand): half of the oracle's time
// would otherwise go into drawing numbers.
type dice struct{ state uint64 }

// Uint64 draws 64 bits.
func (d *dice) Uint64() uint64 {
	d.state += 0xa0761d6478bd642f
	hi, lo := bits.Mul64(d.state, d.state^0xe7037ed1a0b428db)
	return hi ^ lo
}

// Uint32 draws 32 bits.
func (d *dice) Uint32() uint32 { return uint32(d.Uint64() >> 32) }

// IntN draws from 0..n-1.
func (d *dice) IntN(n int) int {
	hi, _ := bits.Mul64(d.Uint64(), uint64(n))
	return int(hi)
}

// pools are random bytes made once, out of which memory and registers are
// cut at random places: integers in values, floating-point numbers and
// integers, 16 bytes each, in vectors.
type pools struct{ values, vectors []byte }

const poolSize = 1 << 16

func newPools(d *dice) *pools {
	p := &pools{values: make([]byte, poolSize), vectors: make([]byte, poolSize)}
	w := &placer{rng: d}
	for i := 0; i < poolSize; i += 8 {
		binary.LittleEndian.PutUint64(p.values[i:], w.value())
	}
	for i := 0; i < poolSize; i += 16 {
		w.vector(p.vectors[i:])
	}
	return p
}

// cut copies a piece of a pool that begins at a multiple of unit.
func (d *dice) cut(dst, pool []byte, unit int) {
	at := d.IntN((len(pool)-len(dst))/unit) * unit
	copy(dst, pool[at:])
}
