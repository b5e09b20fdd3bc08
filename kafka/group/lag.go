package group

import (
	"context"
	"errors"
	"time"

	"altavoz/kafka"
	"altavoz/stream"
)

const (
	// lookEvery is how often writes to the registry that failed are looked for.
	lookEvery = 5 * time.Second
	// lagLooks is how many of these looks one measurement of the lag comes with: every 15 s, one request to each broker, as often as a metric is read.
	lagLooks = 3
)

// watchLag measures the lag of the partitions owned here, and repeats failed writes to the registry, until ctx ends.
func (s *session) watchLag(ctx context.Context) {
	for n := 0; kafka.Sleep(ctx, lookEvery); n++ {
		if n%lagLooks == 0 {
			s.measureLag(ctx)
		}
		s.registerCommits(ctx)
	}
}

func (s *session) measureLag(ctx context.Context) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookEvery, errors.New("the broker does not answer"))
	defer cancel()
	ends, err := s.reader.WatchEnds(ctx, s.group.topics...)
	if err != nil {
		s.group.log.Debug("measuring the lag", "error", err)
	}
	for t, ends := range ends {
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
