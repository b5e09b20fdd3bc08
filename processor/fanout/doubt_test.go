package fanout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"altavoz/schemas"
	"altavoz/stream"
)

// cut takes the end of a log of broadcasts away, from so many records on.
func (w *world) cut(of stream.TopicPartition, left int) {
	w.set(func() {
		w.logs[of] = w.logs[of][:left]
		w.lost[of] = true
	})
}

// dispatchedOnce fails if somebody has two sends of a task.
func (w *world) dispatchedOnce(id schemas.TaskID) {
	w.t.Helper()
	for index, s := range w.sends(id) {
		if len(s) > 1 {
			w.t.Errorf("recipient %d of %s was dispatched %d times", index, id, len(s))
		}
	}
}

// A log that lost its end gives the offsets of broadcasts out again: what comes there begins at its own beginning, is not passed
// over, and starts whatever was said of the one that had its place; those that are finished are not dispatched again.
func TestBroadcastAtTheOffsetOfALostOneIsCarriedOutWhole(t *testing.T) {
	for name, more := range map[string]int{"it ends below what was committed": 1, "it has grown to where it was": 2, "it has grown beyond": 5} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				done := w.submit(w.sliced(event("100", phonesFrom(0, 300)...)))
				w.finished(done)
				w.set(func() { w.stopSenders = true })
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				lost := w.submit(w.sliced(event("100", phonesFrom(7000, 5000)...)))
				// Of a record that needed nothing the ledger has no line.
				w.append(nil, stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Key: []byte("100")})
				w.until("both are under way", patient, func() bool {
					return w.view[half].GetCursor() > 0 && w.view[lost].GetCursor() > 0
				})
				passes(5 * time.Second)
				p.kill()
				w.cut(slotOf("100"), 2) // the third one and the record that needed nothing are gone
				var ids []schemas.TaskID
				for i := range more {
					ids = append(ids, w.submit(w.sliced(event("100", phonesFrom(20_000+1000*i, 200)...))))
				}
				w.startSenders()
				w.run()
				w.finished(append(ids, done, half)...)
				for _, id := range ids {
					if d := cmp.Diff(map[string]int{"sent": 200}, w.counts(id)); d != "" {
						t.Error(d)
					}
					w.dispatchedOnce(id)
				}
				if d := cmp.Diff(map[string]int{"sent": 300}, w.counts(done)); d != "" {
					t.Error(d)
				}
				w.dispatchedOnce(done)
				if n := w.counts(half)["sent"]; n < 4000 {
					t.Errorf("%v of the one whose record is still there", w.counts(half))
				}
			})
		})
	}
}

// Offsets that are gone, or that somebody set: finished broadcasts are not dispatched again, one that was under way reaches nobody
// twice and everybody has an outcome, and what was written while nobody was there is sent.
func TestBroadcastsWhoseOffsetsAreGoneReachNobodyTwice(t *testing.T) {
	of := slotOf("100")
	for name, set := range map[string]*stream.Position{
		"gone": nil, "set to the start": {Partition: of}, "set forward": {Partition: of, Offset: 2}, "set too far": {Partition: of, Offset: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				p := w.run()
				done := w.submit(w.sliced(event("100", phonesFrom(0, 300)...)))
				w.finished(done)
				later := event("100", phonesFrom(30_000, 50)...)
				later.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
				scheduled := w.submit(later)
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				w.until("it is under way", patient, func() bool { return w.view[half].GetCursor() > 500 })
				p.kill()
				w.set(func() {
					w.lost[of] = true
					if delete(w.positions, of); set != nil {
						w.positions[of] = *set
					}
				})
				passes(5 * time.Second)
				fresh := w.submit(w.sliced(event("100", phonesFrom(20_000, 200)...)))
				w.run()
				w.finished(done, half, fresh)
				passes(time.Hour)
				w.finished(scheduled)
				for id, want := range map[schemas.TaskID]map[string]int{done: {"sent": 300}, fresh: {"sent": 200}, scheduled: {"sent": 50}} {
					if d := cmp.Diff(want, w.counts(id)); d != "" {
						t.Error(d)
					}
					w.dispatchedOnce(id)
				}
				w.dispatchedOnce(half)
				c := w.counts(half)
				if c["sent"]+c["unknown"] != 5000 || c["unknown"] > 3000 || c["unknown"] == 0 {
					t.Errorf("the one that was under way: %v", c)
				}
			})
		})
	}
}

// The offsets are gone while the aggregator is behind: what the Status does not show may have been dispatched all the same. Nobody gets
// a second send, whoever takes over meanwhile; what came after the takeover does not wait, and what never began is sent whole.
func TestOffsetsGoneWhileTheAggregatorStandsStillReachNobodyTwice(t *testing.T) {
	of := slotOf("100")
	for name, c := range map[string]struct{ shown, senders, takenOverAgain bool }{
		"the Status has the Plan only":           {shown: true, senders: true},
		"there is no Status":                     {senders: true},
		"nothing was sent yet":                   {shown: true},
		"the next owner takes over":              {shown: true, senders: true, takenOverAgain: true},
		"the next owner takes over, no Status":   {senders: true, takenOverAgain: true},
		"the next owner, and nothing sent":       {takenOverAgain: true},
		"the next owner, the Plan, nothing sent": {shown: true, takenOverAgain: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.set(func() { w.stopAggregator, w.stopSenders = !c.shown, !c.senders })
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				if c.shown {
					w.until("its Plan is shown", patient, func() bool { return w.view[half].GetPlan() != nil })
					w.set(func() { w.stopAggregator = true })
				}
				p := w.run()
				w.until("its first turn is on the log, and said", patient, func() bool { return len(w.backlog) > 0 && len(w.made) > 0 })
				passes(5 * time.Second)
				p.kill()
				w.set(func() {
					w.lost[of] = true
					delete(w.positions, of)
				})
				fresh := w.submit(w.sliced(event("100", phonesFrom(20_000, 200)...)))
				p = w.run()
				passes(time.Minute)
				later := w.submit(event("100", "573001234567"))
				passes(10 * time.Minute)
				if n := len(w.sends(later)); n != 1 {
					t.Errorf("%d of the one that came after the takeover were dispatched: it waits for the others", n)
				}
				if n := len(w.sends(fresh)); n != 0 {
					t.Errorf("%d were dispatched of what may have been under way", n)
				}
				if c.takenOverAgain {
					p.kill()
					w.run()
					passes(10 * time.Minute)
				}
				for range 3 { // Plans first
					w.foldSome(1)
				}
				w.startAggregator()
				w.startSenders()
				w.finished(half, fresh, later)
				for id, want := range map[schemas.TaskID]map[string]int{fresh: {"sent": 200}, later: {"sent": 1}} {
					if d := cmp.Diff(want, w.counts(id)); d != "" {
						t.Error(d)
					}
					w.dispatchedOnce(id)
				}
				w.dispatchedOnce(half)
				if n := w.counts(half); n["sent"]+n["unknown"] != 5000 || n["unknown"] > 3000 {
					t.Errorf("the one that was under way: %v", n)
				}
			})
		})
	}
}
