//go:build linux && amd64

package cpu

import "encoding/binary"

// x87Image fills in the x87 part of an FXSAVE image.
func (w *placer) x87Image(p []byte) {
	le := binary.LittleEndian
	le.PutUint16(p[0:], 0x37f)
	for i := range 8 {
		le.PutUint64(p[32+16*i:], w.value())
		le.PutUint16(p[40+16*i:], 0xffff)
	}
}
