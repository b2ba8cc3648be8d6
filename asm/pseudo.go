package asm

// pseudoPrefix handles "{...}" before an instruction: hints about the
// encoding that have an effect only where there is a choice.
func (a *assembler) pseudoPrefix() {
	at := a.pos
	a.errorAt(at, "pseudo prefix %s is not supported", a.describe(at))
	a.skipStatement()
}
