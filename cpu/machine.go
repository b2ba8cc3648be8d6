package cpu

import (
	"errors"
	"fmt"

	"klpsim/cpu/mem"
)

// MemoryModel is the memory order of a machine.
type MemoryModel uint8

// The memory models.
const (
	TSO MemoryModel = iota // x86-TSO: each core has a FIFO store buffer
	SC                     // stores reach memory at once
)

// String returns the name used in scenarios.
func (m MemoryModel) String() string {
	if m == SC {
		return "sc"
	}
	return "tso"
}

// MaxCores is the largest number of cores of a machine: xAPIC IDs 0 to 254.
const MaxCores = 255

// Config describes a machine. The zero value of a field means its default.
type Config struct {
	Cores       int         // 1 to MaxCores, default 1
	Memory      MemoryModel // default TSO
	MemBytes    uint64      // physical memory from address 0, default 64 MiB
	StoreBuffer int         // entries per core, default 56, at most 1024
	UndoLimit   int         // how many steps the journal keeps at least, default all
}

// Machine is N cores, their local APICs, memory and a few devices. Only Take,
// Undo, Restore, Run and set-up calls move it. It is not safe for use by
// several goroutines at once; different machines are independent.
type Machine struct {
	cfg   Config
	cores []*Core
	mem   *mem.Memory
	uart  uart
	exit  debugExit

	rec     bool
	events  []Event
	journal journal
	decoded decodeCache
	driven  int // entries driven out of decoded since it last grew
	sticky  Sticky
	hostErr error

	crossing  decoded // the last instruction that crossed a page
	others    []*Core // cores that the current choice touches besides its own
	fetchPA   uint64  // physical address of the current instruction, for its EvExec
	execEvent int     // index of the current instruction's EvExec, or -1
	walked    walkedPages
	fast      fastCode
}

// ErrConfig is the error that New's errors wrap.
var ErrConfig = errors.New("bad machine configuration")

// New returns a machine whose cores are in the state after power-up: core 0
// at the reset vector, the others waiting for a start-up IPI. Memory is zero.
func New(cfg Config) (*Machine, error) {
	if cfg.Cores == 0 {
		cfg.Cores = 1
	}
	if cfg.MemBytes == 0 {
		cfg.MemBytes = 64 << 20
	}
	if cfg.StoreBuffer == 0 {
		cfg.StoreBuffer = 56
	}
	switch {
	case cfg.Cores < 0 || cfg.Cores > MaxCores:
		return nil, fmt.Errorf("%w: %d cores, want 1 to %d", ErrConfig, cfg.Cores, MaxCores)
	case cfg.MemBytes > 1<<39:
		return nil, fmt.Errorf("%w: %d bytes of memory, want at most 2^39", ErrConfig, cfg.MemBytes)
	case cfg.StoreBuffer < 1 || cfg.StoreBuffer > 1024:
		return nil, fmt.Errorf("%w: %d store buffer entries, want 1 to 1024", ErrConfig, cfg.StoreBuffer)
	case cfg.Memory > SC:
		return nil, fmt.Errorf("%w: unknown memory model %d", ErrConfig, cfg.Memory)
	}
	m := &Machine{cfg: cfg, mem: mem.New(cfg.MemBytes)}
	for i := range cfg.Cores {
		c := &Core{m: m, id: i}
		c.reset(true)
		m.cores = append(m.cores, c)
	}
	return m, nil
}

// Config returns the configuration with defaults filled in.
func (m *Machine) Config() Config { return m.cfg }

// NumCores returns the number of cores.
func (m *Machine) NumCores() int { return len(m.cores) }

// Core returns core i, counted from 0; its exported fields are its state.
func (m *Machine) Core(i int) *Core { return m.cores[i] }

// MemBytes returns the size of physical memory in bytes.
func (m *Machine) MemBytes() uint64 { return m.mem.Size() }

// ReadPhys copies physical memory at pa into p, for set-up and views. Bytes
// outside memory read as 0xff. Store buffers and devices are not consulted.
func (m *Machine) ReadPhys(pa uint64, p []byte) { m.mem.Read(pa, p) }

// WritePhys copies p into physical memory at pa, for set-up. It is not
// journalled: Undo does not take it back.
func (m *Machine) WritePhys(pa uint64, p []byte) {
	m.mem.Write(pa, p)
	m.fastDropAll()
}

// SetRecording turns the recording of events on or off.
func (m *Machine) SetRecording(on bool) {
	m.rec = on
	m.events = m.events[:0]
}

// Events returns what the last Take did, in order; the slice is reused by the
// next one. It is empty unless recording is on.
func (m *Machine) Events() []Event { return m.events }
