package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// frameAt reads n words up from rsp.
func frameAt(m *Machine, rsp uint64, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = word(m, rsp+uint64(i)*8)
	}
	return out
}

// TestFrames: what the processor pushes, and where (SDM vol. 3A, figure 6-9).
func TestFrames(t *testing.T) {
	const flags = Flag1 | FlagCF | FlagIF
	for _, c := range []struct {
		name  string
		code  []byte
		ring3 bool
		sched string
		frame []uint64 // from RSP up
		rsp   uint64
	}{
		{"ud2 in ring 0", []byte{0x0f, 0x0b}, false, "0",
			[]uint64{bareCode, selCode, flags | FlagRF, bareStack - 8, selData}, (bareStack-8)&^15 - 40},
		{"int3 from ring 3", []byte{0xcc}, true, "0",
			[]uint64{bareCode + 1, selUCode, flags, bareStack - 8, selUData}, bareRSP0 - 40},
		{"privileged in ring 3", []byte{0xf4}, true, "0",
			[]uint64{0, bareCode, selUCode, flags | FlagRF, bareStack - 8, selUData}, bareRSP0 - 48},
		{"interrupt in ring 3", []byte{0x90}, true, "irq0:41 0",
			[]uint64{bareCode, selUCode, flags, bareStack - 8, selUData}, bareRSP0 - 40},
		{"NMI on its stack", []byte{0x90}, false, "nmi0 0",
			[]uint64{bareCode, selCode, flags, bareStack - 8, selData}, bareIST - 40},
	} {
		m := bare(t, Config{}, c.code...)
		k := m.Core(0)
		if c.ring3 {
			user(k)
		}
		k.GPR[RSP] -= 8 // not aligned
		k.Flags = flags
		take(t, m, c.sched)
		assert.Equal(t, c.rsp, k.GPR[RSP], c.name)
		assert.Equal(t, c.frame, frameAt(m, k.GPR[RSP], len(c.frame)), c.name)
		assert.Zero(t, k.Flags&(FlagIF|FlagTF|FlagRF), c.name)
		assert.Zero(t, k.CPL(), c.name)
		// IRETQ takes it all back.
		m.WritePhys(k.RIP, []byte{0x48, 0xcf})
		if len(c.frame) == 6 {
			k.GPR[RSP] += 8
		}
		take(t, m, "0")
		assert.Equal(t, uint64(bareStack-8), k.GPR[RSP], c.name)
		assert.Equal(t, c.ring3, k.CPL() == 3, c.name)
	}
}

// TestNMIBlocking: a second NMI waits for the IRET of the first; the one after
// it is lost in the single pending bit.
func TestNMIBlocking(t *testing.T) {
	m := bare(t, Config{}, 0x90, 0x90)
	k := m.Core(0)
	m.WritePhys(bareStub+16*2, []byte{0x90, 0x48, 0xcf})
	take(t, m, "nmi0 0")
	require.Equal(t, uint64(bareStub+32), k.RIP)
	take(t, m, "nmi0 nmi0 0")
	assert.Equal(t, uint64(bareStub+33), k.RIP, "the handler goes on")
	take(t, m, "0")
	assert.Equal(t, uint64(bareCode), k.RIP, "IRET returns")
	take(t, m, "0")
	assert.Equal(t, uint64(bareStub+32), k.RIP, "then the pending one")
	take(t, m, "0*2")
	assert.Equal(t, uint64(bareCode), k.RIP)
	take(t, m, "0")
	assert.Equal(t, uint64(bareCode+1), k.RIP, "and no third")
}

// TestFaultInNMIUnblocks: the IRET of a fault inside the NMI handler ends the
// blocking: the trap of nested NMIs that Linux works around.
func TestFaultInNMIUnblocks(t *testing.T) {
	m := bare(t, Config{}, 0x90)
	k := m.Core(0)
	m.WritePhys(bareStub+16*2, []byte{0xcc, 0x90, 0x48, 0xcf}) // int3 in the handler
	m.WritePhys(bareStub+16*3, []byte{0x48, 0xcf})
	take(t, m, "nmi0 0 nmi0 0")
	require.Equal(t, uint64(bareStub+48), k.RIP)
	take(t, m, "0")
	require.Equal(t, uint64(bareStub+33), k.RIP)
	take(t, m, "0")
	assert.Equal(t, uint64(bareStub+32), k.RIP, "a nested NMI")
}

// TestShadows: no interrupt between STI and the next instruction, none and no
// NMI after MOV SS.
func TestShadows(t *testing.T) {
	m := bare(t, Config{}, 0xfb, 0x90, 0x90) // sti; nop; nop
	take(t, m, "irq0:41 0 0")
	assert.Equal(t, uint64(bareCode+2), m.Core(0).RIP)
	take(t, m, "0")
	assert.Equal(t, uint64(bareStub+16*0x41), m.Core(0).RIP)
	m = bare(t, Config{}, 0x8e, 0xd0, 0x90, 0x90) // mov %eax, %ss; nop; nop
	m.Core(0).GPR[RAX] = selData
	take(t, m, "0 nmi0 0")
	assert.Equal(t, uint64(bareCode+3), m.Core(0).RIP)
	take(t, m, "0")
	assert.Equal(t, uint64(bareStub+32), m.Core(0).RIP)
	m = bare(t, Config{}, 0xfb, 0xfb, 0x90) // a second STI has no shadow
	take(t, m, "irq0:41 0 0 0")
	assert.Equal(t, uint64(bareStub+16*0x41), m.Core(0).RIP)
}

// TestPriorities: INIT, then debug traps, NMI, interrupts by vector class.
func TestPriorities(t *testing.T) {
	m := bare(t, Config{}, 0x90, 0x90, 0x90)
	k := m.Core(0)
	k.Flags |= FlagIF | FlagTF
	take(t, m, "0 irq0:31 irq0:e2 nmi0")
	k.DR[0] = k.RIP
	k.DR[7] |= 1
	for _, want := range []DueEvent{{DueDebug, 0}, {DueNMI, 0}, {DueIRQ, 0xe2}, {DueIRQ, 0x31}, {DueBreak, 0}} {
		require.Equal(t, want, k.nextEvent())
		take(t, m, "0")
		k.RIP, k.Flags, k.Blocked = bareCode+1, Flag1|FlagIF, 0
		k.APIC.ISR = [4]uint64{}
	}
	take(t, m, "nmi0 init0")
	require.Equal(t, DueEvent{Kind: DueINIT}, k.nextEvent())
}

// TestSingleStep: TF traps after each instruction with DR6.BS.
func TestSingleStep(t *testing.T) {
	m := bare(t, Config{}, 0x90, 0x90)
	k := m.Core(0)
	k.Flags |= FlagTF
	take(t, m, "0 0")
	assert.Equal(t, uint64(bareStub+16), k.RIP)
	assert.Equal(t, uint64(bareCode+1), word(m, k.GPR[RSP]))
	assert.Equal(t, dr6Fixed|dr6BS, k.DR[6])
	assert.NotZero(t, word(m, k.GPR[RSP]+16)&FlagTF)
}

// TestDataBreakpoint traps after the store, with the range's bit in DR6.
func TestDataBreakpoint(t *testing.T) {
	m := bare(t, Config{}, 0x90, 0x48, 0x89, 0x03, 0x90)
	k := m.Core(0)
	k.GPR[RBX] = bareData + 4
	k.DR[1], k.DR[7] = bareData+8, 0x400|2<<2|1<<20|3<<22 // 4 bytes, write
	take(t, m, "0 0 0")
	assert.Equal(t, uint64(bareStub+16), k.RIP)
	assert.Equal(t, uint64(bareCode+4), word(m, k.GPR[RSP]))
	assert.Equal(t, dr6Fixed|2, k.DR[6])
}

// TestDoubleFaults walks table 6-5: what a fault during delivery becomes.
func TestDoubleFaults(t *testing.T) {
	ud2, pf := []byte{0x0f, 0x0b}, []byte{0x8a, 0x04, 0x25, 0, 0, 0, 0x10} // mov 0x10000000, %al
	gp := []byte{0x0f, 0x23, 0xf8}                                         // mov %rax, %dr7 with a bad value
	for _, c := range []struct {
		name    string
		code    []byte
		missing []uint64 // gates that are not present: delivery raises #NP
		want    uint64   // vector delivered in the end; 0: shutdown
	}{
		{"benign then contributory", ud2, []uint64{6}, 11},
		{"contributory twice", gp, []uint64{13}, 8},
		{"page fault then contributory", pf, []uint64{14}, 8},
		{"double fault then contributory", gp, []uint64{13, 8}, 0},
		{"benign, then contributory twice", ud2, []uint64{6, 11}, 8},
	} {
		m := bare(t, Config{}, c.code...)
		k := m.Core(0)
		k.GPR[RAX] = 1 << 40
		for _, v := range c.missing {
			m.WritePhys(bareIDT+16*v+5, []byte{0x6e})
		}
		take(t, m, "0")
		if c.want == 0 {
			assert.Equal(t, Shutdown, k.Activity, c.name)
			assert.ErrorIs(t, m.Take(Choice{}), ErrIdle, c.name)
			continue
		}
		assert.Equal(t, bareStub+16*c.want, k.RIP, c.name)
		if c.want == 8 {
			assert.Equal(t, []uint64{0, bareCode}, frameAt(m, k.GPR[RSP], 2), c.name)
		}
		if c.want == 11 {
			assert.Equal(t, []uint64{6*8 + 2 + 1, bareCode}, frameAt(m, k.GPR[RSP], 2), c.name)
		}
	}
}

// TestHaltWakes: HLT stops the core until an event that can be delivered.
func TestHaltWakes(t *testing.T) {
	m := bare(t, Config{}, 0xf4, 0x90)
	k := m.Core(0)
	take(t, m, "0")
	require.ErrorIs(t, m.Take(Choice{}), ErrIdle)
	require.Empty(t, m.Enabled(nil))
	take(t, m, "irq0:41")
	require.Empty(t, m.Enabled(nil), "IF is clear")
	k.Flags |= FlagIF
	require.Equal(t, []Choice{{}}, m.Enabled(nil))
	take(t, m, "0")
	assert.Equal(t, Running, k.Activity)
	assert.Equal(t, uint64(bareCode+1), word(m, k.GPR[RSP]))
}

// TestSyscall goes to ring 0 by SYSCALL and back by SYSRETQ.
func TestSyscall(t *testing.T) {
	m := bare(t, Config{}, 0x0f, 0x05, 0x90)
	k := m.Core(0)
	user(k)
	k.STAR = uint64(selCode)<<32 | uint64(selUData-8)<<48
	k.LSTAR, k.SFMASK = bareCode+0x100, FlagIF|FlagDF
	k.Flags = Flag1 | FlagIF | FlagCF
	m.WritePhys(bareCode+0x100, []byte{0x48, 0x0f, 0x07})
	take(t, m, "0")
	assert.Equal(t, uint64(bareCode+0x100), k.RIP)
	assert.Zero(t, k.CPL())
	assert.Equal(t, Flag1|FlagCF, k.Flags)
	assert.Equal(t, uint64(bareCode+2), k.GPR[RCX])
	assert.Equal(t, uint16(selData), k.Seg[SS].Sel)
	take(t, m, "0")
	assert.Equal(t, uint64(bareCode+2), k.RIP)
	assert.Equal(t, uint8(3), k.CPL())
	assert.Equal(t, []uint16{selUCode, selUData}, []uint16{k.Seg[CS].Sel, k.Seg[SS].Sel})
	assert.Equal(t, Flag1|FlagIF|FlagCF, k.Flags)
}

// TestBreakpointOnRepeat: an instruction breakpoint on a repeated string
// instruction hits before its first iteration only.
func TestBreakpointOnRepeat(t *testing.T) {
	m := bare(t, Config{}, 0x90, 0xf3, 0xaa, 0x90) // nop; rep stosb; nop
	k := m.Core(0)
	k.GPR[RCX], k.GPR[RDI] = 3, bareData
	k.DR[0], k.DR[7] = bareCode+1, 0x400|2
	m.WritePhys(bareStub+16, []byte{0x48, 0x81, 0x4c, 0x24, 0x10, 0, 0, 1, 0, 0x48, 0xcf}) // orq $RF, 16(%rsp); iretq
	take(t, m, "0 0")
	require.Equal(t, uint64(bareStub+16), k.RIP)
	assert.Equal(t, dr6Fixed|1, k.DR[6])
	take(t, m, "0*2 0*3")
	assert.Zero(t, k.GPR[RCX])
	assert.Equal(t, uint64(bareCode+3), k.RIP)
	assert.Zero(t, k.Flags&FlagRF)
}
