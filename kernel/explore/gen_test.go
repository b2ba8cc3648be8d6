package explore

import (
	"encoding/binary"
	"math/rand"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/kernel/bare"
)

// Small programs for the tests, encoded by hand so that they depend on neither
// the assembler nor the decoder being right about anything else (SDM vol. 2).

const (
	varX     = bare.DataBase
	varY     = bare.DataBase + 64
	varZ     = bare.DataBase + 128
	irqVec   = 0xec
	ninVars  = 3
	varSpace = 64
)

// code builds machine code.
type code []byte

// sib32 is ModRM and SIB for an absolute 32-bit address with reg in the middle.
func sib32(reg byte, addr uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{reg<<3 | 4, 0x25}, addr)
}

func (c code) op(opcode byte, reg byte, addr uint32) code {
	return append(append(c, opcode), sib32(reg, addr)...)
}

func (c code) movImm(addr, v uint32) code { // movl $v, addr
	return binary.LittleEndian.AppendUint32(c.op(0xc7, 0, addr), v)
}
func (c code) load(reg byte, addr uint32) code  { return c.op(0x8b, reg, addr) }             // movl addr, reg
func (c code) store(reg byte, addr uint32) code { return c.op(0x89, reg, addr) }             // movl reg, addr
func (c code) xchg(reg byte, addr uint32) code  { return c.op(0x87, reg, addr) }             // xchgl reg, addr
func (c code) inc(addr uint32) code             { return c.op(0xff, 0, addr) }               // incl addr
func (c code) lockInc(addr uint32) code         { return append(c, 0xf0).op(0xff, 0, addr) } // lock incl addr
func (c code) mfence() code                     { return append(c, 0x0f, 0xae, 0xf0) }       // mfence
func (c code) hlt() code                        { return append(c, 0xf4) }                   // hlt
func (c code) cli() code                        { return append(c, 0xfa) }                   // cli
func (c code) iretq() code                      { return append(c, 0x48, 0xcf) }             // iretq
func (c code) push(reg byte) code               { return append(c, 0x50|reg) }               // push reg
func (c code) pop(reg byte) code                { return append(c, 0x58|reg) }               // pop reg
func (c code) incReg(reg byte) code             { return append(c, 0xff, 0xc0|reg) }         // incl reg
func (c code) movReg(reg byte, v uint32) code {
	return binary.LittleEndian.AppendUint32(append(c, 0xb8|reg), v)
}

// testProgram is threads, and perhaps a handler for interrupts and NMIs.
type testProgram struct {
	threads []code
	handler code
	memory  cpu.MemoryModel
	buffer  int
	enable  bool // interrupts on from the start
}

// machine returns the program's machine.
func (p testProgram) machine() (*cpu.Machine, error) {
	m, err := bare.New(cpu.Config{Cores: len(p.threads), Memory: p.memory, StoreBuffer: p.buffer})
	if err != nil {
		return nil, err
	}
	for i, c := range p.threads {
		m.WritePhys(bare.CodeAddr(i), c)
		if p.enable {
			m.Core(i).Flags |= cpu.FlagIF
		}
	}
	if p.handler != nil {
		at := bare.CodeAddr(len(p.threads))
		m.WritePhys(at, p.handler)
		bare.SetHandler(m, irqVec, at, false)
		bare.SetHandler(m, cpu.VecNMI, at, true)
	}
	return m, nil
}

// final is the memory and registers that a program computes with: stacks hold
// garbage that depends on where interrupts struck.
func final(dst []byte, m *cpu.Machine) []byte {
	var b [8]byte
	for i := range uint64(ninVars) {
		m.ReadPhys(varX+i*varSpace, b[:4])
		dst = append(dst, b[:4]...)
	}
	for i := range m.NumCores() {
		for _, r := range []int{cpu.RAX, cpu.RCX, cpu.RDX, cpu.RBX} {
			dst = append(dst, byte(m.Core(i).GPR[r]))
		}
	}
	return dst
}

// problem asks for the program's final states, and whether x, y and z ever
// hold given values at once.
func (p testProgram) problem(want [ninVars]uint32) Problem {
	return Problem{
		New:    p.machine,
		Final:  final,
		Shared: []PhysRange{{varX, 4}, {varY, 4}, {varZ, 4}},
		Checks: []Check{{Name: "values", Start: func() Evaluator { return avoid(want) }}},
	}
}

// avoid is violated when the variables hold these values.
type avoid [ninVars]uint32

func (avoid) Before(*cpu.Machine, cpu.Choice) {}

func (a avoid) Holds(m *cpu.Machine, _ cpu.Choice, _ []cpu.Event) bool {
	var b [4]byte
	for i, v := range a {
		m.ReadPhys(varX+uint64(i)*varSpace, b[:])
		if binary.LittleEndian.Uint32(b[:]) != v {
			return true
		}
	}
	return false
}

// generate returns a random program of 2 or 3 threads.
func generate(rng *rand.Rand, interrupts bool) testProgram {
	p := testProgram{memory: cpu.MemoryModel(rng.Intn(2)), buffer: 2 + rng.Intn(3), enable: true}
	n, length := 2+rng.Intn(2), 4
	if n == 3 || interrupts {
		length = 3
	}
	if interrupts {
		n = 2
		h := code{}.push(cpu.RAX)
		for range 1 + rng.Intn(2) {
			h = instruction(rng, h)
		}
		p.handler = h.pop(cpu.RAX).iretq()
	}
	for range n {
		var c code
		for range 1 + rng.Intn(length) {
			c = instruction(rng, c)
		}
		p.threads = append(p.threads, c.cli().hlt())
	}
	return p
}

// instruction appends a random instruction over few variables and registers.
func instruction(rng *rand.Rand, c code) code {
	addr := uint32(varX + rng.Intn(ninVars)*varSpace)
	reg := byte(rng.Intn(2)) // EAX, ECX
	switch rng.Intn(12) {
	case 0, 1, 2:
		return c.movImm(addr, 1+uint32(rng.Intn(2)))
	case 3, 4, 5:
		return c.load(reg, addr)
	case 6:
		return c.store(reg, addr)
	case 7:
		return c.xchg(reg, addr)
	case 8:
		return c.inc(addr)
	case 9:
		return c.lockInc(addr)
	case 10:
		return c.mfence()
	}
	return c.incReg(reg)
}

type requireT = require.TestingT
