// Package target explores scenarios: it turns a scenario's checks and bounds
// into a problem for package explore, runs the searches that its verdicts need,
// and writes the report.
//
// A scenario is searched twice at most. The first search answers every check:
// it counts no switches between cores and so visits the fewest states. The
// second, for the checks that the first found violated, makes their
// counterexamples minimal in preemptive switches too. Each counterexample is
// replayed by plain steps before it is reported.
//
// # Non-goals
//
// Drawing counterexamples: package diagram does, from the schedule.
package target
