package diagram_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klpsim/cpu"
	"klpsim/cpu/peer"
	"klpsim/kernel/diagram"
	"klpsim/kernel/scenario"
	"klpsim/kernel/session"
)

const program = `scenario test "two cores, a lock & <an interrupt>"
bare
machine cores=2
task 1 on 0 running entry first
task 2 on 1 running entry second
type x int
check small "x stays below 9" always: x < 9
code
	.globl first, second, x, vector_20
first:
	movl $1, x
	mov x, %eax
	nop
	hlt
second:
	mov x, %ecx
	movl $9, x
	hlt
vector_20:
	incl x
	iretq
	.data
x:	.long 0
end
`

func build(t *testing.T, text, sched string) (*session.Target, cpu.Schedule) {
	t.Helper()
	s, err := scenario.Parse("test", []byte(text), nil)
	require.NoError(t, err)
	target, err := session.Build(s, session.Options{})
	require.NoError(t, err)
	choices, err := cpu.ParseSchedule(sched, s.Cores)
	require.NoError(t, err)
	return target, choices
}

func picture(t *testing.T, text, sched string, opt diagram.Options) *diagram.Picture {
	t.Helper()
	target, choices := build(t, text, sched)
	p, err := diagram.Build(target, choices, opt)
	require.NoError(t, err)
	return p
}

// TestText pins a small diagram, drawn here by hand from the program.
func TestText(t *testing.T) {
	got := picture(t, program, "0h 1 drain0 irq0:20 0*3 1", diagram.Options{}).Text(72)
	require.Equal(t, `test: two cores, a lock & <an interrupt>

  step  CPU0                             CPU1
        -------------------------------  -------------------------------
        first
     1    movl $1, x
            x = 1 stays in the store
              buffer
                                         second
     2                                     mov x, %ecx
                                             rcx = 0
     3    store buffer drains
            x: 0 -> 1
     5  <IRQ 0x20>
          vector_20
     6      incl x
              x: 1 -> 2
     7  </IRQ>
     8                                     movl $9, x
                                             x: 2 -> 9
                                           *** small violated

FAIL    small, at step 8 on CPU1
        x stays below 9
bounds  one run of 8 choices, memory=tso, injected irq0:20 at step 4
replay  klpsim run test --schedule '
          0h 1 drain0 irq0:20 0*3 1'
`, got)
}

// TestEveryWidth draws for many widths and core counts: no line is too long
// and nothing is lost.
func TestEveryWidth(t *testing.T) {
	p := picture(t, program, "0h 1 drain0 irq0:20 0*3 1", diagram.Options{All: true})
	for width := 40; width <= 160; width += 7 {
		text := p.Text(width)
		for _, l := range strings.Split(text, "\n") {
			require.LessOrEqual(t, len(l), width)
		}
		flat := strings.Join(strings.Fields(text), "")
		require.Contains(t, flat, "storebufferdrains")
		require.Contains(t, flat, "smallviolated")
	}
	for cores := 1; cores <= 8; cores++ {
		text := strings.Replace(program, "cores=2", "cores="+string(rune('0'+cores)), 1)
		if cores == 1 {
			text = strings.Replace(text, "task 2 on 1 running", "task 2 on 0", 1)
		}
		out := picture(t, text, "0*2", diagram.Options{}).Text(72 + 16*max(0, cores-4))
		require.Contains(t, out, "CPU"+string(rune('0'+cores-1)))
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	svg := picture(t, program, "0h 1 drain0 irq0:20 0*3 1", diagram.Options{}).SVG()
	d := xml.NewDecoder(strings.NewReader(svg))
	texts := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if s, ok := tok.(xml.StartElement); ok && s.Name.Local == "text" {
			texts++
		}
	}
	require.Greater(t, texts, 15)
	require.Contains(t, svg, "a lock &amp; &lt;an interrupt&gt;")
}

func TestMermaid(t *testing.T) {
	got := picture(t, program, "0 1 irq0:20 0*3", diagram.Options{}).Mermaid()
	require.True(t, strings.HasPrefix(got, "sequenceDiagram\n  title test: two cores, a lock & #lt;an interrupt#gt;\n  participant CPU0\n  participant CPU1\n"), got)
	require.Contains(t, got, "  Note over CPU0: 4  #lt;IRQ 0x20#gt;\n")
	for _, l := range strings.Split(strings.TrimSpace(got), "\n")[1:] {
		require.Regexp(t, `^  (title|participant|Note over CPU\d(,CPU\d)?:) ?`, l)
		require.NotContains(t, strings.ReplaceAll(l, "<br/>", ""), "<")
	}
}

// TestPerfetto holds the JSON to the trace event format: slices nest on each
// track, flows have both ends, times do not go back on a track.
func TestPerfetto(t *testing.T) {
	target, sched := build(t, program, "0h 1 drain0 irq0:20 0*3 1")
	var b, again bytes.Buffer
	require.NoError(t, diagram.Perfetto(&b, target, sched))
	require.NoError(t, diagram.Perfetto(&again, target, sched))
	require.Equal(t, b.String(), again.String())
	var doc struct {
		TraceEvents []struct {
			Name, Ph string
			Tid, Ts  int
			ID       int
			Args     map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &doc))
	open, flows, last := map[int][]string{}, map[int]string{}, map[int]int{}
	names := map[string]int{}
	for _, e := range doc.TraceEvents {
		names[e.Ph+" "+e.Name]++
		if e.Ph == "M" {
			continue
		}
		require.GreaterOrEqual(t, e.Ts, last[e.Tid], e.Name)
		last[e.Tid] = e.Ts
		switch e.Ph {
		case "B":
			open[e.Tid] = append(open[e.Tid], e.Name)
		case "E":
			n := len(open[e.Tid])
			require.Positive(t, n)
			require.Equal(t, open[e.Tid][n-1], e.Name)
			open[e.Tid] = open[e.Tid][:n-1]
		case "s", "f":
			flows[e.ID] += e.Ph
		}
	}
	for tid, o := range open {
		require.Empty(t, o, tid)
	}
	require.Equal(t, map[int]string{1: "sf", 2: "sf"}, flows)
	require.Equal(t, 1, names["B IRQ 0x20"])
	require.Equal(t, 2, names["C store buffer CPU0"])
	require.Equal(t, 1, names["i small violated"])
}

func html(t *testing.T) string {
	t.Helper()
	target, sched := build(t, program, "0h 1 drain0 irq0:20 0*3 1")
	p, err := diagram.Build(target, sched, diagram.Options{})
	require.NoError(t, err)
	page, err := diagram.HTML(target, sched, p)
	require.NoError(t, err)
	return page
}

func TestHTMLIsSelfContained(t *testing.T) {
	page := html(t)
	require.NotRegexp(t, regexp.MustCompile(`(?i)(src|href)\s*=|https?://|@import|url\(`), page)
	_, data, ok := strings.Cut(page, `type="application/json">`)
	require.True(t, ok)
	data, _, _ = strings.Cut(data, "</script>")
	var d struct {
		Cores int
		Steps []map[string]any
		Mem   map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(data), &d))
	require.Equal(t, 2, d.Cores)
	require.Len(t, d.Steps, 8)
	require.Equal(t, "0", d.Mem["x"])
}

// driver exercises the page as a person would and writes what it finds into
// the title, which --dump-dom shows.
const driver = `<script>
{
const log = [], memory = () => [...document.querySelectorAll("#memory tr")].map(r => r.textContent).join(",");
const key = k => document.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true }));
log.push("start " + memory());
const s = document.getElementById("slider"); s.value = 3; s.oninput({ target: s });
log.push("slider " + document.getElementById("pos").textContent + " " + memory());
key("ArrowRight"); key("j"); key("j"); log.push("keys " + document.getElementById("pos").textContent + " " + memory());
key("k"); log.push("back " + memory());
const q = document.getElementById("search"); q.value = "vector_20"; q.oninput({ target: q });
key("Home"); key("n"); log.push("search " + document.getElementById("pos").textContent);
const rows = document.querySelectorAll(".row").length; document.getElementById("all").click();
log.push("all " + document.querySelectorAll(".row").length + " of " + rows);
key("End"); log.push("checks " + document.querySelectorAll(".fail").length);
document.title = log.join(" | ");
}
</script>`

func TestHTMLInChromium(t *testing.T) {
	chromium := peer.Need(t, "chromium", "Chromium, which drives the page")
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(html(t), "</body>", driver+"</body>", 1)), 0o644))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--dump-dom", "file://"+file).Output()
	require.NoError(t, err)
	_, title, ok := strings.Cut(string(out), "<title>")
	require.True(t, ok)
	title, _, _ = strings.Cut(title, "</title>")
	require.Equal(t, "start x0 | slider 3 / 8 x1 | keys 6 / 8 x2 | back x1 | search 6 / 8 | all 9 of 11 | checks 1", title)
}

// FuzzBuild draws whatever a schedule does, in every format.
func FuzzBuild(f *testing.F) {
	for _, s := range []string{"0h 1 drain0 irq0:20 0*3 1", "nmi0 0 nmi0 0*3", "init1 sipi1:01 1*5", "tick0 0 irq1:20 1*9", "0*9 irq0:20 0*3"} {
		f.Add(s)
	}
	s, err := scenario.Parse("test", []byte(program), nil)
	if err != nil {
		f.Fatal(err)
	}
	target, err := session.Build(s, session.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sched, err := cpu.ParseSchedule(text, 2)
		if err != nil || len(sched) > 500 {
			return
		}
		p, err := diagram.Build(target, sched, diagram.Options{All: len(sched)%2 == 0, Stale: true})
		if err != nil {
			return // the machine refused a choice
		}
		for _, l := range strings.Split(p.Text(72), "\n") {
			require.LessOrEqual(t, len(l), 72)
		}
		p.SVG()
		p.Mermaid()
		_, err = diagram.HTML(target, sched, p)
		require.NoError(t, err)
		require.NoError(t, diagram.Perfetto(io.Discard, target, sched))
	})
}
