package asm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExpansionKeepsItsFirstStatement pins that what ends a .rept line does not
// eat the statement that the expansion begins with.
func TestExpansionKeepsItsFirstStatement(t *testing.T) {
	o, err := Assemble(Source{Name: "x.s", Text: []byte(".rept 2\n.if 0\n.else\nnop\n.endif\nret\n.endr\n")}, Options{})
	require.NoError(t, err)
	require.Equal(t, []byte{0x90, 0xc3, 0x90, 0xc3}, o.Sections[0].Data)
}
