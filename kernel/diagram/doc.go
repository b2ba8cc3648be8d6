// Package diagram draws runs as kernel developers draw races: a column per
// core, time downwards, only what matters.
//
// A Builder watches a run (it is an observer) and makes a Picture: rows of
// what happened, and the verdicts. Renderers turn a Picture into text for a
// mail and into other formats; none of them looks at the machine.
//
// What matters: changes of shared memory (what the scenario declares with
// "shared", or what several cores touch); reads of it that another core's
// writes make interesting; stores kept in a store buffer, and their draining;
// interrupts, NMIs and exceptions with what they interrupt; task switches with
// the values that the switched-out task carries; violated checks; uses of
// stale values. With All, every instruction.
//
// Invariants: a Picture depends on the target and the schedule only; text is
// ASCII and no line is longer than the width asked for.
package diagram
