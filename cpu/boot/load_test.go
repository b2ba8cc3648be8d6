package boot

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu"
)

func machine(t *testing.T, cores int, memBytes uint64) *cpu.Machine {
	t.Helper()
	m, err := cpu.New(cpu.Config{Cores: cores, MemBytes: memBytes})
	require.NoError(t, err)
	return m
}

func word(m *cpu.Machine, pa uint64) uint32 {
	var b [4]byte
	m.ReadPhys(pa, b[:])
	return binary.LittleEndian.Uint32(b[:])
}

func text(m *cpu.Machine, pa uint32) string {
	b := make([]byte, 64)
	m.ReadPhys(uint64(pa), b)
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

func flatImage(code ...byte) *Image {
	return &Image{Kind: Multiboot, Entry: 0x100000, Segments: []Segment{{Addr: 0x100000, Virt: 0x100000, Data: code, Size: 0x2000}}}
}

// The information that the Multiboot Specification, section 3.3, describes.
func TestMultibootInfo(t *testing.T) {
	m := machine(t, 1, 64<<20)
	opt := Options{Name: "kernel", CommandLine: "a b", Modules: []Module{
		{CommandLine: "env x", Data: []byte("first")}, {CommandLine: "two", Data: []byte("second")}}}
	require.NoError(t, Load(m, flatImage(0xf4), opt))
	c := m.Core(0)
	assert.EqualValues(t, 0x2badb002, c.GPR[cpu.RAX])
	info := c.GPR[cpu.RBX]
	assert.EqualValues(t, 0x24d, word(m, info)&0x24d, "memory, command line, modules, map, loader name")
	assert.EqualValues(t, 639, word(m, info+4))
	assert.EqualValues(t, 63<<10, word(m, info+8))
	assert.Equal(t, "kernel a b", text(m, word(m, info+16)))
	require.EqualValues(t, 2, word(m, info+20))
	mods := uint64(word(m, info+24))
	for i, want := range opt.Modules {
		at := mods + 16*uint64(i)
		begin, end := word(m, at), word(m, at+4)
		assert.Zero(t, begin&0xfff, "modules begin on pages")
		got := make([]byte, end-begin)
		m.ReadPhys(uint64(begin), got)
		assert.Equal(t, want.Data, got)
		assert.Equal(t, want.CommandLine, text(m, word(m, at+8)))
		assert.GreaterOrEqual(t, begin, uint32(0x102000), "behind the image with its zeroes")
	}
	var ram uint64
	at, end := uint64(word(m, info+48)), uint64(word(m, info+48)+word(m, info+44))
	for at < end {
		if word(m, at+20) == 1 {
			ram += uint64(word(m, at+12)) | uint64(word(m, at+16))<<32
		}
		at += uint64(word(m, at)) + 4
	}
	assert.Equal(t, end, at)
	assert.EqualValues(t, 63<<20+0x9fc00, ram)
	assert.Equal(t, "klpsim", text(m, word(m, info+64)))
}

// The machine state of section 3.2.
func TestProtectedModeEntry(t *testing.T) {
	m := machine(t, 2, 64<<20)
	require.NoError(t, Load(m, flatImage(0xf4), Options{}))
	c := m.Core(0)
	assert.Equal(t, cpu.CR0PE, c.CR0&(cpu.CR0PE|cpu.CR0PG))
	assert.Zero(t, c.Regs.Flags&(cpu.FlagIF|cpu.FlagVM))
	assert.EqualValues(t, 0x100000, c.RIP)
	for i, s := range c.Seg {
		assert.Zero(t, s.Base)
		assert.EqualValues(t, 0xffffffff, s.Limit)
		assert.NotZero(t, s.Attr&cpu.AttrDB, "segment %d has 32 bits", i)
		assert.Equal(t, i == cpu.CS, s.Attr&cpu.AttrCode != 0)
	}
	assert.Equal(t, cpu.WaitSIPI, m.Core(1).Activity)
}

func TestInfoAvoidsTheImage(t *testing.T) {
	m := machine(t, 1, 64<<20)
	img := &Image{Kind: Multiboot, Entry: 0x8000, Segments: []Segment{{Addr: 0x8000, Data: bytes.Repeat([]byte{0x90}, 0x3000), Size: 0x3000}}}
	require.NoError(t, Load(m, img, Options{Name: "k"}))
	assert.GreaterOrEqual(t, m.Core(0).GPR[cpu.RBX], uint64(1<<20))
	assert.EqualValues(t, 0x90909090, word(m, 0x9000))
}

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		img  *Image
		opt  Options
		mem  uint64
		want string
	}{
		{"segment outside", &Image{Segments: []Segment{{Addr: 1 << 30, Size: 4}}}, Options{Name: "k"}, 4 << 20, "k: segment 0 at 0x40000000, 4 bytes, lies outside"},
		{"segment wraps", &Image{Segments: []Segment{{Addr: ^uint64(0), Size: 4}}}, Options{Name: "k"}, 4 << 20, "k: segment 0"},
		{"module too big", flatImage(0xf4), Options{Name: "k", Modules: []Module{{Data: make([]byte, 4<<20)}}}, 4 << 20, "k: with its modules it does not fit"},
		{"entry outside", &Image{Entry: 1 << 31, Segments: []Segment{{Addr: 1 << 20, Size: 4}}}, Options{Name: "k"}, 4 << 20, "k: entry point 0x80000000"},
		{"memory too small", flatImage(0xf4), Options{}, 1 << 20, "want 2 MiB"},
		{"linked elsewhere", &Image{Kind: LongMode, Segments: []Segment{{Addr: 1 << 20, Virt: 1 << 40, Size: 4}}}, Options{Name: "k"}, 4 << 20, "segment 0 is linked at 0x10000000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.ErrorContains(t, Load(machine(t, 1, c.mem), c.img, c.opt), c.want)
		})
	}
}

// Sixty-four-bit images begin in long mode with both mappings in place.
func TestLongModeEntry(t *testing.T) {
	m := machine(t, 1, 64<<20)
	// mov $0x41, %al; mov $0x3f8, %edx; out %al, %dx; push %rbx; pop %rax;
	// xor %eax, %eax; mov $0xf4, %edx; out %eax, %dx
	code := []byte{0xb0, 0x41, 0xba, 0xf8, 3, 0, 0, 0xee, 0x53, 0x58, 0x31, 0xc0, 0xba, 0xf4, 0, 0, 0, 0xef}
	img := &Image{Kind: LongMode, Entry: 0xffffffff80100000,
		Segments: []Segment{{Addr: 0x100000, Virt: 0xffffffff80100000, Data: code, Size: uint64(len(code))}}}
	require.NoError(t, Load(m, img, Options{Name: "k"}))
	var out bytes.Buffer
	r := Runner{Serial: &out}
	res, err := r.Run(m)
	require.NoError(t, err)
	assert.Equal(t, Result{Reason: Exited, Status: 1, Steps: 8}, res)
	assert.Equal(t, "A", out.String())
}

// hvm_start_info of the PVH boot ABI.
func TestPVHInfo(t *testing.T) {
	m := machine(t, 1, 64<<20)
	img := flatImage(0xf4)
	img.Kind = PVH
	require.NoError(t, Load(m, img, Options{Name: "k", CommandLine: "x y", Modules: []Module{{CommandLine: "m", Data: []byte("mod")}}}))
	info := m.Core(0).GPR[cpu.RBX]
	assert.EqualValues(t, 0x336ec578, word(m, info))
	assert.EqualValues(t, 1, word(m, info+4))
	assert.EqualValues(t, 1, word(m, info+12))
	mod := uint64(word(m, info+16))
	assert.EqualValues(t, 3, word(m, mod+8))
	assert.Equal(t, "mod", text(m, word(m, mod))[:3])
	assert.Equal(t, "x y", text(m, word(m, info+24)))
	assert.EqualValues(t, len(memoryMap(64<<20)), word(m, info+48))
}
