package table_test

import (
	"context"
	"testing"

	"altavoz/kafka/kafkatest"
	"altavoz/kafka/table"
	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/stream"
)

// TestOptOutOutlivesCompactionWhoeverWroteLast: a STOP, and behind it the START of before, by a process that had not read the STOP. Compaction leaves the last
// record alone: so that gets another one behind it, which says both. Where nothing is lacking nothing is written.
func TestOptOutOutlivesCompactionWhoeverWroteLast(t *testing.T) {
	t.Parallel()
	_, c := kafkatest.Embedded(t)
	l := kafkatest.Layout(t, c)
	p := kafkatest.Publisher(t, c, l)
	stop, start := optout.Entry{Person: "573001234567", OutS: 30}, optout.Entry{Person: "573001234567", InS: 20}
	both := optout.Entry{Person: "573001234568", OutS: 30, InS: 20}
	kafkatest.Publish(t, p, stop.Encode("b"), start.Encode("b"), (&optout.Entry{Person: both.Person, OutS: 30}).Encode("b"), (&optout.Entry{Person: both.Person, InS: 20}).Encode("b"), both.Encode("b"))
	v, err := table.NewOptOuts(c, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer v.Stop()
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.Complete(ctx, p)
	}()
	var ends map[int32]int64
	r := kafkatest.Reader(t, c)
	kafkatest.Until(t, "the record that has both", func() bool {
		ends, err = r.Ends(t.Context(), schemas.TopicOptOuts)
		return err == nil && ends[0] == 6
	})
	end()
	<-done
	rec, err := r.Record(t.Context(), stream.TopicPartition{Topic: schemas.TopicOptOuts}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if business, e, err := optout.Decode(&rec); err != nil || business != "b" || e.Person != stop.Person || e.OutS != 30 || e.InS != 20 {
		t.Errorf("the last record is of %s and says %+v, %v; want both times of %s", business, e, err, stop.Person)
	}
}
