// Package script is the command language of the prompt, of scripts and of a
// scenario's run block: one language, from one table.
//
// A row of the table (see commands) drives dispatch, abbreviations, completion,
// help and the generated reference. The words are gdb's where gdb has one.
//
// An Engine executes commands on a session. Commands that move the session
// end in choices, so that what a script did is fully given by the schedule that
// it left; SaveScript writes the commands themselves.
//
// Invariants: a command that fails has not moved the session, except a run
// that was cut off; its error says what was expected. In batch mode the first
// error ends the script, and an injection that never fired is an error.
//
// Non-goals: variables, loops, user-defined commands.
package script
