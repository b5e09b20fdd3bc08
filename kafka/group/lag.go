package group

import (
	"context"
	"errors"
	"time"

	"altavoz/kafka"
	"altavoz/stream"
)

// lagEvery is how often the end offsets of a group's topics are listed: one request each.
const lagEvery = 5 * time.Second

// watchLag measures the lag of the partitions owned here, and repeats failed writes to the registry, until ctx ends.
func (s *session) watchLag(ctx context.Context) {
	for kafka.Sleep(ctx, lagEvery) {
		s.measureLag(ctx)
		s.registerCommits(ctx)
	}
}

func (s *session) measureLag(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, lagEvery, errors.New("the broker does not answer"))
	defer cancel()
	for _, t := range s.group.topics {
		ends, err := s.reader.Ends(ctx, t)
		if err != nil {
			s.group.log.Debug("measuring the lag", "topic", string(t), "error", err)
			continue
		}
		s.openTransactions(ctx, t, ends)
		s.group.metrics.lag.WithLabelValues(string(t)).Set(s.lag(t, ends))
	}
}

// lag returns the number of records between the committed offsets of the owned partitions of a topic and their ends.
func (s *session) lag(t stream.Topic, ends map[int32]int64) (n float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for tp, p := range s.owned {
		if tp.Topic == t {
			n += float64(max(0, ends[tp.Partition]-p.committed))
		}
	}
	return n
}
