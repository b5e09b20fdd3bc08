package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
)

// TestNumbersMayChange: the pipe of a number follows the rate that it has now, and a number that is configured later is one
// of ours from then on.
func TestNumbersMayChange(t *testing.T) {
	const tenFit = 10 // while so many fit a pipe has room; for fewer no turn of a long list is begun
	inBubble(t, func(t *testing.T, w *world) {
		fills := func() (n int) { // when nobody sends any more
			w.set(func() { w.stopSenders = true })
			passes(5 * time.Second)
			w.set(func() { n = w.pipe["100/"+string(schemas.LaneBulk)] })
			w.startSenders()
			return n
		}
		w.run()
		unknown := w.submit(event("700", phonesFrom(0, 5)...))
		w.finished(unknown)
		if s := w.status(unknown); s.GetPhase() != schemas.Phase_PHASE_FAILED {
			t.Errorf("of a number of nobody: %v", s)
		}

		w.set(func() { w.faults.delay = 50 * time.Millisecond }) // or it would be over before anything changes
		id := w.submit(w.sliced(event("100", phonesFrom(1000, 60_000)...)))
		passes(time.Second) // the first recipients go ahead
		if n := fills(); n > 2000 || n <= 2000-tenFit {
			t.Errorf("%d in the pipe at 1,000 a second", n)
		}
		w.set(func() { w.numbers["100"], w.numbers["700"] = Number{Rate: 1500}, Number{Rate: 100} })
		passes(2 * time.Second)
		if n := fills(); n > 3000 || n <= 3000-tenFit {
			t.Errorf("%d in the pipe at 1,500 a second", n)
		}
		known := w.submit(event("700", phonesFrom(0, 5)...))
		w.finished(known, id)
		if s := w.status(known); s.GetPhase() == schemas.Phase_PHASE_FAILED || len(w.sends(known)) != 5 {
			t.Errorf("of a number that was added: %v", s)
		}
	})
}
