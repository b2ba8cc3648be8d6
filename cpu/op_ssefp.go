package cpu

import (
	"klpsim/cpu/decode"
	"klpsim/cpu/internal/softfloat"
)

// SSE floating point: arithmetic, comparison, conversion. softfloat computes
// and finds the exceptions of each lane; sseDone turns them into flags of
// MXCSR or into #XM (SDM vol. 1, section 11.5).

// sseEnv returns the environment that MXCSR describes (SDM vol. 1, 10.2.3).
func (c *Core) sseEnv() softfloat.Env {
	return softfloat.Env{
		Round:  softfloat.Rounding(c.MXCSR >> 13 & 3),
		Masked: softfloat.Flags(c.MXCSR>>7) & softfloat.All,
		Sticky: softfloat.Flags(c.MXCSR) & softfloat.All,
		DAZ:    c.MXCSR>>6&1 != 0,
		FTZ:    c.MXCSR>>15 != 0,
	}
}

// sseDone records the exceptions of an instruction. It reports whether the
// instruction completes; otherwise it has raised #XM, or #UD if the system
// has not enabled that (CR4.OSXMMEXCPT), and the flags stay set all the same.
func (c *Core) sseDone(e *softfloat.Env) bool {
	if c.faulted() {
		return false
	}
	if (e.Flags|e.Earlier)&^e.Sticky == 0 && e.Unmasked() == 0 {
		return true
	}
	if e.Unmasked() != 0 {
		dropPost(e)
		vec := VecXM
		if c.CR4&CR4OSXMMEXCPT == 0 {
			vec = VecUD
		}
		c.raise(vec)
		c.fault.mxcsr = uint32(e.Flags | e.Earlier)
		return false
	}
	c.touchFP()
	c.MXCSR |= uint32(e.Flags | e.Earlier)
	return true
}

// dropPost: where a lane has an unmasked exception before its result, no lane
// of the instruction has one after it (SDM vol. 1, 11.5.3.2).
func dropPost(e *softfloat.Env) {
	if e.Unmasked()&softfloat.Pre != 0 {
		e.Flags &= softfloat.Pre
	}
}

// The shapes of floating-point operations: two operands to one value.
type (
	single func(e *softfloat.Env, a, b uint32) uint32
	double func(e *softfloat.Env, a, b uint64) uint64
)

// ps applies an operation to four singles, ss to the lowest one; pd and sd are
// the same for doubles.
func ps(f single) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, true)
		a := c.xmm(in.Args[0].N)
		e := c.sseEnv()
		r := singles(&e, a, b, f)
		if c.sseDone(&e) {
			c.setVec(in, r)
		}
	})
}

// singles applies f lane by lane.
func singles(e *softfloat.Env, a, b vec, f single) vec {
	return dwords(f(e, dwordAt(a, 0), dwordAt(b, 0)), f(e, dwordAt(a, 1), dwordAt(b, 1)),
		f(e, dwordAt(a, 2), dwordAt(b, 2)), f(e, dwordAt(a, 3), dwordAt(b, 3)))
}

func ss(f single) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, false)
		a := c.xmm(in.Args[0].N)
		e := c.sseEnv()
		r := f(&e, uint32(a[0]), uint32(b[0]))
		if c.sseDone(&e) {
			c.setVec(in, put(a, 0, 32, uint64(r)))
		}
	})
}

func pd(f double) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, true)
		a := c.xmm(in.Args[0].N)
		e := c.sseEnv()
		r := vec{f(&e, a[0], b[0]), f(&e, a[1], b[1])}
		if c.sseDone(&e) {
			c.setVec(in, r)
		}
	})
}

func sd(f double) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, false)
		a := c.xmm(in.Args[0].N)
		e := c.sseEnv()
		r := f(&e, a[0], b[0])
		if c.sseDone(&e) {
			c.setVec(in, vec{r, a[1]})
		}
	})
}

func add32(e *softfloat.Env, a, b uint32) uint32  { return e.Arith32(softfloat.Add, a, b) }
func sub32(e *softfloat.Env, a, b uint32) uint32  { return e.Arith32(softfloat.Sub, a, b) }
func mul32(e *softfloat.Env, a, b uint32) uint32  { return e.Arith32(softfloat.Mul, a, b) }
func div32(e *softfloat.Env, a, b uint32) uint32  { return e.Arith32(softfloat.Div, a, b) }
func sqrt32(e *softfloat.Env, _, b uint32) uint32 { return e.Sqrt32(b) }
func min32(e *softfloat.Env, a, b uint32) uint32  { return e.Min32(a, b) }
func max32(e *softfloat.Env, a, b uint32) uint32  { return e.Max32(a, b) }
func add64(e *softfloat.Env, a, b uint64) uint64  { return e.Arith64(softfloat.Add, a, b) }
func sub64(e *softfloat.Env, a, b uint64) uint64  { return e.Arith64(softfloat.Sub, a, b) }
func mul64(e *softfloat.Env, a, b uint64) uint64  { return e.Arith64(softfloat.Mul, a, b) }
func div64(e *softfloat.Env, a, b uint64) uint64  { return e.Arith64(softfloat.Div, a, b) }
func sqrt64(e *softfloat.Env, _, b uint64) uint64 { return e.Sqrt64(b) }
func min64(e *softfloat.Env, a, b uint64) uint64  { return e.Min64(a, b) }
func max64(e *softfloat.Env, a, b uint64) uint64  { return e.Max64(a, b) }

// rcp32 and rsqrt32 are the approximations.
func rcp32(e *softfloat.Env, _, b uint32) uint32   { return e.Recip32(b) }
func rsqrt32(e *softfloat.Env, _, b uint32) uint32 { return e.RecipSqrt32(b) }

// predicate is a comparison of CMPPS and its kin: imm bits 1-0 pick the
// relation, bit 2 negates it (SDM vol. 2, CMPPD, table 3-1).
type predicate uint8

func (p predicate) signalling() bool { return p&3 == 1 || p&3 == 2 }

func (p predicate) holds(r softfloat.Relation) bool {
	var yes bool
	switch p & 3 {
	case 0:
		yes = r == softfloat.Equal
	case 1:
		yes = r == softfloat.Less
	case 2:
		yes = r == softfloat.Less || r == softfloat.Equal
	case 3:
		yes = r == softfloat.Unordered
	}
	return yes != (p&4 != 0)
}

// compare32 and compare64 make operations of the predicate in an immediate.
func compare32(imm int64) single {
	p := predicate(imm & 7)
	return func(e *softfloat.Env, a, b uint32) uint32 {
		return allOnes[uint32](p.holds(e.Compare32(a, b, p.signalling())))
	}
}

func compare64(imm int64) double {
	p := predicate(imm & 7)
	return func(e *softfloat.Env, a, b uint64) uint64 {
		return allOnes[uint64](p.holds(e.Compare64(a, b, p.signalling())))
	}
}

// byPredicate makes a handler for each of the eight predicates; the immediate picks one.
func byPredicate(f func(imm int64) handler) handler {
	var h [8]handler
	for i := range h {
		h[i] = f(int64(i))
	}
	return func(c *Core, in *decode.Inst) { h[in.Imm&7](c, in) }
}

// comi compares the low elements and sets ZF, PF and CF (SDM vol. 2, COMISD).
func comi(wide, signalling bool) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, false)[0]
		a := c.xmm(in.Args[0].N)[0]
		e := c.sseEnv()
		var r softfloat.Relation
		if wide {
			r = e.Compare64(a, b, signalling)
		} else {
			r = e.Compare32(uint32(a), uint32(b), signalling)
		}
		if c.sseDone(&e) {
			c.setFlags(FlagsStatus, relationFlags[r])
		}
	})
}

// relationFlags are the flags that COMISS, FCOMI and their kin set.
var relationFlags = [...]uint64{
	softfloat.Less:      FlagCF,
	softfloat.Equal:     FlagZF,
	softfloat.Greater:   0,
	softfloat.Unordered: FlagZF | FlagPF | FlagCF,
}

// horizontalPS and horizontalPD join neighbours: HADDPS, HSUBPS and so on.
func horizontalPS(f single) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, true)
		a := c.xmm(in.Args[0].N)
		e := c.sseEnv()
		r := singles(&e, shufps(a, b, 0x88), shufps(a, b, 0xdd), f)
		if c.sseDone(&e) {
			c.setVec(in, r)
		}
	})
}

func horizontalPD(f double) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		b := c.xarg(in, 1, true)
		a := c.xmm(in.Args[0].N)
		e := c.sseEnv()
		r := vec{f(&e, a[0], a[1]), f(&e, b[0], b[1])}
		if c.sseDone(&e) {
			c.setVec(in, r)
		}
	})
}

// opAddsubps subtracts in even and adds in odd lanes; opAddsubpd likewise.
func opAddsubps(c *Core, in *decode.Inst) {
	b := c.xarg(in, 1, true)
	a := c.xmm(in.Args[0].N)
	e := c.sseEnv()
	r := dwords(sub32(&e, dwordAt(a, 0), dwordAt(b, 0)), add32(&e, dwordAt(a, 1), dwordAt(b, 1)),
		sub32(&e, dwordAt(a, 2), dwordAt(b, 2)), add32(&e, dwordAt(a, 3), dwordAt(b, 3)))
	if c.sseDone(&e) {
		c.setVec(in, r)
	}
}

func opAddsubpd(c *Core, in *decode.Inst) {
	b := c.xarg(in, 1, true)
	a := c.xmm(in.Args[0].N)
	e := c.sseEnv()
	r := vec{sub64(&e, a[0], b[0]), add64(&e, a[1], b[1])}
	if c.sseDone(&e) {
		c.setVec(in, r)
	}
}

// opDpps: products of the lanes that imm bits 7-4 choose, summed pairwise, to
// the lanes that bits 3-0 choose (SDM vol. 2, DPPS). The exceptions of the
// three stages are looked at one after another.
func opDpps(c *Core, in *decode.Inst) {
	b := c.xarg(in, 1, true)
	a := c.xmm(in.Args[0].N)
	e := c.sseEnv()
	var p [4]uint32
	for i := range p {
		if in.Imm>>(4+i)&1 != 0 {
			p[i] = mul32(&e, dwordAt(a, i), dwordAt(b, i))
		}
	}
	if !c.stage(&e) {
		return
	}
	low, high := add32(&e, p[0], p[1]), add32(&e, p[2], p[3])
	if !c.stage(&e) {
		return
	}
	sum := add32(&e, low, high)
	if c.sseDone(&e) {
		c.setVec(in, choose(in.Imm, 32, uint64(sum)))
	}
}

func opDppd(c *Core, in *decode.Inst) {
	b := c.xarg(in, 1, true)
	a := c.xmm(in.Args[0].N)
	e := c.sseEnv()
	var p vec
	for i := range p {
		if in.Imm>>(4+i)&1 != 0 {
			p[i] = mul64(&e, a[i], b[i])
		}
	}
	if !c.stage(&e) {
		return
	}
	sum := add64(&e, p[0], p[1])
	if c.sseDone(&e) {
		c.setVec(in, choose(in.Imm, 64, sum))
	}
}

// stage ends one stage of an operation of several: its exceptions are settled.
func (c *Core) stage(e *softfloat.Env) bool {
	if e.Unmasked() != 0 {
		return c.sseDone(e)
	}
	e.Earlier |= e.Flags
	e.Flags = 0
	return true
}

// choose copies x to the w-bit lanes whose bit in imm is set.
func choose(imm int64, w uint, x uint64) (r vec) {
	for i := uint(0); i < 128/w; i++ {
		if imm>>i&1 != 0 {
			r = put(r, i, w, x)
		}
	}
	return r
}

// roundEnv applies the immediate of ROUNDPS and its kin: bits 1-0 the mode,
// bit 2 use MXCSR's instead, bit 3 no precision exception.
func roundEnv(e *softfloat.Env, imm int64) {
	if imm&4 == 0 {
		e.Round = softfloat.Rounding(imm & 3)
	}
}

// round32 and round64 make operations of the rounding control in an immediate.
func round32(imm int64) single {
	return func(e *softfloat.Env, _, b uint32) uint32 {
		was := e.Flags
		roundEnv(e, imm)
		r := e.RoundInt32(b)
		if imm&8 != 0 {
			e.Flags = e.Flags&^softfloat.PE | was
		}
		return r
	}
}

func round64(imm int64) double {
	return func(e *softfloat.Env, _, b uint64) uint64 {
		was := e.Flags
		roundEnv(e, imm)
		r := e.RoundInt64(b)
		if imm&8 != 0 {
			e.Flags = e.Flags&^softfloat.PE | was
		}
		return r
	}
}

// byControl picks one of the sixteen handlers of a rounding control.
func byControl(f func(imm int64) handler) handler {
	var h [16]handler
	for i := range h {
		h[i] = f(int64(i))
	}
	return func(c *Core, in *decode.Inst) { h[in.Imm&15](c, in) }
}
