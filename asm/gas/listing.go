package gas

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"klpsim/asm"
)

// writeListing prints the source as as -al does, with the address and bytes of every line:
//
//	3 0004 4889C7   	mov %rax, %rdi
//
// Lines that make more bytes than fit go on below; relocated fields show the
// bytes that are in the object.
func writeListing(w io.Writer, o *asm.Object, src asm.Source) error {
	type piece struct {
		sec *asm.Section
		off uint64
		end uint64
	}
	byLine := map[int][]piece{}
	for _, s := range o.Sections {
		for i, l := range s.Lines {
			end := s.Size
			if i+1 < len(s.Lines) {
				end = s.Lines[i+1].Off
			}
			if int(l.File) < len(o.Files) && o.Files[l.File] == src.Name {
				byLine[int(l.Line)] = append(byLine[int(l.Line)], piece{s, l.Off, end})
			}
		}
	}
	out := bufio.NewWriter(w)
	for i, text := range bytes.Split(bytes.TrimSuffix(src.Text, []byte("\n")), []byte("\n")) {
		pieces := byLine[i+1]
		if len(pieces) == 0 {
			fmt.Fprintf(out, "%4d              \t%s\n", i+1, text)
			continue
		}
		var data []byte
		for _, p := range pieces {
			if p.sec == pieces[0].sec && p.end <= uint64(len(p.sec.Data)) {
				data = append(data, p.sec.Data[p.off:p.end]...)
			}
		}
		const perLine, maxLines = 4, 5
		off := pieces[0].off
		for n := 0; n == 0 || n < maxLines && len(data) > 0; n++ {
			k := min(perLine, len(data))
			if n == 0 {
				fmt.Fprintf(out, "%4d %04x %-8X \t%s\n", i+1, off, data[:k], text)
			} else {
				fmt.Fprintf(out, "%4d      %-8X \n", i+1, data[:k])
			}
			data = data[k:]
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the listing: %w", err)
	}
	return nil
}
