package decode

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// slot is the room that each instruction gets in the blob for objdump: the
// longest instruction and a NOP, so that the next one is found again.
const slot = 16

// randomInst draws an encoding: random prefixes, each opcode of each map with
// equal chance, random ModRM and the rest.
func randomInst(r *rand.Rand, mode Mode) []byte {
	var b []byte
	for r.IntN(4) == 0 {
		b = append(b, []byte{0x66, 0x67, 0xf2, 0xf3, 0x64, 0x65, 0xf0, 0x2e}[r.IntN(8)])
	}
	if mode == Mode64 && r.IntN(2) == 0 {
		b = append(b, 0x40|byte(r.IntN(16)))
	}
	switch r.IntN(4) {
	case 0, 1:
		b = append(b, 0x0f)
		switch r.IntN(4) {
		case 0:
			b = append(b, 0x38)
		case 1:
			b = append(b, 0x3a)
		}
	}
	for range 12 {
		v := byte(r.UintN(256))
		if r.IntN(8) == 0 {
			v = []byte{0, 1, 0x7f, 0x80, 0xff}[r.IntN(5)]
		}
		b = append(b, v)
	}
	return b
}

// objdump disassembles slots of code and returns the text at each slot.
func objdump(t testing.TB, blob []byte, mode Mode) map[int]string {
	tool := peer.Need(t, "objdump", "GNU objdump")
	file := filepath.Join(t.TempDir(), "code")
	require.NoError(t, os.WriteFile(file, blob, 0o600))
	arch := map[Mode]string{Mode64: "i386:x86-64", Mode32: "i386", Mode16: "i8086"}[mode]
	out, err := exec.Command(tool, "-D", "-z", "-w", "-b", "binary", "-m", arch, file).Output()
	require.NoError(t, err)
	texts := map[int]string{}
	for line := range bytes.Lines(out) { // "  10:\t48 89 c8 \tmov    %rcx,%rax"
		addr, rest, ok := strings.Cut(strings.TrimSpace(string(line)), ":\t")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(addr, 16, 64)
		if err != nil || n%slot != 0 {
			continue
		}
		if raw, text, ok := strings.Cut(rest, "\t"); ok {
			texts[int(n)] = strconv.Itoa(len(strings.Fields(raw))) + " " + normal(text)
		}
	}
	return texts
}

var comment = regexp.MustCompile(` *#.*$`)

// idle are prefixes without effect, which objdump always shows.
var idle = regexp.MustCompile(`^(rex(\.[WRXB]*)?|data16|data32|addr16|addr32|[cdefgs]s|repz|repnz|xacquire|xrelease)$`)

var prefixWord = regexp.MustCompile(`^(lock|rep|bnd|notrack)$|` + idle.String())

// normal drops padding, comments and prefixes without effect.
func normal(text string) string {
	words := strings.Fields(comment.ReplaceAllString(text, ""))
	var kept []string
	for i, w := range words {
		switch {
		case i == len(words)-1 || !prefixWord.MatchString(w):
			return strings.Join(append(kept, words[i:]...), " ")
		case !idle.MatchString(w):
			kept = append(kept, w)
		}
	}
	return ""
}

// incomparable reports encodings that objdump shows as another processor would
// read them, or in a way of its own: REX before another prefix or before FWAIT
// (as an instruction of its own), MPX, CLDEMOTE and prefetches of registers
// (NOPs on ours), branches with an operand size prefix (AMD's reading in
// 64-bit mode, and not cut to 16 bits elsewhere), BSF, BSR, WBINVD and fences with prefixes that do not matter, repeated
// prefixes of one group.
func incomparable(b []byte, in *Inst, mode Mode) bool {
	s, err := scan(b, mode)
	switch {
	case err != nil:
		return true
	case s.opmap == map0F && (s.opcode == 0x1a || s.opcode == 0x1b || s.opcode == 0x1c || s.opcode == 0x0d):
		return true
	case s.opmap == mapOne && (s.opcode == 0x9b || s.opcode == 0x90) && s.prefix > 0:
		return true
	case in.Op == WBINVD || in.Op == SFENCE || in.Op == LFENCE || in.Op == MFENCE:
		return s.prefix > 0 || s.rm() != 0
	case in.Op == SALC, in.Op == MOVDQ2Q && s.data:
		return true
	case in.NArgs > 0 && in.AddrSize == 2 && in.Base == NoReg && s.mem():
		return true // objdump writes an address above 0x7fff as negative
	case isFarOp(in.Op) && s.data && s.rex&8 != 0:
		return true
	case isNearBranch(in.Op) && s.data:
		return true
	case (in.Op == BSF || in.Op == BSR) && s.rep == 0xf2:
		return true
	}
	seen := map[byte]int{}
	for i, c := range b[:s.prefix] {
		switch c {
		case 0xf2, 0xf3:
			seen[0xf2]++
		case 0x2e, 0x3e, 0xf0:
			seen[c&0x80]++
		}
		if seen[0xf2] > 1 || seen[0] > 0 && seen[0xf2] > 0 || seen[0x80] > 1 {
			return true
		}
		if mode == Mode64 && c&0xf0 == 0x40 && i < s.prefix-1 {
			return true
		}
	}
	return false
}

func compareObjdump(t *testing.T, mode Mode, n int) {
	r := rand.New(rand.NewPCG(1, uint64(mode)))
	var blob []byte
	for len(blob) < n*slot {
		b := randomInst(r, mode)
		in, err := Decode(b, mode)
		if err != nil || incomparable(b, &in, mode) {
			continue
		}
		var s [slot]byte
		for i := range s {
			s[i] = 0x90
		}
		copy(s[:], b[:in.Len])
		blob = append(blob, s[:]...)
	}
	texts := objdump(t, blob, mode)
	bad := 0
	for at := 0; at < len(blob); at += slot {
		in, err := Decode(blob[at:at+slot], mode)
		require.NoError(t, err)
		got := fmt.Sprintf("%d %s", in.Len, normal(TextMode(blob[at:], uint64(at), mode, nil)))
		if want := texts[at]; got != want && bad < 4000 {
			bad++
			t.Errorf("% x: got %q, objdump %q", blob[at:at+int(in.Len)], got, want)
		}
	}
}

func TestObjdump64(t *testing.T) { compareObjdump(t, Mode64, 30000) }

func TestObjdump32(t *testing.T) { compareObjdump(t, Mode32, 15000) }

func TestObjdump16(t *testing.T) { compareObjdump(t, Mode16, 4096) }
