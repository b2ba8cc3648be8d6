package decode

// Op is the operation of an instruction.
type Op uint16
