package aggregator

import (
	"testing"
	"time"

	"altavoz/schemas"
)

// A task that goes on shows how fast; when it rests, that is said once, and the end says it by itself.
func TestRateIsShown(t *testing.T) {
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		w.result(planOf(2000))
		for i := range uint32(1000) {
			w.result(outcome(i, schemas.StateSent, "", ""))
			p.feedAll()
			settle(10 * time.Millisecond)
		}
		settle(time.Second)
		if r := w.status(task1).GetRate(); r < 90 || r > 110 {
			t.Fatalf("a hundred a second are shown as %v, want at least 90, at most 110", r)
		}
		n := w.size(statuses0)
		settle(time.Minute)
		if r := w.status(task1).GetRate(); r != 0 || w.size(statuses0) != n+1 {
			t.Fatalf("at rest: %v, %d statuses; want 0", r, w.size(statuses0)-n)
		}
		for i := range uint32(1000) { // receipts decide nobody
			w.result(received(5000, i, uint32(schemas.StateDelivered)))
		}
		p.feedAll()
		settle(time.Second)
		if r := w.status(task1).GetRate(); r != 0 {
			t.Fatalf("receipts are counted as decided: %v, want 0", r)
		}
		settle(time.Minute)
		w.result(outcome(1500, schemas.StateSent, "", ""))
		p.feedAll()
		settle(100 * time.Millisecond)
		if r := w.status(task1).GetRate(); r != 1 {
			t.Fatalf("one is shown as %v, want 1", r)
		}
		p.crash() // and the next one says that it rests
		p = w.start(Config{})
		defer p.leave()
		settle(time.Minute)
		p.feedAll()
		settle(time.Minute)
		if r := w.status(task1).GetRate(); r != 0 {
			t.Fatalf("after a crash and a rest: %v, want 0", r)
		}
		w.result(ranged(0, 2000, schemas.StateCancelled))
		p.feedAll()
		settle(time.Second)
		n = w.size(statuses0)
		if s := w.status(task1); s.GetRate() != 0 || s.GetFinishedMs() == 0 {
			t.Fatalf("at the end: %v, want Rate 0, FinishedMs other than 0", s)
		}
		settle(time.Minute)
		if w.size(statuses0) != n {
			t.Fatal("something was written after the end")
		}
		w.checkView(t, true)
	})
}
