package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"altavoz/kafka/unpack"
	"altavoz/stream"
)

// poisoned tells a batch that can't be unpacked from an error that passes.
func poisoned(err error) bool { return errors.Is(err, unpack.ErrPoison) }

// skip goes on behind a batch that can't be unpacked: no stage can do anything with it, and it must not stand in the way
// of what comes after. Only somebody outside altavoz can have written it. It reports whether it could.
func (s *session) skip(topic string, partition int32, why error) bool {
	slot := stream.TopicPartition{Topic: s.group.cfg.bare(topic), Partition: partition}
	s.mu.Lock()
	at, ok := s.next[slot]
	s.mu.Unlock()
	if !ok {
		return false
	}
	behind, err := s.reader.passOver(s.void, slot, at)
	if err != nil {
		s.group.log.Warn("a batch that can't be unpacked", "slot", slot.String(), "offset", at, "error", err)
		return false
	}
	s.group.metrics.poisoned.Inc()
	s.group.log.Error("a batch can't be unpacked and is passed over", "slot", slot.String(), "from", at, "to", behind, "error", why)
	s.mu.Lock()
	s.next[slot] = behind
	s.mu.Unlock()
	return true
}

// passOver makes the reader's client go on behind the batch at the given offset, and returns where that is.
func (r *Reader) passOver(ctx context.Context, slot stream.TopicPartition, at int64) (behind int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, requestTimeout, errors.New("the broker does not answer"))
	defer cancel()
	if behind, err = r.batchEnd(ctx, slot, at); err != nil {
		return 0, err
	}
	fetching{r.cfg, r.cl}.Seek(slot, behind)
	return behind, nil
}

// Where a batch says what it holds (Kafka's record batch format, magic 2).
const (
	batchLastDelta = 23 // int32, after base offset, length, leader epoch, magic, crc and attributes
	batchHeader    = 61
)

// batchEnd returns the offset behind the batch that holds the given one.
func (r *Reader) batchEnd(ctx context.Context, s stream.TopicPartition, at int64) (int64, error) {
	rp, err := r.raw(ctx, s, at, oneBytes, false)
	if err != nil {
		return 0, err
	}
	b := rp.RecordBatches
	if len(b) < batchHeader {
		return 0, fmt.Errorf("%s at %d: no batch", s, at)
	}
	return int64(binary.BigEndian.Uint64(b)) + int64(int32(binary.BigEndian.Uint32(b[batchLastDelta:]))) + 1, nil
}
