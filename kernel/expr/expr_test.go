package expr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/peer"
)

// world is a machine of two cores with a little memory, written by hand.
type world struct {
	mem   map[uint64]byte
	regs  map[[2]int]uint64 // core, GPR
	fixed bool
}

var (
	states = &Values{Name: "klp_state", Names: map[int64]string{-1: "KLP_UNDEFINED", 0: "KLP_UNPATCHED", 1: "KLP_PATCHED"}}
	flags  = &Values{Name: "tif", Bits: true, Names: map[int64]string{3: "TIF_NEED_RESCHED", 13: "TIF_PATCH_PENDING"}}
	task   = &Type{Name: "struct task_struct", Size: 32, Fields: []Field{
		{"pid", 0, Int32}, {"patch_state", 4, Int32.With(states)}, {"flags", 8, Uint64.With(flags)}, {"comm", 16, ArrayOf(Int8, 8)}, {"next", 24, nil}}}
)

func init() { task.Fields[4].Type = PointerTo(task) }

func newWorld() *world {
	w := &world{mem: map[uint64]byte{}, regs: map[[2]int]uint64{}}
	for a := uint64(0x1000); a < 0x3000; a++ {
		w.mem[a] = 0
	}
	w.put(0x1000, 4, 1)                  // klp_target_state
	w.put(0x1010, 8, 0x2020)             // current of core 0: task 124
	w.put(0x1018, 8, 0x2000)             // current of core 1: task 123
	w.put(0x1020, 4, 5)                  // preempt_count of core 0
	w.put(0x1024, 4, 6)                  // and of core 1
	w.put(0x2000, 4, 123)                // task 123
	w.put(0x2004, 4, uint64(0xffffffff)) // patch_state -1
	w.put(0x2008, 8, 1<<13)
	w.put(0x2010, 8, uint64('m')|uint64('e')<<8)
	w.put(0x2018, 8, 0x2020)
	w.put(0x2020, 4, 124)
	w.put(0x2024, 4, 1)
	for i := 0; i < 3; i++ { // table
		w.put(0x1100+2*uint64(i), 2, uint64(10*i))
	}
	w.regs[[2]int{0, 12}] = 0x1_0000_0001
	w.regs[[2]int{1, 12}] = 7
	w.regs[[2]int{0, 0}] = 0xffff_ffff
	w.regs[[2]int{0, 4}] = 0x2000
	return w
}

func (w *world) put(a uint64, size int, v uint64) {
	for i := 0; i < size; i++ {
		w.mem[a+uint64(i)] = byte(v >> (8 * i))
	}
}

func (w *world) Symbol(n string) (uint64, *Type, bool) {
	switch n {
	case "klp_target_state":
		return 0x1000, Int32.With(states), true
	case "table":
		return 0x1100, ArrayOf(Uint16, 3), true
	case "unsized":
		return 0x1200, nil, true
	case "klp_patch_task":
		return 0x4000, Code, true
	}
	return 0, nil, false
}
func (w *world) FuncRange(n string) (uint64, uint64, bool) {
	return 0x4000, 0x4010, n == "klp_patch_task"
}
func (w *world) Const(n string) (int64, *Type, bool) {
	for _, vs := range []*Values{states, flags} {
		for v, name := range vs.Names {
			if name == n {
				return v, nil, true
			}
		}
	}
	return 0, nil, false
}
func (w *world) Type(tag string) (*Type, bool) { return task, tag == "task_struct" }
func (w *world) Tasks() []Task {
	return []Task{{Num: 123, Addr: 0x2000}, {Num: 124, Addr: 0x2020}, {Num: -1, Addr: 0x2040, Idle: true}}
}
func (w *world) Cores() int                   { return 2 }
func (w *world) Current(c int) (uint64, bool) { return 0x1010 + 8*uint64(c), true }
func (w *world) PerCPU(c int, n string) (uint64, *Type, bool) {
	return 0x1020 + 4*uint64(c), Uint32, n == "preempt_count"
}
func (w *world) Fixed(va uint64) (uint64, bool) { return va + 0x100000, w.fixed }

func (w *world) Reg(core int, r Reg) uint64 {
	switch r.Kind {
	case RegGPR:
		return r.Extract(w.regs[[2]int{core, int(r.N)}])
	case RegRIP:
		return 0x4008 + 0x1000*uint64(core)
	case RegFlags:
		return r.Extract(0x246)
	}
	return 0
}
func (w *world) Load(_ int, va uint64, size int) (uint64, bool) {
	var b [8]byte
	for i := 0; i < size; i++ {
		x, ok := w.mem[va+uint64(i)]
		if !ok {
			return 0, false
		}
		b[i] = x
	}
	return binary.LittleEndian.Uint64(b[:]), true
}
func (w *world) LoadPhys(pa uint64, size int) uint64 {
	v, _ := w.Load(0, pa-0x100000, size)
	return v
}

func TestValues(t *testing.T) {
	cases := []struct {
		text string
		core int
		want int64
	}{
		{"klp_target_state", 0, 1},
		{"klp_target_state == KLP_PATCHED", 0, 1},
		{"task(123).patch_state", 0, -1},
		{"task(123).patch_state == KLP_UNDEFINED", 0, 1},
		{"task(123).flags >> TIF_PATCH_PENDING & 1", 0, 1},
		{"task(123).flags & (1 << TIF_PATCH_PENDING)", 0, 1 << 13},
		{"task(123).comm[1]", 0, 'e'},
		{"task(123).next->pid", 0, 124},
		{"current->pid", 0, 124},
		{"current->pid", 1, 123},
		{"current@1->pid", 0, 123},
		{"current == &task(124)", 0, 1},
		{"per_cpu(preempt_count, 1)", 0, 6},
		{"%r12", 0, 0x1_0000_0001},
		{"%r12d", 0, 1},
		{"%r12@1", 0, 7},
		{"%r12", 1, 7},
		{"%eax == -1", 0, 1},
		{"%rax == -1", 0, 0},
		{"%zf + %if*2", 0, 3},
		{"*(int *)(%rsp + 4)", 0, -1},
		{"(u8)-1", 0, 255},
		{"(signed char)255", 0, -1},
		{"table[2]", 0, 20},
		{"*(table + 1)", 0, 10},
		{"&table[2] - &table[0]", 0, 2},
		{"(long)&klp_target_state", 0, 0x1000},
		{"*(int *)&unsized", 0, 0},
		{"in(klp_patch_task)", 0, 1},
		{"in(klp_patch_task)", 1, 0},
		{"%rip - klp_patch_task", 0, 8},
		{"forall(t, t.patch_state == KLP_PATCHED)", 0, 0},
		{"exists(t, t.patch_state == KLP_PATCHED)", 0, 1},
		{"count(t, t.pid > 100)", 0, 2},
		{"count(t in all, 1) * 100 + count(t in idle, 1)", 0, 301},
		{"forall(c in cpus, per_cpu(preempt_count, c) == 5 + c)", 0, 1},
		{"exists(t, exists(u, t.next == &u && u.pid == 124))", 0, 1},
		{"0 => 1/(%eax-%eax)", 0, 1},
		{"1 => 0 => 0", 0, 1},
		{"sizeof(struct task_struct) + sizeof(table)", 0, 38},
		{"'a' % 7", 0, 'a' % 7},
		{"7 %3", 0, 1},
		{"-1 < 0u", 0, 0},
		{"1 ? 2 : 3", 0, 2},
	}
	for _, fixed := range []bool{false, true} {
		w := newWorld()
		w.fixed = fixed
		for _, c := range cases {
			x, err := CompileValue(c.text, w, Source{})
			require.NoError(t, err, c.text)
			got, err := x.Eval(&Context{State: w, Core: c.core})
			require.NoError(t, err, c.text)
			require.Equal(t, c.want, got, "%s on core %d", c.text, c.core)
		}
	}
}

func TestPrev(t *testing.T) {
	w := newWorld()
	x, err := CompileValue("forall(t, t.patch_state == prev(t.patch_state)) && klp_target_state == prev(klp_target_state)", w, Source{})
	require.NoError(t, err)
	require.Equal(t, 3, x.NumPrev())
	c := &Context{State: w, Prev: make([]int64, x.NumPrev())}
	x.SavePrev(c, c.Prev)
	same, err := x.Bool(c)
	require.NoError(t, err)
	require.True(t, same)
	w.put(0x2024, 4, 0)
	same, err = x.Bool(c)
	require.NoError(t, err)
	require.False(t, same)
}

func TestErrorsNameColumnAndText(t *testing.T) {
	cases := map[string]string{
		"":                          `f.klp:7:10: expected a value, found the end of the expression`,
		"1 +":                       `f.klp:7:13: expected a value, found the end of the expression`,
		"1 2":                       `f.klp:7:12: expected an operator or the end, found "2"`,
		"nosuch == 1":               `f.klp:7:10: no symbol, constant or variable is called "nosuch"`,
		"1 + %r16":                  `f.klp:7:14: "%r16" is not a register`,
		"task(125).pid":             `f.klp:7:15: there is no task 125`,
		"task(123).pidd":            `f.klp:7:19: a struct task_struct has no field "pidd"; it has comm, flags, next, patch_state, pid`,
		"task(123) + 1":             `f.klp:7:10: a struct task_struct has no single value here: name one of its fields`,
		"current.pid":               `f.klp:7:17: this is a pointer: write ->pid`,
		"%r12@2":                    `f.klp:7:15: there is no core 2; the machine has 2`,
		"*%rsp":                     `f.klp:7:10: * wants a pointer, this is a unsigned long: cast it, as in *(int *)%rsp`,
		"1 / 0":                     `f.klp:7:12: division by zero`,
		"prev(prev(1))":             `f.klp:7:15: prev() inside prev(): only one choice back is remembered`,
		"forall(t in tusks, 1)":     `f.klp:7:22: expected tasks, idle, all or cpus after in, found "tusks"`,
		"0x":                        `f.klp:7:10: "0x" is not a number`,
		"a # b":                     `f.klp:7:12: unexpected character '#'`,
		"unsized + 1":               `f.klp:7:10: a unsized (a symbol of unknown size: cast it, as in *(int *)&unsized) has no single value here: name one of its fields`,
		strings.Repeat("(", 500):    `f.klp:7:110: the expression is nested more than 200 deep`,
		"(struct nosuch *)0":        `f.klp:7:18: no struct is called "nosuch"`,
		"&1":                        `f.klp:7:10: & wants an object in memory`,
		"sizeof(1, 2)":              `f.klp:7:10: sizeof takes 1 argument(s), not 2`,
		"frob(1)":                   `f.klp:7:10: no function is called "frob"; there are task, per_cpu, in, prev, forall, exists, count and sizeof`,
		"klp_target_state.x":        `f.klp:7:26: a int has no fields`,
		"1 ? 2":                     `f.klp:7:15: expected ":" after the second part of ?:, found the end of the expression`,
		"per_cpu(nosuch, 0)":        `f.klp:7:18: no per-CPU variable is called "nosuch"`,
		"forall(t, forall(u, t.pid": `f.klp:7:35: expected ")" to close forall, found the end of the expression`,
	}
	for text, want := range cases {
		_, err := CompileValue(text, newWorld(), Source{File: "f.klp", Line: 7, Col: 10})
		require.EqualError(t, err, want, "%q", text)
		var e *Error
		require.True(t, errors.As(err, &e))
	}
}

func TestEvaluationErrors(t *testing.T) {
	w := newWorld()
	for text, want := range map[string]string{
		"*(int *)0x9000 == 0": "*(int *)0x9000 == 0: no memory is mapped at 0x9000",
		"1 % (%eax - %eax)":   "1 % (%eax - %eax): division by zero at column 3",
	} {
		x, err := CompileValue(text, w, Source{})
		require.NoError(t, err)
		_, err = x.Eval(&Context{State: w})
		require.EqualError(t, err, want)
	}
}

func TestFootprint(t *testing.T) {
	w := newWorld()
	w.fixed = true
	x, err := CompileValue("forall(t, t.patch_state == klp_target_state)", w, Source{})
	require.NoError(t, err)
	got, exact := x.Footprint()
	require.True(t, exact)
	require.Equal(t, []Range{{0x101000, 4}, {0x102004, 4}, {0x102024, 4}}, got)
	x, err = CompileValue("current->pid == 1 || %rax", w, Source{})
	require.NoError(t, err)
	got, exact = x.Footprint()
	require.False(t, exact)
	require.Equal(t, []Range{{0x101010, 8}, {0x101018, 8}}, got)
}

func TestEvaluationDoesNotAllocate(t *testing.T) {
	w := newWorld()
	w.fixed = true
	x, err := CompileValue("forall(t, t.patch_state != prev(t.patch_state) => current->flags << 2 > 3 && %r12@1 / 2 == 3)", w, Source{})
	require.NoError(t, err)
	c := &Context{State: w, Prev: make([]int64, x.NumPrev())}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		x.SavePrev(c, c.Prev)
		if _, err := x.Eval(c); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestFormat(t *testing.T) {
	require.Equal(t, "-1 KLP_UNDEFINED", Int32.With(states).Format(-1))
	require.Equal(t, "2", Int32.With(states).Format(2))
	require.Equal(t, "0x2008 TIF_NEED_RESCHED|TIF_PATCH_PENDING", Uint64.With(flags).Format(0x2008))
	require.Equal(t, "0xffffffff81000000", Uint64.Format(-0x7f000000))
	require.Equal(t, "0x2000", PointerTo(task).Format(0x2000))
}

// TestAgainstGCC compares constant expressions, made at random, with what gcc
// computes for the same text.
func TestAgainstGCC(t *testing.T) {
	gcc := peer.Need(t, "gcc", "gcc, the C compiler that expressions are compared with")
	r := rand.New(rand.NewSource(1))
	var texts []string
	src := "#include <stdio.h>\nint main(void) {\n"
	for len(texts) < 400 {
		text := randomConst(r, 4)
		if x, err := CompileValue(text, newWorld(), Source{}); err == nil {
			if _, err := x.Eval(&Context{}); err == nil {
				texts = append(texts, text)
				src += fmt.Sprintf("printf(\"%%lld\\n\", (long long)(%s));\n", text)
			}
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.c"), []byte(src+"}\n"), 0o644))
	out, err := exec.Command(gcc, "-w", "-fwrapv", "-O0", "-o", filepath.Join(dir, "x"), filepath.Join(dir, "x.c")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(filepath.Join(dir, "x")).Output()
	require.NoError(t, err)
	for i, line := range strings.Fields(string(out)) {
		x, err := CompileValue(texts[i], newWorld(), Source{})
		require.NoError(t, err)
		got, err := x.Eval(&Context{})
		require.NoError(t, err)
		require.Equal(t, line, fmt.Sprint(got), texts[i])
	}
}

// randomConst makes a C constant expression without division by zero's and
// oversized shifts' undefined behaviour in mind: shifts get small constants.
func randomConst(r *rand.Rand, depth int) string {
	leaves := []string{"0", "1", "-1", "2", "7", "0x7fffffff", "0x80000000", "4294967295", "3u", "5l", "0xfffffffffffffffful", "'z'", "010", "9223372036854775807"}
	if depth == 0 || r.Intn(5) == 0 {
		return leaves[r.Intn(len(leaves))]
	}
	a, b := randomConst(r, depth-1), randomConst(r, depth-1)
	switch r.Intn(6) {
	case 0:
		return []string{"-", "~", "!", "+", "(char)", "(unsigned char)", "(short)", "(unsigned)", "(int)", "(long)", "(unsigned long)"}[r.Intn(11)] + "(" + a + ")"
	case 1:
		return fmt.Sprintf("(%s) %s %d", a, []string{"<<", ">>"}[r.Intn(2)], r.Intn(31))
	case 2:
		return fmt.Sprintf("(%s) ? (%s) : (%s)", a, b, randomConst(r, depth-1))
	}
	ops := []string{"+", "-", "*", "/", "%", "&", "|", "^", "==", "!=", "<", "<=", ">", ">=", "&&", "||"}
	return fmt.Sprintf("(%s) %s (%s)", a, ops[r.Intn(len(ops))], b)
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"task(123).patch_state == KLP_PATCHED", "forall(t in all, prev(t.pid) => *(int*)&x)", "%r12@1 % 3", "(u8)'a' ? 1:2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w := newWorld()
		x, err := CompileValue(s, w, Source{})
		if err != nil {
			return
		}
		c := &Context{State: w, Prev: make([]int64, x.NumPrev())}
		x.SavePrev(c, c.Prev)
		_, _ = x.Eval(c) // must come back, with a value or an error
	})
}

func BenchmarkEval(b *testing.B) {
	w := newWorld()
	w.fixed = true
	x, err := CompileValue("klp_target_state == KLP_UNDEFINED => forall(t, t.patch_state == KLP_UNDEFINED)", w, Source{})
	if err != nil {
		b.Fatal(err)
	}
	c := &Context{State: w}
	for b.Loop() {
		_, _ = x.Eval(c)
	}
}
