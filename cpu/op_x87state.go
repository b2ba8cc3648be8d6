package cpu

import (
	"encoding/binary"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/softfloat"
)

// x87 control instructions and the save areas of x87, MMX and SSE (SDM vol. 1,
// sections 8.1.10, 8.3.7 and 10.5; vol. 2, FXSAVE).

// control wraps an x87 control instruction, which does not touch the
// pointers; those with an N in their name do not wait for exceptions either.
func control(wait bool, h handler) handler {
	return func(c *Core, in *decode.Inst) {
		if wait {
			c.checkX87()
		} else {
			c.checkX87NoWait()
		}
		if !c.faulted() {
			c.touchFP()
			h(c, in)
		}
	}
}

// fcwFixed is the bit of the control word that always reads as one.
const fcwFixed uint16 = 0x40

// setFCW loads the control word; an exception that it unmasks becomes pending.
func (c *Core) setFCW(v uint16) {
	c.FCW = v&0x1f3f | fcwFixed
	c.summary()
}

func opFwait(c *Core, in *decode.Inst) { c.checkWait() }

func opFninit(c *Core, in *decode.Inst) {
	c.FCW, c.FSW, c.FTW = 0x37f, 0, 0
	c.FOP, c.FIP, c.FDP, c.FCSDS = 0, 0, 0, 0
}

func opFnclex(c *Core, in *decode.Inst) {
	c.FSW &^= uint16(softfloat.All) | fswSF | fswES | fswB
}

func opFldcw(c *Core, in *decode.Inst) {
	if v := c.arg(in, 0); !c.faulted() {
		c.setFCW(uint16(v))
	}
}

func opFnstcw(c *Core, in *decode.Inst) { c.setArg(in, 0, uint64(c.FCW)) }

func opFnstsw(c *Core, in *decode.Inst) { c.setArg(in, 0, uint64(c.FSW)) }

// The tags of the full tag word (SDM vol. 1, section 8.1.7).
const (
	tagValid = iota
	tagZero
	tagSpecial
	tagEmpty
)

// fullTags makes the full tag word of the abridged one and the registers.
func (c *Core) fullTags() (w uint16) {
	for i := range 8 {
		tag := uint16(tagEmpty)
		if c.FTW>>i&1 != 0 {
			r := &c.FPR[i]
			switch (softfloat.F80{Sig: r.Mant, SE: uint16(r.Exp)}).Class() {
			case softfloat.ClassNormal:
				tag = tagValid
			case softfloat.ClassZero:
				tag = tagZero
			default:
				tag = tagSpecial
			}
		}
		w |= tag << (2 * i)
	}
	return w
}

// abridge makes the abridged tag word of a full one.
func abridge(w uint16) (r uint16) {
	for i := range 8 {
		if w>>(2*i)&3 != tagEmpty {
			r |= 1 << i
		}
	}
	return r
}

// envSize is the size of the environment in memory: 14 bytes with 16-bit
// operands, else 28. In 64-bit mode it has the layout of 32-bit protected mode.
func envSize(in *decode.Inst) int {
	if in.Size == 2 {
		return 14
	}
	return 28
}

// environment lays out the environment.
func (c *Core) environment(p []byte) {
	le := binary.LittleEndian
	cs, ds := uint16(c.FCSDS), uint16(c.FCSDS>>16)
	ip, dp := c.FIP, c.FDP
	if len(p) == 14 {
		le.PutUint16(p[0:], c.FCW)
		le.PutUint16(p[2:], c.FSW)
		le.PutUint16(p[4:], c.fullTags())
		le.PutUint16(p[6:], uint16(ip))
		le.PutUint16(p[8:], cs)
		le.PutUint16(p[10:], uint16(dp))
		le.PutUint16(p[12:], ds)
		if c.realMode() {
			le.PutUint16(p[8:], uint16(ip>>16&15<<12)|c.FOP)
			le.PutUint16(p[12:], uint16(dp>>16&15<<12))
		}
		return
	}
	le.PutUint32(p[0:], 0xffff0000|uint32(c.FCW))
	le.PutUint32(p[4:], 0xffff0000|uint32(c.FSW))
	le.PutUint32(p[8:], 0xffff0000|uint32(c.fullTags()))
	le.PutUint32(p[12:], uint32(ip))
	le.PutUint32(p[16:], uint32(cs)|uint32(c.FOP)<<16)
	le.PutUint32(p[20:], uint32(dp))
	le.PutUint32(p[24:], 0xffff0000|uint32(ds))
	if c.realMode() {
		le.PutUint32(p[12:], 0xffff0000|uint32(uint16(ip)))
		le.PutUint32(p[16:], uint32(ip>>16&0xffff<<12)|uint32(c.FOP))
		le.PutUint32(p[20:], 0xffff0000|uint32(uint16(dp)))
		le.PutUint32(p[24:], uint32(dp>>16&0xffff<<12))
	}
}

// setEnvironment loads the environment.
func (c *Core) setEnvironment(p []byte) {
	le := binary.LittleEndian
	var fsw, tags uint16
	if len(p) == 14 {
		c.FCW, fsw, tags = le.Uint16(p[0:]), le.Uint16(p[2:]), le.Uint16(p[4:])
		c.FIP, c.FDP = uint64(le.Uint16(p[6:])), uint64(le.Uint16(p[10:]))
		c.FCSDS = uint32(le.Uint16(p[8:])) | uint32(le.Uint16(p[12:]))<<16
		c.FOP = 0
	} else {
		c.FCW, fsw, tags = le.Uint16(p[0:]), le.Uint16(p[4:]), le.Uint16(p[8:])
		c.FIP, c.FDP = uint64(le.Uint32(p[12:])), uint64(le.Uint32(p[20:]))
		c.FCSDS = uint32(le.Uint16(p[16:])) | uint32(le.Uint16(p[24:]))<<16
		c.FOP = le.Uint16(p[18:]) & 0x7ff
	}
	c.FSW = fsw
	c.FTW = abridge(tags)
	c.setFCW(c.FCW)
}

func opFnstenv(c *Core, in *decode.Inst) {
	var p [28]byte
	n := envSize(in)
	c.environment(p[:n])
	c.storeN(in.Segment, c.ea(in), p[:n])
	c.FCW |= uint16(softfloat.All)
	c.summary()
}

func opFldenv(c *Core, in *decode.Inst) {
	var p [28]byte
	n := envSize(in)
	c.loadN(in.Segment, c.ea(in), p[:n])
	if !c.faulted() {
		c.setEnvironment(p[:n])
	}
}

func opFnsave(c *Core, in *decode.Inst) {
	var p [108]byte
	n := envSize(in)
	c.environment(p[:n])
	for i := range 8 {
		v := c.st(uint8(i))
		binary.LittleEndian.PutUint64(p[n+10*i:], v.Sig)
		binary.LittleEndian.PutUint16(p[n+10*i+8:], v.SE)
	}
	c.storeN(in.Segment, c.ea(in), p[:n+80])
	if !c.faulted() {
		opFninit(c, in)
	}
}

func opFrstor(c *Core, in *decode.Inst) {
	var p [108]byte
	n := envSize(in)
	c.loadN(in.Segment, c.ea(in), p[:n+80])
	if c.faulted() {
		return
	}
	c.setEnvironment(p[:n])
	for i := range 8 {
		r := &c.FPR[c.stIndex(uint8(i))]
		r.Mant = binary.LittleEndian.Uint64(p[n+10*i:])
		r.Exp = uint64(binary.LittleEndian.Uint16(p[n+10*i+8:]))
	}
}

// opEmms makes the x87 registers empty and clears TOP.
func opEmms(c *Core, in *decode.Inst) {
	c.checkMMX()
	if !c.faulted() {
		c.touchFP()
		c.FTW = 0
		c.FSW &^= fswTop
	}
}

// mxcsrMask are the bits of MXCSR that exist (SDM vol. 1, section 11.6.6).
const mxcsrMask = 0xffff

// checkFX is what FXSAVE and FXRSTOR check first.
func (c *Core) checkFX(in *decode.Inst) {
	if c.CR0&(CR0EM|CR0TS) != 0 {
		c.raise(VecNM)
	}
	if c.mode == decode.Mode64 && !canonical(c.linear(in)) {
		c.segFault(in.Segment)
	}
	c.checkAligned(in.Segment, c.ea(in), true)
}

// opFxsave: SDM vol. 2, FXSAVE. Bytes 416-511 are left alone, but have to be
// writable.
func opFxsave(c *Core, in *decode.Inst) {
	c.checkFX(in)
	c.storeCheck(in.Segment, c.wrap(c.ea(in)+504), 8)
	if c.faulted() {
		return
	}
	var p [416]byte
	le := binary.LittleEndian
	le.PutUint16(p[0:], c.FCW)
	le.PutUint16(p[2:], c.FSW)
	p[4] = uint8(c.FTW)
	le.PutUint16(p[6:], c.FOP)
	le.PutUint64(p[8:], c.FIP)
	le.PutUint64(p[16:], c.FDP)
	if in.Prefix&decode.RexW == 0 {
		le.PutUint32(p[12:], c.FCSDS&0xffff)
		le.PutUint32(p[20:], c.FCSDS>>16)
	}
	le.PutUint32(p[24:], c.MXCSR)
	le.PutUint32(p[28:], mxcsrMask)
	for i := range 8 {
		v := c.st(uint8(i))
		le.PutUint64(p[32+16*i:], v.Sig)
		le.PutUint16(p[40+16*i:], v.SE)
	}
	n := 160
	if c.CR4&CR4OSFXSR != 0 {
		for i := range c.fxRegisters() {
			le.PutUint64(p[160+16*i:], c.XMM[i][0])
			le.PutUint64(p[168+16*i:], c.XMM[i][1])
		}
		n += 16 * c.fxRegisters()
	}
	c.storeN(in.Segment, c.ea(in), p[:n])
}

// fxRegisters is how many XMM registers a save area holds.
func (c *Core) fxRegisters() int {
	if c.mode == decode.Mode64 {
		return 16
	}
	return 8
}

// opFxrstor: SDM vol. 2, FXRSTOR. Reserved bits of MXCSR are #GP(0).
func opFxrstor(c *Core, in *decode.Inst) {
	if c.checkFX(in); c.faulted() {
		return
	}
	var p [416]byte
	c.loadN(in.Segment, c.ea(in), p[:])
	c.load(in.Segment, c.wrap(c.ea(in)+504), 8) // the rest has to be readable
	le := binary.LittleEndian
	mxcsr := le.Uint32(p[24:])
	if c.CR4&CR4OSFXSR != 0 && mxcsr&^mxcsrMask != 0 {
		c.raiseCode(VecGP, 0)
	}
	if c.faulted() {
		return
	}
	c.touchFP()
	c.FSW, c.FTW = le.Uint16(p[2:]), uint16(p[4])
	c.FOP = le.Uint16(p[6:]) & 0x7ff
	c.FIP, c.FDP, c.FCSDS = le.Uint64(p[8:]), le.Uint64(p[16:]), 0
	if in.Prefix&decode.RexW == 0 {
		c.FCSDS = uint32(c.FIP>>32&0xffff) | uint32(c.FDP>>32&0xffff)<<16
		c.FIP, c.FDP = c.FIP&0xffffffff, c.FDP&0xffffffff
	}
	c.setFCW(le.Uint16(p[0:]))
	for i := range 8 {
		r := &c.FPR[c.stIndex(uint8(i))]
		r.Mant, r.Exp = le.Uint64(p[32+16*i:]), uint64(le.Uint16(p[40+16*i:]))
	}
	if c.CR4&CR4OSFXSR != 0 {
		c.MXCSR = mxcsr
		for i := range c.fxRegisters() {
			c.XMM[i] = vec{le.Uint64(p[160+16*i:]), le.Uint64(p[168+16*i:])}
		}
	}
}
