package bench

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/asm"
	"klpsim/cpu"
)

// assemble makes a workload's blob with our own assembler.
func assemble(t testing.TB, w Workload) []byte {
	t.Helper()
	obj, err := asm.Assemble(asm.Source{Name: w.Name + ".s", Text: w.source(t)}, asm.Options{NoLines: true})
	require.NoError(t, err)
	img, err := asm.Link([]*asm.Object{obj}, asm.DefaultLayout(Base))
	require.NoError(t, err)
	require.NotEmpty(t, img.Segments)
	seg := img.Segments[0]
	require.EqualValues(t, Base, seg.Addr)
	require.LessOrEqual(t, len(seg.Data), Data-Base)
	return seg.Data
}

// The page tables of a core, at these offsets of its memory; 2 MiB pages map
// its MemBytes at linear address 0.
const (
	offPML4 = 0x1000
	offPDPT = 0x2000
	offPD   = 0x3000
	offHalt = 0x4000 // a HLT, where a workload returns to
)

// newMachine returns a machine whose cores are about to call the blob with n,
// each in memory of its own, ring 0.
func newMachine(t testing.TB, cfg cpu.Config, blob []byte, n uint64) *cpu.Machine {
	t.Helper()
	cores := max(cfg.Cores, 1)
	cfg.MemBytes = max(cfg.MemBytes, uint64(cores)*MemBytes)
	m, err := cpu.New(cfg)
	require.NoError(t, err)
	for i := range cores {
		base := uint64(i) * MemBytes
		put := func(off uint64, v uint64) { m.WritePhys(base+off, binary.LittleEndian.AppendUint64(nil, v)) }
		const rights = 3 // present, writable
		put(offPML4, base+offPDPT|rights)
		put(offPDPT, base+offPD|rights)
		for page := range uint64(MemBytes >> 21) {
			put(offPD+8*page, base+page<<21|0x80|rights)
		}
		m.WritePhys(base+offHalt, []byte{0xf4})
		m.WritePhys(base+Base, blob)
		put(StackTop-8, offHalt)
		start(m.Core(i), base+offPML4, n)
	}
	return m
}

// start puts a core at the entry point with a count.
func start(c *cpu.Core, cr3, n uint64) {
	flat := func(attr uint16) cpu.SegReg { return cpu.SegReg{Limit: 0xffffffff, Attr: attr} }
	for i := range c.Seg {
		c.Seg[i] = flat(0xc093)
	}
	c.Seg[cpu.CS] = flat(0xa09b)
	c.CR0 = cpu.CR0PE | cpu.CR0ET | cpu.CR0NE | cpu.CR0WP | cpu.CR0PG
	c.CR3, c.CR4 = cr3, cpu.CR4PAE
	c.EFER = cpu.EFERLME | cpu.EFERLMA
	c.Activity = cpu.Running
	c.GPR = [16]uint64{cpu.RDI: n, cpu.RSP: StackTop - 8}
	c.RIP, c.Regs.Flags = Base, cpu.Flag1
}

// runAll runs core 0 to its HLT by the fast path and returns the steps taken.
func runAll(t testing.TB, m *cpu.Machine) uint64 {
	t.Helper()
	done, stop, err := m.Run(0, 1<<40)
	require.NoError(t, err)
	require.Equal(t, cpu.StopIdle, stop)
	return done
}

// Our assembler makes the bytes that GNU as and ld make.
func TestBlobsAsGNU(t *testing.T) {
	for _, w := range Workloads {
		t.Run(w.Name, func(t *testing.T) {
			assert.Equal(t, gnuBlob(t, w), assemble(t, w))
		})
	}
}

// The workloads compute on klpsim what Go computes.
func TestWorkloads(t *testing.T) {
	for _, w := range Workloads {
		t.Run(w.Name, func(t *testing.T) {
			blob := assemble(t, w)
			for _, n := range []uint64{1, 2, 7} {
				m := newMachine(t, cpu.Config{}, blob, n)
				runAll(t, m)
				assert.Equal(t, w.Want(n), m.Core(0).GPR[cpu.RAX], "n = %d", n)
			}
		})
	}
}

// Stepping takes exactly the steps that the fast path takes, to the same state.
func TestStepsEqualRun(t *testing.T) {
	for _, w := range Workloads {
		t.Run(w.Name, func(t *testing.T) {
			blob := assemble(t, w)
			fast, slow := newMachine(t, cpu.Config{}, blob, 3), newMachine(t, cpu.Config{}, blob, 3)
			const bound = 300_000 // chase and sieve are longer
			done, _, err := fast.Run(0, bound)
			require.NoError(t, err)
			for range done {
				require.NoError(t, slow.Take(cpu.Choice{}))
			}
			if done < bound {
				assert.True(t, errors.Is(slow.Take(cpu.Choice{}), cpu.ErrIdle))
			}
			assert.Equal(t, slow.Core(0).Regs, fast.Core(0).Regs)
			assert.Equal(t, slow.Hash(), fast.Hash())
		})
	}
}
