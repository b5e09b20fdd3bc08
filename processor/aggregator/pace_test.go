package aggregator

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"altavoz/schemas"
)

// Whatever comes when: the rate lies between those of the last four and the last five seconds, and is 0 after a rest.
func TestPace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1_700_000_000, rapid.Int64Range(0, 999_999_999).Draw(t, "nanos"))
		var p *pace
		type event struct {
			at time.Time
			n  uint32
		}
		var all []event
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(7*time.Second)).Draw(t, "pause")))
			n := rapid.Uint32Range(1, 1000).Draw(t, "n")
			if p == nil {
				p = &pace{last: now.Unix(), since: now}
			}
			p.count(now, n)
			all = append(all, event{now, n})
			var sum, least float64
			for _, e := range all {
				if now.Sub(e.at) < paceSeconds*time.Second {
					sum += float64(e.n)
				}
				if now.Sub(e.at) <= (paceSeconds-1)*time.Second {
					least += float64(e.n)
				}
			}
			span := max(1, min(now.Sub(all[0].at), paceSeconds*time.Second).Seconds())
			if r := p.rate(now); r > sum/min(span, paceSeconds-1)+.1 || r < least/span-.1 {
				t.Fatalf("rate %v, %v in the last five seconds, %v in the last four, span %v", r, sum, least, span)
			}
		}
		if r := p.rate(p.until()); r != 0 {
			t.Fatalf("%v a second after a rest", r)
		}
		if p.until().Sub(now) > paceSeconds*time.Second {
			t.Fatalf("it takes %v to rest", p.until().Sub(now))
		}
	})
}

// A task that goes on shows how fast; when it rests, that is said once, and the end says it by itself.
func TestRateIsShown(t *testing.T) {
	t.Parallel()
	bubble(t, func(w *world) {
		t := w.t
		p := w.start(Config{})
		w.result(planOf(2000))
		for i := range uint32(1000) {
			w.result(outcome(i, schemas.MarkSent, "", ""))
			p.feedAll()
			settle(10 * time.Millisecond)
		}
		settle(time.Second)
		if r := w.status(task1).GetRate(); r < 90 || r > 110 {
			t.Fatalf("a hundred a second are shown as %v", r)
		}
		n := w.size(statuses0)
		settle(time.Minute)
		if r := w.status(task1).GetRate(); r != 0 || w.size(statuses0) != n+1 {
			t.Fatalf("at rest: %v, %d statuses", r, w.size(statuses0)-n)
		}
		for i := range uint32(1000) { // receipts decide nobody
			w.result(received(5000, i, uint32(schemas.MarkDelivered)))
		}
		p.feedAll()
		settle(time.Second)
		if r := w.status(task1).GetRate(); r != 0 {
			t.Fatalf("receipts are counted as decided: %v", r)
		}
		settle(time.Minute)
		w.result(outcome(1500, schemas.MarkSent, "", ""))
		p.feedAll()
		settle(100 * time.Millisecond)
		if r := w.status(task1).GetRate(); r != 1 {
			t.Fatalf("one is shown as %v", r)
		}
		p.crash() // and the next one says that it rests
		p = w.start(Config{})
		defer p.leave()
		settle(time.Minute)
		p.feedAll()
		settle(time.Minute)
		if r := w.status(task1).GetRate(); r != 0 {
			t.Fatalf("after a crash and a rest: %v", r)
		}
		w.result(ranged(0, 2000, schemas.MarkCancelled))
		p.feedAll()
		settle(time.Second)
		n = w.size(statuses0)
		if s := w.status(task1); s.GetRate() != 0 || s.GetFinishedMs() == 0 {
			t.Fatalf("at the end: %v", s)
		}
		settle(time.Minute)
		if w.size(statuses0) != n {
			t.Fatal("something was written after the end")
		}
		w.checkView(t, true)
	})
}
