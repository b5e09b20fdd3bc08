package fanout

import (
	"testing"
	"time"

	"altavoz/processor/fanout/schedule"
	"altavoz/schemas"
)

// TestSimulatedNumbersThatChangeAreFollowed: what a number has in flight follows the rate that it has now, and a number that is configured later is one
// of ours from then on.
func TestSimulatedNumbersThatChangeAreFollowed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		fills := func(most int) { // while nobody sends, but for a rest that is not worth a quantum
			t.Helper()
			w.lock(func() {
				if n := w.inFlight["100/"+string(schemas.LaneBulk)]; n > most || n <= most-schedule.MaxQuantum {
					t.Errorf("%d in flight, %d may be", n, most)
				}
			})
		}
		w.run()
		unknown := w.submit(event("700", phonesFrom(0, 5)...))
		w.finished(unknown)
		if s := w.status(unknown); s.GetPhase() != schemas.Phase_PHASE_FAILED {
			t.Errorf("of a number of nobody: %v, want it failed", s)
		}

		w.lock(func() { w.stopSenders = true })
		id := w.submit(w.sliced(event("100", phonesFrom(1000, 60_000)...)))
		passes(patient) // the first recipients are not waited for any longer
		fills(bulkWindow)
		w.lock(func() {
			w.numbers["100"], w.numbers["700"] = Number{Rate: bulkWindow / schedule.BulkSeconds * 3 / 2}, Number{Rate: 100}
		})
		for range 2 { // its rate is looked at when somebody is decided, once a second
			w.lock(func() { w.release(10) }) // whatever they are worth
			passes(5 * time.Second)
		}
		fills(bulkWindow * 3 / 2)
		w.startSenders()
		known := w.submit(event("700", phonesFrom(0, 5)...))
		w.finished(known, id)
		if s := w.status(known); s.GetPhase() == schemas.Phase_PHASE_FAILED || len(w.sends(known)) != 5 {
			t.Errorf("of a number that was added: %v, want 5 sends", s)
		}
	})
}
