package trim_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/kafka/trim"
	"altavoz/schemas"
	"altavoz/stream"
)

// Where a partition begins and ends, how far its group is, what is older than a moment; and what is removed is gone.
func TestTheBeginningOfALogIsRemoved(t *testing.T) {
	t.Parallel()
	kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
		l := kafkatest.Layout(t, c)
		p := kafkatest.Publisher(t, c, l)
		of := stream.TopicPartition{Topic: schemas.TopicSendsExpress, Partition: l.Home(schemas.TopicSendsExpress, []byte("k"))}
		for range 10 {
			kafkatest.Publish(t, p, kafkatest.ExpressSend("k"))
		}
		commit(t, c, of, 7)
		client, err := trim.NewClient(c, map[stream.Topic]string{of.Topic: "sender"})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		found := func() trim.Log {
			t.Helper()
			all, err := client.Offsets(t.Context(), of.Topic)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range all {
				if got.Partition == of {
					return got
				}
				if got.Committed != stream.NoOffset || got.End != 0 {
					t.Errorf("got %+v of a partition without records, want nothing committed", got)
				}
			}
			t.Fatalf("%s is not in %v", of, all)
			return trim.Log{}
		}
		if got, want := found(), (trim.Log{Partition: of, End: 10, Committed: 7}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for moment, want := range map[time.Time]int64{time.Now().Add(-time.Hour): 0, time.Now().Add(time.Hour): 10} {
			if since, err := client.Since(t.Context(), of.Topic, moment); err != nil || since[of.Partition] != want {
				t.Errorf("since %s: %v, %v; want %d", moment, since, err, want)
			}
		}
		for range 2 { // a second process removes the same
			if err := client.Delete(t.Context(), map[stream.TopicPartition]int64{of: 5}); err != nil {
				t.Error(err)
			}
		}
		if got, want := found(), (trim.Log{Partition: of, Begin: 5, End: 10, Committed: 7}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// commit says for the senders that nothing below an offset is to be read again.
func commit(t *testing.T, c kafka.Config, of stream.TopicPartition, offset int64) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	at := make(kadm.Offsets)
	at.AddOffset(c.TopicName(of.Topic), of.Partition, offset, -1)
	if err := kadm.NewClient(cl).CommitAllOffsets(t.Context(), c.Prefix+"sender", at); err != nil {
		t.Fatal(err)
	}
}
