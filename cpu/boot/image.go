package boot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is how an image wants to be entered.
type Kind uint8

// The kinds of images.
const (
	Multiboot Kind = iota // 32-bit protected mode, multiboot information
	PVH                   // 32-bit protected mode, hvm_start_info
	LongMode              // 64-bit mode, multiboot information
)

// String returns the name of the kind as messages use it.
func (k Kind) String() string {
	return [...]string{"Multiboot", "PVH", "ELF64"}[k]
}

// Segment is a part of an image in physical memory: Data, then zeroes up to
// Size bytes.
type Segment struct {
	Addr uint64 // physical address
	Virt uint64 // linear address it is linked at
	Data []byte
	Size uint64
}

// Image is a parsed bootable file.
type Image struct {
	Kind     Kind
	Entry    uint64 // physical address; of a LongMode image the linear address
	Segments []Segment
}

// ImageError says what is wrong with an image. It matches ErrImage, and wraps
// the error of the ELF reader where there is one.
type ImageError struct {
	Name string // of the file
	Msg  string
	Err  error // may be nil
}

// ErrImage is matched by every error about the contents of an image.
var ErrImage = errors.New("not a bootable image")

func (e *ImageError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Name, e.Msg, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Name, e.Msg)
}

// Unwrap returns the ELF reader's error, if any.
func (e *ImageError) Unwrap() error { return e.Err }

// Is makes every ImageError match ErrImage.
func (e *ImageError) Is(target error) bool { return target == ErrImage }

// The Multiboot header (Multiboot Specification 0.6.96, section 3.1).
const (
	mbHeaderMagic  = 0x1badb002
	mbHeaderSearch = 8192    // the header lies within so many bytes
	mbFlagAddress  = 1 << 16 // the header has load addresses
	mbFlagsKnown   = 7       // of the mandatory ones: page alignment, memory, video
)

// header is a Multiboot header and where it was found.
type header struct {
	off                                   int // in the file, bytes
	flags                                 uint32
	headerAddr, loadAddr, loadEnd, bssEnd uint32
	entry                                 uint32
}

// findHeader looks for a Multiboot header: magic, flags and a checksum that
// makes their sum zero, at a multiple of four.
func findHeader(file []byte) (header, bool) {
	le := binary.LittleEndian
	end := min(len(file), mbHeaderSearch)
	for off := 0; off+12 <= end; off += 4 {
		flags := le.Uint32(file[off+4:])
		if le.Uint32(file[off:]) != mbHeaderMagic || mbHeaderMagic+flags+le.Uint32(file[off+8:]) != 0 {
			continue
		}
		h := header{off: off, flags: flags}
		if flags&mbFlagAddress != 0 {
			if off+32 > len(file) {
				continue
			}
			h.headerAddr, h.loadAddr = le.Uint32(file[off+12:]), le.Uint32(file[off+16:])
			h.loadEnd, h.bssEnd = le.Uint32(file[off+20:]), le.Uint32(file[off+24:])
			h.entry = le.Uint32(file[off+28:])
		}
		return h, true
	}
	return header{}, false
}

// Parse reads an image; name is for messages. Every error is an *ImageError.
func Parse(name string, file []byte) (*Image, error) {
	h, ok := findHeader(file)
	if ok {
		if bad := h.flags & 0xffff &^ mbFlagsKnown; bad != 0 {
			return nil, &ImageError{Name: name, Msg: fmt.Sprintf("multiboot header at %#x wants unknown features, flags %#x", h.off, bad)}
		}
		if h.flags&mbFlagAddress != 0 {
			return parseAddressed(name, file, h)
		}
	}
	if !bytes.HasPrefix(file, []byte(elf.ELFMAG)) {
		if ok {
			return nil, &ImageError{Name: name, Msg: "has a multiboot header without addresses but is not an ELF file"}
		}
		return nil, &ImageError{Name: name, Msg: "is neither an ELF file nor has it a multiboot header in its first 8192 bytes"}
	}
	return parseELF(name, file, ok)
}

// parseAddressed takes an image by the addresses in its Multiboot header
// (section 3.1.3), whatever the file's own format.
func parseAddressed(name string, file []byte, h header) (*Image, error) {
	bad := func(what string) error {
		return &ImageError{Name: name, Msg: fmt.Sprintf("multiboot header at %#x: %s", h.off, what)}
	}
	skip := int64(h.off) - (int64(h.headerAddr) - int64(h.loadAddr))
	if h.headerAddr < h.loadAddr || skip < 0 {
		return nil, bad(fmt.Sprintf("load_addr %#x does not go with header_addr %#x", h.loadAddr, h.headerAddr))
	}
	size := int64(len(file)) - skip
	if h.loadEnd != 0 {
		size = int64(h.loadEnd) - int64(h.loadAddr)
	}
	if size < 0 || skip+size > int64(len(file)) {
		return nil, bad(fmt.Sprintf("load_end_addr %#x lies outside the file", h.loadEnd))
	}
	total := size
	if h.bssEnd != 0 {
		total = int64(h.bssEnd) - int64(h.loadAddr)
		if total < size {
			return nil, bad(fmt.Sprintf("bss_end_addr %#x lies below the loaded data", h.bssEnd))
		}
	}
	seg := Segment{Addr: uint64(h.loadAddr), Virt: uint64(h.loadAddr), Data: file[skip : skip+size], Size: uint64(total)}
	return &Image{Kind: Multiboot, Entry: uint64(h.entry), Segments: []Segment{seg}}, nil
}

// parseELF takes the loadable segments of an ELF file at their physical
// addresses.
func parseELF(name string, file []byte, multiboot bool) (*Image, error) {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, &ImageError{Name: name, Msg: "bad ELF file", Err: err}
	}
	if f.Machine != elf.EM_386 && f.Machine != elf.EM_X86_64 {
		return nil, &ImageError{Name: name, Msg: fmt.Sprintf("is for %v, not for x86", f.Machine)}
	}
	img := &Image{Kind: LongMode}
	for i, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Memsz == 0 {
			continue
		}
		if p.Filesz > p.Memsz || p.Off > uint64(len(file)) || p.Filesz > uint64(len(file))-p.Off {
			return nil, &ImageError{Name: name, Msg: fmt.Sprintf("program header %d: %d bytes at offset %#x lie outside the file", i, p.Filesz, p.Off)}
		}
		img.Segments = append(img.Segments, Segment{Addr: p.Paddr, Virt: p.Vaddr, Data: file[p.Off : p.Off+p.Filesz], Size: p.Memsz})
	}
	if len(img.Segments) == 0 {
		return nil, &ImageError{Name: name, Msg: "has no loadable segment"}
	}
	if multiboot {
		img.Kind, img.Entry = Multiboot, physicalEntry(f)
		return img, nil
	}
	if f.Class != elf.ELFCLASS64 {
		return nil, &ImageError{Name: name, Msg: "is a 32-bit ELF file without a multiboot header"}
	}
	img.Entry = f.Entry
	if entry, ok := pvhEntry(f, file); ok {
		img.Kind, img.Entry = PVH, entry
	}
	return img, nil
}

// physicalEntry is the entry point's physical address: it is given as a
// linear one, which differs where a segment is linked elsewhere.
func physicalEntry(f *elf.File) uint64 {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && f.Entry-p.Vaddr < p.Memsz {
			return f.Entry - p.Vaddr + p.Paddr
		}
	}
	return f.Entry
}

// pvhEntry looks for the note that holds the 32-bit entry point: owner "Xen",
// type 18 (XEN_ELFNOTE_PHYS32_ENTRY in Xen's public/elfnote.h).
func pvhEntry(f *elf.File, file []byte) (uint64, bool) {
	const phys32Entry = 18
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Off > uint64(len(file)) || p.Filesz > uint64(len(file))-p.Off {
			continue
		}
		for b := file[p.Off : p.Off+p.Filesz]; len(b) >= 12; {
			nameLen, descLen := uint64(f.ByteOrder.Uint32(b)), uint64(f.ByteOrder.Uint32(b[4:]))
			kind := f.ByteOrder.Uint32(b[8:])
			desc := 12 + (nameLen+3)&^3
			next := desc + (descLen+3)&^3
			if next > uint64(len(b)) {
				break
			}
			if kind == phys32Entry && string(b[12:12+nameLen]) == "Xen\x00" && descLen >= 4 {
				return uint64(f.ByteOrder.Uint32(b[desc:])), true
			}
			b = b[next:]
		}
	}
	return 0, false
}
