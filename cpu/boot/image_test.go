package boot

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elfFile makes a small ELF file by hand: a header, the given program headers,
// then the contents at offset 0x200.
func elfFile(class elf.Class, machine elf.Machine, entry uint64, progs []elf.ProgHeader, contents []byte) []byte {
	var w bytes.Buffer
	le := binary.LittleEndian
	put := func(v any) { _ = binary.Write(&w, le, v) } // a Buffer takes everything
	ident := [16]byte{0x7f, 'E', 'L', 'F', byte(class), 1, 1}
	if class == elf.ELFCLASS32 {
		put(elf.Header32{Ident: ident, Type: 2, Machine: uint16(machine), Version: 1, Entry: uint32(entry), Phoff: 52,
			Ehsize: 52, Phentsize: 32, Phnum: uint16(len(progs))})
		for _, p := range progs {
			put(elf.Prog32{Type: uint32(p.Type), Off: uint32(p.Off), Vaddr: uint32(p.Vaddr), Paddr: uint32(p.Paddr),
				Filesz: uint32(p.Filesz), Memsz: uint32(p.Memsz), Flags: 7, Align: 1})
		}
	} else {
		put(elf.Header64{Ident: ident, Type: 2, Machine: uint16(machine), Version: 1, Entry: entry, Phoff: 64,
			Ehsize: 64, Phentsize: 56, Phnum: uint16(len(progs))})
		for _, p := range progs {
			put(elf.Prog64{Type: uint32(p.Type), Flags: 7, Off: p.Off, Vaddr: p.Vaddr, Paddr: p.Paddr,
				Filesz: p.Filesz, Memsz: p.Memsz, Align: 1})
		}
	}
	w.Write(make([]byte, 0x200-w.Len()))
	w.Write(contents)
	return w.Bytes()
}

// load is a program header of type PT_LOAD at file offset 0x200.
func load(vaddr, paddr, filesz, memsz uint64) elf.ProgHeader {
	return elf.ProgHeader{Type: elf.PT_LOAD, Off: 0x200, Vaddr: vaddr, Paddr: paddr, Filesz: filesz, Memsz: memsz}
}

// words are little-endian 32-bit words.
func words(w ...uint32) []byte {
	var b []byte
	for _, v := range w {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

const magic = 0x1badb002

// mbHeader is a Multiboot header with the fields that follow the checksum.
func mbHeader(flags uint32, fields ...uint32) []byte {
	sum := uint32(magic) + flags
	return append(words(magic, flags, -sum), words(fields...)...)
}

func TestParse(t *testing.T) {
	code := append(mbHeader(3), 0xf4)
	n := uint64(len(code))
	t.Run("elf32", func(t *testing.T) {
		img, err := Parse("k", elfFile(elf.ELFCLASS32, elf.EM_386, 0x10000c, []elf.ProgHeader{load(0x100000, 0x100000, n, 64)}, code))
		require.NoError(t, err)
		assert.Equal(t, &Image{Kind: Multiboot, Entry: 0x10000c,
			Segments: []Segment{{Addr: 0x100000, Virt: 0x100000, Data: code, Size: 64}}}, img)
	})
	t.Run("elf64 linked high", func(t *testing.T) {
		img, err := Parse("k", elfFile(elf.ELFCLASS64, elf.EM_X86_64, 0xffffffff8010000c,
			[]elf.ProgHeader{load(0xffffffff80100000, 0x100000, n, n)}, code))
		require.NoError(t, err)
		assert.Equal(t, Multiboot, img.Kind)
		assert.EqualValues(t, 0x10000c, img.Entry, "the entry point's physical address")
	})
	t.Run("addresses in the header", func(t *testing.T) {
		file := append([]byte{1, 2, 3, 4}, mbHeader(1<<16, 0x200004, 0x200000, 0x200028, 0x200100, 0x200020)...)
		file = append(file, make([]byte, 100)...)
		img, err := Parse("k", file)
		require.NoError(t, err)
		assert.Equal(t, &Image{Kind: Multiboot, Entry: 0x200020,
			Segments: []Segment{{Addr: 0x200000, Virt: 0x200000, Data: file[:0x28], Size: 0x100}}}, img)
	})
	t.Run("addresses without ends", func(t *testing.T) {
		file := append(mbHeader(1<<16, 0x200000, 0x200000, 0, 0, 0x200020), 1, 2, 3)
		img, err := Parse("k", file)
		require.NoError(t, err)
		assert.Equal(t, file, img.Segments[0].Data, "the whole file")
	})
	t.Run("pvh", func(t *testing.T) {
		note := append(words(4, 4, 18), "Xen\x00"...)
		note = append(note, words(0x123456)...)
		p := elf.ProgHeader{Type: elf.PT_NOTE, Off: 0x200, Filesz: uint64(len(note))}
		img, err := Parse("k", elfFile(elf.ELFCLASS64, elf.EM_X86_64, 1, []elf.ProgHeader{load(0x100000, 0x100000, 4, 4), p}, note))
		require.NoError(t, err)
		assert.Equal(t, PVH, img.Kind)
		assert.EqualValues(t, 0x123456, img.Entry)
	})
	t.Run("plain elf64", func(t *testing.T) {
		img, err := Parse("k", elfFile(elf.ELFCLASS64, elf.EM_X86_64, 0x100000, []elf.ProgHeader{load(0x100000, 0x100000, 4, 4)}, make([]byte, 4)))
		require.NoError(t, err)
		assert.Equal(t, LongMode, img.Kind)
	})
}

func TestParseErrors(t *testing.T) {
	four := make([]byte, 4)
	progs := []elf.ProgHeader{load(0x100000, 0x100000, 4, 4)}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "k: is neither an ELF file nor has it a multiboot header"},
		{"text", []byte("hello"), "k: is neither an ELF file"},
		{"header without addresses", mbHeader(0), "k: has a multiboot header without addresses but is not an ELF file"},
		{"unknown feature", mbHeader(8), "k: multiboot header at 0x0 wants unknown features, flags 0x8"},
		{"bad checksum", words(magic, 0, 1), "k: is neither"},
		{"load above header", mbHeader(1<<16, 0x100000, 0x100004, 0, 0, 0), "load_addr 0x100004 does not go with header_addr 0x100000"},
		{"load before the file", mbHeader(1<<16, 0x100010, 0x100000, 0, 0, 0), "load_addr 0x100000 does not go"},
		{"end outside", mbHeader(1<<16, 0x100000, 0x100000, 0x200000, 0, 0), "load_end_addr 0x200000 lies outside the file"},
		{"end before begin", mbHeader(1<<16, 0x100000, 0x100000, 0x1000, 0, 0), "load_end_addr 0x1000 lies outside the file"},
		{"bss before end", mbHeader(1<<16, 0x100000, 0x100000, 0x100020, 0x100010, 0), "bss_end_addr 0x100010 lies below"},
		{"truncated elf", []byte("\x7fELF\x02\x01\x01"), "k: bad ELF file"},
		{"other machine", elfFile(elf.ELFCLASS64, elf.EM_AARCH64, 0, progs, four), "k: is for EM_AARCH64, not for x86"},
		{"no segment", elfFile(elf.ELFCLASS64, elf.EM_X86_64, 0, nil, four), "k: has no loadable segment"},
		{"segment outside", elfFile(elf.ELFCLASS64, elf.EM_X86_64, 0, []elf.ProgHeader{load(0, 0, 0x1000, 0x1000)}, four), "program header 0: 4096 bytes at offset 0x200 lie outside the file"},
		{"file bigger than memory", elfFile(elf.ELFCLASS64, elf.EM_X86_64, 0, []elf.ProgHeader{load(0, 0, 4, 2)}, four), "program header 0"},
		{"plain elf32", elfFile(elf.ELFCLASS32, elf.EM_386, 0, progs, four), "k: is a 32-bit ELF file without a multiboot header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("k", c.file)
			require.ErrorIs(t, err, ErrImage)
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(append(mbHeader(1<<16, 0x100000, 0x100000, 0, 0, 0x100020), 0xf4))
	f.Add(elfFile(elf.ELFCLASS64, elf.EM_X86_64, 0x100000, []elf.ProgHeader{load(0x100000, 0x100000, 4, 4)}, []byte{1, 2, 3, 4}))
	f.Add(elfFile(elf.ELFCLASS32, elf.EM_386, 0x100000, []elf.ProgHeader{load(0x100000, 0x100000, 12, 16)}, mbHeader(0)))
	f.Fuzz(func(t *testing.T, file []byte) {
		img, err := Parse("fuzz", file)
		if err != nil {
			require.ErrorIs(t, err, ErrImage)
			return
		}
		for _, s := range img.Segments {
			require.LessOrEqual(t, uint64(len(s.Data)), s.Size)
		}
	})
}
