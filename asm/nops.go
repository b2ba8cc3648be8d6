package asm

// longNops are the no-operations of 1 to 11 bytes that fill code alignment in
// 32- and 64-bit code (the ones GNU as uses for generic processors).
var longNops = [][]byte{
	{0x90},
	{0x66, 0x90},
	{0x0f, 0x1f, 0x00},
	{0x0f, 0x1f, 0x40, 0x00},
	{0x0f, 0x1f, 0x44, 0x00, 0x00},
	{0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
	{0x0f, 0x1f, 0x80, 0, 0, 0, 0},
	{0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0},
	{0x66, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0},
	{0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0},
	{0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0},
}

// shortNops are those of 16-bit code: nop, xchg %eax,%eax and lea 0(%si),%si.
var shortNops = [][]byte{
	{0x90},
	{0x66, 0x90},
	{0x8d, 0x74, 0x00},
	{0x8d, 0xb4, 0x00, 0x00},
}

// appendNops appends n bytes of no-operations for code of the given mode. A
// fill of too many of them begins with a jump over the rest.
func appendNops(dst []byte, n int, mode uint8) []byte {
	return appendShortNops(dst, n, mode, len(longNops))
}

// appendShortNops is appendNops with a limit to the size of one of them.
func appendShortNops(dst []byte, n int, mode uint8, longest int) []byte {
	nops, most := longNops, 7
	if mode == 2 {
		nops, most = shortNops, 2
	}
	max := min(len(nops), longest)
	if n/max > most {
		switch d := n - 2; {
		case d <= 127:
			dst = append(dst, 0xeb, byte(d))
			n = d
		case mode == 2:
			n -= 6
			dst = append(dst, 0x66, 0xe9, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		default:
			n -= 5
			dst = append(dst, 0xe9, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		}
	}
	for ; n >= max; n -= max {
		dst = append(dst, nops[max-1]...)
	}
	if n > 0 {
		dst = append(dst, nops[n-1]...)
	}
	return dst
}
