package asm

import (
	"debug/elf"
	"fmt"
	"io"
	"strings"
)

// listingBytes is how many bytes of a statement stand in one line of a listing.
const listingBytes = 8

// WriteListing writes what each statement of the object became: offset, bytes,
// source line and text, under headings for section and file. Labels stand on
// lines of their own. Long data is continued, eight bytes a line.
func (o *Object) WriteListing(w io.Writer) error {
	for _, s := range o.Sections {
		if len(s.Lines) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "section %s\n", s.Name); err != nil {
			return err
		}
		if err := o.listSection(w, s); err != nil {
			return err
		}
	}
	return nil
}

// listSection writes one section's statements.
func (o *Object) listSection(w io.Writer, s *Section) error {
	labels := map[uint64][]string{}
	for _, sym := range o.Symbols {
		if sym.Section == s && sym.Name != "" && sym.Type != elf.STT_SECTION {
			labels[sym.Value] = append(labels[sym.Value], sym.Name)
		}
	}
	var b strings.Builder
	for i, line := range s.Lines {
		end := s.Size
		if i+1 < len(s.Lines) {
			end = s.Lines[i+1].Off
		}
		if i == 0 || line.File != s.Lines[i-1].File {
			fmt.Fprintf(&b, "file %s\n", o.Files[line.File])
		}
		for _, name := range labels[line.Off] {
			fmt.Fprintf(&b, "%8x <%s>:\n", line.Off, name)
		}
		delete(labels, line.Off)
		listStatement(&b, s, line.Off, end, line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// listStatement writes the bytes from off to end with their source beside the
// first of them.
func listStatement(b *strings.Builder, s *Section, off, end uint64, line Line) {
	for first := true; first || off < end; first = false {
		n := min(end-off, listingBytes)
		var data []byte
		if off < uint64(len(s.Data)) {
			data = s.Data[off:min(off+n, uint64(len(s.Data)))]
		}
		if first {
			fmt.Fprintf(b, "%8x  %-*s %5d  %s\n", off, 3*listingBytes-1, fmt.Sprintf("% x", data), line.Line, line.Text)
		} else {
			fmt.Fprintf(b, "%8x  % x\n", off, data)
		}
		if data == nil { // a section without contents
			return
		}
		off += n
	}
}
