package records

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"altavoz/kafka"
	"altavoz/stream"
)

// SkipBatch makes the reader's client go on behind the batch at the given offset, and returns where that is.
func (r *Reader) SkipBatch(ctx context.Context, tp stream.TopicPartition, at int64) (behind int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, kafka.DefaultRequestTimeout, errors.New("the broker does not answer"))
	defer cancel()
	if behind, err = r.batchEnd(ctx, tp, at); err != nil {
		return 0, err
	}
	kafka.Fetcher{Config: r.cfg, Client: r.cl}.Seek(tp, behind)
	return behind, nil
}

// batchEnd returns the offset behind the batch that contains the given one.
func (r *Reader) batchEnd(ctx context.Context, s stream.TopicPartition, at int64) (int64, error) {
	rp, err := r.fetchRaw(ctx, s, at, singleFetchBytes, false)
	if err != nil {
		return 0, err
	}
	b := rp.RecordBatches
	if len(b) < batchHeader {
		return 0, fmt.Errorf("%s at %d: no batch", s, at)
	}
	return int64(binary.BigEndian.Uint64(b)) + int64(int32(binary.BigEndian.Uint32(b[batchLastDelta:]))) + 1, nil
}

// Fields of a batch (Kafka's record batch format, magic 2).
const (
	batchLastDelta = 23 // int32, after base offset, length, leader epoch, magic, crc and attributes
	batchHeader    = 61
)
