package boot

import (
	"encoding/binary"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"klpsim/cpu"
)

// MaxMemory is the most memory that a booted machine may have, in bytes: above
// it lie the devices' addresses.
const MaxMemory = 3 << 30

// Where the boot information goes: below 640 KiB as QEMU has it when the image
// leaves the room, behind the image otherwise. Strings, modules, tables and
// the stack are always behind the image.
const (
	infoAddr = 0x9000
	infoSize = 0x1000
	mbiOff   = 0x500 // of the multiboot information behind the memory map
	pageSize = 0x1000
)

// Module is a file that is loaded beside the image.
type Module struct {
	CommandLine string // the file's name and arguments, as the guest sees them
	Data        []byte
}

// Options are the things an image is given.
type Options struct {
	Name        string // the image's own name, the first word of a Multiboot command line
	CommandLine string
	Modules     []Module
}

// region is one entry of the memory map, in the numbering of INT 15h E820.
type region struct {
	addr, size uint64
	kind       uint32
}

const (
	regionRAM      = 1
	regionReserved = 2
)

// memoryMap describes the memory of a machine as a PC's firmware does.
func memoryMap(memBytes uint64) []region {
	const (
		lowEnd  = 0x9fc00 // the extended BIOS data area begins here
		romAddr = 0xf0000
		high    = 0x100000
	)
	return []region{
		{0, lowEnd, regionRAM},
		{lowEnd, 0xa0000 - lowEnd, regionReserved},
		{romAddr, high - romAddr, regionReserved},
		{high, memBytes - high, regionRAM},
	}
}

// loader places things in a machine's memory.
type loader struct {
	m    *cpu.Machine
	name string
	next uint64 // first free address behind the image
	err  error
}

// put copies data to the next free multiple of align (a power of two) and
// returns its address.
func (l *loader) put(data []byte, align uint64) uint32 {
	addr := l.reserve(uint64(len(data)), align)
	if l.err == nil {
		l.m.WritePhys(uint64(addr), data)
	}
	return addr
}

// reserve takes size bytes at the next free multiple of align.
func (l *loader) reserve(size, align uint64) uint32 {
	addr := (l.next + align - 1) &^ (align - 1)
	if l.err == nil && (size > l.m.MemBytes() || addr > l.m.MemBytes()-size) {
		l.err = &ImageError{Name: l.name, Msg: fmt.Sprintf("with its modules it does not fit into %d bytes of memory", l.m.MemBytes())}
	}
	l.next = addr + size
	return uint32(addr)
}

func (l *loader) putString(s string) uint32 { return l.put(append([]byte(s), 0), 1) }

// Load puts an image with what belongs to it into the memory of a fresh
// machine and sets core 0 to the image's entry state.
func Load(m *cpu.Machine, img *Image, opt Options) error {
	if m.MemBytes() > MaxMemory || m.MemBytes() < 2<<20 {
		return fmt.Errorf("%w: %d bytes of memory, want 2 MiB to %d", cpu.ErrConfig, m.MemBytes(), uint64(MaxMemory))
	}
	l := &loader{m: m, name: opt.Name}
	room := uint64(infoAddr)
	for i, s := range img.Segments {
		if s.Size > m.MemBytes() || s.Addr > m.MemBytes()-s.Size {
			return &ImageError{Name: opt.Name, Msg: fmt.Sprintf("segment %d at %#x, %d bytes, lies outside %d bytes of memory", i, s.Addr, s.Size, m.MemBytes())}
		}
		m.WritePhys(s.Addr, s.Data)
		l.next = max(l.next, (s.Addr+s.Size+pageSize-1)&^(pageSize-1))
		if s.Addr < infoAddr+infoSize && infoAddr < s.Addr+s.Size {
			room = 0
		}
	}
	l.next = max(l.next, 1<<20)
	if room == 0 {
		room = uint64(l.reserve(infoSize, pageSize))
	}
	switch img.Kind {
	case PVH:
		l.startInfo(room, opt)
		l.enter32(img.Entry, 0, room)
	case Multiboot:
		l.multibootInfo(room, opt)
		l.enter32(img.Entry, mbLoaderMagic, room+mbiOff)
	case LongMode:
		l.multibootInfo(room, opt)
		l.enter64(img, room+mbiOff)
	}
	return l.err
}

// mbLoaderMagic is what EAX holds for a Multiboot image (section 3.2).
const mbLoaderMagic = 0x2badb002

// The flags of the multiboot information: which fields are valid (section 3.3).
const (
	mbiMemory     = 1 << 0
	mbiCmdLine    = 1 << 2
	mbiModules    = 1 << 3
	mbiMemoryMap  = 1 << 6
	mbiLoaderName = 1 << 9
)

// multibootInfo writes the memory map at room and the information behind it.
func (l *loader) multibootInfo(room uint64, opt Options) {
	le := binary.LittleEndian
	var table []byte
	for _, mod := range opt.Modules {
		start := l.put(mod.Data, pageSize)
		table = le.AppendUint32(table, start)
		table = le.AppendUint32(table, start+uint32(len(mod.Data)))
		table = le.AppendUint32(table, l.putString(mod.CommandLine))
		table = le.AppendUint32(table, 0)
	}
	var memMap []byte
	for _, r := range memoryMap(l.m.MemBytes()) {
		memMap = le.AppendUint32(memMap, 20) // the size of the rest of the entry
		memMap = le.AppendUint64(memMap, r.addr)
		memMap = le.AppendUint64(memMap, r.size)
		memMap = le.AppendUint32(memMap, r.kind)
	}
	line := strings.TrimSpace(opt.Name + " " + opt.CommandLine)
	var info [120]byte
	for _, f := range []struct{ off, value uint32 }{
		{0, mbiMemory | mbiCmdLine | mbiModules | mbiMemoryMap | mbiLoaderName},
		{4, 0x9fc00 >> 10},                      // mem_lower, KiB
		{8, uint32(l.m.MemBytes()>>10) - 1<<10}, // mem_upper, KiB from 1 MiB on
		{16, l.putString(line)},                 // cmdline
		{20, uint32(len(opt.Modules))},          // mods_count
		{24, l.put(table, 16)},                  // mods_addr
		{44, uint32(len(memMap))},               // mmap_length
		{48, uint32(room)},                      // mmap_addr
		{64, l.putString("klpsim")},             // boot_loader_name
	} {
		le.PutUint32(info[f.off:], f.value)
	}
	l.m.WritePhys(room, memMap)
	l.m.WritePhys(room+mbiOff, info[:])
	l.next = (l.next + pageSize - 1) &^ (pageSize - 1)
}

// startInfo writes hvm_start_info, version 1, at room (Xen's
// public/arch-x86/hvm/start_info.h).
func (l *loader) startInfo(room uint64, opt Options) {
	const magic = 0x336ec578
	le := binary.LittleEndian
	var mods, memMap []byte
	for _, mod := range opt.Modules {
		mods = le.AppendUint64(mods, uint64(l.put(mod.Data, pageSize)))
		mods = le.AppendUint64(mods, uint64(len(mod.Data)))
		mods = le.AppendUint64(mods, uint64(l.putString(mod.CommandLine)))
		mods = le.AppendUint64(mods, 0)
	}
	regions := memoryMap(l.m.MemBytes())
	for _, r := range regions {
		memMap = le.AppendUint64(memMap, r.addr)
		memMap = le.AppendUint64(memMap, r.size)
		memMap = le.AppendUint64(memMap, uint64(r.kind))
	}
	var info []byte
	for _, v := range []uint32{magic, 1, 0, uint32(len(opt.Modules))} {
		info = le.AppendUint32(info, v)
	}
	for _, v := range []uint32{l.put(mods, 16), l.putString(opt.CommandLine), 0, l.put(memMap, 16)} {
		info = le.AppendUint64(info, uint64(v))
	}
	info = le.AppendUint32(info, uint32(len(regions)))
	info = le.AppendUint32(info, 0)
	l.m.WritePhys(room, info)
	l.next = (l.next + pageSize - 1) &^ (pageSize - 1)
}

// GuestName returns the name by which a guest may know a host file: its last
// element, so that nothing of the host's directories reaches a run.
func GuestName(file string) string { return path.Base(filepath.ToSlash(file)) }
