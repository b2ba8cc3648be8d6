// Package racetest runs assembly on simulated cores from Go tests.
//
// A Lab is a scenario, given as text in the format of package scenario or by
// its bundled name. Run executes commands of the prompt on a fresh machine and
// returns the end of the run: values, violated checks, the diagram, and the
// schedule that does it again. Sweep does so once for every instruction
// boundary of a function, with an event injected there.
//
//	func TestCounterSurvivesInterrupts(t *testing.T) {
//		lab, err := racetest.New(counter)
//		if err != nil {
//			t.Fatal(err)
//		}
//		points, err := lab.Sweep("count", "inject irq 20", "until done")
//		if err != nil {
//			t.Fatal(err)
//		}
//		for _, p := range points {
//			if len(p.Violated) > 0 {
//				t.Errorf("interrupt before %s (%s): %v", p.Place, p.Text, p.Violated)
//			}
//		}
//	}
//
// Invariants: runs are independent of each other and deterministic; a Lab may be
// used by several goroutines at once.
package racetest
