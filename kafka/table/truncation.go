package table

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/stream"
)

// A log may be truncated while a view reads it (a broker that lost its page cache, an unclean election). The library learns that at the next
// election and resets its position to where the log ends now, or a minute back. A view may learn it before, because the log ends below
// what it has read. Then offsets are used again: what compares them starts over, and the partition is read again from its start, up to where
// the log ended when the truncation was found. What the lost part said stays in force, since others have acted on it: that a task was
// cancelled, or is finished.

const truncatedMessage = "the log of a view was truncated (a broker that lost its page cache, an unclean election), or created again; it is read again from its start"

// logEnds lists where the partitions end, and compares that with what was read of them before the request: records may be written and read
// while it is in flight. A log that is truncated again while it is read again may end above what was read and below the offset up to which
// it is to be read.
func (t *follower) logEnds(ctx context.Context) (map[int32]int64, error) {
	read, bounds := t.progress.Next(), t.progress.RereadBounds()
	ends, err := t.reader.Ends(ctx, t.topic)
	for p, end := range ends {
		truncated := read[p] > end && t.progress.Truncated(p, read[p], end) //mutant:cut-is-below-what-was-read-before
		if truncated || t.progress.LowerBound(p, bounds[p], end) {          //mutant:end-of-a-second-cut-bounds-the-reading
			t.metrics.Truncations.Inc()
			t.log.Error(truncatedMessage, "partition", p, "read", read[p], "end", end)
		}
	}
	return ends, err
}

// onDataLoss has a partition read again whose truncation the library reports. The library may have reset its position to below the log's end, so the
// end is listed; without an answer the library's position counts.
func (t *follower) onDataLoss(ctx context.Context, loss *kgo.ErrDataLoss) {
	ends, err := t.reader.Ends(ctx, t.topic)
	if err != nil {
		t.log.Warn("listing the end of a truncated log", "partition", loss.Partition, "error", err)
	}
	t.metrics.Truncations.Inc()
	t.progress.Truncated(loss.Partition, 0, max(loss.ResetTo, ends[loss.Partition]))
}

// poll waits for records, or until a partition is to be read again, or has been. In the goroutine of run.
func (t *follower) poll(ctx context.Context) kgo.Fetches {
	ctx, cancel := t.progress.Poll(ctx)
	defer cancel()
	return t.cl.PollFetches(ctx)
}

// rereadTruncated starts reading truncated partitions again, and returns them. In the goroutine of run.
func (t *follower) rereadTruncated(ctx context.Context) (again map[int32]bool) {
	again = t.progress.StartReread()
	if len(again) == 0 {
		return again
	}
	t.onTruncation()
	for p := range again {
		tp := stream.TopicPartition{Topic: t.topic, Partition: p}
		t.blocked.Remove(tp)
		kafka.Fetcher{Config: t.cfg, Client: t.cl}.Seek(tp, 0)
	}
	go t.catchUp(ctx) // skips offsets without a record below their ends
	return again
}

// finishReread ends the second reading of partitions. In the goroutine of run.
func (t *follower) finishReread(partitions ...int32) {
	for _, p := range partitions {
		t.onReread()
		t.progress.FinishReread(p)
	}
}
