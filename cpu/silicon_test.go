//go:build linux && amd64

package cpu

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
)

// siliconFile holds integer instructions with what a processor made of them,
// for hosts that cannot run the native oracle. A line is the mode, the code,
// the state before and, after the bar, what changed:
//
//	64 4801c8 f=202 rax=1 rcx=2 | rip=+3 f=206 rax=3
//	64 488901 f=202 rax=1 rcx=40000400 win=400 mem=00.. | rip=+3 mem+0=01
//	64 f4 f=202 | trap=13 code=0 rip=+0 f=10202
//
// The processor was an AMD EPYC of the Zen 4 family; flags that the manual
// leaves undefined are compared all the same, as ours follow AMD's.
const siliconFile = "../testdata/silicon/integer.txt"

// TestSilicon replays the file. KLPSIM_SILICON=1 records it anew, on an AMD host.
func TestSilicon(t *testing.T) {
	if os.Getenv("KLPSIM_SILICON") != "" {
		recordSilicon(t)
	}
	file, err := os.Open(siliconFile)
	require.NoError(t, err)
	defer file.Close()
	sim := newOracleSim(t)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<16)
	n := 0
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " | ")
		require.True(t, ok, "%s:%d: no bar", siliconFile, n+1)
		rec := parseRecord(t, before)
		var got native.Result
		require.NoError(t, sim.run(0, &rec, &got), before)
		in, err := decode.Decode(padded(rec.Code), recordMode(&rec))
		require.NoError(t, err, before)
		require.Equal(t, after, changes(&rec, &got), "%s:%d: %s (%s)", siliconFile, n+1,
			decode.TextMode(padded(rec.Code), native.SlotAddr(0), recordMode(&rec), nil), in.Op)
		n++
	}
	require.NoError(t, lines.Err())
	require.Greater(t, n, 2000)
}

// changes is the part of a line after the bar.
func changes(rec *native.Record, res *native.Result) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if res.Trap >= 0 {
		add("trap=%d code=%x", res.Trap, res.Code)
		if res.Trap == int(VecPF) {
			add("cr2=%x", res.CR2)
		}
	}
	add("rip=%+d", int64(res.RIP-native.SlotAddr(0)))
	if f := res.Flags &^ FlagRF; f != rec.Flags {
		add("f=%x", f)
	}
	for i, v := range res.GPR {
		if v != rec.GPR[i] {
			add("%s=%x", gprNames[i], v)
		}
	}
	for i := 0; i < rec.WinLen; i++ {
		if res.Mem[i] == rec.Mem[i] {
			continue
		}
		j := i
		for j < rec.WinLen && res.Mem[j] != rec.Mem[j] {
			j++
		}
		add("mem+%d=%x", i, res.Mem[i:j])
		i = j
	}
	return strings.Join(out, " ")
}

// recordText is the part of a line before the bar.
func recordText(rec *native.Record) string {
	mode := "64"
	if rec.Code32 {
		mode = "32"
	}
	out := []string{mode, hex.EncodeToString(rec.Code), fmt.Sprintf("f=%x", rec.Flags)}
	for i, v := range rec.GPR {
		if v != 0 {
			out = append(out, fmt.Sprintf("%s=%x", gprNames[i], v))
		}
	}
	if rec.WinLen > 0 {
		out = append(out, fmt.Sprintf("win=%x mem=%x", rec.WinOff, rec.Mem[:rec.WinLen]))
	}
	return strings.Join(out, " ")
}

func parseRecord(t *testing.T, text string) (rec native.Record) {
	t.Helper()
	words := strings.Fields(text)
	require.Greater(t, len(words), 2, text)
	rec.Code32 = words[0] == "32"
	var err error
	rec.Code, err = hex.DecodeString(words[1])
	require.NoError(t, err, text)
	for _, w := range words[2:] {
		name, value, ok := strings.Cut(w, "=")
		require.True(t, ok, w)
		if name == "mem" {
			rec.WinLen, err = hex.Decode(rec.Mem[:], []byte(value))
			require.NoError(t, err, text)
			continue
		}
		v, err := strconv.ParseUint(value, 16, 64)
		require.NoError(t, err, w)
		switch name {
		case "f":
			rec.Flags = v
		case "win":
			rec.WinOff = int(v)
		default:
			i := strings.Index(" "+strings.Join(gprNames[:], " ")+" ", " "+name+" ")
			require.GreaterOrEqual(t, i, 0, w)
			rec.GPR[strings.Count(strings.Join(gprNames[:], " ")[:i], " ")] = v
		}
	}
	return rec
}

// recordSilicon runs a selection of the oracle's forms on the host and writes
// the file.
func recordSilicon(t *testing.T) {
	var lines []string
	forms := append(oracleForms(), legacyForms()...)
	r := newOracleRun(t, forms, 2026)
	for i := range forms {
		f := &forms[i]
		if f.op >= decode.F2XM1 || f.op == decode.CLFLUSH {
			continue
		}
		memory := f.mem || Lookup(f.op).Implicit
		if memory && i%6 != 0 || !memory && i%2 != 0 {
			continue
		}
		if r.generate(f, 0) == 0 {
			continue
		}
		rec := r.recs[0]
		if !memory {
			rec.WinLen = 0
		}
		if rec.Code32 {
			clear(rec.GPR[8:])
		}
		var res [1]native.Result
		require.NoError(t, r.h.Run([]native.Record{rec}, res[:]))
		if faultCode(&res[0]) != res[0].Code || res[0].CR2 >= 0x7ffffffff000 {
			continue // Linux hides what the processor said
		}
		if (f.op == decode.ENTER || f.op == decode.POPA) && res[0].Trap >= 0 {
			continue // what they did before the fault stays on some processors
		}
		lines = append(lines, recordText(&rec)+" | "+changes(&rec, &res[0]))
	}
	require.NoError(t, os.MkdirAll("../testdata/silicon", 0o755))
	require.NoError(t, os.WriteFile(siliconFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}
