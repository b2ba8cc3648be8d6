// Package trace writes runs down, reads them back and compares them.
//
// A trace is text, one record a line, the same bytes for the same run on every
// host:
//
//	klpsim-trace 1
//	scenario name=rfc-v2
//	machine cores=2 memory=tso storebuffer=56
//	1 0 take choice=0 task=123
//	1 0 exec pc=0xffffffff81000123 at=klp_patch_task+0x5 text="lock btrl $13,(%rdi)"
//	1 0 read pa=0x40100 at=flags(123) size=4 value=0x2000 locked
//	1 0 commit pa=0x40100 at=flags(123) size=4 old=0x2000 value=0x0 locked
//	...
//	check name=complete-means-done verdict=violated step=509
//	end steps=612
//
// A record of a run is STEP CORE KIND, then key=value fields and flags in a
// fixed order; STEP is the 1-based number of the choice. A value with a blank
// or a quote in it is quoted as in Go. The kinds are take, the choice itself,
// and the machine's events: exec read write commit deliver iret pend control
// out in halt wake shutdown flush. Records without STEP CORE are the head and
// the tail. A trace without its end record is truncated, and refused.
//
// JSON lines hold the same records, field by field.
//
// Invariants: Parse(Write(run)) gives back every record; a change of the
// format changes Version. Non-goals: compactness, and states: a trace says
// what happened, and the schedule reproduces it.
package trace
