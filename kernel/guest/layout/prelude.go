package layout

import (
	"fmt"
	"sort"
	"strings"
)

// PreludeName is the file name under which sources include the prelude.
const PreludeName = "layout.inc"

// Prelude renders the tables, then the given definitions in order of their
// names, as assembler symbol assignments.
func Prelude(defines map[string]int64) string {
	var b strings.Builder
	for _, c := range consts {
		fmt.Fprintf(&b, "\t.set %s, %d\n", c.Name, c.Value)
	}
	for _, s := range structs {
		for _, f := range s.Fields {
			fmt.Fprintf(&b, "\t.set %s_%s, %#x\n", s.Prefix, f.Name, f.Offset)
		}
		fmt.Fprintf(&b, "\t.set %s_SIZE, %#x\n", s.Prefix, s.Size)
	}
	names := make([]string, 0, len(defines))
	for n := range defines {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Fprintf(&b, "\t.set %s, %d\n", n, defines[n])
	}
	return b.String()
}
