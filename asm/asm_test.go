package asm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// mustAssemble assembles source text that has to be right.
func mustAssemble(t *testing.T, text string) *Object {
	t.Helper()
	o, err := Assemble(Source{Name: "t.s", Text: []byte(text)}, Options{})
	require.NoError(t, err)
	return o
}

func TestLinkImage(t *testing.T) {
	a := mustAssemble(t, ".globl _start\n_start:\n\tcall helper\n\tmov $value, %rax\n\tret\n\t.data\nvalue: .quad _start\n")
	b := mustAssemble(t, ".globl helper\nhelper: ret\n")
	l := DefaultLayout(0xffffffff81000000)
	l.Entry = "_start"
	img, err := Link([]*Object{a, b}, l)
	require.NoError(t, err)
	require.Equal(t, uint64(0xffffffff81000000), img.Entry)
	h, ok := img.Symbol("helper")
	require.True(t, ok)
	// call rel32 from 0x...05 to helper
	code := img.Bytes(img.Entry, 13)
	require.Equal(t, byte(0xe8), code[0])
	require.Equal(t, uint32(h.Addr-img.Entry-5), uint32(code[1])|uint32(code[2])<<8|uint32(code[3])<<16|uint32(code[4])<<24)
	v, ok := img.Symbol("value")
	require.True(t, ok)
	require.Equal(t, []byte{0x48, 0xc7, 0xc0, byte(v.Addr), byte(v.Addr >> 8), byte(v.Addr >> 16), byte(v.Addr >> 24)}, code[5:12])
	pos, ok := img.LineAt(img.Entry + 5)
	require.True(t, ok)
	require.Equal(t, Pos{"t.s", 4, "mov $value, %rax"}, pos)
	require.Equal(t, []uint64{img.Entry + 5}, img.AddrsOfLine("t.s", 4)[:1])
	sym, off, ok := img.SymbolAt(img.Entry + 6)
	require.True(t, ok)
	require.Equal(t, "_start", sym.Name)
	require.Equal(t, uint64(6), off)
}

func TestLinkUndefinedNamesReferrer(t *testing.T) {
	a := mustAssemble(t, "f:\n\tnop\n\tcall klp_missing\n")
	_, err := Link([]*Object{a}, DefaultLayout(0x1000))
	require.ErrorContains(t, err, "t.s:3: undefined symbol `klp_missing', referred to by f+0x2")
	img, err := Link([]*Object{a}, Layout{Segments: DefaultLayout(0x1000).Segments, Stubs: []Stub{{Name: "klp_missing", Returns: 7}}})
	require.NoError(t, err)
	s, ok := img.Symbol("klp_missing")
	require.True(t, ok)
	require.True(t, s.Stub)
	require.Equal(t, []byte{0x48, 0xb8, 7, 0, 0, 0, 0, 0, 0, 0, 0xc3}, img.Bytes(s.Addr, 11))
}
