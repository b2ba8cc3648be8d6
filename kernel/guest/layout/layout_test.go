package layout

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

func TestFieldsAreAlignedAndApart(t *testing.T) {
	for _, s := range Structs() {
		end := 0
		for _, f := range s.Fields {
			assert.Zero(t, f.Offset%f.Type.Size, "%s.%s is not aligned", s.Name, f.Name)
			assert.GreaterOrEqual(t, f.Offset, end, "%s.%s overlaps", s.Name, f.Name)
			end = f.Offset + f.Type.Bytes()
			got, ok := s.At(end - 1)
			assert.True(t, ok)
			assert.Equal(t, f.Name, got.Name)
		}
		assert.GreaterOrEqual(t, s.Size, end, s.Name)
		assert.Zero(t, s.Size%8, s.Name)
	}
}

// What the processor and the discussion of the race fix beforehand.
func TestFixedPlaces(t *testing.T) {
	assert.EqualValues(t, 0, Task.Offset("flags"), "thread_info comes first")
	tss := PCPU.Offset("tss")
	assert.EqualValues(t, 4, PCPU.Offset("tss_sp0")-tss, "RSP0, SDM vol. 3A, figure 8-11")
	assert.EqualValues(t, 36, PCPU.Offset("tss_ist1")-tss, "IST1")
	assert.EqualValues(t, 44, PCPU.Offset("tss_ist2")-tss, "IST2")
	assert.GreaterOrEqual(t, uint64(PCPU.Size), tss+TSSBytes)
	assert.EqualValues(t, 0x18, Frame.Offset("r12"))
	assert.EqualValues(t, 0x30, Frame.Offset("ret"))
	assert.Equal(t, 21*8, PTRegs.Size)
	_, ok := Lookup("no_such_struct")
	assert.False(t, ok)
	assert.PanicsWithValue(t, `BUG: struct task_struct has no field "nope"`, func() { Task.Offset("nope") })
}

// The assembler sees the numbers that Go sees.
func TestPreludeAgreesWithGNUAs(t *testing.T) {
	as := peer.Need(t, "as", "GNU as")
	var names []string
	var want []int64
	for _, c := range Consts() {
		names, want = append(names, c.Name), append(want, c.Value)
	}
	for _, s := range Structs() {
		for _, f := range s.Fields {
			names, want = append(names, s.Prefix+"_"+f.Name), append(want, int64(f.Offset))
		}
		names, want = append(names, s.Prefix+"_SIZE"), append(want, int64(s.Size))
	}
	names, want = append(names, "KLP_X"), append(want, -7)

	src := Prelude(map[string]int64{"KLP_X": -7}) + "\t.data\n\t.quad " + strings.Join(names, "\n\t.quad ") + "\n"
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.s"), filepath.Join(dir, "out.o")
	require.NoError(t, os.WriteFile(in, []byte(src), 0o600))
	msg, err := exec.Command(as, "-o", out, in).CombinedOutput()
	require.NoError(t, err, "%s", msg)
	f, err := elf.Open(out)
	require.NoError(t, err)
	defer f.Close()
	data, err := f.Section(".data").Data()
	require.NoError(t, err)
	require.Len(t, data, 8*len(want))
	for i, w := range want {
		assert.Equal(t, w, int64(binary.LittleEndian.Uint64(data[8*i:])), names[i])
	}
}
