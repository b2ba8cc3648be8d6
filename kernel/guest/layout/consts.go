package layout

// Const is a named number that assembly and Go share.
type Const struct {
	Name  string
	Value int64
	Doc   string
}

// Bits of task_struct.flags (arch/x86/include/asm/thread_info.h).
const (
	TIFNeedResched  = 3
	TIFPatchPending = 13
)

// Values of task_struct.state.
const (
	TaskRunning         = 0
	TaskInterruptible   = 1
	TaskUninterruptible = 2
	TaskDead            = 0x80
)

// Values of task_struct.patch_state and klp_target_state.
const (
	KlpUndefined = -1
	KlpUnpatched = 0
	KlpPatched   = 1
)

// Interrupt vectors (arch/x86/include/asm/irq_vectors.h).
const (
	VectorTimer        = 0xec
	VectorCallFunction = 0xfb
	VectorReschedule   = 0xfd
)

// Selectors of the guest's GDT (arch/x86/include/asm/segment.h has the same
// order, which SYSRET demands of the user ones).
const (
	KernelCS = 0x10
	KernelDS = 0x18
	UserDS   = 0x2b
	UserCS   = 0x33
	TSSSel   = 0x40
)

// Model-specific registers (SDM vol. 4, table 2-2).
const (
	MSREFER         = 0xc0000080
	MSRStar         = 0xc0000081
	MSRLStar        = 0xc0000082
	MSRSyscallMask  = 0xc0000084
	MSRGSBase       = 0xc0000101
	MSRKernelGSBase = 0xc0000102
	MSRX2APICEOI    = 0x80b
	MSRX2APICICR    = 0x830
)

// Where things lie: the image and the direct map have the addresses that Linux
// gives them (Documentation/arch/x86/x86_64/mm.rst); ImagePhys is ours.
const (
	KernelBase = 0xffffffff81000000 // virtual address of the image
	DirectBase = 0xffff888000000000 // virtual address of physical address 0
	ImagePhys  = 0x10000            // physical address of the image
)

// textAlias is DirectBase + ImagePhys - KernelBase, modulo 2^64.
const textAlias = DirectBase + ImagePhys - KernelBase

var consts = []Const{
	{"TIF_NEED_RESCHED", TIFNeedResched, "bit number"},
	{"TIF_PATCH_PENDING", TIFPatchPending, "bit number"},
	{"_TIF_NEED_RESCHED", 1 << TIFNeedResched, "mask"},
	{"_TIF_PATCH_PENDING", 1 << TIFPatchPending, "mask"},
	{"_TIF_WORK", 1<<TIFNeedResched | 1<<TIFPatchPending, "what the exit to user mode has to see to"},
	{"TASK_RUNNING", TaskRunning, ""},
	{"TASK_INTERRUPTIBLE", TaskInterruptible, ""},
	{"TASK_UNINTERRUPTIBLE", TaskUninterruptible, ""},
	{"TASK_DEAD", TaskDead, ""},
	{"KLP_UNDEFINED", KlpUndefined, ""},
	{"KLP_UNPATCHED", KlpUnpatched, ""},
	{"KLP_PATCHED", KlpPatched, ""},
	{"HARDIRQ_OFFSET", 0x10000, "of preempt_count, per interrupt level"},
	{"NMI_OFFSET", 0x100000, "of preempt_count, while in an NMI"},
	{"X86_EFLAGS_IF", 0x200, "interrupts enabled"},
	{"KERNEL_CS", KernelCS, ""},
	{"KERNEL_DS", KernelDS, ""},
	{"USER_CS", UserCS, ""},
	{"USER_DS", UserDS, ""},
	{"VECTOR_TIMER", VectorTimer, ""},
	{"VECTOR_CALL_FUNCTION", VectorCallFunction, ""},
	{"VECTOR_RESCHEDULE", VectorReschedule, ""},
	{"MSR_GS_BASE", MSRGSBase, ""},
	{"MSR_X2APIC_EOI", MSRX2APICEOI, ""},
	{"MSR_X2APIC_ICR", MSRX2APICICR, ""},
	{"SYS_nop", 0, "system call: return at once"},
	{"SYS_yield", 1, "system call: let another task run"},
	{"SYS_call", 2, "system call: call the kernel function that sys_call_target names"},
	{"SYS_pause", 3, "system call: sleep until woken"},
	{"SYS_exit", 4, "system call: leave for ever"},
	{"NR_syscalls", 5, ""},
	{"TEXT_ALIAS", textAlias, "added to an address of the image gives its alias in the direct map"},
	{"SERIAL_PORT", 0x3f8, "transmit register of the first UART"},
}

// Consts lists the shared constants, in the order of the prelude.
func Consts() []Const { return consts }
