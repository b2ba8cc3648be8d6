package cpu

import (
	"klpsim/cpu/decode"
	"klpsim/cpu/internal/softfloat"
)

// Conversions between integers, singles and doubles (SDM vol. 2, CVT...).

// convert wraps a conversion that gives a whole register from a source whose
// memory form must be aligned when it has 16 bytes. An MMX operand makes it an
// MMX instruction as well.
func convert(f func(e *softfloat.Env, dst, src vec) vec) handler {
	return func(c *Core, in *decode.Inst) {
		c.checkSSE()
		if c.faulted() || isMMX(in) && !c.enterMMX() {
			return
		}
		src := c.xarg(in, 1, true)
		dst := c.xarg(in, 0, true)
		e := c.sseEnv()
		r := f(&e, dst, src)
		if c.sseDone(&e) {
			c.setVec(in, r)
		}
	}
}

// toInts32 converts the two singles of a half to integers; toInts64 two doubles.
func toInts32(e *softfloat.Env, v uint64, truncate bool) uint64 {
	return e.ToInt32(uint32(v), 32, truncate) | e.ToInt32(uint32(v>>32), 32, truncate)<<32
}

func toInts64(e *softfloat.Env, v vec, truncate bool) uint64 {
	return e.ToInt64(v[0], 32, truncate) | e.ToInt64(v[1], 32, truncate)<<32
}

func fromInts32(e *softfloat.Env, v uint64) uint64 {
	return uint64(e.FromInt32(int64(int32(v)))) | uint64(e.FromInt32(int64(v)>>32))<<32
}

func fromInts64(e *softfloat.Env, v uint64) vec {
	return vec{e.FromInt64(int64(int32(v))), e.FromInt64(int64(v) >> 32)}
}

func cvtdq2ps(e *softfloat.Env, _, v vec) vec {
	return vec{fromInts32(e, v[0]), fromInts32(e, v[1])}
}

func cvtps2dq(e *softfloat.Env, _, v vec) vec {
	return vec{toInts32(e, v[0], false), toInts32(e, v[1], false)}
}

func cvttps2dq(e *softfloat.Env, _, v vec) vec {
	return vec{toInts32(e, v[0], true), toInts32(e, v[1], true)}
}

func cvtps2pi(e *softfloat.Env, _, v vec) vec  { return vec{toInts32(e, v[0], false)} }
func cvttps2pi(e *softfloat.Env, _, v vec) vec { return vec{toInts32(e, v[0], true)} }
func cvtpd2dq(e *softfloat.Env, _, v vec) vec  { return vec{toInts64(e, v, false)} }
func cvttpd2dq(e *softfloat.Env, _, v vec) vec { return vec{toInts64(e, v, true)} }
func cvtdq2pd(e *softfloat.Env, _, v vec) vec  { return fromInts64(e, v[0]) }
func cvtpi2ps(e *softfloat.Env, d, v vec) vec  { return vec{fromInts32(e, v[0]), d[1]} }

func cvtpd2ps(e *softfloat.Env, _, v vec) vec {
	return vec{uint64(e.Narrow(v[0])) | uint64(e.Narrow(v[1]))<<32}
}

func cvtps2pd(e *softfloat.Env, _, v vec) vec {
	return vec{e.Widen(uint32(v[0])), e.Widen(uint32(v[0] >> 32))}
}

func cvtss2sd(e *softfloat.Env, d, v vec) vec { return vec{e.Widen(uint32(v[0])), d[1]} }
func cvtsd2ss(e *softfloat.Env, d, v vec) vec { return put(d, 0, 32, uint64(e.Narrow(v[0]))) }

// opCvtsi2s converts a general register or memory to a scalar.
func opCvtsi2s(wide bool) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		a := &in.Args[1]
		v := int64(signExtend(c.arg(in, 1), a.Size))
		d := c.xmm(in.Args[0].N)
		e := c.sseEnv()
		if wide {
			d[0] = e.FromInt64(v)
		} else {
			d = put(d, 0, 32, uint64(e.FromInt32(v)))
		}
		if c.sseDone(&e) {
			c.setVec(in, d)
		}
	})
}

// opCvts2si converts a scalar to a general register of the operand's size.
func opCvts2si(wide, truncate bool) handler {
	return xmmOnly(func(c *Core, in *decode.Inst) {
		v := c.xarg(in, 1, false)[0]
		a := &in.Args[0]
		e := c.sseEnv()
		var r uint64
		if wide {
			r = e.ToInt64(v, 8*uint(a.Size), truncate)
		} else {
			r = e.ToInt32(uint32(v), 8*uint(a.Size), truncate)
		}
		if c.sseDone(&e) {
			c.setReg(a.N, a.Size, r)
		}
	})
}
