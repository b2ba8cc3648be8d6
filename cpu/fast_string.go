package cpu

import (
	"encoding/binary"
	"unsafe"

	"klpsim/cpu/decode"
)

// fastRepeats reports a repeated string instruction that stringOp can do.
func fastRepeats(in *decode.Inst) bool {
	if in.Prefix&anyRep == 0 || in.AddrSize != 8 || in.Segment >= FS {
		return false
	}
	switch in.Op {
	case decode.MOVS, decode.STOS, decode.SCAS, decode.CMPS:
		return true
	}
	return false
}

// stringOp does at most budget iterations of a repeated string instruction, as
// many as stay within a page. It returns how many it did, which is none when
// the next must take the slow way, and whether the instruction goes on.
func (s *fastCore) stringOp(o *fastOp, budget int64) (used int64, more bool) {
	c := s.core
	in := &(*fastInst)(o.target).in
	if c.GPR[RCX] == 0 {
		return 1, false
	}
	if c.Flags&FlagDF != 0 {
		return 0, true
	}
	size := uint64(in.Size)
	n := min(uint64(budget), c.GPR[RCX])
	var src, dst []byte
	if in.Op == decode.MOVS || in.Op == decode.CMPS {
		src = s.pageFrom(c.GPR[RSI], false)
		n = min(n, uint64(len(src))/size)
	}
	dst = s.pageFrom(c.GPR[RDI], in.Op == decode.MOVS || in.Op == decode.STOS)
	n = min(n, uint64(len(dst))/size)
	if n == 0 {
		return 0, true
	}
	done := n
	stopped := false
	switch in.Op {
	case decode.MOVS:
		moveForward(dst, src, n*size, size)
	case decode.STOS:
		storeRun(dst, c.GPR[RAX], n, size)
	default:
		done, stopped = s.compareRun(in, src, dst, n)
	}
	if src != nil {
		c.GPR[RSI] += done * size
	}
	c.GPR[RDI] += done * size
	c.GPR[RCX] -= done
	return int64(done), c.GPR[RCX] != 0 && !stopped
}

// pageFrom returns the memory from va to the end of its page, nil when accesses to
// it must take the slow way.
func (s *fastCore) pageFrom(va uint64, write bool) []byte {
	e := &s.tlb.read[va>>12&(fastTLB-1)]
	if write {
		e = &s.tlb.write[va>>12&(fastTLB-1)]
	}
	if e.va != va&^0xfff && !s.fill(va, write) {
		return nil
	}
	off := va & 0xfff
	return unsafe.Slice((*byte)(unsafe.Add(e.page, off)), 0x1000-off)
}

// moveForward copies n bytes in elements of size bytes, in ascending order:
// where the destination overlaps the source from above, what was copied is
// copied again.
func moveForward(dst, src []byte, n, size uint64) {
	d := uintptr(unsafe.Pointer(&dst[0])) - uintptr(unsafe.Pointer(&src[0]))
	if uint64(d) >= n {
		copy(dst[:n], src[:n])
		return
	}
	for i := uint64(0); i < n; i += size {
		copy(dst[i:i+size], src[i:i+size])
	}
}

// storeRun stores the low size bytes of v n times.
func storeRun(dst []byte, v, n, size uint64) {
	for i := uint64(0); i < n; i++ {
		putElement(dst[i*size:], v, size)
	}
}

func putElement(b []byte, v, size uint64) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

func element(b []byte, size uint64) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// compareRun does up to n iterations of CMPS (src given) or SCAS and leaves
// the flags of the last; stopped tells that ZF ended it.
func (s *fastCore) compareRun(in *decode.Inst, src, dst []byte, n uint64) (done uint64, stopped bool) {
	c := s.core
	size := uint64(in.Size)
	equal := in.Prefix&decode.Rep != 0 // go on while equal
	a := c.GPR[RAX] & sizeMask(in.Size)
	var b uint64
	for done < n && !stopped {
		if src != nil {
			a = element(src[done*size:], size)
		}
		b = element(dst[done*size:], size)
		done++
		stopped = (a == b) != equal
	}
	c.sub(a, b, 0, in.Size)
	s.loadFlags()
	return done, stopped
}
