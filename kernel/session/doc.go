// Package session runs scenarios. A Target is a scenario made ready: machine,
// image, names, checks. A Session is one run of it: the choices taken so far,
// what the checks said, where the cores stand.
//
// A run is its schedule. A Session therefore records choices and nothing else:
// going back is restoring the nearest checkpoint and replaying, and whatever
// looks at a whole run (trace, diagram, stale values) replays its schedule
// with an Observer (see Play).
//
// Invariants: the same Target and the same schedule give the same events,
// verdicts and positions, on every host. Checks see memory, not store buffers.
// Nothing but Take moves a session forward.
//
// Non-goals: deciding what to take next beyond the plain run policies; that is
// the script's, the prompt's and the explorer's.
package session
