package fanout

import (
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/schemas"
	"altavoz/stream"
)

// A task that waits leaves the ledger once its Status says as much as the ledger does; before that whoever takes over would
// go on where the Status is, and dispatch again.
func TestTaskIsParkedOnceItsStatusSaysItsCursor(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const total = 5000
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, total)...)))
		w.underWay(id, 500)
		w.lock(func() { w.stopAggregator = true })
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
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		w.lock(func() { w.stuck = schemas.TopicSendsExpress })
		var ids []schemas.TaskID
		for i := range 5 {
			ids = append(ids, w.submit(event("100", phonesFrom(10*i, 10)...)))
		}
		passes(10 * time.Second)
		p.kill()
		if l := w.ledger("100"); len(l.Lines) != len(ids) {
			t.Fatalf("the ledger is %+v, want %d lines", l, len(ids))
		}
		q := w.start()
		q.Pause(partitionOf("100")) // nothing of it is read
		q.Assign(partitionOf("100"))
		passes(10 * time.Second)
		q.Revoke(partitionOf("100"))
		if pos := w.committed("100"); pos.Offset != 0 {
			t.Errorf("committed %+v, want it as it was", pos)
		}
		w.lock(func() { w.stuck = "" })
		w.run()
		w.finished(ids...)
		for _, id := range ids {
			w.eachOnce(id, 10)
		}
	})
}

// Who of a leased quantum was decided is read from the states once the aggregator has passed what was said before the takeover.
func TestTakeoverWaitsForTheAggregator(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const total = 5000
		p := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, total)...)))
		w.underWay(id, 500)
		before := len(w.sends(id))
		w.until("another quantum is on its way", patient, func() bool { return len(w.made) > before })
		p.Expel() // its last quantum is neither said nor committed to be dispatched
		w.lock(func() { w.stopAggregator, w.stuck = true, schemas.TopicResults })
		passes(time.Second)
		p.kill()
		w.lock(func() { w.stuck = "" })
		passes(10 * time.Second) // all that was dispatched has its outcome, which nobody has folded yet
		w.run()
		passes(10 * time.Second)
		w.lock(func() { // the aggregator comes as far as the takeover, and not further
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
		passes(10 * time.Second) // and writes the states
		w.startAggregator()
		w.finished(id)
		w.eachOnce(id, total)
	})
}

// An owner that was replaced may finish its quantum while the next one waits to repeat it. Then there is nothing to repeat.
func TestQuantumThatAReplacedOwnerFinishedIsNotRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		const total = 5000
		zombie := w.run()
		id := w.submit(w.sliced(event("100", phonesFrom(0, total)...)))
		w.underWay(id, 500)
		w.lock(func() { w.stuck = schemas.TopicSendsBulk })
		passes(time.Second) // a quantum is leased, and can't be written
		w.lock(func() { w.stopAggregator = true })
		w.start().Assign(partitionOf("100"))
		passes(time.Second) // the next owner waits for the aggregator
		w.lock(func() { w.stuck = "" })
		passes(leaseFresh / 2)
		w.startAggregator()
		w.finished(id)
		zombie.Lose(partitionOf("100"))
		w.eachOnce(id, total)
	})
}

// unanswered is the fault of a commit that nobody answers, in a group that is slow to take the partitions away.
func unanswered([]stream.Position) logtest.Fault {
	return logtest.Fault{LoseAnswer: true, Unnoticed: true}
}

// After a commit that nobody answered nothing starts: also not what comes later, and with a commit that is answered.
func TestNothingStartsAfterACommitThatNobodyAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.run()
		p.OnCommit(unanswered)
		first := w.submit(event("100", "573001234567"))
		passes(time.Minute)
		p.OnCommit(nil)
		second := w.submit(event("100", "573001234568"))
		passes(time.Minute)
		if n := len(w.sends(first)) + len(w.sends(second)); n > 0 {
			t.Errorf("%d sends after a commit that nobody answered", n)
		}
		p.Rejoin()
		p.assignAll()
		w.finished(first, second)
	})
}
