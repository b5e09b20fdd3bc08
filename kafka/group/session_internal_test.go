package group

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/stream"
)

// listener is a stage that notes of what it was handed records.
type listener struct{ took []stream.TopicPartition }

func (*listener) OnAssigned(context.Context, stream.Position) (int64, error) { return 0, nil }
func (*listener) OnRevoked(context.Context, []stream.TopicPartition)         {}
func (*listener) OnLost([]stream.TopicPartition)                             {}

func (l *listener) Process(tp stream.TopicPartition, _ []stream.Record) {
	l.took = append(l.took, tp)
}

// What is still polled of a partition that was given up, or whose takeover failed, is nobody's here.
func TestRecordsOfAPartitionThatIsGoneAreNotHandedOver(t *testing.T) {
	t.Parallel()
	var l listener
	mine := stream.TopicPartition{Topic: schemas.TopicSendsBulk, Partition: 1}
	s := &session{
		group: &Group{cfg: kafka.Config{Prefix: "t."}}, stage: &l, owned: map[stream.TopicPartition]ownedPartition{mine: {}},
	}
	for p := range int32(3) {
		s.process(kgo.FetchTopicPartition{Topic: "t." + string(schemas.TopicSendsBulk), FetchPartition: kgo.FetchPartition{Partition: p, Records: []*kgo.Record{{}}}})
	}
	if len(l.took) != 1 || l.took[0] != mine {
		t.Errorf("records of %v were handed over, and only %v is owned; want 1 of them, %v", l.took, mine, l.took[0])
	}
}
