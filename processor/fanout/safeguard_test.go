package fanout

import (
	"testing"
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// eachOnce expects that every recipient of a task has one send.
func (w *world) eachOnce(id schemas.TaskID, total int) {
	w.t.Helper()
	if n := w.once(id); n != total {
		w.t.Errorf("%d sends for %d recipients", n, total)
	}
}

// A task that waits leaves the ledger once its Status says as much as the ledger does; before that whoever takes over would
// go on where the Status is, and dispatch again.
func TestTaskIsParkedOnceItsStatusSaysItsCursor(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const total = 5000
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, total)...)))
		w.until("it is under way", time.Minute, func() bool { return w.cursors[id] > 500 })
		w.set(func() { w.stopAggregator = true })
		passes(500 * time.Millisecond)
		w.control(id, schemas.ControlKind_CONTROL_KIND_PAUSE)
		passes(10 * time.Second)
		if n := uint32(len(w.sends(id))); n <= w.status(id).GetCursor() {
			t.Fatalf("%d were dispatched, and the Status says so", n)
		}
		p.kill()
		w.run()
		passes(time.Second)
		w.resume(id)
		passes(10 * time.Second)
		w.startAggregator()
		w.finished(id)
		w.eachOnce(id, total)
	})
}

// A takeover that ends before it has read what its predecessor had in the ledger leaves the ledger as it was.
func TestNothingIsCommittedBeforeTheOldLedgerIsRead(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.set(func() { w.stuck = map[stream.Topic]bool{schemas.TopicSendsExpress: true} })
		var ids []schemas.TaskID
		for i := range 5 {
			ids = append(ids, w.submit(event("100", phonesFrom(10*i, 10)...)))
		}
		passes(10 * time.Second)
		p.kill()
		pos, _ := w.position(slotOf("100"))
		before, err := ledger.Decode(pos.Offset, pos.Metadata)
		if err != nil || len(before.Lines) != len(ids) {
			t.Fatalf("%+v, %v", before, err)
		}
		q := w.start()
		q.Pause(slotOf("100")) // nothing of it is read
		q.assign(slotOf("100"))
		passes(10 * time.Second)
		q.revoke(slotOf("100"))
		if pos, _ = w.position(slotOf("100")); pos.Offset != 0 {
			t.Errorf("committed %+v", pos)
		}
		w.set(func() { w.stuck = nil })
		w.run()
		w.finished(ids...)
		for _, id := range ids {
			w.eachOnce(id, 10)
		}
	})
}

// Who of a leased turn was decided is read from the marks once the aggregator has passed what was said before the takeover.
func TestTakeoverWaitsForTheAggregator(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const total = 5000
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, total)...)))
		w.until("it is under way", time.Minute, func() bool { return w.cursors[id] > 500 })
		w.set(func() { // its last turn is neither said nor committed to be dispatched
			w.stopAggregator, w.owner[slotOf("100")], w.stuck = true, nil, map[stream.Topic]bool{schemas.TopicResults: true}
		})
		passes(time.Second)
		p.kill()
		w.set(func() { w.stuck = nil })
		passes(10 * time.Second) // all that was dispatched has its outcome, which nobody has folded yet
		w.run()
		passes(10 * time.Second)
		w.set(func() { // the aggregator comes as far as the takeover, and not further
			for i, rec := range w.backlog {
				var r schemas.Result
				if schemas.Decode(&rec, &r) == nil && r.GetNote() != nil {
					w.backlog = w.backlog[i:]
					return
				}
				w.fold(rec)
			}
			t.Error("the takeover has said nothing")
		})
		passes(10 * time.Second) // and writes the marks
		w.startAggregator()
		w.finished(id)
		w.eachOnce(id, total)
	})
}

// An owner that was replaced may finish its turn while the next one waits to repeat it. Then there is nothing to repeat.
func TestTurnThatAZombieFinishedIsNotRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		const total = 5000
		zombie := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, total)...)))
		w.until("it is under way", time.Minute, func() bool { return w.cursors[id] > 500 })
		w.set(func() { w.stuck = map[stream.Topic]bool{schemas.TopicSendsBulk: true} })
		passes(time.Second) // a turn is leased, and can't be written
		w.set(func() { w.stopAggregator = true })
		w.start().assign(slotOf("100"))
		passes(time.Second) // the next owner waits for the aggregator
		w.set(func() { w.stuck = nil })
		passes(leaseFresh / 2)
		w.startAggregator()
		w.finished(id)
		zombie.lose(slotOf("100"))
		w.eachOnce(id, total)
	})
}

// After a commit that nobody answered nothing starts: also not what comes later, and with a commit that is answered.
func TestNothingStartsAfterACommitThatNobodyAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.faults.unknown = 1
		p := w.run()
		w.set(func() { p.dropped = true }) // the group is slow to take the partitions away
		first := w.submit(event("100", "573001234567"))
		passes(time.Minute)
		w.set(func() { w.faults.unknown = 0 })
		second := w.submit(event("100", "573001234568"))
		passes(time.Minute)
		if n := len(w.sends(first)) + len(w.sends(second)); n > 0 {
			t.Errorf("%d sends after a commit that nobody answered", n)
		}
		p.rejoin()
		w.finished(first, second)
	})
}
