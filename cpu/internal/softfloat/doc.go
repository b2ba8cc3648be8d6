// Package softfloat is the binary floating-point arithmetic of the processor:
// single, double and 80-bit extended precision, in all four rounding modes,
// with exact exception flags (SDM vol. 1, chapters 4, 8 and 11; IEEE 754-1985).
//
// Numbers go in and out as their encodings. Inside there is one form for all
// formats, a 64-bit significand with its top bit set and an exponent, and one
// rounding routine; each operation computes an exact or sticky 128-bit result
// and rounds it once. Where the host's own arithmetic gives the same answer
// and no flag can change, it is used instead (fast.go).
//
// Invariants: operations never panic, and depend on nothing but operands and
// Env; flags in Env only ever get added. Tininess is detected after rounding,
// as x86 does it. What the architecture leaves open (NaN choice, results of
// unmasked underflow) follows the processors' documentation; the tests of
// package cpu hold the results against silicon bit for bit.
//
// Non-goals: decimal formats, fused multiply-add, half precision.
package softfloat
