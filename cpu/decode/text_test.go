package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// symbols is a little symbol table.
func symbols(addr uint64) (string, uint64) {
	switch {
	case addr >= 0xffffffff81000100 && addr < 0xffffffff81000200:
		return "klp_patch_task", 0xffffffff81000100
	case addr >= 0xffffffff82000000 && addr < 0xffffffff82000010:
		return "klp_target_state", 0xffffffff82000000
	}
	return "", 0
}

func TestTextSymbols(t *testing.T) {
	const pc = 0xffffffff81000100
	for _, c := range []struct{ bytes, want string }{
		{"eb 10", "jmp klp_patch_task+0x12"},
		{"74 fe", "je klp_patch_task"},
		{"e8 fb ff ff 00", "call 0xffffffff82000100"},
		{"4c 8b 25 f9 fe ff 00", "mov klp_target_state(%rip),%r12"},
		{"4c 8b 24 25 00 00 00 82", "mov klp_target_state,%r12"},
		{"44 8b 24 25 04 00 00 82", "mov klp_target_state+0x4,%r12d"},
		{"48 c7 c7 00 00 00 82", "mov $klp_target_state,%rdi"},
		{"48 c7 c7 01 00 00 82", "mov $0xffffffff82000001,%rdi"},
		{"8b 04 85 00 00 00 82", "mov klp_target_state(,%rax,4),%eax"},
		{"65 48 8b 04 25 28 00 00 00", "mov %gs:0x28,%rax"},
		{"48 8b 43 00", "mov 0x0(%rbx),%rax"},
		{"48 8b 03", "mov (%rbx),%rax"},
		{"f0 0f ba 33 0d", "lock btrl $0xd,(%rbx)"},
		{"f3 48 a5", "rep movsq %ds:(%rsi),%es:(%rdi)"},
		{"66 2e 0f 1f 84 00 00 00 00 00", "cs nopw 0x0(%rax,%rax,1)"},
		{"f3 0f 1e fa", "endbr64"},
		{"f3 c3", "repz ret"},
		{"3e ff e0", "notrack jmp *%rax"},
		{"06", "(bad)"},
		{"48", "(bad)"},
	} {
		require.Equal(t, c.want, Text(unhex(t, c.bytes), pc, symbols), c.bytes)
	}
}

// TestReassemble gives our text back to GNU as and decodes what comes out: it
// must mean the same.
func TestReassemble(t *testing.T) {
	as, objcopy := peer.Need(t, "as", "GNU as"), peer.Need(t, "objcopy", "GNU objcopy")
	r := rand.New(rand.NewPCG(7, 7))
	var insts []Inst
	var src strings.Builder
	for len(insts) < 8000 {
		b := randomInst(r, Mode64)
		in, err := Decode(b, Mode64)
		if err != nil || incomparable(b, &in, Mode64) || !reassembles(b, &in) || bytes.ContainsAny(b[:in.Len], "\x2e\x3e\x26\x36") {
			continue
		}
		text := Text(b, uint64(len(insts)*slot), nil)
		fmt.Fprintf(&src, ".org %d, 0x90\n%s\n", len(insts)*slot, text)
		insts = append(insts, in)
	}
	fmt.Fprintf(&src, ".org %d, 0x90\n", len(insts)*slot)
	dir := t.TempDir()
	file := filepath.Join(dir, "a.s")
	require.NoError(t, os.WriteFile(file, []byte(src.String()), 0o600))
	out, err := exec.Command(as, "--64", "-mindex-reg", "-o", filepath.Join(dir, "a.o"), file).CombinedOutput()
	require.NoError(t, err, "%s", errorLines(out))
	out, err = exec.Command(objcopy, "-O", "binary", "-j", ".text", filepath.Join(dir, "a.o"), filepath.Join(dir, "a.bin")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	code, err := os.ReadFile(filepath.Join(dir, "a.bin"))
	require.NoError(t, err)
	for i, want := range insts {
		got, err := Decode(code[i*slot:], Mode64)
		require.NoError(t, err)
		assert.Equal(t, meaning(want), meaning(got), "%s", Text(code[i*slot:], uint64(i*slot), nil))
	}
}

// reassembles leaves out what as does not take back: relative branches (their
// targets depend on the lengths before), prefixes that do nothing, and a few
// forms that it knows no text for.
func reassembles(b []byte, in *Inst) bool {
	if in.NArgs > 0 && in.Args[0].Kind == Rel {
		return false
	}
	switch {
	case in.Op == BSWAP && in.Size == 2, (in.Op == LFS || in.Op == LGS || in.Op == LSS) && in.Size == 8,
		(in.Op == MOVSX || in.Op == MOVZX) && in.Size == in.Args[1].Size:
		return false
	}
	p := printer{in: *in, b: b}
	p.s, _ = scan(b, Mode64)
	rep := p.repPrefix()
	return rep == "" || isString(in.Op)
}

// meaning strips what redundant encoding leaves in an Inst.
func meaning(in Inst) Inst {
	if in.Base == RegIP || in.NArgs > 0 && in.Args[0].Kind == Rel {
		in.Imm, in.Disp = 0, 0
	}
	if in.Base == NoReg && in.Index == NoReg && !isString(in.Op) && in.Op != XLATB {
		in.AddrSize = 0 // where there is an address too: it is as good zero-extended
	}
	if in.Op == MASKMOVDQU || in.Op == MASKMOVQ {
		in.Segment = 0 // an override of the implied operand is not in the text
	}
	if (in.Op == XCHG || in.Op == TEST) && in.Args[1].Kind == Reg && in.Args[0].Kind == Reg {
		in.Args[0], in.Args[1] = Arg{N: in.Args[0].N + in.Args[1].N}, Arg{}
	}
	switch in.Op { // the operand size means nothing
	case INT, STMXCSR, LDMXCSR, PREFETCH, PREFETCHNTA, PREFETCHT0, PREFETCHT1, PREFETCHT2, PREFETCHW, CLFLUSH, NOP, FLDENV, FNSAVE, FNSTENV, FRSTOR:
		in.Size, in.Args[0].Size = 0, 0
	}
	switch in.Op { // zero-extended whether 32 or 64 bits are written
	case MOVMSKPS, MOVMSKPD, PMOVMSKB, SLDT, STR:
		in.Size, in.Args[0].Size = 8, 8
	}
	if in.NArgs == 0 && len(byWidth[in.Op]) == 0 && !isStack(in.Op) && in.Op != IRET && in.Op != LRET {
		in.Size = 0
	}
	in.Len = 0
	in.Prefix &= Lock | Rep | RepNE
	return in
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0x48, 0x8b, 0x05, 0, 0, 0, 0}, uint8(0))
	f.Add([]byte{0xf0, 0x66, 0x0f, 0xba, 0x2f, 1}, uint8(1))
	f.Add([]byte{0x62, 0xf1, 0x7c, 0x48}, uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, m uint8) {
		mode := Mode(m % 3)
		in, err := Decode(b, mode)
		if err != nil {
			require.Zero(t, in)
			require.Equal(t, "(bad)", TextMode(b, 0, mode, nil))
			return
		}
		require.NotEqual(t, Invalid, in.Op)
		require.NotZero(t, in.Len)
		require.LessOrEqual(t, int(in.Len), min(len(b), 15))
		require.Contains(t, []uint8{1, 2, 4, 8, 10, 16}, in.Size)
		again, err := Decode(b[:in.Len], mode)
		require.NoError(t, err, "the instruction's own bytes decode")
		require.Equal(t, in, again)
		_, err = Decode(b[:in.Len-1], mode)
		require.ErrorIs(t, err, ErrTruncated, "one byte less is truncated")
		require.NotEmpty(t, TextMode(b, 0, mode, nil))
	})
}

// errorLines drops the warnings from what as says.
func errorLines(out []byte) string {
	var lines []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "Error:") && len(lines) < 20 {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
