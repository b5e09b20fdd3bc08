package group_test

import (
	"testing"

	"altavoz/kafka"
	"altavoz/kafka/kafkatest"
	"altavoz/schemas"
	"altavoz/stream"
)

// A batch that can't be unpacked is passed over on every topic of a stage, wherever it lies, and what lies behind it is read.
func TestThreatS10PoisonStallsNoStage(t *testing.T) {
	t.Parallel()
	for _, topic := range []stream.Topic{schemas.TopicBroadcasts, schemas.TopicSendsExpress, schemas.TopicSendsBulk, schemas.TopicResults} {
		t.Run(string(topic), func(t *testing.T) {
			t.Parallel()
			kafkatest.OnBrokers(t, func(t *testing.T, c kafka.Config) {
				l := kafkatest.Layout(t, c)
				pub := kafkatest.Publisher(t, c, l)
				tp := l.Home(topic, []byte("k"))
				record := func(value string) stream.Record {
					return stream.Record{Topic: topic, Partition: stream.NoPartition, Key: []byte("k"), Value: []byte(value)}
				}
				kafkatest.WriteOversizedBatch(t, c, topic, tp)
				kafkatest.Publish(t, pub, record("1"), record("2"))
				kafkatest.WriteOversizedBatch(t, c, topic, tp)
				kafkatest.WriteOversizedBatch(t, c, topic, tp)
				kafkatest.Publish(t, pub, record("3"))
				p := kafkatest.NewProbe()
				kafkatest.JoinGroup(t, c, "stage", topic, p)
				for _, want := range []string{"1", "2", "3"} {
					if r := kafkatest.Take(t, p.Records, "record behind the bomb"); string(r.Value) != want {
						t.Errorf("got %q, want %q", r.Value, want)
					}
				}
			})
		})
	}
}
