package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"altavoz/app/operator"
	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/schemas"
	"altavoz/stream"
	"altavoz/test/harness"
)

// What nobody can process is shown, and played again byte for byte: once, and a second time only when somebody insists.
func testRejectsAreReplayed(t *testing.T, h *deployment) {
	rec := stream.Record{
		Topic: schemas.TopicBroadcasts, Partition: 1, Key: []byte("k\x00\xff"), Value: []byte("no JSON: \xff\x00 " + time.Now().String()),
		Headers: []stream.Header{{Key: "trace", Value: []byte{0, 0xff}}, {Key: "reject.topic", Value: []byte("results")}, {Key: "empty"}},
	}
	pub, err := records.NewPublisher(h.kafka(), kafka.Layout{schemas.TopicBroadcasts: 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	acked, err := pub.Publish(t.Context(), rec)
	if err = errors.Join(err, pub.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	seen := h.rejected(t, acked[0].Offset)
	if seen.Topic != string(rec.Topic) || seen.Partition != 1 || seen.Base64 == "" || seen.Reason == "" || seen.Replayed {
		t.Errorf("shown as %+v, want Topic %v, Partition 1, one, one", seen, string(rec.Topic))
	}
	played := h.replay(t, seen.ID, false)
	if diff := cmp.Diff(rec, played, cmpopts.IgnoreFields(stream.Record{}, "Offset", "Time"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-written +played:\n%s", diff)
	}
	if !h.rejected(t, acked[0].Offset).Replayed {
		t.Error("that it was replayed is not shown")
	}
	if err := h.tryReplay(t, seen.ID, false, nil); !errors.Is(err, operator.ErrReplayed) {
		t.Errorf("a second time: %v, want %v", err, operator.ErrReplayed)
	}
	if again := h.replay(t, seen.ID, true); again.Offset <= played.Offset {
		t.Errorf("at %d, and then at %d; want more than %v", played.Offset, again.Offset, played.Offset)
	}
	if err := h.tryReplay(t, "1/4000000", false, nil); err == nil {
		t.Error("a record that is not there was replayed")
	}
}

// rejected waits until the record at that offset of the second partition of broadcasts is among the rejects.
func (h *deployment) rejected(t *testing.T, offset int64) (found operator.Rejected) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.SettleTime)
	defer cancel()
	for found.ID == "" {
		err := operator.Rejects(ctx, h.kafka(), func(r operator.Rejected) error {
			if r.Topic == string(schemas.TopicBroadcasts) && r.Partition == 1 && r.Offset == offset {
				found = r
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func (h *deployment) tryReplay(t *testing.T, id string, again bool, done func(operator.Replay)) error {
	t.Helper()
	return operator.ReplayRejects(t.Context(), h.kafka(), []string{id}, again, done)
}

// replay plays one again and returns it as it was written.
func (h *deployment) replay(t *testing.T, id string, again bool) (rec stream.Record) {
	t.Helper()
	reader, err := records.NewReader(h.kafka())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	err = h.tryReplay(t, id, again, func(r operator.Replay) {
		slot := stream.TopicPartition{Topic: stream.Topic(r.Topic), Partition: r.Partition}
		if rec, err = reader.Record(t.Context(), slot, r.Offset); err != nil {
			t.Error(err)
		}
	})
	if err != nil || rec.Value == nil {
		t.Fatalf("got %+v, %v; want the record as it was", rec, err)
	}
	return rec
}
