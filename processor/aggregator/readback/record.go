// Package readback reads partitions of the compacted topics of statuses and marks back: single records by their key and offset
// (record.go), and whole partitions when they are taken over (whole.go).
package readback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"altavoz/internal/backoff"
	"altavoz/schemas"
	"altavoz/stream"
)

// Table reads partitions of topics.
type Table interface {
	// Ends returns where each partition of the topic ends now.
	Ends(ctx context.Context, t stream.Topic) (map[int32]int64, error)
	// WatchEnds returns that of topics of which all partitions are known, for who only watches: it may be a moment old. The error says why others are left out.
	WatchEnds(ctx context.Context, topics ...stream.Topic) (map[stream.Topic]map[int32]int64, error)
	// Range hands over every record in [from, to) in order. Offsets that compaction emptied are passed over, and a
	// from below the first record means the first record.
	Range(ctx context.Context, p stream.TopicPartition, from, to int64, each func(stream.Record) error) error
}

// Reader reads one partition of statuses and that of marks with the same number.
type Reader struct {
	Table           Table
	Log             *slog.Logger
	Statuses, Pages stream.TopicPartition
}

// Waits between attempts to read back what had been evicted, while the partition waits.
const (
	readRetryMin = 50 * time.Millisecond
	readRetryMax = 5 * time.Second
)

var errNoRecord = errors.New("no record of it in the topic")

// Status reads the status of a task back from an offset, and returns the offset at which it was found. Like Page it gives up only when
// ctx ends.
func (r Reader) Status(ctx context.Context, id schemas.TaskID, at int64) (newest *schemas.Status, offset int64, err error) {
	offset = at
	err = r.record(ctx, r.Statuses, at, id.String(), func(rec *stream.Record) error {
		var s schemas.Status
		if err := schemas.Decode(rec, &s); err != nil {
			return err
		}
		if newest == nil || s.GetVersion() > newest.GetVersion() {
			newest, offset = &s, rec.Offset
		}
		return nil
	})
	return newest, offset, err
}

// Plan searches all statuses of a task for its plan; nil: none of them has it.
func (r Reader) Plan(ctx context.Context, id schemas.TaskID) (plan *schemas.TaskOpened, err error) {
	err = r.search(ctx, r.Statuses, id.String(), func(rec *stream.Record) error {
		var s schemas.Status
		err := schemas.Decode(rec, &s)
		if plan == nil {
			plan = s.GetPlan()
		}
		return err
	})
	return plan, err
}

// Page reads page n of a task back from an offset.
func (r Reader) Page(ctx context.Context, id schemas.TaskID, n uint32, at int64) (page *schemas.StatePage, err error) {
	page = new(schemas.StatePage)
	err = r.record(ctx, r.Pages, at, schemas.PageKey(id, n), func(rec *stream.Record) error {
		var p schemas.StatePage
		if err := schemas.Decode(rec, &p); err != nil {
			return err
		}
		page.Marks, page.Prices = maxBytes(page.GetMarks(), p.GetMarks()), maxBytes(page.GetPrices(), p.GetPrices())
		return nil
	})
	return page, err
}

// maxBytes returns the bytewise maximum; it may change a.
func maxBytes(a, b []byte) []byte {
	if len(a) < len(b) {
		a, b = slices.Clone(b), a
	}
	for i, m := range b {
		a[i] = max(a[i], m)
	}
	return a
}

// record hands over the record of the key at that offset. Should it not be there (somebody wrote over it, and compaction was faster than
// this process noticed), the topic is searched for every record of the key. It gives up only when ctx ends.
func (r Reader) record(ctx context.Context, from stream.TopicPartition, at int64, key string, each func(*stream.Record) error) error {
	for try := 0; ; try++ {
		err := r.pick(ctx, from, at, at+1, key, each)
		if err != nil {
			err = r.search(ctx, from, key, each)
		}
		if err == nil {
			return nil
		}
		r.Log.Warn("states or a status can't be read back", "partition", from.String(), "offset", at, "error", err)
		select {
		case <-time.After(backoff.Equal(readRetryMin, readRetryMax, try)):
		case <-ctx.Done():
			return fmt.Errorf("reading %s at %d: %w", from, at, context.Cause(ctx))
		}
	}
}

// search hands over every record of the key.
func (r Reader) search(ctx context.Context, from stream.TopicPartition, key string, each func(*stream.Record) error) error {
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
		return fmt.Errorf("%s in %s: %w", key, from, errNoRecord)
	}
	return nil
}
