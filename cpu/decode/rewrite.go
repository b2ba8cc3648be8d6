package decode

// rewritten says how to ask x86asm about a scanned instruction.
type rewritten struct {
	opcode  byte
	modrm   byte
	dropRep bool // leave F2/F3 out
	dropRex byte // REX bits to clear
	op      Op   // if not Invalid, the Op in place of the one x86asm finds
	fixed   Op   // if not Invalid, the instruction is this, without operands
}

// rewrite finds the encodings that x86asm rejects or takes for something
// else and says how to ask instead; ErrUndefined for those that the processor
// does not have but x86asm would accept.
func (s *scanned) rewrite() (rewritten, error) {
	r := rewritten{opcode: s.opcode, modrm: s.modrm}
	var ok bool
	switch s.opmap {
	case mapOne:
		ok = s.rewriteOne(&r)
	case map0F:
		ok = s.rewrite0F(&r)
	case map0F38: // MOVBE shares its opcodes with CRC32 but takes no F3
		ok = s.rep != 0xf3 || s.opcode&^1 != 0xf0
	default:
		ok = true
	}
	if !ok {
		return r, ErrUndefined
	}
	return r, nil
}

func (s *scanned) rewriteOne(r *rewritten) bool {
	switch s.opcode {
	case 0x62, 0xc4, 0xc5: // BOUND, LES, LDS; else EVEX and VEX, not announced
		return s.mode != Mode64 && s.mem()
	case 0x82: // alias of 80 outside 64-bit mode
		r.opcode = 0x80
		return s.mode != Mode64
	case 0x90: // XCHG r8 is no PAUSE; NOP is asked for without F2
		r.dropRep = s.rep == 0xf2 || s.rex&1 != 0
	case 0xc0, 0xc1, 0xd0, 0xd1, 0xd2, 0xd3: // SAL at /6
		if s.reg() == 6 {
			r.modrm = s.modrm&^0x38 | 4<<3
		}
	case 0xd6: // SALC, undocumented, everywhere but in 64-bit mode
		r.fixed = SALC
		return s.mode != Mode64
	case 0xf6, 0xf7: // TEST at /1
		if s.reg() == 1 {
			r.modrm = s.modrm &^ 0x38
		}
	}
	return true
}

// rewrite0F handles the two-byte map.
func (s *scanned) rewrite0F(r *rewritten) bool {
	switch op := s.opcode; {
	case op == 0x01:
		return s.rewriteGroup7(r)
	case op == 0x0d || op >= 0x18 && op <= 0x1f:
		return s.rewriteHint(r)
	case op >= 0x20 && op <= 0x23:
		return s.rewriteControl(r)
	case op == 0x24 || op == 0x26: // test registers, gone since the 486
		return false
	case op == 0x13 || op == 0x17 || s.data && (op == 0x12 || op == 0x16): // MOVLPx, MOVHPx: memory only
		return s.mem() || op&3 == 2 && s.rep != 0
	case op == 0x52 || op == 0x53: // RSQRT, RCP: single precision only
		return !s.data && s.rep != 0xf2
	case op == 0x77 || op == 0xc3: // EMMS, MOVNTI: no prefix allowed
		return s.none()
	case op == 0xae:
		return s.rewriteGroup15(r)
	case op == 0xb8:
		return s.rep == 0xf3 // POPCNT; JMPE without
	case op == 0xb9 || op == 0xff: // UD1, UD0: #UD whatever follows
		r.dropRex = 8
		r.dropRep = true
	case op == 0xbc || op == 0xbd:
		// Neither BMI1 nor LZCNT is announced, so F3 is ignored: BSF and BSR
		// (SDM vol. 2, TZCNT and LZCNT, "IA-32 Architecture Compatibility").
		r.dropRep = true
	case op == 0xc7: // group 9: CMPXCHG8B/16B, no RDRAND, VMX, XSAVEC
		return s.reg() == 1 && s.mem()
	}
	return true
}

// rewriteGroup7 handles 0F 01 with mod = 3, where each encoding is an
// instruction of its own.
func (s *scanned) rewriteGroup7(r *rewritten) bool {
	if s.mem() {
		return s.reg() != 5
	}
	switch s.modrm {
	case 0xca:
		r.fixed = CLAC
		return s.none() && !s.lock
	case 0xcb:
		r.fixed = STAC
		return s.none() && !s.lock
	case 0xf8, 0xf9:
		return true // SWAPGS, RDTSCP
	}
	return s.reg() == 4 || s.reg() == 6 // SMSW, LMSW
}

// rewriteHint turns prefetches, ENDBR and the reserved hint NOPs into 0F 1F /0,
// a NOP with an operand.
func (s *scanned) rewriteHint(r *rewritten) bool {
	r.op = hintOp(s)
	r.opcode = 0x1f
	r.modrm = s.modrm &^ 0x38
	r.dropRep = true
	r.dropRex = 8
	return true
}

// hintOp names the hint. In register form and in the reserved rows it is NOP.
func hintOp(s *scanned) Op {
	switch {
	case s.opcode == 0x18 && s.mem() && s.reg() < 4:
		return [...]Op{PREFETCHNTA, PREFETCHT0, PREFETCHT1, PREFETCHT2}[s.reg()]
	case s.opcode == 0x0d && s.mem() && s.reg() == 1:
		return PREFETCHW
	case s.opcode == 0x0d && s.mem():
		return PREFETCH
	case s.opcode == 0x1e && s.rep == 0xf3 && s.modrm == 0xfa:
		return ENDBR64
	case s.opcode == 0x1e && s.rep == 0xf3 && s.modrm == 0xfb:
		return ENDBR32
	}
	return NOP
}

// rewriteControl handles MOV to and from control and debug registers. The mod
// field is ignored: the operand is always a register (SDM vol. 2, MOV).
func (s *scanned) rewriteControl(r *rewritten) bool {
	r.modrm = s.modrm | 0xc0
	r.dropRep = true
	n := s.reg() | s.rex&4<<1
	if s.opcode&1 != 0 {
		return n < 8
	}
	return n == 0 || n == 2 || n == 3 || n == 4 || n == 8
}

// rewriteGroup15 handles 0F AE: FXSAVE, MXCSR, fences, FS and GS bases.
// XSAVE, CLFLUSHOPT, CLWB, PTWRITE, UMONITOR and CET are not announced.
func (s *scanned) rewriteGroup15(r *rewritten) bool {
	if s.mem() {
		return s.none() && (s.reg() < 4 || s.reg() == 7)
	}
	if s.rep == 0xf3 && !s.data {
		return s.mode == Mode64 && s.reg() < 4
	}
	r.modrm = s.modrm &^ 7 // fences ignore the low bits
	return s.none() && s.reg() >= 5
}
