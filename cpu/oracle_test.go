//go:build linux && amd64

package cpu

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"klpsim/cpu/decode"
	"klpsim/cpu/internal/native"
)

// The native oracle: single instructions on klpsim and on the host's own
// processor, with random and boundary states; everything is compared.

var (
	oracleN    = flag.Int("oracle", 0, "comparisons of TestOracle (0: the default slice)")
	oracleSeed = flag.Uint64("oracle-seed", 1, "seed of TestOracle")
	oracleOp   = flag.String("oracle-op", "", "only operations with these mnemonics, comma-separated")
	oracleShow = flag.Int("oracle-show", 1, "differences shown per operation")
)

// oracleSlice is what plain go test runs.
const oracleSlice = 1_000_000

func TestOracle(t *testing.T) {
	t.Parallel()
	forms := append(oracleForms(), legacyForms()...)
	require.Greater(t, len(forms), 2000, "the sweep of the opcode maps found few forms")
	if *oracleOp != "" {
		forms = onlyOps(forms, strings.Split(*oracleOp, ","))
	}
	n := *oracleN
	if n == 0 {
		n = oracleSlice
		if testing.Short() {
			n /= 20
		}
	}
	start := time.Now()
	workers := min(runtime.GOMAXPROCS(0), max(1, n/20000))
	reports := make([]*oracleReport, workers)
	var wg sync.WaitGroup
	for w := range workers {
		r := newOracleRun(t, forms, *oracleSeed+uint64(w)<<32)
		r.form = w * len(forms) / workers
		reports[w] = &r.report
		wg.Go(func() { r.run(n / workers) })
	}
	wg.Wait()
	total := mergeReports(reports)
	if total.err != nil {
		t.Fatal(total.err)
	}
	t.Logf("%d comparisons of %d forms", total.n, len(forms))
	if os.Getenv("KLPSIM_ORACLE_RATE") != "" {
		s := time.Since(start).Seconds()
		fmt.Printf("oracle: %d comparisons, %.1f s, %.0f a second with %d workers; %d faulted\n",
			total.n, s, float64(total.n)/s, workers, total.faults)
	}
	for op, d := range total.ops {
		if d.bad > 0 {
			t.Errorf("%s: %d of %d differ\n%s", decode.Op(op), d.bad, d.n, d.text)
		}
	}
}

// opTally counts an operation's comparisons.
type opTally struct {
	n, bad int
	text   string
}

// oracleReport is the outcome of a run.
type oracleReport struct {
	n, faults int
	ops       [decode.NumOps]opTally
	err       error
}

func mergeReports(rs []*oracleReport) *oracleReport {
	all := &oracleReport{}
	for _, r := range rs {
		all.n += r.n
		all.faults += r.faults
		if all.err == nil {
			all.err = r.err
		}
		for op, d := range r.ops {
			a := &all.ops[op]
			a.n += d.n
			a.bad += d.bad
			if a.text == "" {
				a.text = d.text
			}
		}
	}
	return all
}

// oracleRun compares records on one helper and one machine.
type oracleRun struct {
	rng    *dice
	pools  *pools
	h      *native.Helper
	sim    *oracleSim
	forms  []form
	form   int // next one
	report oracleReport
	recs   []native.Record
	insts  []decode.Inst
	native []native.Result
	ours   []native.Result
}

func newOracleRun(t testing.TB, forms []form, seed uint64) *oracleRun {
	d := &dice{state: seed * 0x9e3779b97f4a7c15}
	return &oracleRun{
		rng: d, pools: newPools(d), h: native.New(t), sim: newOracleSim(t), forms: forms,
		recs: make([]native.Record, native.MaxBatch), insts: make([]decode.Inst, native.MaxBatch),
		native: make([]native.Result, native.MaxBatch), ours: make([]native.Result, native.MaxBatch),
	}
}

// run makes n comparisons, batch by batch; klpsim runs while the helper does.
func (r *oracleRun) run(n int) {
	for r.report.n < n && r.report.err == nil {
		k := 0
		for k < native.MaxBatch {
			f := &r.forms[r.form]
			if r.form++; r.form == len(r.forms) {
				r.form = 0
			}
			k += r.generate(f, k)
		}
		r.batch(k)
	}
}

func (r *oracleRun) batch(k int) {
	if err := r.h.Submit(r.recs[:k]); err != nil {
		r.report.err = err
		return
	}
	for i := range k {
		if err := r.sim.run(i, &r.recs[i], &r.ours[i]); err != nil {
			r.report.err = fmt.Errorf("% x: %w", r.recs[i].Code, err)
			return
		}
	}
	if err := r.h.Wait(r.native); err != nil {
		r.report.err = err
		return
	}
	for i := range k {
		r.compare(i)
	}
}

func (r *oracleRun) compare(i int) {
	rec, in := &r.recs[i], &r.insts[i]
	r.report.n++
	if r.native[i].Trap >= 0 {
		r.report.faults++
	}
	d := &r.report.ops[in.Op]
	d.n++
	if diff := difference(in, rec, native.SlotAddr(i), &r.native[i], &r.ours[i]); diff != "" {
		if d.bad < *oracleShow {
			d.text += describe(in, rec, native.SlotAddr(i)) + diff
		}
		d.bad++
	}
}

// padded gives the decoder the bytes that follow an instruction.
func padded(code []byte) []byte {
	var b [16]byte
	copy(b[:], code)
	return b[:15]
}

// describe prints a record for a person.
func describe(in *decode.Inst, rec *native.Record, addr uint64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  % x  %s  at %#x flags %#x window %#x+%d\n", rec.Code, decode.TextMode(padded(rec.Code), addr, recordMode(rec), nil), addr, rec.Flags, rec.WinOff, rec.WinLen)
	for i, v := range rec.GPR {
		fmt.Fprintf(&b, "  %s=%#x", gprNames[i], v)
	}
	b.WriteByte('\n')
	if rec.UseFX {
		fmt.Fprintf(&b, "  mxcsr %#x fcw %#x fsw %#x ftw %#x\n", binary.LittleEndian.Uint32(rec.FX[24:]),
			binary.LittleEndian.Uint16(rec.FX[:]), binary.LittleEndian.Uint16(rec.FX[2:]), rec.FX[4])
		for _, a := range in.Args[:in.NArgs] {
			switch a.Kind {
			case decode.XMM:
				fmt.Fprintf(&b, "  xmm%d %x\n", a.N, rec.FX[160+16*int(a.N):][:16])
			case decode.MM, decode.ST:
				fmt.Fprintf(&b, "  st%d %x\n", a.N, rec.FX[32+16*int(a.N):][:10])
			}
		}
		fmt.Fprintf(&b, "  st0 %x st1 %x\n", rec.FX[32:42], rec.FX[48:58])
	}
	fmt.Fprintf(&b, "  memory %x\n", rec.Mem[:min(rec.WinLen, 256)])
	return b.String()
}

var gprNames = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// difference lists where klpsim's result is not the host's.
func difference(in *decode.Inst, rec *native.Record, addr uint64, host, ours *native.Result) string {
	var b strings.Builder
	note := func(what string, host, ours any) { fmt.Fprintf(&b, "    %s: host %#x, klpsim %#x\n", what, host, ours) }
	if host.Trap != ours.Trap {
		note("vector", host.Trap, ours.Trap)
		note("code", host.Code, ours.Code)
		return b.String()
	}
	if host.Trap >= 0 && faultCode(host) != faultCode(ours) && (host.CR2 == ours.CR2 || !undefinedCR2(in)) {
		note("code", host.Code, ours.Code)
	}
	if host.Trap == int(VecPF) && host.CR2 != ours.CR2 && !undefinedCR2(in) {
		note("cr2", host.CR2, ours.CR2)
	}
	if host.RIP != ours.RIP {
		note("rip", host.RIP, ours.RIP)
	}
	for i := range host.GPR {
		if host.GPR[i] != ours.GPR[i] && !undefinedGPR(in, host) {
			note(gprNames[i], host.GPR[i], ours.GPR[i])
		}
	}
	if undef := undefinedFlags(in, rec) | FlagRF; (host.Flags^ours.Flags)&^undef != 0 {
		note("flags", host.Flags&^undef, ours.Flags&^undef)
	}
	undefinedMem(in, rec, addr, host, ours)
	if n := rec.WinLen; string(host.Mem[:n]) != string(ours.Mem[:n]) {
		for i := range host.Mem[:n] {
			if host.Mem[i] != ours.Mem[i] {
				note(fmt.Sprintf("memory+%d", i), host.Mem[i:min(i+16, n)], ours.Mem[i:min(i+16, n)])
				break
			}
		}
	}
	if rec.UseFX {
		differenceFX(in, rec, host, ours, note)
	}
	return b.String()
}

// faultCode is the error code as user mode may see it: from the last page of
// the user's half on Linux always sets the present bit.
func faultCode(r *native.Result) uint32 {
	if r.Trap == int(VecPF) && r.CR2 >= 0x7ffffffff000 {
		return r.Code | 1
	}
	return r.Code
}

// differenceFX compares the FXSAVE images.
func differenceFX(in *decode.Inst, rec *native.Record, host, ours *native.Result, note func(string, any, any)) {
	// The pointers and MXCSR_MASK: see undefinedMem.
	for _, r := range []*native.Result{host, ours} {
		clear(r.FX[6:24])
		clear(r.FX[28:32])
	}
	if string(host.FX[:416]) == string(ours.FX[:416]) {
		return
	}
	field := func(name string, at, n int) {
		if h, o := host.FX[at:at+n], ours.FX[at:at+n]; string(h) != string(o) {
			note(name, reversed(h), reversed(o))
		}
	}
	field("mxcsr", 24, 4)
	if !undefinedX87(in, rec, host) {
		if transcendental(in.Op) { // C1, the direction of rounding, follows the last place
			host.FX[3] &^= 2
			ours.FX[3] &^= 2
		}
		if in.Op == decode.FYL2X { // some processors call the logarithm of a power of two inexact
			host.FX[2] &^= 0x30
			ours.FX[2] &^= 0x30
		}
		field("fcw", 0, 2)
		field("fsw", 2, 2)
		field("ftw", 4, 1)
		for i := range 8 {
			if h, o := host.FX[32+16*i:][:10], ours.FX[32+16*i:][:10]; string(h) != string(o) && !approximateST(in, h, o) {
				note(fmt.Sprintf("st%d", i), reversed(h), reversed(o))
			}
		}
	}
	for i := range 16 {
		if !approximateXMM(in, i, host.FX[160+16*i:], ours.FX[160+16*i:]) {
			field(fmt.Sprintf("xmm%d", i), 160+16*i, 16)
		}
	}
}

// reversed gives little-endian bytes the order of digits.
func reversed(p []byte) []byte {
	r := make([]byte, len(p))
	for i, b := range p {
		r[len(p)-1-i] = b
	}
	return r
}
