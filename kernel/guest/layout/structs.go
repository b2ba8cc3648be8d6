package layout

// Task is a thread and its thread_info, as task_struct is in Linux when
// CONFIG_THREAD_INFO_IN_TASK is set (include/linux/sched.h).
var Task = place(&Struct{Name: "task_struct", Prefix: "TASK", Doc: "a thread", Fields: []Field{
	{Name: "flags", Type: u64, Doc: "thread_info.flags: the TIF_ bits"},
	{Name: "state", Type: i32, Doc: "TASK_RUNNING, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE or TASK_DEAD"},
	{Name: "on_cpu", Type: i32, Doc: "1 from before it is switched to until after it is switched away from"},
	{Name: "on_rq", Type: i32, Doc: "1 while runnable: queued or current"},
	{Name: "patch_state", Type: i32, Doc: "KLP_UNDEFINED, KLP_UNPATCHED or KLP_PATCHED"},
	{Name: "counted", Type: i32, Doc: "for checks only, Linux has no such field: 1 once the transition has counted the task as done"},
	{Name: "pid", Type: i32, Doc: "0 for the idle tasks"},
	{Name: "cpu", Type: i32, Doc: "the CPU it belongs to; tasks never migrate"},
	{Name: "sp", Type: ptr("inactive_task_frame"), Doc: "while switched out: the frame that __switch_to left"},
	{Name: "stack", Type: u64, Doc: "lowest address of its kernel stack"},
	{Name: "stack_top", Type: u64, Doc: "one past the highest address of its kernel stack"},
	{Name: "pcpu", Type: ptr("pcpu"), Doc: "per-CPU area of its CPU"},
	{Name: "next", Type: ptr("task_struct"), Doc: "next on the task list; idle tasks are not on it"},
	{Name: "rq_next", Type: ptr("task_struct"), Doc: "next on its CPU's run queue"},
	{Name: "wait_next", Type: ptr("task_struct"), Doc: "next waiter of a mutex"},
	{Name: "comm", Type: chars(16), Doc: "name, NUL-terminated"},
}})

// PCPU is a CPU's own area, which GS points to in the kernel. The task state
// segment at its end is the one that TR points to (SDM vol. 3A, section 8.7);
// it starts at an odd multiple of four so that sp0 is aligned.
var PCPU = place(&Struct{Name: "pcpu", Prefix: "PCPU", Doc: "a CPU's own area", Fields: []Field{
	{Name: "self", Type: ptr("pcpu"), Doc: "its own address"},
	{Name: "current", Type: ptr("task_struct"), Doc: "the running task"},
	{Name: "idle", Type: ptr("task_struct"), Doc: "the idle task; 0 in bare programs"},
	{Name: "kworker", Type: ptr("task_struct"), Doc: "the worker thread of this CPU, or 0"},
	{Name: "preempt_count", Type: i32, Doc: "preempt_disable depth, plus HARDIRQ_OFFSET and NMI_OFFSET per level"},
	{Name: "cpu", Type: i32, Doc: "CPU number, also the APIC ID"},
	{Name: "need_qs", Type: u32, Doc: "set by synchronize_sched, cleared by the next context switch"},
	{Name: "in_kernel", Type: u32, Doc: "bare programs: 1 outside user mode; programs keep it"},
	{Name: "rq_lock", Type: u32, Doc: "spin lock of the run queue"},
	{Name: "rq_nr", Type: u32, Doc: "tasks on the run queue, without the current one"},
	{Name: "rq_head", Type: ptr("task_struct"), Doc: "first of the run queue"},
	{Name: "rq_tail", Type: ptr("task_struct"), Doc: "last of the run queue"},
	{Name: "top_of_stack", Type: u64, Doc: "kernel stack of the current task, for syscall entry"},
	{Name: "scratch", Type: u64, Doc: "user stack pointer during syscall entry"},
	{Name: "work_fn", Type: u64, Doc: "function for the worker thread, 0 once it was called"},
	{Name: "call_fn", Type: u64, Doc: "function for the call-function IPI, 0 once it was called"},
	{Name: "pad", Type: u32, Doc: "puts tss_sp0 on a multiple of 8"},
	{Name: "tss", Type: u32, Doc: "start of the task state segment"},
	{Name: "tss_sp0", Type: u64, Doc: "RSP0: kernel stack for entries from user mode"},
	{Name: "tss_rsp1", Type: u64, Doc: "RSP1, unused"},
	{Name: "tss_rsp2", Type: u64, Doc: "RSP2, unused"},
	{Name: "tss_ist0", Type: u64, Doc: "reserved"},
	{Name: "tss_ist1", Type: u64, Doc: "IST1: NMI stack"},
	{Name: "tss_ist2", Type: u64, Doc: "IST2: double fault stack"},
	{Name: "tss_rest", Type: Type{Size: 4, Count: 13}, Doc: "IST3..7, reserved, I/O map base"},
}})

// TSSBytes is the size of a 64-bit task state segment (SDM vol. 3A, figure 8-11).
const TSSBytes = 104

// PTRegs is what entry code leaves on the kernel stack (arch/x86 pt_regs).
var PTRegs = place(&Struct{Name: "pt_regs", Prefix: "PT", Doc: "registers saved on kernel entry", Fields: words(
	"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8",
	"rax", "rcx", "rdx", "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss")})

// Frame is what __switch_to leaves on the outgoing task's stack, where
// task_struct.sp points (arch/x86/include/asm/switch_to.h has the idea).
var Frame = place(&Struct{Name: "inactive_task_frame", Prefix: "FRAME", Doc: "callee-saved registers of a switched-out task",
	Fields: words("r15", "r14", "r13", "r12", "rbx", "rbp", "ret")})

// Mutex is a sleeping lock.
var Mutex = place(&Struct{Name: "mutex", Prefix: "MUTEX", Doc: "a sleeping lock", Fields: []Field{
	{Name: "owner", Type: ptr("task_struct"), Doc: "holder, or 0"},
	{Name: "waiters", Type: ptr("task_struct"), Doc: "first waiter, linked by wait_next"},
	{Name: "wait_lock", Type: u32, Doc: "spin lock of the waiters and of every release"},
}})

// KlpFunc is one patched function of one patch (include/linux/livepatch.h).
var KlpFunc = place(&Struct{Name: "klp_func", Prefix: "KFUNC", Doc: "a function and its replacement", Fields: []Field{
	{Name: "next", Type: ptr("klp_func"), Doc: "next older entry of the function's stack"},
	{Name: "ops", Type: u64, Doc: "address of the head of the function's stack"},
	{Name: "old_func", Type: u64, Doc: "first byte of the replaced code"},
	{Name: "old_end", Type: u64, Doc: "one past its last byte"},
	{Name: "new_func", Type: u64, Doc: "first byte of the replacement"},
	{Name: "new_end", Type: u64, Doc: "one past its last byte"},
	{Name: "transition", Type: i32, Doc: "1 while the choice is by patch_state"},
	{Name: "patched", Type: i32, Doc: "1 while it is on the function's stack"},
}})

// KlpPatch is a patch of one function.
var KlpPatch = place(&Struct{Name: "klp_patch", Prefix: "PATCH", Doc: "a patch", Fields: []Field{
	{Name: "func", Type: ptr("klp_func"), Doc: "its function"},
	{Name: "enabled", Type: i32, Doc: "what the administrator asked for last"},
	{Name: "freed", Type: i32, Doc: "1 once its code has been given back"},
}})

var structs = []*Struct{Task, PCPU, PTRegs, Frame, Mutex, KlpFunc, KlpPatch}

// words makes a structure of 64-bit fields.
func words(names ...string) []Field {
	fields := make([]Field, len(names))
	for i, n := range names {
		fields[i] = Field{Name: n, Type: u64}
	}
	return fields
}
