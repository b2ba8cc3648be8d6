package decode

import (
	"errors"

	"golang.org/x/arch/x86/x86asm"
)

// The errors of Decode.
var (
	// ErrTruncated: the bytes given are the beginning of an instruction and
	// its length is not known to exceed 15; fetch more and ask again.
	ErrTruncated = errors.New("truncated instruction")
	// ErrUndefined: the processor does not have this instruction: #UD.
	ErrUndefined = errors.New("undefined instruction")
	// ErrTooLong: the instruction is longer than 15 bytes: #GP(0)
	// (SDM vol. 2A, section 2.3.11).
	ErrTooLong = errors.New("instruction longer than 15 bytes")
)

// Decode decodes the instruction at the start of b for the given mode. It
// looks at no more than 15 bytes. The error is ErrTruncated, ErrUndefined or
// ErrTooLong, and the Inst is zero then.
func Decode(b []byte, mode Mode) (Inst, error) {
	if len(b) > maxLen {
		b = b[:maxLen]
	}
	s, err := scan(b, mode)
	if err != nil {
		return Inst{}, err
	}
	r, err := s.rewrite()
	if err != nil {
		return Inst{}, err
	}
	if r.fixed != Invalid {
		if s.lock {
			return Inst{}, ErrUndefined
		}
		return s.fixedInst(r.fixed), nil
	}
	clean, skipped := s.clean(b, r)
	x, err := x86asm.Decode(clean[:maxLen], modeBits[mode])
	if err != nil || x.Op == 0 {
		return Inst{}, ErrUndefined
	}
	n := x.Len + skipped
	if n > maxLen {
		return Inst{}, ErrTooLong
	}
	if n > len(b) {
		return Inst{}, ErrTruncated
	}
	in, err := s.lower(&x, r.op)
	in.Len = uint8(n)
	if err != nil {
		return Inst{}, err
	}
	return in, nil
}

var modeBits = [...]int{Mode64: 64, Mode32: 32, Mode16: 16}

// fixedInst is an instruction without operands that x86asm does not know.
func (s *scanned) fixedInst(op Op) Inst {
	n := s.opStart + 1
	if s.hasRM {
		n++
	}
	return Inst{Op: op, Len: uint8(n), Size: s.operandSize(), AddrSize: s.addressSize(), Base: NoReg, Index: NoReg}
}

// clean writes the instruction for x86asm: one prefix of each group, in a
// fixed order, without LOCK (checked by lower), then the opcode as rewritten
// and what follows it, padded with zeroes. It returns how many bytes of the
// original are missing in it.
func (s *scanned) clean(b []byte, r rewritten) (clean [maxLen + 1]byte, skipped int) {
	n := 0
	put := func(c byte) { clean[n] = c; n++ }
	if s.seg != 0 {
		put(s.seg)
	}
	if s.addr {
		put(0x67)
	}
	if s.data {
		put(0x66)
	}
	if s.rep != 0 && !r.dropRep {
		put(s.rep)
	}
	if rex := s.rex &^ r.dropRex; s.rex != 0 {
		put(rex)
	}
	skipped = s.prefix - n
	for i := s.prefix; i < s.opStart; i++ {
		put(b[i])
	}
	put(r.opcode)
	rest := s.opStart + 1
	if s.hasRM {
		put(r.modrm)
		rest++
	}
	copy(clean[n:], b[rest:])
	return clean, skipped
}

// operandSize is the effective operand size in bytes of an ordinary
// instruction (SDM vol. 1, section 3.6).
func (s *scanned) operandSize() uint8 {
	switch {
	case s.rex&8 != 0:
		return 8
	case s.data != (s.mode == Mode16):
		return 2
	}
	return 4
}

// addressSize is the effective address size in bytes.
func (s *scanned) addressSize() uint8 {
	switch {
	case s.mode == Mode64 && !s.addr:
		return 8
	case s.mode == Mode64 || s.addr == (s.mode == Mode16):
		return 4
	}
	return 2
}
