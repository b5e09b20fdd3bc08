package registry

import (
	"sync"
	"time"

	"altavoz/stream"
)

// writeRest is how long after a write that failed the next one begins: who waits for it, a commit or the look at the lag every 5 s, waits in vain.
const writeRest = 30 * time.Second

// Begun is in which partitions a group has committed while this process was its member, and of which the registry has that. The zero value knows
// of none. It is safe for concurrent use.
type Begun struct {
	mu      sync.Mutex
	written map[stream.TopicPartition]bool // of all: whether the registry has it
	failed  time.Time                      // when a write failed last, of which none has succeeded since
}

// Committed notes in which partitions a commit was taken, and reports whether that is worth a write at once: something is new, and
// no write has failed of late.
func (b *Begun) Committed(ps []stream.Position, refused map[stream.TopicPartition]error) (news bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range ps {
		if _, known := b.written[p.Partition]; known || refused[p.Partition] != nil {
			continue
		}
		if b.written == nil {
			b.written = make(map[stream.TopicPartition]bool)
		}
		b.written[p.Partition], news = false, true
	}
	return news && b.failed.IsZero()
}

// Write writes what the registry does not have, unless that failed of late.
func (b *Begun) Write(group string, now time.Time, write func(...stream.Record) error) error {
	var slots []stream.TopicPartition
	var recs []stream.Record
	b.mu.Lock()
	for slot, written := range b.written {
		if !written && now.Sub(b.failed) >= writeRest {
			slots, recs = append(slots, slot), append(recs, BegunRecord(group, slot))
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
	for _, slot := range slots {
		b.written[slot] = err == nil
	}
	return err
}
