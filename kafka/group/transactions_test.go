package group_test

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

func reading(t *testing.T, c kafka.Config, topic stream.Topic) *kafkatest.Probe {
	t.Helper()
	p := kafkatest.NewProbe()
	kafkatest.JoinGroup(t, c, "fanout", topic, p)
	return p
}

// Any exactly-once upstream aborts at times. What it aborted was never there, wherever it lies, for the stage and for whoever follows a
// pointer to it.
func TestAbortedBroadcastsAreNeverSeen(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		tp := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: l.Home(schemas.TopicBroadcasts, []byte("k"))}
		up, pub, r := kafkatest.NewUpstream(t, c, tp), kafkatest.Publisher(t, c, l), kafkatest.Reader(t, c)
		gone := up.Begin("aborted 1", "aborted 2")
		up.End(kgo.TryAbort)
		there := up.Begin("1", "2")
		up.End(kgo.TryCommit)
		up.Begin("aborted 3")
		up.End(kgo.TryAbort)
		kafkatest.Publish(t, pub, stream.Record{Topic: tp.Topic, Partition: tp.Partition, Value: []byte("3")})
		up.Begin("aborted 4")
		up.End(kgo.TryAbort)
		kafkatest.Publish(t, pub, stream.Record{Topic: tp.Topic, Partition: tp.Partition, Value: []byte("4")})
		p := reading(t, c, tp.Topic)
		for _, want := range []string{"1", "2", "3", "4"} {
			if got := kafkatest.Take(t, p.Records, "record "+want); string(got.Value) != want {
				t.Fatalf("got %q, want %q", got.Value, want)
			}
		}
		for _, at := range []int64{gone, gone + 1} {
			if rec, err := r.Record(t.Context(), tp, at); !errors.Is(err, stream.ErrGone) {
				t.Errorf("an aborted record is read: %q, %v; want %v", rec.Value, err, stream.ErrGone)
			}
		}
		if rec, err := r.Record(t.Context(), tp, there+1); err != nil || string(rec.Value) != "2" {
			t.Errorf("a committed record: %q, %v", rec.Value, err)
		}
	})
}

// A transaction that hangs stops what lies behind it. A metric says so, and it goes on when the transaction ends.
func TestAHangingTransactionIsMeasured(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		reg := prometheus.NewRegistry()
		l := kafkatest.Layout(t, c)
		tp := stream.TopicPartition{Topic: schemas.TopicBroadcasts, Partition: 1}
		up, pub := kafkatest.NewUpstream(t, c, tp), kafkatest.Publisher(t, c, l)
		c.Registerer = reg
		up.Begin("first")
		kafkatest.Publish(t, pub, stream.Record{Topic: tp.Topic, Partition: tp.Partition, Value: []byte("second")})
		p := reading(t, c, tp.Topic)
		open := func() float64 {
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range families {
				if f.GetName() == "altavoz_open_transaction_seconds" {
					return f.GetMetric()[0].GetGauge().GetValue()
				}
			}
			return 0
		}
		kafkatest.Until(t, "the transaction is measured", func() bool { return open() > 0 })
		select {
		case rec := <-p.Records:
			t.Errorf("%q is read while the transaction is open", rec.Value)
		default:
		}
		up.End(kgo.TryCommit)
		for _, want := range []string{"first", "second"} {
			if got := kafkatest.Take(t, p.Records, "record "+want); string(got.Value) != want {
				t.Errorf("got %q, want %q", got.Value, want)
			}
		}
		kafkatest.Until(t, "nothing is open", func() bool { return open() == 0 })
	})
}
