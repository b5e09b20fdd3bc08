// Package recall reads records of compacted topics back by their key.
package recall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"altavoz/stream"
)

// Table reads marks and statuses back.
type Table interface {
	// Ends returns where each partition of the topic ends now.
	Ends(ctx context.Context, t stream.Topic) (map[int32]int64, error)
	// Range hands over every record in [from, to) in order. Offsets that compaction emptied are passed over, and a
	// from below the first record means the first record.
	Range(ctx context.Context, s stream.TopicPartition, from, to int64, each func(stream.Record) error) error
}

// Reader reads.
type Reader struct {
	Table Table
	Log   *slog.Logger
}

// Waits between attempts to read back what had been unloaded, while the slot stands still.
const (
	readRetryMin = 50 * time.Millisecond
	readRetryMax = 5 * time.Second
)

var errGone = errors.New("no record of it in the topic")

// Recall hands over the record of the key at that offset. Should it not be there (somebody wrote over it and compaction
// was faster than the tail), the topic is searched for every record of the key. It gives up only when ctx ends.
func (r Reader) Recall(ctx context.Context, from stream.TopicPartition, at int64, key string, each func(*stream.Record) error) error {
	for wait := readRetryMin; ; wait = min(2*wait, readRetryMax) {
		err := r.pick(ctx, from, at, at+1, key, each)
		if err != nil {
			err = r.Search(ctx, from, key, each)
		}
		if err == nil {
			return nil
		}
		r.Log.Warn("marks or a status can't be read back", "slot", from.String(), "offset", at, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("reading %s at %d: %w", from, at, context.Cause(ctx))
		}
	}
}

// Search hands over every record of the key.
func (r Reader) Search(ctx context.Context, from stream.TopicPartition, key string, each func(*stream.Record) error) error {
	ends, err := r.Table.Ends(ctx, from.Topic)
	if err != nil {
		return fmt.Errorf("asking for the end of %s: %w", from, err)
	}
	return r.pick(ctx, from, 0, ends[from.Partition], key, each)
}

func (r Reader) pick(ctx context.Context, from stream.TopicPartition, lo, hi int64, key string, each func(*stream.Record) error) error {
	var found bool
	var broken error
	err := r.Table.Range(ctx, from, lo, hi, func(rec stream.Record) error {
		if string(rec.Key) != key || len(rec.Value) == 0 {
			return nil
		}
		found = true
		broken = errors.Join(broken, each(&rec))
		return nil
	})
	if err = errors.Join(err, broken); err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%s in %s: %w", key, from, errGone)
	}
	return nil
}
