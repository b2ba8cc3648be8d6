package softfloat

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// value is a random double: any bits, small integers, or close exponents.
func value(r *rand.Rand) float64 {
	switch r.IntN(4) {
	case 0:
		return math.Float64frombits(r.Uint64())
	case 1:
		return float64(r.IntN(64) - 32)
	case 2:
		return math.Float64frombits(r.Uint64() &^ (0x7fe << 52)) // around the denormals
	}
	return (r.Float64() - 0.5) * float64(uint64(1)<<r.IntN(60))
}

// bigRound rounds an exact value to doubles in a mode, with math/big and
// math.Nextafter: an oracle that shares no code with this package.
func bigRound(x *big.Float, mode Rounding) float64 {
	f, acc := x.Float64() // to nearest
	switch {
	case mode == Up && acc == big.Below:
		f = math.Nextafter(f, math.Inf(1))
	case mode == Down && acc == big.Above:
		f = math.Nextafter(f, math.Inf(-1))
	case mode == Zero && acc == big.Above && !x.Signbit():
		f = math.Nextafter(f, math.Inf(-1))
	case mode == Zero && acc == big.Below && x.Signbit():
		f = math.Nextafter(f, math.Inf(1))
	}
	return f
}

// exactly computes a op b without rounding; only Div is cut, far below a double.
func exactly(op Op, a, b float64) *big.Float {
	x, y := new(big.Float).SetFloat64(a), new(big.Float).SetFloat64(b)
	r := new(big.Float).SetPrec(4400)
	switch op {
	case Add:
		return r.Add(x, y)
	case Sub:
		return r.Sub(x, y)
	case Mul:
		return r.Mul(x, y)
	}
	return r.Quo(x, y)
}

func TestArithAgainstBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60000 {
		a, b, op := value(r), value(r), Op(r.IntN(4))
		if math.IsNaN(a) || math.IsInf(a, 0) || math.IsNaN(b) || math.IsInf(b, 0) || op == Div && b == 0 {
			continue
		}
		x := exactly(op, a, b)
		if x.Sign() == 0 {
			continue // the sign of zero: TestSpecial
		}
		mode := Rounding(r.IntN(4))
		e := Env{Round: mode, Masked: All}
		got := math.Float64frombits(e.Arith64(op, math.Float64bits(a), math.Float64bits(b)))
		want := bigRound(x, mode)
		require.Equal(t, math.Float64bits(want), math.Float64bits(got), "%v op %d %v, rounding %d: want %v, got %v", a, op, b, mode, want, got)
		back := new(big.Float).SetPrec(4400)
		inexact := math.IsInf(got, 0) || x.Cmp(back.SetFloat64(got)) != 0
		require.Equal(t, inexact, e.Flags&PE != 0, "precision flag of %v op %d %v", a, op, b)
		require.Equal(t, math.IsInf(want, 0) || e.Flags&OE != 0, e.Flags&OE != 0, "overflow of %v op %d %v", a, op, b)
	}
}

// The host rounds to nearest; its square root and conversion are exact oracles.
func TestAgainstHost(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50000 {
		a := math.Abs(value(r))
		if math.IsNaN(a) {
			continue
		}
		e := Env{Masked: All}
		require.Equal(t, math.Float64bits(math.Sqrt(a)), e.Sqrt64(math.Float64bits(a)), "sqrt %v", a)
		require.Equal(t, math.Float32bits(float32(a)), e.Narrow(math.Float64bits(a)), "narrow %v", a)
		f := float32(a)
		require.Equal(t, math.Float64bits(float64(f)), e.Widen(math.Float32bits(f)), "widen %v", f)
		i := int64(r.Uint64()) >> r.IntN(64)
		require.Equal(t, math.Float64bits(float64(i)), e.FromInt64(i), "from %d", i)
		require.Equal(t, math.Float32bits(float32(i)), e.FromInt32(i), "from %d", i)
	}
}

// The fast path must not be told from the slow one.
func TestFastEqualsSlow(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 50000 {
		a, b, op := math.Float64bits(value(r)), math.Float64bits(value(r)), Op(r.IntN(4))
		fast := Env{Masked: All, Sticky: PE}
		if got, ok := fast.fast64(op, a, b); ok {
			slow := Env{Masked: All}
			require.Equal(t, slow.arith(&double, op, a, b), got, "%x op %d %x", a, op, b)
			require.Zero(t, slow.Flags&^PE)
		}
		c, d := uint32(a>>20), uint32(b>>20)
		if got, ok := fast.fast32(op, c, d); ok {
			slow := Env{Masked: All}
			require.EqualValues(t, slow.arith(&single, op, uint64(c), uint64(d)), got, "%x op %d %x", c, op, d)
			require.Zero(t, slow.Flags&^PE)
		}
	}
}

// The manual's special cases (SDM vol. 1, tables 4-7 and 8-10).
func TestSpecial(t *testing.T) {
	const inf, negInf, one, indef = 0x7ff0000000000000, 0xfff0000000000000, 0x3ff0000000000000, 0xfff8000000000000
	const negZero = 1 << 63
	for _, tt := range []struct {
		op    Op
		a, b  uint64
		round Rounding
		want  uint64
		flags Flags
	}{
		{Add, inf, negInf, Nearest, indef, IE},
		{Mul, 0, inf, Nearest, indef, IE},
		{Div, 0, 0, Nearest, indef, IE},
		{Div, one, negZero, Nearest, negInf, ZE},
		{Div, 1, 0, Nearest, inf, ZE},
		{Sub, one, one, Nearest, 0, 0},
		{Sub, one, one, Down, negZero, 0},
		{Add, 1, 1, Nearest, 2, DE},
		{Add, 0x7ff0000000000001, one, Nearest, 0x7ff8000000000001, IE},
		{Add, one, 0x7ff8000000000005, Nearest, 0x7ff8000000000005, 0},
		{Mul, 0x7fefffffffffffff, 0x4000000000000000, Zero, 0x7fefffffffffffff, OE | PE},
		{Mul, 0x0010000000000000, 0x3fe0000000000000, Nearest, 0x0008000000000000, 0},
	} {
		e := Env{Round: tt.round, Masked: All}
		require.Equal(t, tt.want, e.Arith64(tt.op, tt.a, tt.b), "%x op %d %x", tt.a, tt.op, tt.b)
		require.Equal(t, tt.flags, e.Flags, "flags of %x op %d %x", tt.a, tt.op, tt.b)
	}
}

// Transcendental results at arguments whose values are known in closed form
// or printed in tables of constants.
func TestTranscendental(t *testing.T) {
	e := Env{Masked: All, Prec: 64}
	require.Equal(t, F80{0xc90fdaa22168c235, 0x3ffe}, e.Atan2(One, One), "pi/4")
	require.Equal(t, F80{0xb504f333f9de6484, 0x3ffe}, e.Sqrt80(F80{1 << 63, 0x3ffe}), "sqrt(1/2)")
	l := e.Log2(One, FromInt80(10))
	require.Equal(t, F80{0xd49a784bcd1b8afe, 0x4000}, l, "log2(10)")
	half := F80{1 << 63, 0x3ffe}
	r := e.Exp2m1(half)
	require.Equal(t, F80{0xd413cccfe7799211, 0x3ffd}, r, "sqrt(2)-1")
	s, outside := e.Sin(F80{1 << 63, 0x3fff + 63})
	require.True(t, outside)
	require.Equal(t, F80{1 << 63, 0x3fff + 63}, s)
}
