package registry

import (
	"sync"
	"time"

	"altavoz/stream"
)

// writeRetryPause is how long after a write that failed the next one begins: who waits for it, a commit or the look every 5 s, waits in vain.
const writeRetryPause = 30 * time.Second

// CommitTracker is in which partitions a group has committed while this process was its member, and of which the registry has that. The zero value knows
// of none. It is safe for concurrent use.
type CommitTracker struct {
	mu         sync.Mutex
	registered map[stream.TopicPartition]bool // of all: whether the registry has it
	failed     time.Time                      // when a write failed last, of which none has succeeded since
}

// Committed notes in which partitions a commit was taken, and reports whether that is worth a write at once: something is new, and
// no write has failed of late.
func (b *CommitTracker) Committed(ps []stream.Position, refused map[stream.TopicPartition]error) (news bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range ps {
		if _, known := b.registered[p.Partition]; known || refused[p.Partition] != nil {
			continue
		}
		if b.registered == nil {
			b.registered = make(map[stream.TopicPartition]bool)
		}
		b.registered[p.Partition], news = false, true
	}
	return news && b.failed.IsZero()
}

// Write writes what the registry does not have, unless that failed of late.
func (b *CommitTracker) Write(group string, now time.Time, write func(...stream.Record) error) error {
	var tps []stream.TopicPartition
	var recs []stream.Record
	b.mu.Lock()
	for tp, written := range b.registered {
		if !written && now.Sub(b.failed) >= writeRetryPause {
			tps, recs = append(tps, tp), append(recs, CommittedRecord(group, tp))
		}
	}
	b.mu.Unlock()
	if len(recs) == 0 {
		return nil
	}
	err := write(recs...)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = time.Time{}
	if err != nil {
		b.failed = now
	}
	for _, tp := range tps {
		b.registered[tp] = err == nil
	}
	return err
}
