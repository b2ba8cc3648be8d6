package cpu

// Signatures only: bodies follow in system.go, msr.go, control.go within the hour.

// loadSeg loads segment register seg with sel as MOV/POP do, with all checks.
func (c *Core) loadSeg(seg uint8, sel uint16) { panic("BUG: unwired") }

// farJump, farCall: size is the operand size in bytes (2, 4, 8).
func (c *Core) farJump(sel uint16, off uint64, size uint8) { panic("BUG: unwired") }
func (c *Core) farCall(sel uint16, off uint64, size uint8) { panic("BUG: unwired") }

// farRet returns far and then releases pop bytes of parameters.
func (c *Core) farRet(size uint8, pop uint16) { panic("BUG: unwired") }

// iret is IRET, IRETD, IRETQ by size 2, 4, 8.
func (c *Core) iret(size uint8)    { panic("BUG: unwired") }
func (c *Core) syscall()           { panic("BUG: unwired") }
func (c *Core) sysret(size uint8)  { panic("BUG: unwired") } // 8 with REX.W
func (c *Core) sysenter()          { panic("BUG: unwired") }
func (c *Core) sysexit(size uint8) { panic("BUG: unwired") } // 8 with REX.W
func (c *Core) swapgs()            { panic("BUG: unwired") }

// softInt is INT n, INT3 (vec 3), INTO (vec 4); INT1 is raise-like: icebp().
func (c *Core) softInt(vec uint8) { panic("BUG: unwired") }
func (c *Core) icebp()            { panic("BUG: unwired") }

func (c *Core) loadTR(sel uint16)  { panic("BUG: unwired") }
func (c *Core) loadLDT(sel uint16) { panic("BUG: unwired") }

// loadGDT, loadIDT: base already cut to what the operand size gives.
func (c *Core) loadGDT(base uint64, limit uint16) { panic("BUG: unwired") }
func (c *Core) loadIDT(base uint64, limit uint16) { panic("BUG: unwired") }

// readDescriptor reads a descriptor's 8 bytes for LAR, LSL, VERR, VERW; ok is
// false when the selector is null or outside its table.
func (c *Core) readDescriptor(sel uint16) (d uint64, ok bool) { panic("BUG: unwired") }

// readMSR, writeMSR raise #GP(0) for unknown registers and bad values.
func (c *Core) readMSR(n uint32) uint64     { panic("BUG: unwired") }
func (c *Core) writeMSR(n uint32, v uint64) { panic("BUG: unwired") }

// getCR, setCR, getDR, setDR: #UD for registers that are not there; the
// privilege check is the table's. setCR does everything that a MOV to CR does.
func (c *Core) getCR(n uint8) uint64    { panic("BUG: unwired") }
func (c *Core) setCR(n uint8, v uint64) { panic("BUG: unwired") }
func (c *Core) getDR(n uint8) uint64    { panic("BUG: unwired") }
func (c *Core) setDR(n uint8, v uint64) { panic("BUG: unwired") }

// cpuid returns EAX, EBX, ECX, EDX.
func (c *Core) cpuid(leaf, sub uint32) (a, b, cx, d uint32) { panic("BUG: unwired") }

// rdtsc returns the time-stamp counter (#GP(0) when CR4.TSD forbids).
func (c *Core) rdtsc() uint64    { panic("BUG: unwired") }
func (c *Core) invlpg(va uint64) { panic("BUG: unwired") } // va: linear address
func (c *Core) halt()            { panic("BUG: unwired") }

// setIF is CLI/STI with the interrupt shadow and all checks.
func (c *Core) setIF(on bool) { panic("BUG: unwired") }

// popFlags loads RFLAGS as POPF of the given size does, with privilege rules.
func (c *Core) popFlags(v uint64, size uint8) { panic("BUG: unwired") }

// setFSGSBase writes the base of FS or GS (WRFSBASE, WRGSBASE); CR4.FSGSBASE is checked.
func (c *Core) setFSGSBase(seg uint8, v uint64) { panic("BUG: unwired") }

// portIn, portOut include the I/O permission check.
func (c *Core) portIn(port uint16, size uint8) uint64     { panic("BUG: unwired") }
func (c *Core) portOut(port uint16, size uint8, v uint64) { panic("BUG: unwired") }

// movSSShadow is called by MOV SS and POP SS after loadSeg.
func (c *Core) movSSShadow() { panic("BUG: unwired") }

// checkFPU raises #NM/#UD as an x87 (wait false: not FWAIT), MMX or SSE instruction must.
func (c *Core) checkX87() { panic("BUG: unwired") }
func (c *Core) checkMMX() { panic("BUG: unwired") }
func (c *Core) checkSSE() { panic("BUG: unwired") }

// setMXCSR loads MXCSR; reserved bits raise #GP(0).
func (c *Core) setMXCSR(v uint32) { panic("BUG: unwired") }

type (
	entryFlags   uint8
	pendingStore struct{}
	storeBuffer  struct{}
	tlb          struct{}
	coreHash     struct{}
	uart         struct{}
	debugExit    struct{}
	journal      struct{}
	decodeCache  struct{}
	Sticky       uint8
	APIC         struct{}
	Access       uint8
)

const (
	AccessRead Access = iota
	AccessWrite
)

func canonical(va uint64) bool { return int64(va<<16)>>16 == int64(va) }

func (c *Core) reset(bool)                                                          {}
func (c *Core) check(seg uint8, off, size uint64, write bool) (lin uint64, ok bool) { return off, true }
func (c *Core) dataAccess(a Access) Access                                          { return a }
func (c *Core) readLin(lin uint64, size uint8, a Access) uint64                     { return 0 }
func (c *Core) writeLin(lin uint64, size uint8, v uint64, a Access)                 {}
func (c *Core) readLin128(lin uint64, a Access) [2]uint64                           { return [2]uint64{} }
func (c *Core) writeLin128(lin uint64, v [2]uint64, a Access)                       {}
func (c *Core) probe(lin, size uint64, a Access)                                    {}
