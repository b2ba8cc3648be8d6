package cpu

// The port bus: a 16550 UART at 3f8h, whose transmitter is always ready, and
// a debug-exit port at f4h. Ports that nobody owns read all ones and ignore
// writes. Instructions that use ports drain the store buffer first.

const (
	uartBase = 0x3f8
	exitPort = 0xf4
)

// uartRegs packs the registers a program can read back, a byte each.
type uartRegs uint64

const (
	uartIER = iota
	uartLCR
	uartMCR
	uartSCR
	uartDLL
	uartDLM
	uartFCR
)

func (r uartRegs) get(i int) uint64 { return uint64(r) >> (8 * i) & 0xff }

func (r uartRegs) with(i int, v uint64) uartRegs {
	return r&^(0xff<<(8*i)) | uartRegs(v&0xff)<<(8*i)
}

type uart struct {
	regs uartRegs
	out  []byte
}

// debugExit is 0, or 1<<32 | the value written to the exit port.
type debugExit uint64

// Serial returns what the guest has sent to the serial port so far. The slice
// is the machine's own and good until it moves.
func (m *Machine) Serial() []byte { return m.uart.out }

// ExitStatus returns the process exit status that the guest asked for by
// writing n to the debug-exit port, 2n+1 cut to 8 bits, and whether it did.
func (m *Machine) ExitStatus() (status int, ok bool) {
	return int(m.exit)<<1&0xff | 1, m.exit != 0
}

// portAllowed checks the I/O privilege level and the TSS's permission map
// (SDM vol. 1, section 18.5).
func (c *Core) portAllowed(port uint16, size uint8) bool {
	if c.fault.set {
		return false
	}
	if c.CR0&CR0PE == 0 || uint64(c.cpl) <= c.Flags>>12&3 && c.Flags&FlagVM == 0 {
		return true
	}
	limit := uint64(c.TR.Limit)
	if c.TR.Attr&AttrP == 0 || c.TR.Attr&0xd != 9 || limit < 0x67 {
		c.raiseCode(VecGP, 0)
		return false
	}
	at := c.readSys(c.TR.Base+0x66, 2) + uint64(port)/8
	if at+1 > limit {
		c.raiseCode(VecGP, 0)
		return false
	}
	bits := c.readSys(c.TR.Base+at, 2) >> (port & 7)
	if bits&(1<<size-1) != 0 {
		c.raiseCode(VecGP, 0)
	}
	return !c.fault.set
}

// portIn reads size (1, 2 or 4) bytes from port, with the permission check.
func (c *Core) portIn(port uint16, size uint8) uint64 {
	if !c.portAllowed(port, size) {
		return 0
	}
	v := uint64(0)
	for i := range size {
		v |= c.m.portByteIn(port+uint16(i)) << (8 * i)
	}
	c.matchPort(port, size)
	c.event(Event{Kind: EvIn, VA: uint64(port), Size: size, Value: [2]uint64{v}})
	return v
}

// portOut writes size (1, 2 or 4) bytes to port, with the permission check.
func (c *Core) portOut(port uint16, size uint8, v uint64) {
	if !c.portAllowed(port, size) {
		return
	}
	v &= sizeMask(size)
	if port == exitPort {
		c.m.journal.one(recExit, uint64(c.m.exit))
		c.m.exit = debugExit(1<<32 | v)
	} else {
		for i := range size {
			c.m.portByteOut(port+uint16(i), v>>(8*i)&0xff)
		}
	}
	c.matchPort(port, size)
	c.event(Event{Kind: EvOut, VA: uint64(port), Size: size, Value: [2]uint64{v}})
}

// matchPort notes I/O breakpoints (CR4.DE).
func (c *Core) matchPort(port uint16, size uint8) {
	if c.DR[7]&0xff == 0 || c.CR4&CR4DE == 0 {
		return
	}
	for i := range uint(4) {
		at, n, cond, on := c.breakpoint(i)
		if on && cond == bpIO && uint64(port) < at+n && at < uint64(port)+uint64(size) {
			c.dbHit |= 1 << i
		}
	}
}

func (m *Machine) portByteIn(port uint16) uint64 {
	if port < uartBase || port >= uartBase+8 {
		return 0xff
	}
	r := m.uart.regs
	dlab := r.get(uartLCR)&0x80 != 0
	switch port - uartBase {
	case 0:
		if dlab {
			return r.get(uartDLL)
		}
		return 0 // nothing is ever received
	case 1:
		if dlab {
			return r.get(uartDLM)
		}
		return r.get(uartIER)
	case 2:
		return 1 | r.get(uartFCR)&1*0xc0 // no interrupt pending
	case 3:
		return r.get(uartLCR)
	case 4:
		return r.get(uartMCR)
	case 5:
		return 0x60 // transmitter empty
	case 6:
		return 0xb0 // carrier, data set ready, clear to send
	}
	return r.get(uartSCR)
}

func (m *Machine) portByteOut(port uint16, v uint64) {
	if port < uartBase || port >= uartBase+8 {
		return
	}
	r := m.uart.regs
	dlab := r.get(uartLCR)&0x80 != 0
	switch n := port - uartBase; {
	case n == 0 && !dlab:
		m.uart.out = append(m.uart.out, byte(v))
		m.journal.one(recOut, 0)
		return
	case n == 0:
		r = r.with(uartDLL, v)
	case n == 1 && dlab:
		r = r.with(uartDLM, v)
	case n == 1:
		r = r.with(uartIER, v&0xf)
	case n == 2:
		r = r.with(uartFCR, v)
	case n == 3:
		r = r.with(uartLCR, v)
	case n == 4:
		r = r.with(uartMCR, v&0x1f)
	case n == 7:
		r = r.with(uartSCR, v)
	}
	if r != m.uart.regs {
		m.journal.one(recUART, uint64(m.uart.regs))
		m.uart.regs = r
	}
}
