package records_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// A slice may be asked for before the transaction that wrote it has ended in its partition: it is waited for, and not called gone.
func TestARecordOfAnOpenTransactionIsWaitedFor(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		tp := stream.TopicPartition{Topic: schemas.TopicBlobs, Partition: 0}
		up, r := kafkatest.NewUpstream(t, c, tp), kafkatest.Reader(t, c)
		at := up.Begin("slice")
		type answer struct {
			rec stream.Record
			err error
		}
		got := make(chan answer, 1)
		go func() {
			rec, err := r.Record(context.WithoutCancel(t.Context()), tp, at)
			got <- answer{rec, err}
		}()
		select {
		case a := <-got:
			t.Fatalf("before the transaction ended: %q, %v", a.rec.Value, a.err)
		case <-time.After(time.Second): // long enough for an answer
		}
		up.End(kgo.TryCommit)
		if a := kafkatest.Take(t, got, "the slice"); a.err != nil || string(a.rec.Value) != "slice" {
			t.Errorf("got %q, %v; want \"slice\"", a.rec.Value, a.err)
		}
	})
}
