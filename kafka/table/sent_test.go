package table_test

import (
	"errors"
	"testing"
	"time"

	"altavoz/kafka/kafkatest"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/schemas/reply"
	"altavoz/stream"
)

// TestTapsAreFoundOnceTheViewHasReadWhatWasThere: before that Meta has to come again, where somebody tapped.
func TestTapsAreFoundOnceTheViewHasReadWhatWasThere(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	task := schemas.NewTaskID()
	sent := reply.SentRecord(true, task, []*schemas.Outcome{{Index: 4, Mark: uint32(schemas.StateSent), Wamid: "out"}})
	kafkatest.Publish(t, p, stream.Record{Topic: schemas.TopicSent, Partition: stream.NoPartition, Key: []byte("k"), Value: []byte("no record")}, sent)
	v, err := table.NewSent(c, l)
	if err != nil {
		t.Fatal(err)
	}
	taps := []*schemas.Tap{{Message: "in", Wamid: "out"}, {Message: "other", Wamid: "strange"}}
	if _, err := v.Tapped(taps, time.Unix(1, 0)); !errors.Is(err, optout.ErrBehind) {
		t.Errorf("before the start: %v, want %v", err, optout.ErrBehind)
	}
	if recs, err := v.Tapped(nil, time.Unix(1, 0)); err != nil || recs != nil {
		t.Errorf("of no taps: %v, %v", recs, err)
	}
	if err := v.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer v.Stop()
	<-v.CaughtUp()
	recs, err := v.Tapped(taps, time.Unix(1, 0))
	if err != nil || len(recs) != 1 {
		t.Fatalf("%v, %v", recs, err)
	}
	var r schemas.Result
	if err := schemas.Decode(&recs[0], &r); err != nil {
		t.Fatal(err)
	}
	if all := r.GetTaps().GetTaps(); schemas.TaskID(r.GetTask()) != task || len(all) != 1 || all[0].GetIndex() != 4 || all[0].GetMessage() != "in" {
		t.Errorf("got %v", &r)
	}
}
