package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// apicWrite32 writes a register as a 4-byte store to its page does.
func apicWrite32(c *Core, reg uint32, v uint64) { c.apicMMIOWrite(uint64(reg)<<4, 4, v) }

// TestAPICPriorities: classes, not vectors, decide against TPR and what is in
// service (SDM vol. 3A, section 10.8.3).
func TestAPICPriorities(t *testing.T) {
	m := bare(t, Config{}, 0x90)
	c := m.Core(0)
	deliverable := func() int {
		if v, ok := c.apicDeliverable(); ok {
			return int(v)
		}
		return -1
	}
	take(t, m, "irq0:31 irq0:35")
	assert.Equal(t, 0x35, deliverable(), "the higher vector first")
	apicWrite32(c, apicRegTPR, 0x30)
	assert.Equal(t, -1, deliverable(), "TPR masks its class")
	apicWrite32(c, apicRegTPR, 0x2f)
	assert.Equal(t, 0x35, deliverable(), "the low bits of TPR mask nothing")
	c.apicAccept(0x35)
	assert.Equal(t, -1, deliverable(), "the class in service is masked")
	assert.Equal(t, uint64(0x30), c.APIC.ppr())
	take(t, m, "irq0:41")
	assert.Equal(t, 0x41, deliverable(), "a higher class nests")
	c.apicAccept(0x41)
	apicWrite32(c, apicRegEOI, 0)
	v, _ := c.apicRead(apicRegISR + 1)
	assert.Equal(t, uint64(1)<<0x15, v, "EOI ends the highest")
	apicWrite32(c, apicRegEOI, 0)
	assert.Equal(t, 0x31, deliverable())
}

// TestIPIs: who is reached by destinations and shorthands (SDM vol. 3A,
// sections 10.6.1 and 10.6.2).
func TestIPIs(t *testing.T) {
	for _, c := range []struct {
		name     string
		high, lo uint64
		x2       bool
		want     []int
	}{
		{"physical", 2 << 24, 0x41, false, []int{2}},
		{"physical broadcast", 0xff << 24, 0x41, false, []int{0, 1, 2, 3}},
		{"self", 0, 0x41 | 1<<18, false, []int{0}},
		{"all", 0, 0x41 | 2<<18, false, []int{0, 1, 2, 3}},
		{"all but self", 0, 0x41 | 3<<18, false, []int{1, 2, 3}},
		{"flat logical", 0x0a << 24, 0x41 | icrLogical, false, []int{1, 3}},
		{"nobody", 9 << 24, 0x41, false, nil},
		{"x2APIC physical", 2 << 32, 0x41, true, []int{2}},
		{"x2APIC broadcast", 0xffffffff << 32, 0x41, true, []int{0, 1, 2, 3}},
		{"x2APIC logical", 0x6 << 32, 0x41 | icrLogical, true, []int{1, 2}},
	} {
		m := bare(t, Config{Cores: 4}, 0x90)
		for i := range 4 {
			k := m.Core(i)
			k.APIC.LDR = 1 << (24 + i)
			if c.x2 {
				k.writeMSR(msrAPICBase, k.APIC.Base|apicX2)
				require.False(t, k.faulted())
			}
		}
		k := m.Core(0)
		if c.x2 {
			k.writeMSR(msrX2APIC+apicRegICRLow, c.high|c.lo)
		} else {
			apicWrite32(k, apicRegICRHigh, c.high)
			apicWrite32(k, apicRegICRLow, c.lo)
		}
		var got []int
		for i := range 4 {
			if m.Core(i).APIC.Requests != 0 {
				got = append(got, i)
			}
		}
		assert.Equal(t, c.want, got, c.name)
	}
}

// TestStartUp: INIT, then SIPI, bring the second core to real mode at the page.
func TestStartUp(t *testing.T) {
	m, err := New(Config{Cores: 2, MemBytes: 1 << 20})
	require.NoError(t, err)
	m.WritePhys(0x9a000, []byte{0x8c, 0xc8, 0xbb, 0x34, 0x12, 0xf4}) // mov %cs, %ax; mov $0x1234, %bx; hlt
	c := m.Core(1)
	require.Equal(t, WaitSIPI, c.Activity)
	require.ErrorIs(t, m.Take(Choice{Core: 1}), ErrIdle)
	take(t, m, "sipi1:9a 1 1 1 1")
	assert.Equal(t, uint64(0x9a00), c.GPR[RAX])
	assert.Equal(t, uint64(0x1234), c.GPR[RBX])
	assert.Equal(t, Halted, c.Activity)
	take(t, m, "init1 1")
	assert.Equal(t, WaitSIPI, c.Activity)
	assert.Zero(t, c.GPR[RBX])
}

// TestTimer: the count follows the core's steps, the choice tick ends it.
func TestTimer(t *testing.T) {
	m := bare(t, Config{}, 0x90, 0x90, 0x90, 0x90)
	c := m.Core(0)
	require.ErrorIs(t, m.Take(Choice{Kind: Tick}), ErrChoice, "not armed")
	apicWrite32(c, apicRegLVT, 0x50)
	apicWrite32(c, apicRegDivide, 0) // by 2
	apicWrite32(c, apicRegInit, 100)
	take(t, m, "0*4")
	v, _ := c.apicRead(apicRegCurrent)
	assert.Equal(t, uint64(98), v)
	left, armed := m.TimerLeft(0)
	assert.Equal(t, uint64(196), left)
	assert.True(t, armed)
	take(t, m, "tick0")
	vec, ok := c.apicDeliverable()
	assert.True(t, ok)
	assert.Equal(t, uint8(0x50), vec)
	_, armed = m.TimerLeft(0)
	assert.False(t, armed, "one shot")
	apicWrite32(c, apicRegLVT, 0x50|lvtPeriodic)
	apicWrite32(c, apicRegInit, 10)
	take(t, m, "tick0 tick0")
	left, armed = m.TimerLeft(0)
	assert.Equal(t, uint64(20), left)
	assert.True(t, armed, "periodic")
}
