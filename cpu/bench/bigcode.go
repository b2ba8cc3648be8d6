package bench

import (
	"bytes"
	"fmt"
)

// The generated workload: bigFuncs functions of some 119 bytes, called in
// random order through a table, as an operating system's code lies in memory:
// far more of it than a processor's or an emulator's small caches hold.
const (
	bigFuncs = 4096
	bigOps   = 20       // operations a function
	bigData  = 0x900000 // 64 words that the functions load and store
	bigSeed  = 20240601
)

// bigKind is what one generated operation does.
type bigKind uint8

const (
	bigAdd  bigKind = iota // a += b
	bigSub                 // a -= b
	bigXor                 // a ^= b
	bigMul                 // a *= b
	bigRol                 // a = a rotated left by imm
	bigLea                 // a = a + 4*b + imm
	bigLoad                // a ^= word[imm]
	bigPut                 // word[imm] = a
	bigSkip                // skip the next operation if a & imm == 0
	bigKinds
)

// bigOp is one operation on the registers bigRegs[a] and bigRegs[b].
type bigOp struct {
	kind bigKind
	a, b uint8
	imm  uint32
}

// bigRegs are the registers that the functions compute in.
var bigRegs = [...]struct{ q, d string }{
	{"%rax", "%eax"}, {"%rdx", "%edx"}, {"%rsi", "%esi"},
	{"%r8", "%r8d"}, {"%r9", "%r9d"}, {"%r10", "%r10d"},
}

// lcg is the generator that both the Go side and the guest draw from (Knuth's
// MMIX constants); the top 31 bits are used.
type lcg uint64

func (s *lcg) next() uint32 {
	*s = *s*6364136223846793005 + 1442695040888963407
	return uint32(*s >> 33)
}

// bigProgram makes the functions, always the same ones.
func bigProgram() [][]bigOp {
	seed := lcg(bigSeed)
	program := make([][]bigOp, bigFuncs)
	for i := range program {
		program[i] = make([]bigOp, bigOps)
		for j := range program[i] {
			plain := j == bigOps-1 || j > 0 && program[i][j-1].kind == bigSkip
			program[i][j] = bigRandomOp(&seed, plain)
		}
	}
	return program
}

// bigRandomOp draws one operation. A plain one skips nothing: the last of a
// function, and the one after a skip, whose label would shadow the other's.
func bigRandomOp(seed *lcg, plain bool) bigOp {
	op := bigOp{
		kind: bigKind(seed.next() % uint32(bigKinds)),
		a:    uint8(seed.next() % uint32(len(bigRegs))),
		b:    uint8(seed.next() % uint32(len(bigRegs))),
	}
	if op.kind == bigSkip && plain {
		op.kind = bigXor
	}
	switch op.kind {
	case bigRol:
		op.imm = 1 + seed.next()%31
	case bigLea:
		op.imm = seed.next() % 4096
	case bigLoad, bigPut:
		op.imm = seed.next() % 64
	case bigSkip:
		op.imm = 1 << (seed.next() % 16)
	}
	return op
}

// bigcodeText writes the workload as AT&T assembly.
func bigcodeText() []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, `# uint64 bigcode(uint64 n): n calls of functions drawn at random from %d.
	.text
	.globl	bench
bench:
	push	%%rbx
	push	%%r12
	mov	%%rdi, %%r12
	mov	$1, %%ebx
	movabs	$6364136223846793005, %%r11
	movabs	$1442695040888963407, %%rcx
`, bigFuncs)
	for i, r := range bigRegs {
		fmt.Fprintf(&w, "\tmov\t$%d, %s\n", i+1, r.d)
	}
	fmt.Fprintf(&w, `turn:
	imul	%%r11, %%rbx
	add	%%rcx, %%rbx
	mov	%%rbx, %%rdi
	shr	$33, %%rdi
	and	$%d, %%edi
	call	*table(,%%rdi,8)
	dec	%%r12
	jnz	turn
	pop	%%r12
	pop	%%rbx
	ret
`, bigFuncs-1)
	for i, ops := range bigProgram() {
		fmt.Fprintf(&w, "\t.p2align 4\nf%d:\n", i)
		bigWriteOps(&w, ops)
	}
	fmt.Fprint(&w, "\t.p2align 4\ntable:\n")
	for i := range bigFuncs {
		fmt.Fprintf(&w, "\t.quad\tf%d\n", i)
	}
	return w.Bytes()
}

// bigWriteOps writes one function's operations and its return.
func bigWriteOps(w *bytes.Buffer, ops []bigOp) {
	label := false
	for _, op := range ops {
		a, b := bigRegs[op.a], bigRegs[op.b]
		end := label
		label = false
		switch op.kind {
		case bigAdd:
			fmt.Fprintf(w, "\tadd\t%s, %s\n", b.q, a.q)
		case bigSub:
			fmt.Fprintf(w, "\tsub\t%s, %s\n", b.q, a.q)
		case bigXor:
			fmt.Fprintf(w, "\txor\t%s, %s\n", b.q, a.q)
		case bigMul:
			fmt.Fprintf(w, "\timul\t%s, %s\n", b.q, a.q)
		case bigRol:
			fmt.Fprintf(w, "\trol\t$%d, %s\n", op.imm, a.q)
		case bigLea:
			fmt.Fprintf(w, "\tlea\t%d(%s,%s,4), %s\n", op.imm, a.q, b.q, a.q)
		case bigLoad:
			fmt.Fprintf(w, "\txor\t%#x, %s\n", bigData+8*op.imm, a.q)
		case bigPut:
			fmt.Fprintf(w, "\tmov\t%s, %#x\n", a.q, bigData+8*op.imm)
		case bigSkip:
			fmt.Fprintf(w, "\ttest\t$%#x, %s\n\tjz\t1f\n", op.imm, a.d)
			label = true
		}
		if end {
			fmt.Fprint(w, "1:\n")
		}
	}
	fmt.Fprint(w, "\tret\n")
}

// wantBigcode interprets the generated operations.
func wantBigcode(n uint64) uint64 {
	program := bigProgram()
	reg := [len(bigRegs)]uint64{1, 2, 3, 4, 5, 6}
	var word [64]uint64
	pick := lcg(1)
	for ; n > 0; n-- {
		bigCall(program[pick.next()%bigFuncs], &reg, &word)
	}
	return reg[0]
}

// bigCall runs one generated function.
func bigCall(ops []bigOp, reg *[len(bigRegs)]uint64, word *[64]uint64) {
	for i := 0; i < len(ops); i++ {
		op := ops[i]
		a, b := &reg[op.a], reg[op.b]
		switch op.kind {
		case bigAdd:
			*a += b
		case bigSub:
			*a -= b
		case bigXor:
			*a ^= b
		case bigMul:
			*a *= b
		case bigRol:
			*a = *a<<op.imm | *a>>(64-op.imm)
		case bigLea:
			*a += 4*b + uint64(op.imm)
		case bigLoad:
			*a ^= word[op.imm]
		case bigPut:
			word[op.imm] = *a
		case bigSkip:
			if *a&uint64(op.imm) == 0 {
				i++
			}
		}
	}
}
