package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"

	"altavoz/kafka/stable"
	"altavoz/stream"
)

// openTransactions says how long transactions of others have kept the owned partitions of a topic from being read.
func (s *session) openTransactions(ctx context.Context, t stream.Topic, ends map[int32]int64) {
	if !stable.Committed(t) {
		return
	}
	listed, err := within(ctx, func() (kadm.ListedOffsets, error) {
		return s.reader.adm.ListCommittedOffsets(ctx, s.group.cfg.topic(t))
	})
	upTo, err := offsetsOf(listed, err, "stable ends", t)
	if err == nil { // else it is asked again soon
		s.group.transactions.Observe(t, s.slots(), upTo, ends)
	}
}
