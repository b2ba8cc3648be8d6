//go:build linux && amd64

package native

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// One instruction of each outcome: registers, flags, memory, branch, vectors.
// The expected values are the manual's, worked out by hand.
func TestKnownResults(t *testing.T) {
	h := New(t)
	const hole = LowArena + 2*PageSize
	regs := [16]uint64{1, 2, 3, 4, LowArena + 64, 6, LowArena + 8, 8, 9, 10, 11, 12, 13, 14, 15, hole}
	mem := func(v uint64) (m [MaxWindow]byte) {
		binary.LittleEndian.PutUint64(m[8:], v)
		return m
	}
	tests := []struct {
		name  string
		code  []byte
		trap  int
		err   uint32
		cr2   uint64
		flags uint64
		next  uint64 // of RIP, from the slot
		check func(t *testing.T, r *Result)
	}{
		{name: "add %rcx,%rax", code: []byte{0x48, 0x01, 0xc8}, trap: -1, flags: 0x206, next: 3,
			check: func(t *testing.T, r *Result) { require.Equal(t, uint64(3), r.GPR[0]) }},
		{name: "add %rcx,(%rsi)", code: []byte{0x48, 0x01, 0x0e}, trap: -1, flags: 0x286, next: 3,
			check: func(t *testing.T, r *Result) {
				require.Equal(t, ^uint64(0), binary.LittleEndian.Uint64(r.Mem[8:]))
			}},
		{name: "push %r14", code: []byte{0x41, 0x56}, trap: -1, flags: 0x202, next: 2,
			check: func(t *testing.T, r *Result) {
				require.Equal(t, uint64(15), binary.LittleEndian.Uint64(r.Mem[56:]))
				require.Equal(t, uint64(LowArena+56), r.GPR[4])
			}},
		{name: "jnz taken", code: []byte{0x75, PadOffset - 2}, trap: -1, flags: 0x202, next: PadOffset},
		{name: "ud2", code: []byte{0x0f, 0x0b}, trap: 6, flags: 0x10202},
		{name: "div by zero", code: []byte{0x48, 0xf7, 0x36}, trap: 0, flags: 0x10202},
		{name: "int3", code: []byte{0xcc}, trap: 3, flags: 0x202, next: 1},
		{name: "hlt", code: []byte{0xf4}, trap: 13, flags: 0x10202},
		{name: "store to hole", code: []byte{0x41, 0x89, 0x07}, trap: 14, err: 6, cr2: hole, flags: 0x10202},
		{name: "addsd", code: []byte{0xf2, 0x0f, 0x58, 0xc1}, trap: -1, flags: 0x202, next: 4,
			check: func(t *testing.T, r *Result) {
				// 1.5 + 2.25 = 3.75
				require.Equal(t, uint64(0x400e000000000000), binary.LittleEndian.Uint64(r.FX[160:]))
			}},
	}
	var recs []Record
	for _, tt := range tests {
		r := Record{Code: tt.code, GPR: regs, Flags: 0x202, UseFX: true, WinLen: 128, Mem: mem(^uint64(2))}
		if tt.trap == 0 {
			r.Mem = mem(0)
		}
		binary.LittleEndian.PutUint16(r.FX[0:], 0x37f)
		binary.LittleEndian.PutUint32(r.FX[24:], 0x1f80)
		binary.LittleEndian.PutUint64(r.FX[160:], 0x3ff8000000000000)
		binary.LittleEndian.PutUint64(r.FX[176:], 0x4002000000000000)
		recs = append(recs, r)
	}
	res := make([]Result, len(recs))
	for range 3 { // a record's result depends on nothing before it
		require.NoError(t, h.Run(recs, res))
		for i, tt := range tests {
			r := &res[i]
			require.Equal(t, tt.trap, r.Trap, tt.name)
			require.Equal(t, tt.err, r.Code, tt.name)
			if tt.trap == 14 {
				require.Equal(t, tt.cr2, r.CR2, tt.name)
			}
			require.Equal(t, tt.flags, r.Flags, tt.name)
			require.Equal(t, SlotAddr(i)+tt.next, r.RIP, tt.name)
			if tt.check != nil {
				tt.check(t, r)
			}
		}
	}
}

// 32-bit code: the results are the manual's, worked out by hand.
func TestCode32(t *testing.T) {
	h := New(t)
	regs := [16]uint64{0x0f, 2, 3, 4, LowArena + 64, 6, LowArena + 8}
	recs := []Record{
		{Code: []byte{0x37}, GPR: regs, Flags: 2, Code32: true, WinLen: 128},       // aaa
		{Code: []byte{0x50}, GPR: regs, Flags: 2, Code32: true, WinLen: 128},       // push %eax
		{Code: []byte{0x48}, GPR: regs, Flags: 2, Code32: true, WinLen: 128},       // dec %eax
		{Code: []byte{0xd4, 0x00}, GPR: regs, Flags: 2, Code32: true, WinLen: 128}, // aam 0
		{Code: []byte{0x48, 0x90}, GPR: regs, Flags: 2, WinLen: 128},               // rex.W nop
	}
	res := make([]Result, len(recs))
	require.NoError(t, h.Run(recs, res))
	require.Equal(t, uint64(0x105), res[0].GPR[0])
	require.Equal(t, uint64(LowArena+60), res[1].GPR[4])
	require.Equal(t, uint32(0x0f), binary.LittleEndian.Uint32(res[1].Mem[60:]))
	require.Equal(t, uint64(0x0e), res[2].GPR[0])
	require.Equal(t, SlotAddr(2)+1, res[2].RIP)
	require.Equal(t, 0, res[3].Trap)
	require.Equal(t, uint64(0x0f), res[4].GPR[0])
}

// The helper's offsets are written down as numbers; the compiler's must agree.
func TestRecordLayout(t *testing.T) {
	var r record
	require.EqualValues(t, recordSize, unsafe.Sizeof(r))
	require.EqualValues(t, 128, unsafe.Offsetof(r.flags))
	require.EqualValues(t, 136, unsafe.Offsetof(r.entry))
	require.EqualValues(t, 144, unsafe.Offsetof(r.winOff))
	require.EqualValues(t, 152, unsafe.Offsetof(r.winLen))
	require.EqualValues(t, 160, unsafe.Offsetof(r.useFX))
	require.EqualValues(t, 168, unsafe.Offsetof(r.code32))
	require.EqualValues(t, 192, unsafe.Offsetof(r.fx))
	require.EqualValues(t, 704, unsafe.Offsetof(r.mem))
	require.EqualValues(t, 1344, unsafe.Offsetof(r.outGPR))
	require.EqualValues(t, 1472, unsafe.Offsetof(r.outFl))
	require.EqualValues(t, 1504, unsafe.Offsetof(r.outCR2))
	require.EqualValues(t, 1536, unsafe.Offsetof(r.outFX))
	require.EqualValues(t, 2048, unsafe.Offsetof(r.outMem))
}

func BenchmarkRun(b *testing.B) {
	h := New(b)
	for _, fx := range []bool{false, true} {
		name := "integer"
		if fx {
			name = "fx"
		}
		b.Run(name, func(b *testing.B) {
			recs := make([]Record, MaxBatch)
			for i := range recs {
				recs[i] = Record{Code: []byte{0x48, 0x01, 0xc8}, Flags: 0x202, WinLen: 128, UseFX: fx}
				binary.LittleEndian.PutUint32(recs[i].FX[24:], 0x1f80)
			}
			res := make([]Result, len(recs))
			for b.Loop() {
				require.NoError(b, h.Run(recs, res))
			}
			b.ReportMetric(float64(b.N)*MaxBatch/b.Elapsed().Seconds(), "records/s")
		})
	}
}
