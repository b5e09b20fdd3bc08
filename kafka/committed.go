package kafka

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"altavoz/schemas"
)

// transactionPatience is how long an upstream's transaction may be open before that is said, and then how often: what lies behind it waits.
// Kafka itself ends one whose producer died, after the time-out that the producer asked for (a minute in most clients, at most the
// broker's transaction.max.timeout.ms).
const transactionPatience = time.Minute

// errOpenTransaction is the error of a record that may yet be aborted. It passes.
var errOpenTransaction = errors.New("the transaction that wrote the record is still open")

// readCommitted reports whether records of a topic are read only once they are committed: where upstream systems write themselves, some of
// them in transactions. What is aborted was never there.
func readCommitted(t schemas.Topic) bool {
	return t == schemas.TopicBroadcasts || t == schemas.TopicBlobs
}

// isolation is the option for a client that reads these topics.
func isolation(topics []schemas.Topic) kgo.Opt {
	for _, t := range topics {
		if readCommitted(t) {
			return kgo.FetchIsolationLevel(kgo.ReadCommitted())
		}
	}
	return kgo.FetchIsolationLevel(kgo.ReadUncommitted())
}

// unstable reports whether an offset lies in what may yet be aborted.
func unstable(t schemas.Topic, rp *kmsg.FetchResponseTopicPartition, at int64) bool {
	return readCommitted(t) && at >= rp.LastStableOffset && at < rp.HighWatermark
}

// openTransactions says how long transactions of others have kept the owned partitions of a topic from being read.
func (s *session) openTransactions(ctx context.Context, t schemas.Topic, ends map[int32]int64) {
	if !readCommitted(t) {
		return
	}
	listed, err := within(ctx, func() (kadm.ListedOffsets, error) {
		return s.reader.adm.ListCommittedOffsets(ctx, s.group.cfg.topic(t))
	})
	stable, err := offsetsOf(listed, err, "stable ends", t)
	if err != nil {
		s.group.log.Debug("open transactions are not known", "topic", string(t), "error", err)
		return
	}
	longest, now, owned := time.Duration(0), time.Now(), s.slots()
	s.stable.Forget(func(slot schemas.Slot) bool { return slices.Contains(owned, slot) })
	for _, slot := range owned {
		if slot.Topic != t {
			continue
		}
		since, tell := s.stable.Observe(slot, stable[slot.Partition], ends[slot.Partition], now, transactionPatience)
		if longest = max(longest, since); tell {
			s.group.log.Warn("a transaction of an upstream producer is open: what lies behind it waits", "slot", slot.String(),
				"offset", stable[slot.Partition], "end", ends[slot.Partition], "seconds", since.Seconds())
		}
	}
	s.group.metrics.open.WithLabelValues(string(t)).Set(longest.Seconds())
}
