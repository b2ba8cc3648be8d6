package cpu

// Kind is what a choice does. Together with Core and Vector it is all that
// ever moves a Machine.
type Kind uint8

// The kinds of choices. In schedules they read, for core 0:
//
//	0          step: deliver the due event or execute one instruction; a store
//	           goes to memory at once unless an older one waits in the buffer
//	0h         the same, but what it stores stays in the store buffer ("hold")
//	drain0     the oldest entry of the store buffer reaches memory
//	irq0:ec    vector 0xec becomes pending in the local APIC
//	nmi0       an NMI becomes pending
//	smi0       (reserved) / init0 / sipi0:9a  INIT and start-up IPIs from outside
//	tick0      the local APIC timer counts down to its next event
const (
	Step Kind = iota
	Hold
	Drain
	IRQ
	NMI
	INIT
	SIPI
	Tick
)

// Choice is one element of a schedule.
type Choice struct {
	Kind   Kind
	Core   uint8
	Vector uint8 // IRQ: the vector; SIPI: the start page
}

// Schedule is a run: from a given initial state it says everything.
type Schedule []Choice
