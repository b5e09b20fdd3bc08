package trimming

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
)

// On a Kafka: of a hundred old sends beyond what a takeover reads back nothing remains, and everything of those that are not done or young.
func TestOldSendsAreGoneFromKafka(t *testing.T) {
	t.Parallel()
	const old, readBack, young, waiting = 100, 28_192, 5, 7
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		kafkatest.Layout(t, c)
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(2*readBack))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		adm := kadm.NewClient(cl)
		write := func(topic string, partition int32, n int, age time.Duration) {
			t.Helper()
			all := make([]*kgo.Record, n)
			for i := range all {
				all[i] = &kgo.Record{Topic: topic, Partition: partition, Timestamp: time.Now().Add(-age)}
			}
			if err := cl.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		express, bulk := c.TopicName(schemas.TopicSendsExpress), c.TopicName(schemas.TopicSendsBulk)
		write(express, 1, old+readBack, 2*time.Hour)
		write(express, 1, waiting, 2*time.Hour)
		write(bulk, 2, old, 2*time.Hour)
		write(bulk, 2, young+readBack, time.Minute)
		done := make(kadm.Offsets)
		done.AddOffset(express, 1, old+readBack, -1)
		done.AddOffset(bulk, 2, old+young+readBack, -1)
		if err := adm.CommitAllOffsets(t.Context(), c.Prefix+"sender", done); err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewRegistry()
		s, stop, err := Open(c, Config{After: Least, Logger: slog.New(slog.DiscardHandler), Registerer: reg})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = stop(t.Context()) }()
		for range 2 {
			if err := s.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		begins, err := adm.ListStartOffsets(t.Context(), express, bulk)
		if err != nil {
			t.Fatal(err)
		}
		begins.Each(func(o kadm.ListedOffset) {
			want := int64(0)
			if o.Topic == express && o.Partition == 1 || o.Topic == bulk && o.Partition == 2 {
				want = old
			}
			if o.Offset != want {
				t.Errorf("%s/%d begins at %d, want %d", o.Topic, o.Partition, o.Offset, want)
			}
		})
		for topic, n := range kafkatest.MetricValues(t, reg, "altavoz_sends_trimmed_total", "topic") {
			if n != old {
				t.Errorf("%v of %s are counted, want %d", n, topic, old)
			}
		}
	})
}
