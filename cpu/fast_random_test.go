package cpu

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/decode"
)

// randomInsts returns n random instructions that decode and neither transfer
// control nor touch the system: what the fast path has cases and handlers for.
func randomInsts(r *rand.Rand, n int) []byte {
	var code []byte
	for n > 0 {
		var b [15]byte
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if r.IntN(2) == 0 {
			b[0] = 0x48 | b[0]&7 // most code has REX.W
		}
		in, err := decode.Decode(b[:], decode.Mode64)
		if err != nil || !fastHandled(&in) || in.Segment >= FS {
			continue
		}
		code = append(code, b[:in.Len]...)
		n--
	}
	return code
}

// randomProgram is a loop of blocks of random instructions with short
// conditional jumps forward between them. A count on the stack ends it.
func randomProgram(r *rand.Rand) []byte {
	code := []byte{0x6a, byte(2 + r.IntN(6))} // push $count
	for range 2 + r.IntN(6) {
		if r.IntN(2) == 0 {
			skip := randomInsts(r, 1+r.IntN(3))
			code = append(code, 0x70|byte(r.IntN(16)), byte(len(skip)))
			code = append(code, skip...)
		}
		code = append(code, randomInsts(r, 1+r.IntN(8))...)
	}
	code = append(code, 0xff, 0x0c, 0x24) // decl (%rsp)
	code = append(code, 0x0f, 0x85)       // jnz to the instruction behind the push
	code = binary.LittleEndian.AppendUint32(code, uint32(-(len(code) + 4 - 2)))
	return append(code, 0xf4)
}

// randomMachine is a machine about to run code, its registers full of
// interesting values: addresses of data near the ends of pages, small numbers,
// anything.
func randomMachine(t testing.TB, r *rand.Rand, code []byte) func() *Machine {
	var regs Regs
	for i := range regs.GPR {
		switch r.IntN(4) {
		case 0:
			regs.GPR[i] = r.Uint64()
		case 1:
			regs.GPR[i] = uint64(r.IntN(300))
		default:
			regs.GPR[i] = bareData + uint64(1+r.IntN(4))<<12 - uint64(r.IntN(40))
		}
	}
	regs.GPR[RSP] = bareStack
	regs.RIP, regs.Flags = bareCode, Flag1|uint64(r.IntN(1<<12))&FlagsStatus
	inUser := r.IntN(2) == 0
	return func() *Machine {
		m := bare(t, Config{}, code...)
		c := m.Core(0)
		c.Regs = regs
		if inUser {
			user(c)
		}
		m.SetSticky(StickyTLB | StickyTime)
		return m
	}
}

// Random programs end in the same state by Run, in pieces of any size, as by
// as many steps; faults, page crossings and stores into code included.
func TestRunEqualsStepsOnRandomPrograms(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		code := randomProgram(r)
		fresh := randomMachine(t, r, code)
		slow, fast := fresh(), fresh()
		for total := uint64(0); total < 600; {
			k := uint64(r.IntN(30))
			done, stop, err := fast.Run(0, k)
			require.NoError(t, err, "seed %d", seed)
			for range done {
				require.NoError(t, slow.Take(Choice{}), "seed %d", seed)
			}
			total += done
			sameState(t, slow, fast, fmt.Sprintf("seed %d after %d steps of % x", seed, total, code))
			if stop == StopIdle {
				require.False(t, slow.CanStep(0))
				break
			}
		}
	}
}

// FuzzRun looks for a program on which the fast path differs.
func FuzzRun(f *testing.F) {
	f.Add(uint64(1), []byte{0x90, 0xf4})
	f.Add(uint64(2), []byte{0xc6, 0x05, 0x01, 0, 0, 0, 0x90, 0x90, 0xeb, 0xf5}) // writes into itself
	f.Fuzz(func(t *testing.T, seed uint64, code []byte) {
		if len(code) > 256 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 9))
		fresh := randomMachine(t, r, code)
		slow, fast := fresh(), fresh()
		for range 20 {
			done, stop, err := fast.Run(0, uint64(r.IntN(20)))
			for range done {
				require.NoError(t, slow.Take(Choice{}))
			}
			if stop == StopError { // not implemented: for both
				require.Equal(t, slow.Take(Choice{}), err)
			}
			sameState(t, slow, fast, fmt.Sprintf("% x", code))
			if stop != StopBudget || err != nil {
				return
			}
		}
	})
}
