package cpu

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// Compiled programs: C without a library, as gcc makes it at each level of
// optimisation and for both instruction set levels, run on the host and on
// klpsim in ring 3; output and exit status must be the same.

// cprogBuilds are the compiler's options.
var cprogBuilds = []string{
	"-O0 -march=x86-64", "-O1 -march=x86-64-v2", "-O2 -march=x86-64", "-O3 -march=x86-64-v2", "-Os -march=x86-64",
}

func TestCompiledPrograms(t *testing.T) {
	gcc := peer.Need(t, "gcc", "gcc")
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs linux/amd64 to run the programs natively")
	}
	sources, err := filepath.Glob("../testdata/cprog/*.c")
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	for _, src := range sources {
		for _, options := range cprogBuilds {
			t.Run(filepath.Base(src)+" "+options, func(t *testing.T) {
				t.Parallel()
				exe := filepath.Join(t.TempDir(), "program")
				args := append(strings.Fields(options), "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector",
					"-fno-pie", "-no-pie", "-fcf-protection=none", "-o", exe, src)
				out, err := exec.Command(gcc, args...).CombinedOutput()
				require.NoError(t, err, "%s", out)
				want, status := runNative(t, exe)
				got, ours := runSimulated(t, exe)
				require.Equal(t, string(want), string(got))
				require.Equal(t, status, ours, "exit status")
			})
		}
	}
}

// runNative runs a program on the host.
func runNative(t *testing.T, exe string) (out []byte, status int) {
	var buf bytes.Buffer
	cmd := exec.Command(exe)
	cmd.Stdout = &buf
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return buf.Bytes(), cmd.ProcessState.ExitCode()
}

// Where the harness puts things in physical memory and in the program's
// address space.
const (
	userTables  = 0x10000
	userIDT     = 0x2000
	userFree    = 0x100000 // the program's pages, one after another
	userStack   = 0x7ffff000
	userStackSz = 0x20000
	userEntry   = simUserKernel + 0x8000 // the system call entry: HLT
	userMem     = 16 << 20

	simUserKernel = 0xffff800000000000
)

// userPages maps pages of a bare machine.
type userPages struct {
	m           *Machine
	table, free uint64
}

func (u *userPages) entry(pa uint64) uint64 {
	var b [8]byte
	u.m.ReadPhys(pa, b[:])
	v := uint64(0)
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	return v
}

func (u *userPages) set(pa, v uint64) {
	var b [8]byte
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	u.m.WritePhys(pa, b[:])
}

// mapPage maps va to pa with the flags, making tables as needed.
func (u *userPages) mapPage(va, pa, flags uint64) {
	table := uint64(userTables)
	for level := 3; level > 0; level-- {
		at := table + va>>(12+9*level)&0x1ff*8
		if u.entry(at) == 0 {
			u.table += 0x1000
			u.set(at, u.table|7)
		}
		table = u.entry(at) & 0xffffffffff000
	}
	u.set(table+va>>12&0x1ff*8, pa|flags|1)
}

// page returns the physical page behind va, mapping a new one if there is none.
func (u *userPages) page(va uint64) uint64 {
	if pa, ok := u.m.Translate(0, va, AccessRead); ok {
		return pa &^ 0xfff
	}
	pa := u.free
	u.free += 0x1000
	u.mapPage(va, pa, 6)
	return pa
}

// newUserMachine makes a machine with an ELF executable in ring 3 at its
// entry point. The system call entry is a HLT, where the harness takes over.
func newUserMachine(t *testing.T, exe string) *Machine {
	m, err := New(Config{MemBytes: userMem})
	require.NoError(t, err)
	u := &userPages{m: m, table: userTables, free: userFree}
	c := m.Core(0)
	c.CR0 = CR0PE | CR0PG | CR0NE | CR0WP | CR0MP | CR0ET
	c.CR3, c.CR4 = userTables, CR4PAE|CR4OSFXSR|CR4OSXMMEXCPT
	c.EFER = EFERLME | EFERLMA | EFERNXE | EFERSCE
	c.STAR, c.LSTAR = 0x23<<48|0x10<<32, userEntry
	c.SFMASK = FlagIF
	u.mapPage(userEntry, 0x8000, 0)
	m.WritePhys(0x8000, []byte{0xf4})
	toUser(c)
	f, err := elf.Open(exe)
	require.NoError(t, err)
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		data := make([]byte, p.Memsz)
		_, err := io.ReadFull(p.Open(), data[:p.Filesz])
		require.NoError(t, err)
		for off := uint64(0); off < p.Memsz; {
			va := p.Vaddr + off
			n := min(p.Memsz-off, 0x1000-va&0xfff)
			m.WritePhys(u.page(va)+va&0xfff, data[off:off+n])
			off += n
		}
	}
	for va := uint64(userStack - userStackSz); va < userStack; va += 0x1000 {
		u.page(va)
	}
	c.RIP, c.GPR[RSP], c.Flags = f.Entry, userStack-64, Flag1|FlagIF
	c.FCW, c.FSW, c.FTW, c.MXCSR = 0x37f, 0, 0, 0x1f80 // as after FNINIT
	return m
}

// toUser puts a core into ring 3 with flat segments.
func toUser(c *Core) {
	c.Seg[CS] = SegReg{Sel: 0x33, Limit: 0xffffffff, Attr: AttrG | AttrL | AttrP | 3<<5 | AttrS | AttrCode | AttrRead | AttrAccessed}
	c.Seg[SS] = SegReg{Sel: 0x2b, Limit: 0xffffffff, Attr: AttrG | AttrDB | AttrP | 3<<5 | AttrS | AttrWrite | AttrAccessed}
	c.Activity = Running
}

// runSimulated runs a program on klpsim, serving write and exit.
func runSimulated(t *testing.T, exe string) (out []byte, status int) {
	m := newUserMachine(t, exe)
	c := m.Core(0)
	for range 1000 {
		done, stop, err := m.Run(0, 100_000_000)
		require.NoError(t, err)
		require.Equal(t, Halted, c.Activity, "stopped after %d steps at %#x: %v", done, c.RIP, stop)
		switch c.GPR[RAX] {
		case 1:
			p := make([]byte, c.GPR[RDX])
			require.True(t, m.ReadVirt(0, c.GPR[RSI], p), "write from %#x", c.GPR[RSI])
			out = append(out, p...)
			c.GPR[RAX] = c.GPR[RDX]
		case 60:
			return out, int(c.GPR[RDI] & 0xff)
		default:
			t.Fatalf("system call %d at %#x", c.GPR[RAX], c.GPR[RCX])
		}
		toUser(c)
		c.RIP, c.Flags = c.GPR[RCX], c.GPR[R11]
	}
	t.Fatal("no end")
	return nil, 0
}
