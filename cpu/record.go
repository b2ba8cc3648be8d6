package cpu

// EventKind says what happened.
type EventKind uint8

// The kinds of events that taking a choice can report.
const (
	EvExec     EventKind = iota // an instruction retired (RIP, PA, Len; Flag EvFault: it faulted instead)
	EvRead                      // a data read (VA, PA, Size, Value)
	EvWrite                     // a data write was issued (VA, PA, Size, Value); memory changes with EvCommit
	EvCommit                    // memory changed (PA, Size, Old, Value): a store at once, a drain or a locked operation
	EvDeliver                   // an interrupt, NMI, exception or software interrupt was delivered (Vector, Code, RIP = interrupted, VA = frame)
	EvIret                      // IRET returned (RIP = where to)
	EvPend                      // an interrupt or NMI became pending (Vector), from Core Value or from outside (Value == ^0)
	EvControl                   // a control, debug or model-specific register was written (VA = register number, Old, Value)
	EvOut                       // port output (VA = port, Size, Value)
	EvIn                        // port input (VA = port, Size, Value)
	EvHalt                      // the core stopped at HLT
	EvWake                      // the core left HLT or wait-for-SIPI
	EvShutdown                  // triple fault: the core is dead until INIT
	EvFlush                     // TLB entries dropped (VA = address, or ^0 for all)
)

// EventFlags qualify an Event.
type EventFlags uint8

// The event flags.
const (
	EvLocked    EventFlags = 1 << iota // part of a locked operation
	EvForwarded                        // the read was served, wholly or partly, by the core's own store buffer
	EvBuffered                         // the write went into the store buffer, not to memory
	EvDrained                          // the commit came out of the store buffer
	EvNMI                              // the delivery is an NMI
	EvSoft                             // the delivery is a software interrupt (INT n, INT3)
	EvFault                            // the instruction did not retire
	EvWalk                             // the access is a page walk's
)

// Event is one thing that a choice did. Events of one choice are in the order
// in which they happened.
type Event struct {
	Kind   EventKind
	Core   uint8
	Size   uint8 // access width in bytes; EvExec: instruction length
	Vector uint8
	Flags  EventFlags
	Code   uint32    // error code of an exception
	RIP    uint64    // of the instruction that did it, or that was interrupted
	VA     uint64    // linear address, port or register number
	PA     uint64    // physical address
	Value  [2]uint64 // little-endian 128-bit value; scalars in [0]
	Old    [2]uint64
}
