package sender

import (
	"testing"
	"time"

	"altavoz/internal/logtest"
	"altavoz/processor/sender/ledger"
	"altavoz/schemas"
	"altavoz/stream"
)

// TestRepeatThatWasStartedIsUnknown: a send that was seen before, of a takeover of the fanout, is dropped; but not one whose call
// an earlier owner may have begun. Nobody else says what became of it.
func TestRepeatThatWasStartedIsUnknown(t *testing.T) {
	bubble(t, func(w *world) {
		id := who{schemas.NewTaskID(), 1}
		w.produce(bulkPartition, id.task, id.index)
		w.produce(bulkPartition, id.task, id.index)
		w.lock(func() {
			w.Positions[bulkPartition] = stream.Position{Partition: bulkPartition, Offset: 1, Metadata: ledger.Encode(&ledger.Identity{}, 0, []ledger.Run{{State: ledger.Started, N: 1}})}
		})
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeUnknown); n != 1 || len(w.calls) != 0 {
			t.Errorf("%d unknown, %d calls; want 1, 0", n, len(w.calls))
		}
	})
}

// TestSendThatMayHaveReachedSomebodyStaysStarted: one that may be sent again waits for that as started, so that whoever takes it
// over does not say that it was never called.
func TestSendThatMayHaveReachedSomebodyStaysStarted(t *testing.T) {
	bubble(t, func(w *world) {
		w.answer = answers(schemas.Reply{Verdict: schemas.VerdictLost, After: 10 * time.Second})
		id := who{schemas.NewTaskID(), 1}
		last := time.Now().Add(8 * time.Second)
		w.produce(bulkPartition, id.task, id.index, again, until(last))
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("a call", func() bool { return len(w.calls) == 1 })
		w.rest(2 * time.Second)
		if stateIn(w.Positions[bulkPartition], 0) == ledger.Free {
			t.Error("it waits as if no call had begun")
		}
		p.Kill()
		w.rest(time.Until(last) + time.Second)
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		if n := w.count(schemas.OutcomeUnknown); n != 1 || len(w.calls) != 1 {
			t.Errorf("%d unknown, %d calls, outcomes %v; want 1, 1", n, len(w.calls), w.outcomes(id))
		}
	})
}

// TestLostCallOfALostPartitionIsSaid: the answer to a call is lost, and so was its partition. Another owner may take its time, and
// who asked for the send to be made again is told so far as this one knows.
func TestLostCallOfALostPartitionIsSaid(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 5 * time.Second }
		w.answer = func(*apiCall) schemas.Reply { return schemas.Reply{Verdict: schemas.VerdictLost} }
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.produce(bulkPartition, schemas.NewTaskID(), 1, again)
		w.until("a call", func() bool { return len(w.calls) == 1 })
		p.Lose(bulkPartition)
		w.rest(10 * time.Second)
		if n := w.count(schemas.OutcomeUnknown); n != 1 || len(w.calls) != 1 {
			t.Errorf("%d unknown, %d calls; want 1, 1", n, len(w.calls))
		}
	})
}

// TestRejectIsDoneOnceItIsWritten: a record that nobody understands is not passed over before it is kept.
func TestRejectIsDoneOnceItIsWritten(t *testing.T) {
	bubble(t, func(w *world) {
		p := w.start([]stream.TopicPartition{bulkPartition})
		p.OnWrite(func(stream.Record) logtest.Fault { return logtest.Fault{Before: time.Hour} })
		w.append(bulkPartition, stream.Record{Value: []byte("this is no send")}, who{}, false)
		w.rest(10 * doneGap)
		if pos, ok := w.Positions[bulkPartition]; ok && stateIn(pos, 0) == ledger.Done {
			t.Error("done before it was kept")
		}
		p.Kill()
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("it is kept", func() bool { return len(w.rejects) > 0 && w.allDone(bulkPartition) })
	})
}
