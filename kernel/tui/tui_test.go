package tui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"klpsim/kernel/session"
)

// frameGolden compares a frame with a golden one, or rewrites that.
func frameGolden(t *testing.T, name string, m *Model) {
	t.Helper()
	lines := m.Frame()
	require.Len(t, lines, m.rows)
	for i, l := range lines {
		require.LessOrEqual(t, len(l), m.width, l)
		lines[i] = strings.TrimRight(l, " ")
	}
	got := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("../../testdata/tui", name+".golden")
	if os.Getenv("KLPSIM_UPDATE") != "" {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "make golden rewrites it")
}

func open(t *testing.T) *Model {
	t.Helper()
	target, err := session.Load("rfc-v2", session.Options{})
	require.NoError(t, err)
	s, err := target.New()
	require.NoError(t, err)
	m := New(s)
	m.Plain = true
	m.Update(tea.WindowSizeMsg{Width: 100, Height: 36})
	return m
}

// types presses one key after the other.
func types(m *Model, keys string) {
	for _, r := range keys {
		k := tea.Key{Code: r, Text: string(r)}
		switch r {
		case '\n':
			k = tea.Key{Code: tea.KeyEnter}
		case '\t':
			k = tea.Key{Code: tea.KeyTab}
		case '\x1b':
			k = tea.Key{Code: tea.KeyEscape}
		}
		m.Update(tea.KeyPressMsg(k))
	}
}

func TestFrames(t *testing.T) {
	m := open(t)
	frameGolden(t, "start", m)
	types(m, "1:until klp_reverse_transition\n0:until klp_patch_task:`mov klp_target_state, %r12d` after\n")
	frameGolden(t, "loaded", m)
	types(m, "is")
	frameGolden(t, "interrupt", m)
	types(m, "?")
	frameGolden(t, "help", m)
	types(m, "x:frobnicate\n")
	frameGolden(t, "error", m)
}

func TestKeysMoveTheSession(t *testing.T) {
	m := open(t)
	types(m, "ss\ts0s")
	require.Equal(t, "0*2 1 0", m.s.Schedule().String())
	types(m, "b")
	require.Equal(t, "0*2 1", m.s.Schedule().String())
	types(m, "m")
	require.Equal(t, "0*2 1 nmi0", m.s.Schedule().String())
	types(m, ":take 1*3\x1b:take 1*2\n")
	require.Equal(t, "0*2 1 nmi0 1*2", m.s.Schedule().String())
	_, cmd := m.Update(tea.KeyPressMsg(tea.Key{Code: 'q', Text: "q"}))
	require.NotNil(t, cmd, "q leaves")
}

// TestEveryKeyIsHelped holds the key table: each key has a name and a help
// text, and none is there twice.
func TestEveryKeyIsHelped(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range keys {
		require.NotEmpty(t, k.help)
		for _, n := range k.names {
			require.False(t, seen[n], n)
			seen[n] = true
		}
	}
	m := open(t)
	types(m, "?")
	for _, k := range keys {
		require.Contains(t, strings.Join(m.Frame(), "\n"), k.help)
	}
}

func TestSizes(t *testing.T) {
	m := open(t)
	types(m, ":take 1*1164 0*60\n")
	for _, size := range [][2]int{{40, 16}, {80, 24}, {200, 60}, {1, 1}} {
		m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		require.Len(t, m.Frame(), m.rows)
		for _, l := range m.Frame() {
			require.LessOrEqual(t, len(l), m.width)
		}
	}
}
