package fanout

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"altavoz/processor/fanout/status"
	"altavoz/schemas"
	"altavoz/stream"
)

// TestThreatS13CopyForAnotherNumberStartsNothing: who reads and writes broadcasts copies one with its id and proof while its Status is not there
// yet, with another text and another number, whose partition knows nothing of the task.
func TestThreatS13CopyForAnotherNumberStartsNothing(t *testing.T) {
	for name, change := range map[string]func(*schemas.BlobRef){
		"as it is":                func(*schemas.BlobRef) {},
		"that names no number":    func(r *schemas.BlobRef) { r.Sender = "" },
		"that names the other":    func(r *schemas.BlobRef) { r.Sender = "300" },
		"without task and number": func(r *schemas.BlobRef) { r.Sender, r.Task = "", nil },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.run()
				victim := w.sliced(event("100", phonesFrom(0, 1500)...))
				evil := proto.CloneOf(victim)
				evil.Sender, evil.Content.Body, evil.RequestSha256 = "300", "otra cosa", []byte("another")
				change(evil.GetSlices())
				w.set(func() { w.stopAggregator = true })
				id := w.submit(victim)
				w.append(nil, schemas.EncodeBroadcast(evil))
				passes(time.Minute)
				w.startAggregator()
				w.finished(id)
				passes(time.Minute)
				w.sentOnceBy(t, id, "100")
				if len(w.rejected()) == 0 {
					t.Error("the copy is not in rejects")
				}
				if n := w.counts(id)["sent"]; name != "that names the other" && n != 1500 {
					t.Errorf("%v of the one that was copied", w.counts(id))
				}
			})
		})
	}
}

// laterCopyFirst sorts the unread TaskOpened so that the one of the copy with the highest offset comes first. Both copies wait in one task and their
// writes run at the same time: the order in which they reach the log is not fixed.
func (w *world) laterCopyFirst() {
	w.set(func() {
		offset := func(rec stream.Record) int64 {
			var r schemas.Result
			if err := schemas.Decode(&rec, &r); err != nil || r.GetPlan() == nil {
				w.failf("a TaskOpened was expected, not %v (%v)", &r, err)
			}
			return status.Position(r.GetPlan()).GetOffset()
		}
		slices.SortStableFunc(w.backlog, func(a, b stream.Record) int { return cmp.Compare(offset(b), offset(a)) })
	})
}

// TestCopiesOfABroadcastWhoseOffsetsAreGoneReachNobodyTwice: a record without a Plan was dispatched in part, and a copy of it has the first Plan,
// so it is the copy that goes on; it must not begin at the start.
func TestCopiesOfABroadcastWhoseOffsetsAreGoneReachNobodyTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		of := slotOf("100")
		w.set(func() { w.stopAggregator = true })
		b := w.sliced(event("100", phonesFrom(1000, 5000)...))
		w.append(nil, schemas.EncodeBroadcast(b))
		id := w.submit(b)
		p := w.run()
		w.until("its first turn is on the log, and said", patient, func() bool { return len(w.backlog) > 0 && len(w.made) > 0 })
		passes(5 * time.Second)
		p.kill()
		w.set(func() {
			w.lost[of] = true
			delete(w.positions, of)
		})
		w.run()
		passes(time.Minute)
		for range 3 { // Plans first
			w.foldSome(1)
		}
		passes(time.Minute)
		w.startAggregator()
		w.finished(id)
		w.dispatchedOnce(id)
		if n := w.counts(id); n["sent"]+n["unknown"] != 5000 || n["unknown"] > 3000 {
			t.Errorf("%v", n)
		}
	})
}

// Copies of one broadcast may wait for its Status together, and the TaskOpened of the second one may be the first on the log. Then the second
// is the task: the next owner finds the task by the place that the Status names, and took one whose line stood at the other copy's place for a
// parked one, which went on at the cursor of a Status that lagged.
func TestCopyThatTheStatusNamesIsTheTask(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		of := slotOf("100")
		w.set(func() { w.stopAggregator = true })
		b := w.sliced(event("100", phonesFrom(1000, 5000)...))
		b.Chosen, b.Origin, b.OriginMac = true, &schemas.Origin{Partition: of.Partition + 1, Offset: 7}, []byte(madeUp)
		id := schemas.TaskID(b.GetTask())
		for range 2 {
			w.append(nil, schemas.EncodeBroadcast(b))
		}
		p := w.run()
		w.until("both copies have said that they are there", patient, func() bool { return len(w.backlog) >= 2 })
		w.laterCopyFirst()
		w.foldSome(2)
		w.startAggregator()
		w.until("it is under way", patient, func() bool { return w.cursors[id] > 500 })
		var shown int
		w.set(func() { w.stopAggregator, shown = true, len(w.made) })
		w.until("more of it is dispatched than its Status shows", patient, func() bool { return len(w.made) > shown+500 })
		passes(3 * time.Second) // and that is committed
		p.kill()
		w.run()
		passes(time.Second)
		w.startAggregator()
		w.finished(id)
		w.dispatchedOnce(id)
		if n := w.counts(id); n["sent"] != 5000 {
			t.Errorf("%v, want 5000 sent", n)
		}
	})
}

// The same where the owner of the two copies dies before it sees that Status: the next owner has it before it reads the first copy, and must not
// begin with that one.
func TestTakeoverLeavesTheTaskToTheCopyThatTheStatusNames(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		of := slotOf("100")
		w.set(func() { w.stopAggregator = true })
		b := w.sliced(event("100", phonesFrom(1000, 5000)...))
		b.Chosen, b.Origin, b.OriginMac = true, &schemas.Origin{Partition: of.Partition + 1, Offset: 7}, []byte(madeUp)
		id := schemas.TaskID(b.GetTask())
		for range 2 {
			w.append(nil, schemas.EncodeBroadcast(b))
		}
		p := w.run()
		w.until("both copies have said that they are there", patient, func() bool { return len(w.backlog) >= 2 })
		p.kill()
		w.laterCopyFirst()
		w.foldSome(2)
		passes(time.Second)
		p = w.run()
		w.startAggregator()
		w.until("it is under way", patient, func() bool { return w.cursors[id] > 500 })
		var shown int
		w.set(func() { w.stopAggregator, shown = true, len(w.made) })
		w.until("more of it is dispatched than its Status shows", patient, func() bool { return len(w.made) > shown+500 })
		passes(3 * time.Second) // and that is committed
		p.kill()
		w.run()
		passes(time.Second)
		w.startAggregator()
		w.finished(id)
		w.dispatchedOnce(id)
		if n := w.counts(id); n["sent"] != 5000 {
			t.Errorf("%v, want 5000 sent", n)
		}
	})
}
