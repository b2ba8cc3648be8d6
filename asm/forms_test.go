package asm

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// needTool returns the path of a tool. Without it the test skips, or fails
// where KLPSIM_REQUIRE_TOOLS says that everything is installed.
func needTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("KLPSIM_REQUIRE_TOOLS") != "" {
		t.Fatalf("needs %s: not in PATH", name)
	}
	if err != nil {
		t.Skipf("needs %s: not in PATH", name)
	}
	return path
}

// needAS returns the path of GNU as 2.40 or skips the test.
func needAS(t testing.TB) string {
	t.Helper()
	path := needTool(t, "as")
	out, err := exec.Command(path, "--version").Output()
	if err != nil || !bytes.Contains(out, []byte(" 2.40")) {
		t.Skip("needs GNU as 2.40: another version is installed")
	}
	return path
}

// samples are operand texts for each operand notation, boundary values
// included; %w stands for the form's width.
func samples(kind string, width uint8, long bool) []string {
	mem := []string{"(%rax)", "8(%rbp)", "-0x81(%r12,%r9,4)", "sym(%rip)", "%fs:0x10", "(%r13)"}
	if long {
		mem = append(mem, "(%rsp)", "0x7f(%rbx)", "0x80(%rbx)", "-128(%rcx)", "(,%rsi,8)", "sym", "sym+4(%rdx)",
			"0x12345678(%rsi,%r10,2)", "(%ebx)", "%gs:(%rdi)", "(%r8,%rax)", "%ds:(%rbp)", "%cs:foo(%rip)", "0x1000", "(%rsp,%rbp)")
	}
	regsOf := map[uint8][]string{
		1: {"%al", "%bl", "%ah", "%sil", "%r9b", "%cl"},
		2: {"%ax", "%dx", "%bp", "%r11w"},
		4: {"%eax", "%edi", "%r8d"},
		8: {"%rax", "%rsp", "%r13"},
	}
	if long {
		regsOf = map[uint8][]string{
			1: {"%al", "%cl", "%dl", "%bl", "%ah", "%ch", "%dh", "%bh", "%spl", "%bpl", "%sil", "%dil", "%r8b", "%r12b", "%r15b"},
			2: {"%ax", "%cx", "%dx", "%bx", "%sp", "%bp", "%si", "%di", "%r8w", "%r12w", "%r13w", "%r15w"},
			4: {"%eax", "%ecx", "%edx", "%ebx", "%esp", "%ebp", "%esi", "%edi", "%r8d", "%r12d", "%r13d", "%r15d"},
			8: {"%rax", "%rcx", "%rdx", "%rbx", "%rsp", "%rbp", "%rsi", "%rdi", "%r8", "%r12", "%r13", "%r15"},
		}
	}
	imms := map[uint8][]string{
		1: {"$0", "$-1", "$127", "$255", "$-128", "$sym"},
		2: {"$0", "$-1", "$127", "$128", "$0xffff", "$-129", "$sym", "$0xff80"},
		4: {"$1", "$-1", "$128", "$-128", "$-129", "$0x7fffffff", "$0xffffffff", "$0xffffff80", "$sym", "$sym-4"},
		8: {"$1", "$-1", "$127", "$128", "$0x7fffffff", "$-0x80000000", "$sym", "$0x80000000", "$0xffffffffffffff80", "$0xffffffff"},
		0: {"$1", "$255"},
	}
	fixed := map[string][]string{
		"al": {"%al"}, "ax": {"%ax"}, "eax": {"%eax"}, "rax": {"%rax"}, "cl": {"%cl"}, "dx": {"%dx", "(%dx)"},
		"ib": {"$0", "$7", "$255", "$-1", "$sym"}, "is": imms[width], "i": imms[width], "iw": {"$0", "$0x1234", "$65535"},
		"id": imms[4], "iq": {"$1", "$0x123456789abcdef", "$sym", "$-1"}, "1": {"$1"}, "3": {"$3"},
		"rel": {"sym", "1f", "1b"}, "moffs": {"sym", "0x1122334455667788", "0x10", "%fs:0x123456789a"},
		"seg": {"%ds", "%gs", "%ss"}, "cr": {"%cr0", "%cr8", "%cr4"}, "dr": {"%dr0", "%dr7"},
		"srcs": {"(%rsi)", "%gs:(%rsi)", "(%esi)"}, "dsts": {"(%rdi)", "%es:(%rdi)"},
		"x": {"%xmm0", "%xmm5", "%xmm9"}, "xn": {"%xmm1", "%xmm15"}, "x0": {"%xmm0"},
		"mm": {"%mm0", "%mm7"}, "mmn": {"%mm3"}, "st0": {"%st"}, "st": {"%st(0)", "%st(3)", "%st(7)"},
	}
	if s, ok := fixed[kind]; ok {
		return s
	}
	switch kind {
	case "a":
		return regsOf[width][:1]
	case "r", "rn", "rr", "ro":
		return regsOf[width]
	case "rm":
		return append(append([]string{}, regsOf[width]...), mem...)
	case "m":
		return mem
	case "*rm":
		return star(append(append([]string{}, regsOf[width]...), mem...))
	case "*m":
		return star(mem)
	case "xm":
		return append([]string{"%xmm2", "%xmm12"}, mem...)
	case "mmm":
		return append([]string{"%mm1"}, mem...)
	}
	digits := regexp.MustCompile(`\d+`).FindString(kind)
	n, _ := strconv.Atoi(digits)
	out := append([]string{}, regsOf[uint8(n/8)]...)
	if strings.HasPrefix(kind, "rm") {
		out = append(out, mem...)
	}
	return out
}

func star(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = "*" + s
		if strings.HasPrefix(s, "%fs:") || strings.HasPrefix(s, "%gs:") || strings.HasPrefix(s, "%ds:") || strings.HasPrefix(s, "%cs:") {
			out[i] = s[:4] + "*" + s[4:]
		}
	}
	return out
}

// formLines generates instructions of every row: each width, with its suffix
// and without, with the samples combined.
func formLines(long bool) []string {
	var lines []string
	seen := map[string]bool{}
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			lines = append(lines, s)
		}
	}
	for _, table := range allTables() {
		for _, r := range table {
			suffixes, _, _ := strings.Cut(r.attrs, " ")
			if suffixes == "-" {
				suffixes = " "
			}
			if strings.Contains(r.attrs, "n64") {
				continue
			}
			for _, c := range []byte(suffixes) {
				combos := []string{""}
				for i, k := range strings.Split(r.args, ",") {
					if r.args == "" {
						break
					}
					sep := ","
					if i == 0 {
						sep = " "
					}
					combos = cross(combos, samples(k, suffixWidth[c], long), sep, long)
				}
				for _, args := range combos {
					if c != ' ' {
						add(r.name + string(c) + args)
					}
					add(r.name + args)
				}
			}
		}
	}
	return lines
}

// cross combines operand lists. The short run walks the longer list once.
func cross(left, right []string, sep string, long bool) []string {
	var out []string
	if long || len(left) == 1 {
		for _, l := range left {
			for _, r := range right {
				out = append(out, l+sep+r)
			}
		}
		return out
	}
	for i := 0; i < max(len(left), len(right)); i++ {
		out = append(out, left[i%len(left)]+sep+right[i%len(right)])
	}
	return out
}

// asListing assembles lines with GNU as and returns the bytes of each line,
// nil for the lines that it refuses.
func asListing(t *testing.T, as string, lines []string) [][]byte {
	t.Helper()
	dir := t.TempDir()
	src, obj := filepath.Join(dir, "t.s"), filepath.Join(dir, "t.o")
	text := append([]string(nil), lines...)
	bad := map[int]bool{}
	for range 3 {
		require.NoError(t, os.WriteFile(src, []byte(strings.Join(text, "\n")+"\n"), 0o644))
		out, err := exec.Command(as, "--64", "-aln", "--listing-cont-lines=20", "--listing-lhs-width=8", src, "-o", obj).CombinedOutput()
		n := 0
		for _, m := range regexp.MustCompile(`(?m)t\.s:(\d+): Error`).FindAllSubmatch(out, -1) {
			i, _ := strconv.Atoi(string(m[1]))
			bad[i-1] = true
			text[i-1] = ""
			n++
		}
		if n == 0 {
			require.NoError(t, err, "%s", out)
			return parseListing(out, len(lines), bad)
		}
	}
	t.Fatal("as keeps finding errors")
	return nil
}

var listingLine = regexp.MustCompile(`^ *(\d+) ([0-9a-f]{4,8})? ?([0-9A-F ]*)`)

// parseListing reads "  12 0034 0F0B   ..." lines and their continuations.
func parseListing(out []byte, n int, bad map[int]bool) [][]byte {
	res := make([][]byte, n)
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		if i := strings.IndexByte(line, '\t'); i >= 0 {
			line = line[:i]
		}
		m := listingLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		i, _ := strconv.Atoi(m[1])
		if i < 1 || i > n || bad[i-1] {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(m[3], " ", ""))
		if err == nil {
			res[i-1] = append(res[i-1], b...)
		}
	}
	for i := range res {
		if res[i] == nil && !bad[i] {
			res[i] = []byte{}
		}
	}
	return res
}

// ourBytes assembles lines and returns the bytes of each, nil if refused.
func ourBytes(t *testing.T, lines []string) [][]byte {
	t.Helper()
	res := make([][]byte, len(lines))
	text := append([]string(nil), lines...)
	for range 1000 {
		a := newAssembler(Options{})
		a.file = a.fileIndex("t.s")
		a.startBuffer([]byte(strings.Join(text, "\n") + "\n"))
		a.run()
		a.finishParsing()
		if a.failed {
			for _, e := range a.errs {
				text[e.Line-1] = ""
			}
			continue
		}
		obj := a.finish("t.s")
		if obj == nil {
			for _, e := range a.errs {
				text[e.Line-1] = ""
			}
			continue
		}
		s := obj.Sections[0]
		for i, l := range s.Lines {
			end := s.Size
			if i+1 < len(s.Lines) {
				end = s.Lines[i+1].Off
			}
			res[l.Line-1] = append([]byte{}, s.Data[l.Off:end]...)
		}
		return res
	}
	t.Fatal("too many rounds of errors")
	return nil
}

// TestFormsAgainstAS holds every form of the table equal to GNU as: what it
// encodes, we encode to the same bytes; what it refuses, we refuse.
func TestFormsAgainstAS(t *testing.T) {
	as := needAS(t)
	long := os.Getenv("KLPSIM_ASM_LONG") != ""
	lines := append([]string{"1:"}, formLines(long)...)
	lines = append(lines, "1:")
	const chunk = 4000
	total, wrong, shown := 0, 0, map[string]int{}
	for from := 0; from < len(lines); from += chunk {
		part := append([]string{"1: .space 200"}, lines[from:min(from+chunk, len(lines))]...)
		part = append(part, ".space 200", "1:")
		want, got := asListing(t, as, part), ourBytes(t, part)
		for i := range part {
			total++
			if bytes.Equal(want[i], got[i]) && (want[i] == nil) == (got[i] == nil) {
				continue
			}
			if want[i] != nil && got[i] != nil && len(want[i]) > 5 && len(got[i]) == 200 || len(want[i]) == 0 && len(got[i]) == 0 && want[i] != nil {
				continue
			}
			wrong++
			if key := strings.Fields(part[i])[0]; shown[key] < 2 {
				shown[key]++
				t.Errorf("%-40s as %s ours %s", part[i], show(want[i]), show(got[i]))
			}
		}
	}
	t.Logf("%d lines, %d differ", total, wrong)
}

func show(b []byte) string {
	if b == nil {
		return "refuses"
	}
	return fmt.Sprintf("%x", b)
}
