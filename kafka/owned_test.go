package kafka

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/schemas"
)

// listener is a stage that notes of what it was handed records.
type listener struct{ took []schemas.Slot }

func (*listener) Assign(context.Context, schemas.Position) (int64, error) { return 0, nil }
func (*listener) Revoke(context.Context, []schemas.Slot)                  {}
func (*listener) Lost([]schemas.Slot)                                     {}

func (l *listener) Take(slot schemas.Slot, _ []schemas.Record) { l.took = append(l.took, slot) }

// What is still polled of a partition that was given up, or whose takeover failed, is nobody's here.
func TestRecordsOfAPartitionThatIsGoneAreNotHandedOver(t *testing.T) {
	t.Parallel()
	var l listener
	mine := schemas.Slot{Topic: schemas.TopicSendsBulk, Partition: 1}
	s := &session{
		group: &Group{cfg: Config{Prefix: "t."}}, stage: &l, owned: map[schemas.Slot]struct{}{mine: {}}, next: map[schemas.Slot]int64{},
	}
	for p := range int32(3) {
		s.take(kgo.FetchTopicPartition{Topic: "t." + string(schemas.TopicSendsBulk), FetchPartition: kgo.FetchPartition{Partition: p, Records: []*kgo.Record{{}}}})
	}
	if len(l.took) != 1 || l.took[0] != mine {
		t.Errorf("records of %v were handed over, and only %v is owned", l.took, mine)
	}
}

// A process that lost a task and does not know it writes a higher version that knows less: the view keeps what was known.
func TestViewKeepsWhatASmallerStatusWouldTakeBack(t *testing.T) {
	t.Parallel()
	view, err := NewStatuses(Config{Brokers: []string{"127.0.0.1:1"}}, Layout{schemas.TopicStatuses: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer view.Stop()
	task := schemas.NewTaskID()
	heard := 0
	view.Listen(func(schemas.TaskID, *schemas.Status) { heard++ })
	word := func(version uint64, sent uint32, ended int64) {
		t.Helper()
		if err := view.read(schemas.EncodeStatus(0, &schemas.Status{
			Task: task.Bytes(), Version: version, Plan: &schemas.Plan{Total: 10}, FinishedMs: ended,
			Counts: []*schemas.MarkCount{{Mark: uint32(schemas.MarkSent), Count: sent}},
		})); err != nil {
			t.Fatal(err)
		}
	}
	word(1, 7, 0)
	word(2, 3, 0)
	word(3, 10, 99)
	word(4, 10, 0) // takes the end back
	if s, _ := view.Get(task); s.GetVersion() != 3 || heard != 2 {
		t.Errorf("version %d is shown, and %d were heard", s.GetVersion(), heard)
	}
}
