package trace

import (
	"fmt"
	"strings"
)

// diffContext is how many records before a difference are shown.
const diffContext = 5

// Diff compares two traces and describes their first difference, with the
// records before it; the result is empty if the traces are equal.
func Diff(nameA string, a []Record, nameB string, b []Record) string {
	n := 0
	for n < len(a) && n < len(b) && a[n].String() == b[n].String() {
		n++
	}
	if n == len(a) && n == len(b) {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", nameA, nameB)
	fmt.Fprintf(&out, "first difference at record %d (line %d)%s\n", n+1, n+2, differs(a, b, n))
	for i := max(0, n-diffContext); i < n; i++ {
		fmt.Fprintf(&out, "  %s\n", a[i])
	}
	for i := n; i < min(len(a), n+diffContext); i++ {
		fmt.Fprintf(&out, "- %s\n", a[i])
	}
	for i := n; i < min(len(b), n+diffContext); i++ {
		fmt.Fprintf(&out, "+ %s\n", b[i])
	}
	return out.String()
}

// differs says which field of record n differs, if the records are alike.
func differs(a, b []Record, n int) string {
	if n >= len(a) || n >= len(b) {
		return ": one trace ends there"
	}
	x, y := a[n], b[n]
	if x.Step != y.Step || x.Core != y.Core || x.Kind != y.Kind || len(x.Fields) != len(y.Fields) {
		return ""
	}
	for i := range x.Fields {
		if x.Fields[i] != y.Fields[i] {
			return fmt.Sprintf(": %s", x.Fields[i].Key)
		}
	}
	return ""
}
