package mem

import (
	"encoding/binary"
	"math/bits"
)

// Hash is a 128-bit sum over mixed words.
type Hash [2]uint64

func (h Hash) add(x Hash) Hash { return Hash{h[0] + x[0], h[1] + x[1]} }

func (h Hash) sub(x Hash) Hash { return Hash{h[0] - x[0], h[1] - x[1]} }

// Mix hashes one word v that stands at place (any number that tells places
// apart). A word of zero mixes to zero at every place.
func Mix(place, v uint64) Hash { return wordHash(place, v) }

// Add returns the sum of two hashes.
func (h Hash) Add(x Hash) Hash { return h.add(x) }

// wordHash mixes address and value with two multiplications into 128 bits each
// (64x64 -> 128, folded), with different odd constants for the two halves.
func wordHash(pa, v uint64) Hash {
	if v == 0 {
		return Hash{}
	}
	p := pa*0x9e3779b97f4a7c15 + 0xd1b54a32d192ed03
	return Hash{
		fold(fold(v^0xa0761d6478bd642f, p|1)^p, 0xe7037ed1a0b428db),
		fold(fold(v^0x8ebc6af09c88c6e3, bits.RotateLeft64(p, 29)|1)^v, 0x589965cc75374cc3),
	}
}

// fold multiplies and folds the 128-bit product.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Hash returns the hash of the contents.
func (m *Memory) Hash() Hash {
	m.clean()
	return m.hash
}

// clean brings the hash up to date with the dirty pages.
func (m *Memory) clean() {
	for i, d := range m.dirty {
		h := pageHash(d.num, d.page)
		m.hash = m.hash.add(h).sub(d.page.hash)
		d.page.hash = h
		d.page.dirty = false
		m.dirty[i] = dirtyPage{}
	}
	if len(m.dirty) > 0 {
		m.dirty = m.dirty[:0]
		m.gen++
	}
}

// pageHash sums the words of one page.
func pageHash(num uint64, p *Page) Hash {
	var h Hash
	for i := range wordsInPage {
		if v := binary.LittleEndian.Uint64(p.Data[i*8:]); v != 0 {
			h = h.add(wordHash(num*PageSize+uint64(i)*8, v))
		}
	}
	return h
}

// Recompute returns the hash computed from the contents alone; Hash must
// always be equal to it.
func (m *Memory) Recompute() Hash {
	var h Hash
	m.Pages(func(num uint64, p *Page) { h = h.add(pageHash(num, p)) })
	return h
}

// AppendState appends the contents in canonical form: for each page that is
// not all zero its number (8 bytes) and its bytes.
func (m *Memory) AppendState(dst []byte) []byte {
	m.Pages(func(num uint64, p *Page) {
		if p.Data != [PageSize]byte{} {
			dst = binary.LittleEndian.AppendUint64(dst, num)
			dst = append(dst, p.Data[:]...)
		}
	})
	return dst
}
