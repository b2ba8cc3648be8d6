package explore

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRandomRunsFindAndReplay: both strategies meet store buffering's relaxed
// outcome, shards merge to the whole, and what they find replays.
func TestRandomRunsFindAndReplay(t *testing.T) {
	p := testProgram{buffer: 4, threads: []code{
		code{}.movImm(varX, 1).load(0, varY).store(0, varZ).hlt(),
		code{}.movImm(varY, 1).load(0, varX).inc(varZ).hlt(),
	}}
	prob := p.problem([ninVars]uint32{1, 1, 1})
	b := Bounds{Preempt: -1}
	for _, s := range []Sample{
		{Strategy: Uniform, Runs: 400, Seed: 1, Length: 40, Shards: 1},
		{Strategy: PCT, Runs: 400, Seed: 1, Length: 40, Depth: 3, Shards: 1},
	} {
		whole, err := RandomRuns(context.Background(), prob, b, s)
		require.NoError(t, err)
		require.Equal(t, 400, whole.Runs)
		require.Len(t, whole.Found, 1)
		violated, _, err := Replay(prob, whole.Found[0].Schedule)
		require.NoError(t, err)
		require.Equal(t, []string{"values"}, violated)

		s.Shards = 3
		merged := &SampleReport{Agents: whole.Agents}
		for s.Shard = range 3 {
			part, err := RandomRuns(context.Background(), prob, b, s)
			require.NoError(t, err)
			merged.Merge(part)
		}
		require.InDelta(t, whole.Chance, merged.Chance, 1e-9)
		merged.Chance = whole.Chance
		require.Equal(t, whole, merged)
	}
	_, err := RandomRuns(context.Background(), prob, b, Sample{Runs: 1, Length: 1})
	require.Error(t, err)
}
