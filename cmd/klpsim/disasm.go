package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/spf13/cobra"

	"klpsim/cpu/decode"
)

// disasmFlags are what klpsim disasm is told on the command line.
type disasmFlags struct {
	raw  bool
	base uint64
	bits int
}

// newDisasm returns the command that prints machine code as text.
func newDisasm(s streams) *cobra.Command {
	var f disasmFlags
	c := &cobra.Command{
		Use:   "disasm FILE [SYMBOL]",
		Short: "Print the code of an ELF file or a flat binary as AT&T text",
		Long: `disasm prints the executable sections of an ELF object or program, or one
symbol of it: address, bytes, and the text that klpsim shows everywhere and GNU
as accepts. Relocations follow the instruction that they belong to. A file that
is not ELF, or any file with --raw, is taken as code that starts at --base.
What is no instruction of the simulated processor reads (bad).`,
		Example: `  klpsim disasm livepatch.o
  klpsim disasm vmlinux klp_try_switch_task
  klpsim disasm boot.bin --base 0x7c00 --bits 16`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			symbol := ""
			if len(args) == 2 {
				symbol = args[1]
			}
			return disassemble(s.out, f, args[0], symbol)
		},
	}
	fs := c.Flags()
	fs.BoolVar(&f.raw, "raw", false, "take the file as plain code even if it is ELF")
	fs.Uint64Var(&f.base, "base", 0, "address of the first byte of plain code")
	fs.IntVar(&f.bits, "bits", 0, "16, 32 or 64: the mode to decode for (ELF files say it themselves)")
	return c
}

// disassemble reads a file and prints its code.
func disassemble(w io.Writer, f disasmFlags, name, symbol string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	modes := map[int]decode.Mode{0: decode.Mode64, 16: decode.Mode16, 32: decode.Mode32, 64: decode.Mode64}
	mode, ok := modes[f.bits]
	if !ok {
		return fmt.Errorf("--bits %d: want 16, 32 or 64", f.bits)
	}
	if f.raw || !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		if symbol != "" {
			return fmt.Errorf("%s: symbol %q: plain code has no symbols", name, symbol)
		}
		d := dump{w: w, mode: mode}
		return d.code(data, f.base)
	}
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if f.bits == 0 && file.Machine == elf.EM_386 {
		mode = decode.Mode32
	}
	if err := disassembleELF(w, file, mode, symbol); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// disassembleELF prints every executable section, or the one symbol.
func disassembleELF(w io.Writer, file *elf.File, mode decode.Mode, symbol string) error {
	symbols, err := file.Symbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return err
	}
	found := false
	for i, sec := range file.Sections {
		if sec.Type != elf.SHT_PROGBITS || sec.Flags&elf.SHF_EXECINSTR == 0 {
			continue
		}
		code, err := sec.Data()
		if err != nil {
			return fmt.Errorf("section %s: %w", sec.Name, err)
		}
		d := dump{w: w, mode: mode, symbols: sectionSymbols(symbols, elf.SectionIndex(i)), relocs: relocations(file, i, symbols)}
		from, to := sec.Addr, sec.Addr+uint64(len(code))
		if symbol != "" {
			sym, ok := d.find(symbol)
			if !ok {
				continue
			}
			from, to = sym.Value, d.end(sym, to)
		} else if len(code) > 0 {
			fmt.Fprintf(w, "section %s\n", sec.Name)
		}
		found = true
		if from < sec.Addr || to > sec.Addr+uint64(len(code)) || from > to {
			return fmt.Errorf("symbol %q lies outside section %s", symbol, sec.Name)
		}
		if err := d.code(code[from-sec.Addr:to-sec.Addr], from); err != nil {
			return err
		}
	}
	switch {
	case !found && symbol != "":
		return fmt.Errorf("no symbol %q in an executable section", symbol)
	case !found:
		return errors.New("no executable section")
	}
	return nil
}

// sectionSymbols are the named symbols of a section by address; of several at
// one address functions come first.
func sectionSymbols(all []elf.Symbol, section elf.SectionIndex) (list []elf.Symbol) {
	for _, s := range all {
		t := elf.ST_TYPE(s.Info)
		if s.Section == section && s.Name != "" && (t == elf.STT_FUNC || t == elf.STT_NOTYPE) {
			list = append(list, s)
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].Value != list[j].Value {
			return list[i].Value < list[j].Value
		}
		return elf.ST_TYPE(list[i].Info) > elf.ST_TYPE(list[j].Info)
	})
	return list
}

// relocations are the notes on a section's places, by address.
func relocations(file *elf.File, section int, symbols []elf.Symbol) map[uint64]string {
	notes := map[uint64]string{}
	for _, r := range file.Sections {
		if r.Type != elf.SHT_RELA || int(r.Info) != section || file.Class != elf.ELFCLASS64 {
			continue
		}
		data, err := r.Data()
		if err != nil {
			continue
		}
		for ; len(data) >= 24; data = data[24:] {
			info := binary.LittleEndian.Uint64(data[8:])
			name := ""
			if n := int(info >> 32); n > 0 && n <= len(symbols) {
				name = symbolName(file, &symbols[n-1])
			}
			note := elf.R_X86_64(uint32(info)).String() + " " + name
			if addend := int64(binary.LittleEndian.Uint64(data[16:])); addend != 0 {
				note += fmt.Sprintf("%+#x", addend)
			}
			notes[binary.LittleEndian.Uint64(data)] = note
		}
	}
	return notes
}

// symbolName is a symbol's name, or that of the section it stands for.
func symbolName(file *elf.File, s *elf.Symbol) string {
	if s.Name == "" && int(s.Section) < len(file.Sections) {
		return file.Sections[s.Section].Name
	}
	return s.Name
}

// dump prints code of one section.
type dump struct {
	w       io.Writer
	mode    decode.Mode
	symbols []elf.Symbol
	relocs  map[uint64]string
}

// find returns the symbol of a name.
func (d *dump) find(name string) (elf.Symbol, bool) {
	for _, s := range d.symbols {
		if s.Name == name {
			return s, true
		}
	}
	return elf.Symbol{}, false
}

// end is where a symbol's code ends: by its size, or at the next symbol.
func (d *dump) end(sym elf.Symbol, limit uint64) uint64 {
	if sym.Size != 0 {
		return sym.Value + sym.Size
	}
	for _, s := range d.symbols {
		if s.Value > sym.Value {
			return s.Value
		}
	}
	return limit
}

// lookup is the symbol that an address belongs to.
func (d *dump) lookup(addr uint64) (string, uint64) {
	i := sort.Search(len(d.symbols), func(i int) bool { return d.symbols[i].Value > addr })
	for i--; i > 0 && d.symbols[i-1].Value == d.symbols[i].Value; i-- {
	}
	if i < 0 {
		return "", 0
	}
	if s := d.symbols[i]; s.Size == 0 || addr < s.Value+s.Size {
		return s.Name, s.Value
	}
	return "", 0
}

// code prints instructions line by line. Bytes that are none count one each.
func (d *dump) code(code []byte, addr uint64) error {
	width := 16
	if addr+uint64(len(code)) <= 1<<32 {
		width = 8
	}
	for len(code) > 0 {
		for _, s := range d.symbols {
			if s.Value == addr {
				fmt.Fprintf(d.w, "\n%0*x <%s>:\n", width, addr, s.Name)
			}
		}
		n := 1
		if in, err := decode.Decode(code, d.mode); err == nil {
			n = int(in.Len)
		}
		sym := d.lookup
		for i := range uint64(n) {
			if d.relocs[addr+i] != "" { // the operand is not there yet
				sym = nil
			}
		}
		text := decode.TextMode(code, addr, d.mode, sym)
		if _, err := fmt.Fprintf(d.w, "%*x:\t%-32s %s\n", width, addr, fmt.Sprintf("% x", code[:n]), text); err != nil {
			return err
		}
		for i := range uint64(n) {
			if note := d.relocs[addr+i]; note != "" {
				fmt.Fprintf(d.w, "%*x:\t%s\n", width, addr+i, note)
			}
		}
		code, addr = code[n:], addr+uint64(n)
	}
	return nil
}
