// Package mem is the physical memory of a simulated machine: sparse 4 KiB
// pages that are copied on write, so that a snapshot is a handful of pointers,
// and a hash of the whole contents that is kept up to date by each write.
//
// # Ownership
//
// A Memory is a two-level directory: a top table of chunks, each of them a
// table of pages. Every page, chunk and top table carries the epoch in which it
// was made. What carries the memory's current epoch belongs to it alone and is
// written in place; anything older may be shared with snapshots, or with
// memories of other machines on other goroutines, and is copied before its
// first write. Snapshot starts a new epoch; epochs are never used twice in a
// process. A page that is shared is never written again, its hash included, so
// that no locks are needed.
//
// # Hash
//
// The hash is the sum, in each of two 64-bit halves, of one mixed value per
// aligned 8-byte word that is not zero; absent pages are zero and contribute
// nothing. It depends on contents only, never on how they came about. A
// write either updates it at once (Store) or marks its page dirty, and Hash
// sums dirty pages again.
//
// # Non-goals
//
// No devices, no memory types, no permission bits: package cpu has them.
package mem
