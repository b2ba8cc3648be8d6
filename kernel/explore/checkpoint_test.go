package explore

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// buffer is a checkpoint in memory.
type buffer struct{ bytes.Buffer }

func (*buffer) Close() error { return nil }

// TestResumedSearchReportsTheSame stops a search again and again and resumes
// it from its checkpoint; the report is that of a search left alone.
func TestResumedSearchReportsTheSame(t *testing.T) {
	p := testProgram{buffer: 3, threads: []code{
		code{}.movImm(varX, 1).load(0, varY).inc(varZ).store(0, varX).hlt(),
		code{}.movImm(varY, 1).load(0, varX).inc(varZ).mfence().load(1, varZ).hlt(),
		code{}.xchg(1, varZ).load(0, varX).hlt(),
	}}
	prob := p.problem([ninVars]uint32{1, 1, 1})
	for _, base := range []Options{{}, {Exact: true, Edges: true}, {Minimal: true}} {
		b := Bounds{Preempt: -1}
		want, err := Search(context.Background(), prob, b, base)
		require.NoError(t, err)
		require.Greater(t, want.States, uint64(500))

		var resume io.Reader
		stops := 0
		for limit := uint64(60); ; limit += 200 {
			o, out := base, new(buffer)
			o.MaxStates, o.Resume = limit, resume
			o.Save = func() (io.WriteCloser, error) { return out, nil }
			got, err := Search(context.Background(), prob, b, o)
			require.NoError(t, err)
			if got.Complete {
				got.Bytes, got.Restarts = want.Bytes, want.Restarts
				require.Equal(t, want, got)
				break
			}
			require.Equal(t, "states", got.Stopped)
			resume = &out.Buffer
			stops++
		}
		require.Greater(t, stops, 2)
	}
}

// TestBadCheckpoints: what cannot be resumed is refused.
func TestBadCheckpoints(t *testing.T) {
	p := testProgram{buffer: 2, threads: []code{code{}.inc(varX).load(0, varY).hlt(), code{}.inc(varY).load(0, varX).hlt()}}
	out := new(buffer)
	o := Options{MaxStates: 5, Save: func() (io.WriteCloser, error) { return out, nil }}
	_, err := Search(context.Background(), p.problem([ninVars]uint32{}), Bounds{Preempt: -1}, o)
	require.NoError(t, err)
	saved := out.Bytes()
	try := func(text []byte, b Bounds) error {
		_, err := Search(context.Background(), p.problem([ninVars]uint32{}), b, Options{Resume: bytes.NewReader(text)})
		return err
	}
	require.NoError(t, try(saved, Bounds{Preempt: -1}))
	require.ErrorIs(t, try(saved, Bounds{Preempt: 3}), ErrCheckpoint)
	require.ErrorIs(t, try([]byte("nonsense"), Bounds{Preempt: -1}), ErrCheckpoint)
	require.ErrorIs(t, try(saved[:len(saved)*3/4], Bounds{Preempt: -1}), ErrCheckpoint)
}
