//go:build linux && amd64

package native

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

//go:embed helper.gas
var helperText string

// batchTimeout is how long the helper may take for a batch: thousands of times
// what it needs, so that only an instruction that never ends can exceed it.
const batchTimeout = 20 * time.Second

// Helper is a running helper process. It belongs to one goroutine.
type Helper struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *os.File
	shm    []byte
	exe    *executable
	n      int // records of the batch under way
}

// New starts a helper for the length of the test. It skips the test where the
// host cannot run one.
func New(t testing.TB) *Helper {
	t.Helper()
	exe, err := buildHelper()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(path, exe.elf, 0o700); err != nil {
		t.Fatal(err)
	}
	h := &Helper{exe: exe}
	if err := h.start(path); err != nil {
		t.Skipf("needs to run a static executable with shared executable memory: %v", err)
	}
	t.Cleanup(h.stop)
	if err := h.Run([]Record{{Code: []byte{0x90}}}, make([]Result, 1)); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *Helper) start(path string) error {
	mem, err := memfd()
	if err != nil {
		return err
	}
	defer mem.Close()
	h.shm, err = syscall.Mmap(int(mem.Fd()), 0, shmSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map shared memory: %w", err)
	}
	h.cmd = exec.Command(path)
	h.cmd.Stderr = os.Stderr
	h.cmd.ExtraFiles = []*os.File{mem}
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	h.stdout = out.(*os.File)
	if err := h.cmd.Start(); err != nil {
		return fmt.Errorf("start the helper: %w", err)
	}
	return nil
}

func (h *Helper) stop() {
	h.stdin.Close()
	h.cmd.Process.Kill() // a batch may never end
	h.cmd.Wait()
	// The mapping can go only when nobody reads results any more.
	syscall.Munmap(h.shm)
}

// memfd makes the shared memory: memfd_create(2) (system call 319 on amd64).
func memfd() (*os.File, error) {
	name := []byte("klpsim-native\x00")
	fd, _, errno := syscall.Syscall(319, uintptr(unsafe.Pointer(&name[0])), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("memfd_create: %w", errno)
	}
	f := os.NewFile(fd, "klpsim-native")
	if err := f.Truncate(shmSize); err != nil {
		f.Close()
		return nil, fmt.Errorf("size shared memory: %w", err)
	}
	return f, nil
}

// Run runs a batch of at most MaxBatch records and fills results[i] for
// records[i].
func (h *Helper) Run(records []Record, results []Result) error {
	if err := h.Submit(records); err != nil {
		return err
	}
	return h.Wait(results)
}

// Submit starts a batch; Wait must follow. Between the two the test can run
// its own side of the comparison.
func (h *Helper) Submit(records []Record) error {
	if len(records) > MaxBatch {
		panic("BUG: native: batch too large")
	}
	for i := range records {
		h.put(i, &records[i])
	}
	h.n = len(records)
	var count [4]byte
	binary.LittleEndian.PutUint32(count[:], uint32(h.n))
	if _, err := h.stdin.Write(count[:]); err != nil {
		return h.died(err)
	}
	return nil
}

// Wait waits for the batch and fills one result for each of its records.
func (h *Helper) Wait(results []Result) error {
	var done [1]byte
	if err := h.stdout.SetReadDeadline(time.Now().Add(batchTimeout)); err != nil {
		return fmt.Errorf("native helper: %w", err)
	}
	if _, err := io.ReadFull(h.stdout, done[:]); err != nil {
		return h.died(err)
	}
	for i := range h.n {
		h.get(i, &results[i])
	}
	return nil
}

func (h *Helper) died(err error) error {
	h.cmd.Process.Kill()
	h.cmd.Wait()
	return fmt.Errorf("native helper: %w (%v)", err, h.cmd.ProcessState)
}

func (h *Helper) record(i int) *record {
	return (*record)(unsafe.Pointer(&h.shm[i*recordSize]))
}

// SlotAddr is the address of record i's instruction.
func SlotAddr(i int) uint64 { return CodeBase + uint64(i)*SlotSize }

func (h *Helper) put(i int, r *Record) {
	p := h.record(i)
	p.gpr, p.flags = r.GPR, r.Flags
	p.entry = SlotAddr(i)
	p.winOff, p.winLen = uint64(r.WinOff), uint64(r.WinLen)
	p.useFX, p.code32 = 0, 0
	if r.Code32 {
		p.code32 = 1
	}
	if r.UseFX {
		p.useFX = 1
		p.fx = r.FX
	}
	copy(p.mem[:r.WinLen], r.Mem[:])
	slot := h.shm[codeOff+i*SlotSize:][:SlotSize]
	n := copy(slot, r.Code)
	h.pad(slot, i, n, r.Code32)
	h.pad(slot, i, PadOffset, r.Code32)
}

// pad writes a landing pad at offset at of slot i: it notes its own address
// and goes back, without touching a register or a flag. The address of padrip
// is relative in 64-bit code and absolute in 32-bit code.
func (h *Helper) pad(slot []byte, i, at int, code32 bool) {
	addr := SlotAddr(i) + uint64(at)
	p := slot[at:]
	p[0], p[1] = 0xc7, 0x05 // movl $addr, padrip
	binary.LittleEndian.PutUint32(p[6:], uint32(addr))
	if code32 {
		binary.LittleEndian.PutUint32(p[2:], uint32(h.exe.padrip))
		p[10] = 0xea // ljmp $0x33, $finish
		binary.LittleEndian.PutUint32(p[11:], uint32(h.exe.finish))
		p[15], p[16] = 0x33, 0
		return
	}
	binary.LittleEndian.PutUint32(p[2:], uint32(h.exe.padrip-(addr+10)))
	p[10] = 0xe9 // jmp finish
	binary.LittleEndian.PutUint32(p[11:], uint32(h.exe.finish-(addr+15)))
}

func (h *Helper) get(i int, out *Result) {
	p := h.record(i)
	out.GPR, out.Flags, out.RIP = p.outGPR, p.outFl, p.outRIP
	out.Trap = int(p.outTrap)
	out.Code, out.CR2 = 0, 0
	if out.Trap >= 0 {
		out.Code, out.CR2 = uint32(p.outErr), p.outCR2
	}
	if p.code32 != 0 {
		for i := range out.GPR {
			out.GPR[i] = uint64(uint32(out.GPR[i]))
		}
		clear(out.GPR[8:])
	}
	if p.useFX != 0 {
		out.FX = p.outFX
	}
	copy(out.Mem[:p.winLen], p.outMem[:])
}
