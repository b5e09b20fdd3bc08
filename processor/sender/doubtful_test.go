package sender

import (
	"context"
	"errors"
	"testing"
	"time"

	"altavoz/schemas"
	"altavoz/stream"
)

// A send that may have been called before is not said to have failed because its message can't be read any more.
func TestCallThatMayHaveBeenMadeIsNotSaidToHaveFailed(t *testing.T) {
	bubble(t, func(w *world) {
		w.latency = func(*apiCall) time.Duration { return 5 * time.Second }
		task := schemas.NewTaskID()
		w.produce(bulkPartition, task, 0, again)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("called", func() bool { return len(w.calls) == 1 })
		w.rest(100 * time.Millisecond)
		p.Kill()
		w.loads = func(schemas.TaskID) error { return schemas.ErrContent }
		w.start([]stream.TopicPartition{bulkPartition})
		w.until("done", func() bool { return w.allDone(bulkPartition) })
		w.lock(func() {
			if got := w.best(task, 0).Outcome(); got != schemas.OutcomeUnknown || len(w.calls) != 1 {
				t.Errorf("ends as %s after %d calls; want %v, 1", got, len(w.calls), schemas.OutcomeUnknown)
			}
		})
	})
}

// Which record a newer version meant only that version can say: its partition is not taken over, and its ledger stays as it is. Whoever
// took its records for others would call again whom it has called.
func TestLedgerOfRecordsOfANewerVersionIsLeftAsItIs(t *testing.T) {
	bubble(t, func(w *world) {
		task := schemas.NewTaskID()
		w.produceAll(bulkPartition, task, 8)
		p := w.start([]stream.TopicPartition{bulkPartition})
		w.until("all sent", func() bool { return w.allDone(bulkPartition) })
		p.Revoke(bulkPartition)
		var pos stream.Position
		w.lock(func() {
			for _, rec := range w.Log(bulkPartition).Records {
				rec.Headers = []stream.Header{{Key: schemas.VersionHeader, Value: []byte("3")}}
			}
			pos = w.Positions[bulkPartition]
			pos.Begin, pos.End, pos.Begun = 0, w.Log(bulkPartition).End(), true
		})
		q := w.start(nil)
		if _, err := q.stage.OnAssigned(context.Background(), pos); !errors.Is(err, schemas.ErrNewer) {
			t.Errorf("taken over with %v, want %v", err, schemas.ErrNewer)
		}
		w.rest(time.Minute)
		w.lock(func() {
			if now := w.Positions[bulkPartition]; now.Offset != pos.Offset || now.Metadata != pos.Metadata || len(w.calls) != 8 {
				t.Errorf("committed %v, then %v; %d calls; want Offset %v, Metadata %v, 8", pos, now, len(w.calls), pos.Offset, pos.Metadata)
			}
		})
	})
}
