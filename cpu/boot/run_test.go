package boot

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"klpsim/cpu"
)

func runCode(t *testing.T, r Runner, cores int, code ...byte) (Result, *cpu.Machine) {
	t.Helper()
	m := machine(t, cores, 16<<20)
	require.NoError(t, Load(m, flatImage(code...), Options{Name: "k"}))
	res, err := r.Run(m)
	require.NoError(t, err)
	return res, m
}

func TestRunEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		code []byte
		want Result
	}{
		{"exit 5", []byte{0xb0, 5, 0xe6, 0xf4}, Result{Reason: Exited, Status: 11, Steps: 2}},  // mov $5, %al; out %al, $0xf4
		{"halted", []byte{0x90, 0xf4}, Result{Reason: AllHalted, Steps: 2}},                    // nop; hlt
		{"halted with interrupts on", []byte{0xfb, 0xf4}, Result{Reason: AllHalted, Steps: 2}}, // sti; hlt
		{"loop", []byte{0xeb, 0xfe}, Result{Reason: StepLimit, Steps: 5000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, _ := runCode(t, Runner{MaxSteps: 5000}, 1, c.code...)
			assert.Equal(t, c.want, res)
		})
	}
	t.Run("triple fault", func(t *testing.T) {
		res, m := runCode(t, Runner{MaxSteps: 5000}, 2, 0x0f, 0x01, 0x1d, 0, 0, 0, 0, 0x0f, 0x0b) // lidt 0; ud2
		assert.Equal(t, TripleFault, res.Reason)
		assert.Contains(t, Describe(m), "cpu0 shut down after a triple fault at 0008:")
		assert.Contains(t, Describe(m), "cpu1 waiting for a start-up IPI")
	})
}

// A periodic timer whose interrupt is masked by IF wakes nobody: the run ends.
func TestUselessTimer(t *testing.T) {
	code := []byte{
		0xc7, 0x05, 0xf0, 0, 0xe0, 0xfe, 0xff, 1, 0, 0, // movl $0x1ff, SVR
		0xc7, 0x05, 0x20, 3, 0xe0, 0xfe, 0x40, 0, 2, 0, // movl $0x20040, LVT timer: periodic
		0xc7, 0x05, 0x80, 3, 0xe0, 0xfe, 0xe8, 3, 0, 0, // movl $1000, initial count
		0xfa, 0xf4, // cli; hlt
	}
	res, _ := runCode(t, Runner{MaxSteps: 1 << 20}, 1, code...)
	assert.Equal(t, AllHalted, res.Reason)
}

type badWriter struct{}

var errWriter = errors.New("no more")

func (badWriter) Write([]byte) (int, error) { return 0, errWriter }

func TestSerialErrors(t *testing.T) {
	m := machine(t, 1, 16<<20)
	code := []byte{0xb0, 0x41, 0xba, 0xf8, 3, 0, 0, 0xee, 0xeb, 0xfe} // 'A' to the serial port, then loop
	require.NoError(t, Load(m, flatImage(code...), Options{}))
	r := Runner{Serial: badWriter{}}
	_, err := r.Run(m)
	assert.ErrorIs(t, err, errWriter)
}

// The same run twice is the same, and the quantum does not matter to one core.
func TestRunRepeats(t *testing.T) {
	code := []byte{0xb9, 0x20, 0, 0, 0, 0x0f, 0x31, 0xba, 0xf8, 3, 0, 0, 0xee, 0xe2, 0xf6, 0xf4} // rdtsc to the serial port, 32 times
	var first []byte
	for _, q := range []uint64{0, 1, 7} {
		var out bytes.Buffer
		runCode(t, Runner{Serial: &out, Quantum: q}, 1, code...)
		require.Len(t, out.Bytes(), 32)
		if first == nil {
			first = out.Bytes()
		}
		assert.Equal(t, first, out.Bytes())
	}
}
