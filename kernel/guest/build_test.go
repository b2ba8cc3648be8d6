package guest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/asm"
	"klpsim/programs"
)

func klpSources(t *testing.T, names ...string) []asm.Source {
	t.Helper()
	var out []asm.Source
	for _, n := range names {
		text, err := programs.Read("klp/" + n)
		require.NoError(t, err)
		out = append(out, asm.Source{Name: n, Text: text})
	}
	return out
}

func klpInclude(name string) ([]byte, error) { return programs.Read("klp/" + name) }

// mailConfig is the cast of the mail.
func mailConfig(t *testing.T) Config {
	cfg := Config{
		Sources: klpSources(t, "patch_task.s", "transition.s", "core.s", "reader.s", "stack.s", "drivers.s", "user.s"),
		Include: klpInclude,
		Defines: map[string]int64{"KLP": 1},
		Tasks: []Task{
			{PID: 123, Comm: "user123", CPU: 0, Running: true, Entry: "user_nop", PatchState: 1},
			{PID: 124, Comm: "user124", CPU: 0, Entry: "foo_v1", User: "user_call", Frames: []string{"sys_call_return", "syscall_return"}, PatchState: 1},
			{PID: 200, Comm: "admin", CPU: 1, Running: true, Entry: "klp_admin", PatchState: 1},
		},
		Init: []Init{{Symbol: "sys_call_target", Address: "foo"}, {Symbol: "foo_hold", Value: 1}},
	}
	cfg.Machine.Cores = 2
	return cfg
}

func TestBuild(t *testing.T) {
	b, err := Build(mailConfig(t))
	require.NoError(t, err)
	for _, s := range b.Image.Segments {
		t.Logf("%-10s %#x %#x", s.Name, s.Addr, s.Size)
	}
	cur, ok := b.View.Current(b.Machine, 0)
	require.True(t, ok)
	require.Equal(t, 123, cur.PID)
}
