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

// copiedForAnother submits a broadcast, and a copy of it for a number with another partition before its Status is there. It is sent once, by its own.
func (w *world) copiedForAnother(b *schemas.Broadcast, change func(*schemas.BlobRef)) schemas.TaskID {
	w.t.Helper()
	evil := proto.CloneOf(b)
	evil.Sender, evil.Content.Body, evil.RequestSha256 = "300", "otra cosa", []byte("another")
	change(evil.GetSlices())
	w.lock(func() { w.stopAggregator = true })
	id := w.submit(b)
	w.Append(schemas.EncodeBroadcast(evil))
	passes(time.Minute)
	w.startAggregator()
	w.finished(id)
	passes(time.Minute)
	w.once(id)
	for _, made := range w.sends(id) {
		if made[0].GetSender() != b.GetSender() {
			w.t.Fatalf("%v, want it sent by %s", made[0], b.GetSender())
		}
	}
	return id
}

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
			bubble(t, func(t *testing.T, w *world) {
				w.run()
				id := w.copiedForAnother(w.sliced(event("100", phonesFrom(0, 1500)...)), change)
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

// TestCopiesOfABroadcastWhoseOffsetsAreGoneReachNobodyTwice: a record without a TaskOpened was dispatched in part, and a copy of it has the first TaskOpened,
// so it is the copy that goes on; it must not begin at the start.
func TestCopiesOfABroadcastWhoseOffsetsAreGoneReachNobodyTwice(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		of := partitionOf("100")
		w.lock(func() { w.stopAggregator = true })
		b := w.sliced(event("100", phonesFrom(1000, 5000)...))
		w.Append(schemas.EncodeBroadcast(b))
		id := w.submit(b)
		p := w.run()
		w.until("its first quantum is on the log, and said", patient, func() bool { return len(w.backlog) > 0 && len(w.made) > 0 })
		passes(5 * time.Second)
		p.kill()
		w.offsetsGone(of)
		w.run()
		passes(time.Minute)
		for range 3 { // each TaskOpened first
			w.foldSome(1)
		}
		passes(time.Minute)
		w.startAggregator()
		w.finished(id)
		w.once(id)
		if n := w.counts(id); n["sent"]+n["unknown"] != 5000 || n["unknown"] > mostUnknown {
			t.Errorf("%v, want 5000 sent or unknown, %d of them unknown at most", n, mostUnknown)
		}
	})
}

// laterCopyOpened has a process read two copies of a broadcast, which wait in one task, and opens it with the later one: the TaskOpened of that
// comes first. Their writes run at the same time, so the order in which they reach the log is not fixed.
func (w *world) laterCopyOpened() (p *process, id schemas.TaskID) {
	w.t.Helper()
	w.lock(func() { w.stopAggregator = true })
	b := w.sliced(event("100", phonesFrom(1000, 5000)...))
	b.Chosen, b.Origin, b.OriginMac = true, &schemas.Origin{Partition: partitionOf("100").Partition + 1, Offset: 7}, []byte(madeUp)
	for range 2 {
		w.Append(schemas.EncodeBroadcast(b))
	}
	p = w.run()
	w.until("both copies have said that they are there", patient, func() bool { return len(w.backlog) >= 2 })
	w.lock(func() {
		offset := func(rec stream.Record) int64 {
			var r schemas.Result
			if err := schemas.Decode(&rec, &r); err != nil || r.GetPlan() == nil {
				w.failf("a TaskOpened was expected, not %v (%v)", &r, err)
			}
			return status.Position(r.GetPlan()).GetOffset()
		}
		slices.SortStableFunc(w.backlog, func(a, b stream.Record) int { return cmp.Compare(offset(b), offset(a)) })
	})
	return p, schemas.TaskID(b.GetTask())
}

// goesOnBehindItsStatus kills the owner of the task of two copies when more of it is dispatched than its Status shows. The next owner goes on where it is.
func (w *world) goesOnBehindItsStatus(p *process, id schemas.TaskID) {
	w.t.Helper()
	w.startAggregator()
	w.underWay(id, 500)
	w.lock(func() { w.stopAggregator = true })
	w.until("more of it is dispatched than its Status shows", patient, func() bool { return len(w.made) > int(w.view[id].GetCursor())+200 })
	passes(3 * time.Second) // and that is committed
	p.kill()
	w.run()
	passes(time.Second)
	w.startAggregator()
	w.finished(id)
	w.eachOnce(id, 5000)
	w.expect(id, counts{"sent": 5000})
}

// Copies of one broadcast may wait for its Status together, and the TaskOpened of the second one may be the first on the log. Then the second
// is the task: the next owner finds the task by the place that the Status names, and took one whose line stood at the other copy's place for a
// parked one, which went on at the cursor of a Status that lagged.
func TestCopyThatTheStatusNamesIsTheTask(t *testing.T) {
	bubble(t, func(_ *testing.T, w *world) {
		p, id := w.laterCopyOpened()
		w.foldSome(2)
		w.goesOnBehindItsStatus(p, id)
	})
}

// The same where the owner of the two copies dies before it sees that Status: the next owner has it before it reads the first copy, and must not
// begin with that one.
func TestTakeoverLeavesTheTaskToTheCopyThatTheStatusNames(t *testing.T) {
	bubble(t, func(_ *testing.T, w *world) {
		p, id := w.laterCopyOpened()
		p.kill()
		w.foldSome(2)
		passes(time.Second)
		w.goesOnBehindItsStatus(w.run(), id)
	})
}
