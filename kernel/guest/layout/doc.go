// Package layout is the one source of the guest kernel's data layout: the
// structures, their fields and the constants that its assembly and our Go code
// share.
//
// Prelude renders the tables as assembler symbols (TASK_patch_state,
// PCPU_current, TIF_NEED_RESCHED...), which every source file of the guest
// kernel includes as "layout.inc"; Go reads the same tables through Lookup and
// Struct.Field. Nothing else knows an offset.
//
// Invariants: fields lie at naturally aligned offsets in table order, and every
// structure's size is a multiple of eight. The package holds no state and knows
// neither the assembler nor the machine.
package layout
