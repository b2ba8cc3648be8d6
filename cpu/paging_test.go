package cpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testPage = 0x80000 // a 4 KiB page of the bare machine, PTE 0x80

var (
	loadRAX  = []byte{0x48, 0x8b, 0x03} // mov (%rbx), %rax
	storeRAX = []byte{0x48, 0x89, 0x03} // mov %rax, (%rbx)
)

// faultOf takes one step and returns the vector, error code and CR2 of the
// exception it raised, or -1.
func faultOf(t *testing.T, m *Machine) (vec int, code uint32, cr2 uint64) {
	t.Helper()
	m.SetRecording(true)
	require.NoError(t, m.Take(Choice{}))
	for _, e := range m.Events() {
		if e.Kind == EvDeliver {
			return int(e.Vector), e.Code, m.Core(0).CR2
		}
	}
	return -1, 0, 0
}

// permission is one case of TestPagingPermissions.
type permission struct {
	p, w, u, nx     bool // of the page's entry; the levels above allow everything
	ring3, wp, smep bool
	access          string
}

// allowed is SDM vol. 3A, section 4.6.1, written down as sentences, not as the
// machine computes it.
func (c permission) allowed() bool {
	switch {
	case !c.p:
		return false
	case c.ring3 && !c.u:
		return false // "accesses to supervisor-mode addresses are not allowed"
	case c.access == "write":
		return c.w || !c.ring3 && !c.wp // without WP supervisors write anywhere
	case c.access == "fetch":
		return !c.nx && (c.ring3 || !c.smep || !c.u) // SMEP: no fetch from user-mode addresses
	}
	return true
}

// code is the error code of section 4.7.
func (c permission) code() (code uint32) {
	for bit, set := range map[uint32]bool{
		pfP: c.p, pfW: c.access == "write", pfU: c.ring3, pfI: c.access == "fetch", // EFER.NXE is set
	} {
		if set {
			code |= bit
		}
	}
	return code
}

// machine is about to make the access, at testPage + 8.
func (c permission) machine(t *testing.T) *Machine {
	m := bare(t, Config{}, loadRAX...)
	k := m.Core(0)
	pte := uint64(testPage)
	for bit, set := range map[uint64]bool{pteP: c.p, pteW: c.w, pteU: c.u, pteNX: c.nx} {
		if set {
			pte |= bit
		}
	}
	setWord(m, barePT+testPage>>12*8, pte)
	if c.ring3 {
		user(k)
	} else if c.smep { // supervisor code must lie on a supervisor page
		setWord(m, barePT+bareCode>>12*8, bareCode|0x63)
	}
	if !c.wp {
		k.CR0 &^= CR0WP
	}
	if c.smep {
		k.CR4 |= CR4SMEP
	}
	k.GPR[RBX] = testPage + 8
	switch c.access {
	case "write":
		m.WritePhys(bareCode, storeRAX)
	case "fetch":
		k.RIP = testPage + 8
	}
	return m
}

// TestPagingPermissions tries every combination of P, W, U, NX in the last
// level with read, write and fetch from both rings, with and without CR0.WP
// and SMEP.
func TestPagingPermissions(t *testing.T) {
	for bits := range 1 << 7 {
		on := func(i int) bool { return bits>>i&1 != 0 }
		for _, access := range []string{"read", "write", "fetch"} {
			c := permission{on(0), on(1), on(2), on(3), on(4), on(5), on(6), access}
			vec, code, cr2 := faultOf(t, c.machine(t))
			if c.allowed() {
				assert.Equal(t, -1, vec, "%+v", c)
				continue
			}
			assert.Equal(t, []uint64{14, uint64(c.code()), testPage + 8}, []uint64{uint64(vec), uint64(code), cr2}, "%+v", c)
		}
	}
}

func TestReservedBits(t *testing.T) {
	for _, c := range []struct {
		name  string
		entry uint64 // physical address of the entry
		bits  uint64
		code  uint32
	}{
		{"address above MAXPHYADDR", barePT + testPage>>12*8, testPage | 7 | 1<<45, pfP | pfRsvd},
		{"PS in the PML4", bareTop, barePDPT | 0x27 | ptePS, pfP | pfRsvd},
		{"bits 29:13 of a 1 GiB page", barePDPT, 1<<20 | 0xe7, pfP | pfRsvd},
		{"bits 20:13 of a 2 MiB page", barePD, 1<<14 | 0xe7, pfP | pfRsvd},
	} {
		m := bare(t, Config{}, loadRAX...)
		m.Core(0).GPR[RBX] = testPage
		require.NoError(t, m.Take(Choice{})) // fills the TLB for the code
		m = bare(t, Config{}, append(append([]byte{}, 0x90), loadRAX...)...)
		m.Core(0).GPR[RBX] = testPage
		take(t, m, "0")
		setWord(m, c.entry, c.bits)
		_, ok := m.Translate(0, testPage, AccessRead)
		assert.False(t, ok, c.name)
		_, code, _ := m.Core(0).walk(testPage, AccessRead)
		assert.Equal(t, c.code, code&^walkFault, c.name)
	}
}

// TestAccessedDirty: A on any access, D on a write only, upper levels A only.
func TestAccessedDirty(t *testing.T) {
	m := bare(t, Config{}, append(loadRAX, storeRAX...)...)
	c := m.Core(0)
	c.GPR[RBX] = testPage
	at := uint64(barePT + testPage>>12*8)
	setWord(m, at, testPage|7)
	setWord(m, bareTop, barePDPT|7)
	take(t, m, "0")
	assert.Equal(t, testPage|7|pteA, word(m, at))
	assert.Equal(t, barePDPT|7|pteA, word(m, bareTop))
	take(t, m, "0")
	assert.Equal(t, testPage|7|pteA|pteD, word(m, at))
}

// TestStaleTLB: a mapping that was taken away stays usable until it is
// flushed; invlpg drops it, a CR3 load drops all but global ones.
func TestStaleTLB(t *testing.T) {
	at := uint64(barePT + testPage>>12*8)
	for _, c := range []struct {
		name  string
		g     uint64
		flush []byte
		gone  bool
	}{
		{"no flush", 0, []byte{0x90}, false},
		{"invlpg", 0, []byte{0x0f, 0x01, 0x3b}, true},
		{"invlpg of a global page", pteG, []byte{0x0f, 0x01, 0x3b}, true},
		{"mov to cr3", 0, []byte{0x0f, 0x22, 0xda}, true},
		{"mov to cr3, global page", pteG, []byte{0x0f, 0x22, 0xda}, false},
	} {
		m := bare(t, Config{}, append(append(append([]byte{}, loadRAX...), c.flush...), loadRAX...)...)
		m.Core(0).GPR[RBX], m.Core(0).GPR[RDX] = testPage, bareTop
		setWord(m, at, testPage|7|c.g)
		take(t, m, "0")
		setWord(m, at, 0)
		take(t, m, "0")
		vec, _, _ := faultOf(t, m)
		assert.Equal(t, c.gone, vec == 14, c.name)
	}
}

// TestPageCrossing: a store whose second page faults changes nothing, and CR2
// is the first byte of that page.
func TestPageCrossing(t *testing.T) {
	m := bare(t, Config{}, storeRAX...)
	c := m.Core(0)
	c.GPR[RAX], c.GPR[RBX] = ^uint64(0), testPage+0xffd
	setWord(m, barePT+(testPage>>12+1)*8, 0)
	vec, code, cr2 := faultOf(t, m)
	assert.Equal(t, 14, vec)
	assert.Equal(t, pfW, code)
	assert.Equal(t, uint64(testPage+0x1000), cr2)
	assert.Zero(t, word(m, testPage+0xff8))
	m = bare(t, Config{}, append(storeRAX, loadRAX...)...)
	m.Core(0).GPR[RAX], m.Core(0).GPR[RBX] = 0x1122334455667788, testPage+0xffd
	take(t, m, "0")
	m.Core(0).GPR[RAX] = 0
	take(t, m, "0")
	assert.Equal(t, uint64(0x1122334455667788), m.Core(0).GPR[RAX])
	assert.Equal(t, uint64(0x1122334455), word(m, testPage+0x1000))
}

// TestCanonical: #GP(0) for data, #SS(0) through the stack segment.
func TestCanonical(t *testing.T) {
	m := bare(t, Config{}, loadRAX...)
	m.Core(0).GPR[RBX] = 0x7ffffffffff9
	vec, code, _ := faultOf(t, m)
	assert.Equal(t, []uint64{13, 0}, []uint64{uint64(vec), uint64(code)})
	m = bare(t, Config{}, 0x50) // push %rax
	m.Core(0).GPR[RSP] = 1 << 63
	m.WritePhys(bareIDT+12*16+4, []byte{1}) // #SS on IST1
	vec, code, _ = faultOf(t, m)
	assert.Equal(t, []uint64{12, 0}, []uint64{uint64(vec), uint64(code)})
}

// TestUpperLevelRights: a right that one level withholds is not there.
func TestUpperLevelRights(t *testing.T) {
	for _, entry := range []uint64{bareTop, barePDPT, barePD} {
		for _, right := range []uint64{pteW, pteU} {
			m := bare(t, Config{}, storeRAX...)
			_, ok := m.Translate(0, testPage, AccessWrite|AccessUser)
			require.True(t, ok)
			setWord(m, entry, word(m, entry)&^right)
			_, ok = m.Translate(0, testPage, AccessWrite|AccessUser)
			assert.False(t, ok, "entry %#x without %#x", entry, right)
		}
	}
}

// TestSelfModifying: a store to the next instruction changes what executes.
func TestSelfModifying(t *testing.T) {
	m := bare(t, Config{}, 0xc6, 0x03, 0x40, 0x48, 0xff, 0xc0, 0xeb, 0xf8) // movb $0x40, (%rbx); inc %rax; jmp
	c := m.Core(0)
	c.GPR[RBX] = bareCode + 3
	m.WritePhys(bareCode+3, []byte{0x48})
	take(t, m, "0*3")
	require.Equal(t, uint64(1), c.GPR[RAX])
	c.GPR[RAX] = 0xffffffff
	m.WritePhys(bareCode+3, []byte{0x48})
	c.RIP = bareCode + 3
	take(t, m, "0")
	require.Equal(t, uint64(1)<<32, c.GPR[RAX], "REX.W: 64 bits")
	c.RIP, c.GPR[RAX] = bareCode, 0xffffffff
	take(t, m, "0 0")
	assert.Zero(t, c.GPR[RAX], "without REX.W: 32 bits")
}
