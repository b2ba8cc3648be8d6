package diagram

import (
	"fmt"
	"strings"
)

// Mermaid draws the picture as a Mermaid sequence diagram: a participant for
// each core and one for memory; what a row did stands as a note on its core.
func (p *Picture) Mermaid() string {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	fmt.Fprintf(&b, "  title %s: %s\n", mermaidText(p.Name), mermaidText(p.Title))
	for i := range p.Cores {
		fmt.Fprintf(&b, "  participant CPU%d\n", i)
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Kind == Head {
			continue
		}
		text := append([]string{r.Text}, r.Sub...)
		if r.Mark != "" {
			text = append(text, r.Mark)
		}
		for _, f := range r.Fail {
			text = append(text, f+" violated")
		}
		for j := range text {
			text[j] = mermaidText(text[j])
		}
		fmt.Fprintf(&b, "  Note over CPU%d: %d  %s\n", r.Core, r.Step, strings.Join(text, "<br/>"))
	}
	for _, v := range p.Verdicts {
		if v.Violated {
			fmt.Fprintf(&b, "  Note over CPU0,CPU%d: FAIL %s at step %d\n", p.Cores-1, mermaidText(v.Name), v.Step)
		}
	}
	return b.String()
}

// mermaidText replaces what Mermaid would read as its own syntax.
func mermaidText(s string) string {
	return strings.NewReplacer("#", "#35;", ";", "#59;", "<", "#lt;", ">", "#gt;", "\"", "#quot;", "%%", "#37;#37;").Replace(s)
}
