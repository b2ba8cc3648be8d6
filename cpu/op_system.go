package cpu

import "klpsim/cpu/decode"

func opCli(c *Core, in *decode.Inst) { c.setIF(false) }
func opSti(c *Core, in *decode.Inst) { c.setIF(true) }
func opHlt(c *Core, in *decode.Inst) { c.halt() }

func opIn(c *Core, in *decode.Inst) {
	c.setArg(in, 0, c.portIn(uint16(c.arg(in, 1)), in.Size))
}

func opOut(c *Core, in *decode.Inst) {
	c.portOut(uint16(c.arg(in, 0)), in.Size, c.arg(in, 1))
}

func opSyscall(c *Core, in *decode.Inst)  { c.syscall() }
func opSysret(c *Core, in *decode.Inst)   { c.sysret(in.Size) }
func opSysenter(c *Core, in *decode.Inst) { c.sysenter() }
func opSysexit(c *Core, in *decode.Inst)  { c.sysexit(in.Size) }
func opSwapgs(c *Core, in *decode.Inst)   { c.swapgs() }

func opCpuid(c *Core, in *decode.Inst) {
	a, b, cx, d := c.cpuid(uint32(c.GPR[RAX]), uint32(c.GPR[RCX]))
	c.GPR[RAX], c.GPR[RBX], c.GPR[RCX], c.GPR[RDX] = uint64(a), uint64(b), uint64(cx), uint64(d)
}

// setEDXEAX writes a 64-bit value to EDX:EAX.
func (c *Core) setEDXEAX(v uint64) {
	c.setReg(RAX, 4, v)
	c.setReg(RDX, 4, v>>32)
}

func opRdtsc(c *Core, in *decode.Inst) { c.setEDXEAX(c.rdtsc()) }

func opRdtscp(c *Core, in *decode.Inst) {
	c.setEDXEAX(c.rdtsc())
	c.setReg(RCX, 4, c.TSCAux)
}

// opRdpmc has no counters to read: every number is invalid.
func opRdpmc(c *Core, in *decode.Inst) { c.raiseCode(VecGP, 0) }

func opRdmsr(c *Core, in *decode.Inst) { c.setEDXEAX(c.readMSR(uint32(c.GPR[RCX]))) }

func opWrmsr(c *Core, in *decode.Inst) {
	c.writeMSR(uint32(c.GPR[RCX]), c.reg(RDX, 4)<<32|c.reg(RAX, 4))
}

func opMovfromcr(c *Core, in *decode.Inst) { c.setArg(in, 0, c.getCR(in.Args[1].N)) }
func opMovtocr(c *Core, in *decode.Inst)   { c.setCR(in.Args[0].N, c.arg(in, 1)) }
func opMovfromdr(c *Core, in *decode.Inst) { c.setArg(in, 0, c.getDR(in.Args[1].N)) }
func opMovtodr(c *Core, in *decode.Inst)   { c.setDR(in.Args[0].N, c.arg(in, 1)) }

func opClts(c *Core, in *decode.Inst) { c.setCR(0, c.CR0&^CR0TS) }

// opLmsw writes CR0 bits 0-3 but cannot clear PE (SDM vol. 2, LMSW).
func opLmsw(c *Core, in *decode.Inst) {
	const low = CR0MP | CR0EM | CR0TS
	v := c.arg(in, 0)
	c.setCR(0, c.CR0&^low|v&(low|CR0PE))
}

// umip raises #GP(0) when CR4.UMIP keeps user code from looking at system
// registers (SDM vol. 3A, section 2.5).
func (c *Core) umip() {
	if c.CR4&CR4UMIP != 0 && c.cpl > 0 {
		c.raiseCode(VecGP, 0)
	}
}

func opSmsw(c *Core, in *decode.Inst) {
	c.umip()
	c.setArg(in, 0, c.CR0)
}

// loadTable reads the operand of LGDT and LIDT; a 16-bit operand size keeps
// 24 bits of the base.
func (c *Core) loadTable(in *decode.Inst) (base uint64, limit uint16) {
	at := c.ea(in)
	limit = uint16(c.load(in.Segment, at, 2))
	size := in.Args[0].Size - 2
	base = c.load(in.Segment, (at+2)&sizeMask(in.AddrSize), size)
	if size == 4 && in.Size == 2 {
		base &= 0xffffff
	}
	return base, limit
}

// storeTable writes limit and base as SGDT and SIDT do.
func (c *Core) storeTable(in *decode.Inst, t TableReg) {
	c.umip()
	at, size := c.ea(in), in.Args[0].Size-2
	c.store(in.Segment, at, 2, t.Limit)
	c.store(in.Segment, (at+2)&sizeMask(in.AddrSize), size, t.Base)
}

func opLgdt(c *Core, in *decode.Inst) { c.loadGDT(c.loadTable(in)) }
func opLidt(c *Core, in *decode.Inst) { c.loadIDT(c.loadTable(in)) }
func opSgdt(c *Core, in *decode.Inst) { c.storeTable(in, c.GDTR) }
func opSidt(c *Core, in *decode.Inst) { c.storeTable(in, c.IDTR) }

// protected raises #UD in real and virtual-8086 mode, where the instructions
// about selectors do not exist.
func (c *Core) protected() {
	if c.CR0&CR0PE == 0 || c.Flags&FlagVM != 0 {
		c.raise(VecUD)
	}
}

func opLldt(c *Core, in *decode.Inst) { c.protectedLoad(in, c.loadLDT) }
func opLtr(c *Core, in *decode.Inst)  { c.protectedLoad(in, c.loadTR) }

// protectedLoad is LLDT and LTR: #UD outside protected mode comes before the
// privilege check.
func (c *Core) protectedLoad(in *decode.Inst, load func(uint16)) {
	c.protected()
	if c.cpl != 0 {
		c.raiseCode(VecGP, 0)
	}
	if sel := c.arg(in, 0); !c.faulted() {
		load(uint16(sel))
	}
}

func opSldt(c *Core, in *decode.Inst) { c.storeSelector(in, c.LDTR.Sel) }
func opStr(c *Core, in *decode.Inst)  { c.storeSelector(in, c.TR.Sel) }

func (c *Core) storeSelector(in *decode.Inst, sel uint16) {
	c.protected()
	c.umip()
	c.setArg(in, 0, uint64(sel))
}

func opMovfromseg(c *Core, in *decode.Inst) { c.setArg(in, 0, c.arg(in, 1)) }

// opMovtoseg cannot load CS; loading SS shadows interrupts for one instruction.
func opMovtoseg(c *Core, in *decode.Inst) {
	seg := in.Args[0].N
	if seg == CS {
		c.raise(VecUD)
		return
	}
	sel := c.arg(in, 1)
	if c.faulted() {
		return
	}
	c.loadSeg(seg, uint16(sel))
	if seg == SS {
		c.movSSShadow()
	}
}

// opLfar is LDS, LES, LFS, LGS and LSS.
func opLfar(c *Core, in *decode.Inst) {
	off, sel := c.loadFar(in)
	if c.faulted() {
		return
	}
	c.loadSeg(farSegment(in.Op), sel)
	c.setArg(in, 0, off)
}

func farSegment(op decode.Op) uint8 {
	switch op {
	case decode.LDS:
		return DS
	case decode.LES:
		return ES
	case decode.LFS:
		return FS
	case decode.LGS:
		return GS
	}
	return SS
}

func opInvlpg(c *Core, in *decode.Inst) { c.invlpg(c.linear(in)) }

func opRdfsbase(c *Core, in *decode.Inst) { c.readSegBase(in, FS) }
func opRdgsbase(c *Core, in *decode.Inst) { c.readSegBase(in, GS) }

func (c *Core) readSegBase(in *decode.Inst, seg uint8) {
	if c.CR4&CR4FSGSBASE == 0 {
		c.raise(VecUD)
		return
	}
	c.setArg(in, 0, c.Seg[seg].Base)
}

func opWrfsbase(c *Core, in *decode.Inst) { c.setFSGSBase(FS, c.arg(in, 0)) }
func opWrgsbase(c *Core, in *decode.Inst) { c.setFSGSBase(GS, c.arg(in, 0)) }
