package fanout

import (
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// A log that lost its end gives the offsets of broadcasts out again: what comes there begins at its own beginning, is not passed
// over, and starts whatever was said of the one that had its place; those that are finished are not dispatched again.
func TestBroadcastAtTheOffsetOfALostOneIsCarriedOutWhole(t *testing.T) {
	for name, more := range map[string]int{"it ends below what was committed": 1, "it has grown to where it was": 2, "it has grown beyond": 5} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.run()
				done := w.submit(w.sliced(event("100", phonesFrom(0, 300)...)))
				w.finished(done)
				w.lock(func() { w.stopSenders = true })
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				lost := w.submit(w.sliced(event("100", phonesFrom(7000, 5000)...)))
				// Of a record that needed nothing the ledger has no line.
				w.Append(stream.Record{Topic: schemas.TopicBroadcasts, Partition: stream.NoPartition, Key: []byte("100")})
				w.until("both are under way", patient, func() bool {
					return w.view[half].GetCursor() > 0 && w.view[lost].GetCursor() > 0
				})
				passes(5 * time.Second)
				p.kill()
				w.cut(partitionOf("100"), 2) // the third one and the record that needed nothing are gone
				var ids []schemas.TaskID
				for i := range more {
					ids = append(ids, w.submit(w.sliced(event("100", phonesFrom(20_000+1000*i, 200)...))))
				}
				w.startSenders()
				w.run()
				w.finished(append(ids, done, half)...)
				for _, id := range ids {
					w.expect(id, counts{"sent": 200})
					w.once(id)
				}
				w.expect(done, counts{"sent": 300})
				w.once(done)
				if n := w.counts(half)["sent"]; n < 4000 {
					t.Errorf("%v of the one whose record is still there, want 4000 sent at least", w.counts(half))
				}
			})
		})
	}
}

// Offsets that are gone, or that somebody set: finished broadcasts are not dispatched again, one that was under way reaches nobody
// twice and everybody has an outcome, and what was written while nobody was there is sent.
func TestBroadcastsWhoseOffsetsAreGoneReachNobodyTwice(t *testing.T) {
	of := partitionOf("100")
	for name, set := range map[string]*stream.Position{
		"gone": nil, "set to the start": {Partition: of}, "set forward": {Partition: of, Offset: 2}, "set too far": {Partition: of, Offset: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				p := w.run()
				done := w.submit(w.sliced(event("100", phonesFrom(0, 300)...)))
				w.finished(done)
				later := event("100", phonesFrom(30_000, 50)...)
				later.ScheduleMs = time.Now().Add(time.Hour).UnixMilli()
				scheduled := w.submit(later)
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				w.underWay(half, 500)
				p.kill()
				if w.offsetsGone(of); set != nil {
					w.lock(func() { w.Positions[of] = *set })
				}
				passes(5 * time.Second)
				fresh := w.submit(w.sliced(event("100", phonesFrom(20_000, 200)...)))
				w.run()
				w.finished(done, half, fresh)
				passes(time.Hour)
				w.finished(scheduled)
				for id, want := range map[schemas.TaskID]counts{done: {"sent": 300}, fresh: {"sent": 200}, scheduled: {"sent": 50}} {
					w.expect(id, want)
					w.once(id)
				}
				w.once(half)
				c := w.counts(half)
				if c["sent"]+c["unknown"] != 5000 || c["unknown"] > mostUnknown || c["unknown"] == 0 {
					t.Errorf("the one that was under way: %v, want 5000 sent or unknown, some of them unknown, %d at most", c, mostUnknown)
				}
			})
		})
	}
}

// The offsets are gone while the aggregator is behind: what the Status does not show may have been dispatched all the same. Nobody gets
// a second send, whoever takes over meanwhile; what came after the takeover does not wait, and what never began is sent whole.
func TestOffsetsGoneWhileTheAggregatorStandsStillReachNobodyTwice(t *testing.T) {
	of := partitionOf("100")
	for name, c := range map[string]struct{ shown, senders, takenOverAgain bool }{
		"the Status has the TaskOpened only":           {shown: true, senders: true},
		"there is no Status":                           {senders: true},
		"nothing was sent yet":                         {shown: true},
		"the next owner takes over":                    {shown: true, senders: true, takenOverAgain: true},
		"the next owner takes over, no Status":         {senders: true, takenOverAgain: true},
		"the next owner, and nothing sent":             {takenOverAgain: true},
		"the next owner, the TaskOpened, nothing sent": {shown: true, takenOverAgain: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.lock(func() { w.stopAggregator, w.stopSenders = !c.shown, !c.senders })
				half := w.submit(w.sliced(event("100", phonesFrom(1000, 5000)...)))
				if c.shown {
					w.until("its TaskOpened is shown", patient, func() bool { return w.view[half].GetPlan() != nil })
					w.lock(func() { w.stopAggregator = true })
				}
				p := w.run()
				w.until("its first quantum is on the log, and said", patient, func() bool { return len(w.backlog) > 0 && len(w.made) > 0 })
				passes(5 * time.Second)
				p.kill()
				w.offsetsGone(of)
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
				for range 3 { // each TaskOpened first
					w.foldSome(1)
				}
				w.startAggregator()
				w.startSenders()
				w.finished(half, fresh, later)
				for id, want := range map[schemas.TaskID]counts{fresh: {"sent": 200}, later: {"sent": 1}} {
					w.expect(id, want)
					w.once(id)
				}
				w.once(half)
				if n := w.counts(half); n["sent"]+n["unknown"] != 5000 || n["unknown"] > mostUnknown {
					t.Errorf("the one that was under way: %v, want 5000 sent or unknown, %d of them unknown at most", n, mostUnknown)
				}
			})
		})
	}
}
