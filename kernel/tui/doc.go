// Package tui is klpsim's full-screen mode: a pane for each core, the diagram
// growing below, and a line for commands.
//
// Model is a Bubble Tea model over a script.Engine. Every key is a row of one
// table, which drives dispatch and the help that ? shows; a key that moves the
// run executes a command of the prompt, so whatever is done here can be saved
// as a script.
//
// Invariants: a frame depends on the session, the size and what was typed
// only; it has exactly as many lines as the screen, none longer than it is wide.
package tui
