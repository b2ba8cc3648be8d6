// Package asm assembles AT&T source for x86-64 as GNU as 2.40 reads it, reads
// and writes ELF64 relocatable objects, and links objects into an image.
//
// # Shape
//
// Assemble reads a source statement by statement, straight from its bytes, and
// appends to sections. A section is one buffer of fixed bytes cut into
// fragments; a fragment ends where something of unknown size follows it (a
// branch that may be short or long, an alignment, a LEB128 number of two
// labels). Relaxation gives the fragments addresses, then fixups are either
// resolved or become relocations, and the result is an Object: plain sections,
// symbols and relocations, the same type that ReadELF returns.
//
// Instructions are rows of a table (table_*.go), one row per form in the
// notation of the manual; the encoder knows formats, not mnemonics.
//
// # Invariants
//
//   - For input that is accepted, section contents, symbols and relocations
//     equal those of GNU as 2.40; the tests hold the whole object equal.
//   - Every bad line is reported, as file:line:col: message, and nothing is
//     returned as a result when there was one.
//   - Output depends on the source and the options only: never on map order,
//     time or host paths.
//   - No input makes the package panic or run without bound.
//
// # Deliberate differences from GNU as
//
//   - A missing operand of an expression, a division by zero, a .popsection or
//     .endm without its beginning and a number that does not fit 64 bits are
//     errors; as warns and goes on with zero.
//   - Undefined numeric labels and misspelt mnemonics are reported with the
//     column and the nearest spelling.
//   - -g for assembly sources is accepted and makes no line table; .file and
//     .loc make one.
//   - Where as cuts a fragment because its memory block is full, it may write
//     one more DW_LNE_set_address; we never do.
//
// # Non-goals
//
// Intel syntax, other processors, VEX and EVEX encodings.
package asm
