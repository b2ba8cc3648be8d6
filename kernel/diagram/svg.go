package diagram

import (
	"fmt"
	"strings"
)

// The measures of the SVG, in pixels.
const (
	svgStep   = 64  // width of the step numbers
	svgColumn = 392 // width of a core's column
	svgLine   = 17  // height of a line
	svgMargin = 16
	svgChars  = 46 // characters that fit a column
)

// svgStyle colours the kinds of rows; dark text on light, no scripts, no links.
const svgStyle = `text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#222}.t{font-size:16px;font-weight:bold}.h{fill:#888}.s{fill:#999}.d{fill:#0a5a9c}.i{fill:#a34a00;font-weight:bold}.w{fill:#6b2fa0;font-weight:bold}.x{fill:#c00000;font-weight:bold}.ok{fill:#1a7f37}.lane{fill:#f6f8fa}.irq{fill:#fff1e0}.bad{fill:#ffe3e3}`

// svgText is a line of text to be put into the SVG.
type svgText struct {
	x     int
	class string
	text  string
}

// SVG draws the picture as one self-contained SVG image.
func (p *Picture) SVG() string {
	var body strings.Builder
	y := svgMargin + 2*svgLine
	width := svgMargin*2 + svgStep + p.Cores*svgColumn
	top := y
	for i := range p.Cores {
		svgWrite(&body, y, svgText{svgX(i), "t", fmt.Sprintf("CPU%d", i)})
	}
	y += svgLine + 6
	for i := range p.Rows {
		y = p.svgRow(&body, &p.Rows[i], y)
	}
	bottom := y
	y += svgLine
	for _, v := range p.Verdicts {
		line := svgText{svgMargin, "ok", "holds  " + v.Name}
		if v.Violated {
			line = svgText{svgMargin, "x", fmt.Sprintf("FAIL   %s, at step %d: %s", v.Name, v.Step, v.Title)}
		}
		svgWrite(&body, y, line)
		y += svgLine
	}
	for _, l := range fold(p.Schedule.String(), width/8, "replay  ", "        ") {
		svgWrite(&body, y, svgText{svgMargin, "s", l})
		y += svgLine
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">`+"\n", width, y+svgMargin, width, y+svgMargin)
	fmt.Fprintf(&b, "<style>%s</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", svgStyle)
	for i := range p.Cores {
		fmt.Fprintf(&b, `<rect class="lane" x="%d" y="%d" width="%d" height="%d"/>`+"\n", svgX(i)-6, top-svgLine, svgColumn-12, bottom-top+svgLine)
	}
	svgWrite(&b, svgMargin+svgLine/2, svgText{svgMargin, "t", p.Name + ": " + p.Title})
	b.WriteString(body.String())
	b.WriteString("</svg>\n")
	return b.String()
}

func svgX(core int) int { return svgMargin + svgStep + core*svgColumn }

func svgWrite(b *strings.Builder, y int, t svgText) {
	fmt.Fprintf(b, `<text x="%d" y="%d" class="%s" xml:space="preserve">%s</text>`+"\n", t.x, y, t.class, escapeXML(t.text))
}

func escapeXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// svgRow draws one row at y and returns where the next one begins.
func (p *Picture) svgRow(b *strings.Builder, r *Row, y int) int {
	x := svgX(r.Core) + 14*r.Depth
	chars := svgChars - 2*r.Depth
	var lines []svgText
	class := map[RowKind]string{Head: "h", Open: "i", Close: "i", Switch: "w", Note: "i", Drain: "w"}[r.Kind]
	for _, l := range fold(r.Text, chars, "", "    ") {
		lines = append(lines, svgText{x, class, l})
	}
	for _, s := range r.Sub {
		for _, l := range fold(s, chars, "  ", "      ") {
			lines = append(lines, svgText{x, "d", l})
		}
	}
	if r.Mark != "" {
		lines = append(lines, svgText{x, "x", "  <-- " + r.Mark})
	}
	for _, f := range r.Fail {
		lines = append(lines, svgText{x, "x", "*** " + f + " violated"})
	}
	shade := ""
	if r.Mark != "" || r.Fail != nil {
		shade = "bad"
	} else if r.Depth > 0 || r.Kind == Open {
		shade = "irq"
	}
	if shade != "" {
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"/>`+"\n", shade, svgX(r.Core)-6, y-svgLine+4, svgColumn-12, len(lines)*svgLine)
	}
	if r.Step > 0 {
		svgWrite(b, y, svgText{svgMargin, "s", fmt.Sprintf("%6d", r.Step)})
	}
	for _, l := range lines {
		svgWrite(b, y, l)
		y += svgLine
	}
	return y
}
