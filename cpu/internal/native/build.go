//go:build linux && amd64

package native

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"

	"klpsim/asm"
)

// executable is the helper as a file, and the two addresses that pads need.
type executable struct {
	elf            []byte
	finish, padrip uint64
}

// buildHelper assembles and links the helper with klpsim's own assembler, so
// that the oracle needs nothing but Go.
func buildHelper() (*executable, error) {
	obj, err := asm.Assemble(asm.Source{Name: "helper.gas", Text: []byte(helperSource(helperText))}, asm.Options{NoLines: true})
	if err != nil {
		return nil, fmt.Errorf("assemble the native helper: %w", err)
	}
	layout := asm.DefaultLayout(textBase)
	layout.Entry = "_start"
	img, err := asm.Link([]*asm.Object{obj}, layout)
	if err != nil {
		return nil, fmt.Errorf("link the native helper: %w", err)
	}
	finish, ok1 := img.Symbol("finish")
	padrip, ok2 := img.Symbol("padrip")
	if !ok1 || !ok2 {
		panic("BUG: native: helper without finish or padrip")
	}
	return &executable{elf: executableFile(img), finish: finish.Addr, padrip: padrip.Addr}, nil
}

// executableFile writes an image as a static ELF64 executable: a header, one
// loadable segment for each of the image's, each at a page of the file.
func executableFile(img *asm.Image) []byte {
	const headerSize, progSize = 64, 56
	var head, body bytes.Buffer
	offset := uint64(PageSize)
	ident := [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}
	write := func(v any) {
		if err := binary.Write(&head, binary.LittleEndian, v); err != nil {
			panic("BUG: native: " + err.Error())
		}
	}
	write(elf.Header64{
		Ident: ident, Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Entry: img.Entry, Phoff: headerSize, Ehsize: headerSize, Phentsize: progSize, Phnum: uint16(len(img.Segments)),
	})
	for _, s := range img.Segments {
		write(elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(s.Flags), Off: offset + s.Addr%PageSize, Vaddr: s.Addr, Paddr: s.Addr,
			Filesz: uint64(len(s.Data)), Memsz: s.Size, Align: PageSize,
		})
		piece := append(make([]byte, s.Addr%PageSize), s.Data...)
		piece = append(piece, make([]byte, (PageSize-len(piece)%PageSize)%PageSize)...)
		body.Write(piece)
		offset += uint64(len(piece))
	}
	head.Write(make([]byte, PageSize-head.Len()))
	return append(head.Bytes(), body.Bytes()...)
}
