package cpu

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/decode"
)

// instructionsDoc is generated from the decoder and the instruction table.
const instructionsDoc = "INSTRUCTIONS.md"

// TestInstructionsReference keeps INSTRUCTIONS.md in step with the tables.
func TestInstructionsReference(t *testing.T) {
	want := instructionsMarkdown(t)
	if os.Getenv("KLPSIM_UPDATE") != "" {
		require.NoError(t, os.WriteFile(instructionsDoc, []byte(want), 0o644))
	}
	got, err := os.ReadFile(instructionsDoc)
	require.NoError(t, err, "run make docs")
	require.Equal(t, want, string(got), "%s is out of date: run make docs", instructionsDoc)
}

// opForms are the operand forms of one operation, by mode.
type opForms struct {
	long, legacy map[string]bool
}

// sweep decodes every opcode of every map with the prefixes and ModRM bytes
// that select forms, and collects the operand signatures by operation.
func sweep() map[decode.Op]*opForms {
	forms := map[decode.Op]*opForms{}
	for _, mode := range []decode.Mode{decode.Mode64, decode.Mode32, decode.Mode16} {
		prefixes := [][]byte{{}, {0x66}, {0xf2}, {0xf3}, {0x66, 0xf2}}
		if mode == decode.Mode64 {
			prefixes = append(prefixes, []byte{0x48}, []byte{0x66, 0x48}, []byte{0xf2, 0x48}, []byte{0xf3, 0x48})
		}
		for _, p := range prefixes {
			for _, m := range [][]byte{{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}} {
				for op := range 256 {
					for modrm := range 256 {
						if modrm < 0xc0 && modrm&0xc7 != 1 {
							continue
						}
						code := slices.Concat(p, m, []byte{byte(op), byte(modrm)}, make([]byte, 13))
						collect(forms, code[:15], mode)
					}
				}
			}
		}
	}
	return forms
}

func collect(forms map[decode.Op]*opForms, code []byte, mode decode.Mode) {
	in, err := decode.Decode(code, mode)
	if err != nil {
		return
	}
	f := forms[in.Op]
	if f == nil {
		f = &opForms{map[string]bool{}, map[string]bool{}}
		forms[in.Op] = f
	}
	if mode == decode.Mode64 {
		f.long[signature(&in)] = true
	} else {
		f.legacy[signature(&in)] = true
	}
}

// signature names an instruction's operands as the manuals do: r32, m64, imm8.
func signature(in *decode.Inst) string {
	var ops []string
	for _, a := range in.Args[:in.NArgs] {
		bits := 8 * int(a.Size)
		switch a.Kind {
		case decode.Reg, decode.High:
			ops = append(ops, fmt.Sprintf("r%d", bits))
		case decode.Mem:
			if bits == 0 {
				ops = append(ops, "m")
			} else {
				ops = append(ops, fmt.Sprintf("m%d", bits))
			}
		case decode.Imm, decode.Imm2:
			ops = append(ops, "imm")
		case decode.Rel:
			ops = append(ops, "rel")
		default:
			ops = append(ops, map[decode.Kind]string{decode.Seg: "sreg", decode.CR: "cr", decode.DR: "dr",
				decode.XMM: "xmm", decode.MM: "mm", decode.ST: "st"}[a.Kind])
		}
	}
	if len(ops) == 0 {
		return "-"
	}
	return strings.Join(ops, ",")
}

// flagLetters writes a flag set as letters.
func flagLetters(f uint16) string {
	var b strings.Builder
	for _, x := range []struct {
		bit uint64
		c   byte
	}{{FlagOF, 'O'}, {FlagDF, 'D'}, {FlagIF, 'I'}, {FlagSF, 'S'}, {FlagZF, 'Z'}, {FlagAF, 'A'}, {FlagPF, 'P'}, {FlagCF, 'C'}} {
		if uint64(f)&x.bit != 0 {
			b.WriteByte(x.c)
		}
	}
	return b.String()
}

func sortedKeys(m map[string]bool) string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return strings.Join(keys, " ")
}

func instructionsMarkdown(t *testing.T) string {
	forms := sweep()
	var ops []decode.Op
	for op := range forms {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, func(a, b decode.Op) int { return strings.Compare(opTitle(a), opTitle(b)) })
	var b strings.Builder
	b.WriteString(instructionsIntro)
	for _, op := range ops {
		r, f := Lookup(op), forms[op]
		state := "runs"
		if r.Exec == nil {
			state = "#UD: not announced"
		}
		if len(f.long) == 0 {
			state += ", not in 64-bit mode"
		}
		legacy := map[string]bool{}
		for s := range f.legacy {
			if !f.long[s] {
				legacy[s] = true
			}
		}
		var notes []string
		for _, n := range []struct {
			on   bool
			text string
		}{{r.Lockable, "lock"}, {r.AlwaysLock, "always locked"}, {r.Serialising, "drains"}, {r.Privileged, "CPL 0"}} {
			if n.on {
				notes = append(notes, n.text)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", opTitle(op), state, sortedKeys(f.long), sortedKeys(legacy),
			flagLetters(r.Reads), flagLetters(r.Writes), flagLetters(r.Undef), strings.Join(notes, ", "))
	}
	for op := decode.Op(1); op < decode.NumOps; op++ {
		require.NotNil(t, forms[op], "%s: no encoding decodes to it", op)
	}
	return b.String()
}

// opTitle names an operation; several of the internal ones share a mnemonic.
func opTitle(op decode.Op) string {
	if s, ok := map[decode.Op]string{
		decode.JCC: "jCC", decode.SET: "setCC", decode.CMOV: "cmovCC", decode.MOVTOCR: "mov to cr", decode.MOVFROMCR: "mov from cr",
		decode.MOVTODR: "mov to dr", decode.MOVFROMDR: "mov from dr", decode.MOVTOSEG: "mov to sreg", decode.MOVFROMSEG: "mov from sreg",
		decode.PUSHSEG: "push sreg", decode.POPSEG: "pop sreg", decode.CBW: "cbw cwde cdqe", decode.CWD: "cwd cdq cqo",
		decode.CMPXCHG8B: "cmpxchg8b cmpxchg16b", decode.JCXZ: "jcxz jecxz jrcxz", decode.MOVSX: "movsx movsxd",
		decode.MOVS: "movs (string)", decode.CMPS: "cmps (string)",
	}[op]; ok {
		return s
	}
	return op.String()
}

const instructionsIntro = `# Instructions

Generated from the decoder and the instruction table by ` + "`make docs`" + `; do not edit.

Every encoding of the operations below decodes; what the column "state" says
runs is executed. All other encodings are #UD, as CPUID announces none of them:
VEX, EVEX and XOP (AVX, BMI, FMA), AES, PCLMULQDQ, SHA, XSAVE, RDRAND, RDSEED,
ADX, MONITOR, MPX, CET, TSX, SMAP, PKU, INVPCID, VMX, SVM, SGX, SSE4a, 3DNow.
TZCNT and LZCNT execute as BSF and BSR, as on processors without them.

"64-bit" and "legacy only" are operand forms: r, m and imm with their width in
bits; m alone is an address that is not accessed as data of one width. Flags are
O D I S Z A P C; "undefined" are those that the manual leaves open, for which
the handlers' comments state the rule. "drains" empties the store buffer first.

| instruction | state | 64-bit | legacy only | flags read | written | undefined | notes |
|---|---|---|---|---|---|---|---|
`
