package decode

// maxLen is the architectural limit on the length of an instruction
// (SDM vol. 2A, section 2.3.11); longer ones raise #GP.
const maxLen = 15

// The opcode maps (SDM vol. 2A, section 2.1.2).
const (
	mapOne  = iota // one-byte opcodes
	map0F          // 0F xx
	map0F38        // 0F 38 xx
	map0F3A        // 0F 3A xx
)

// scanned is what the first pass over the bytes finds: prefixes, opcode and
// ModRM, all that is needed to decide how x86asm has to be asked.
type scanned struct {
	mode    Mode
	prefix  int  // bytes of prefixes, REX included
	seg     byte // the effective segment override byte, or 0
	rep     byte // F2 or F3, the last one seen, or 0
	rex     byte // REX, only if directly before the opcode, or 0
	data    bool // 66
	addr    bool // 67
	lock    bool // F0
	opmap   uint8
	opcode  byte
	opStart int  // offset of the opcode's last byte
	hasRM   bool // the opcode takes a ModRM byte
	modrm   byte // 0 if the input ends before it
}

func (s *scanned) mod() byte { return s.modrm >> 6 }
func (s *scanned) reg() byte { return s.modrm >> 3 & 7 }
func (s *scanned) rm() byte  { return s.modrm & 7 }
func (s *scanned) mem() bool { return s.hasRM && s.modrm < 0xc0 }

// none reports whether no mandatory-prefix candidate (66, F2, F3) is there.
func (s *scanned) none() bool { return !s.data && s.rep == 0 }

// scan reads prefixes, opcode and ModRM. It returns ErrTruncated if b ends
// before the opcode or before a ModRM byte that the opcode needs, and
// ErrTooLong if the first 15 bytes hold no opcode.
func scan(b []byte, mode Mode) (scanned, error) {
	s := scanned{mode: mode}
	i := s.scanPrefixes(b)
	if i >= maxLen {
		return s, ErrTooLong
	}
	if i >= len(b) {
		return s, ErrTruncated
	}
	s.prefix, s.opcode = i, b[i]
	if b[i] == 0x0f {
		s.opmap = map0F
		i++
		if i < len(b) && (b[i] == 0x38 || b[i] == 0x3a) {
			s.opmap = map0F38 + b[i]>>1&1
			i++
		}
		if i >= len(b) {
			return s, short(i)
		}
		s.opcode = b[i]
	}
	s.opStart = i
	s.hasRM = takesModRM(s.opmap, s.opcode)
	if s.hasRM {
		if i+1 >= len(b) {
			return s, short(i + 1)
		}
		s.modrm = b[i+1]
	}
	return s, nil
}

// short is the error for an instruction whose byte at offset i is missing.
func short(i int) error {
	if i >= maxLen {
		return ErrTooLong
	}
	return ErrTruncated
}

// scanPrefixes reads legacy prefixes and REX and returns their length. In
// each group the last prefix wins; the ES, CS, SS and DS overrides do nothing
// in 64-bit mode; a REX that is followed by another prefix is ignored
// (SDM vol. 2A, sections 2.1.1 and 2.2.1).
func (s *scanned) scanPrefixes(b []byte) int {
	for i, c := range b {
		if s.mode == Mode64 && c&0xf0 == 0x40 {
			s.rex = c
			continue
		}
		switch c {
		case 0x26, 0x2e, 0x36, 0x3e:
			if s.mode != Mode64 {
				s.seg = c
			}
		case 0x64, 0x65:
			s.seg = c
		case 0x66:
			s.data = true
		case 0x67:
			s.addr = true
		case 0xf0:
			s.lock = true
		case 0xf2, 0xf3:
			s.rep = c
		default:
			return i
		}
		s.rex = 0
	}
	return len(b)
}

// takesModRM reports whether an opcode is followed by a ModRM byte
// (SDM vol. 2D, appendix A). Opcodes that are undefined in every mode count
// as taking none, so that they are #UD without looking at the next byte.
func takesModRM(opmap uint8, op byte) bool {
	if opmap >= map0F38 {
		return true
	}
	return modRMBits[opmap][op>>4]>>(op&15)&1 != 0
}

// modRMBits has one bit per opcode of the one-byte and the 0F map, a row of
// 16 bits for each high digit, bit 0 for low digit 0.
var modRMBits = [2][16]uint16{
	mapOne: {
		0x0: 0x0f0f, 0x1: 0x0f0f, 0x2: 0x0f0f, 0x3: 0x0f0f, // ALU, two operands
		0x6: 0x0a0c, // BOUND, ARPL/MOVSXD, IMUL
		0x8: 0xffff, // groups, TEST, XCHG, MOV, LEA, POP
		0xc: 0x00f3, // shift group, LES, LDS, MOV imm
		0xd: 0xff0f, // shift group, x87
		0xf: 0xc0c0, // groups 3, 4, 5
	},
	map0F: {
		0x0: 0xa00f, // groups 6, 7, LAR, LSL, prefetch, 3DNow
		0x1: 0xffff,
		0x2: 0xff5f, // MOV CR/DR, SSE
		0x4: 0xffff,
		0x5: 0xffff,
		0x6: 0xffff,
		0x7: 0xff7f, // all but EMMS
		0x9: 0xffff, // SETcc
		0xa: 0xf838, // BT, SHLD, BTS, SHRD, group 15, IMUL
		0xb: 0xffff,
		0xc: 0x00ff, // XADD, CMPPS, group 9...
		0xd: 0xffff,
		0xe: 0xffff,
		0xf: 0xffff,
	},
}
