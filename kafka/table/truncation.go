package table

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/kafka"
	"altavoz/stream"
)

// A log of a view may lose its end while it is read (a broker that lost its page cache, an unclean election). The library learns that at
// the next election and sets itself back to where the log ends now, or a minute back; a view may learn it before, because the log ends
// below what it has read. Then offsets are given out again: whoever compares them begins anew, and the partition is read again from its
// start, up to where the log ended when that was found. What was in the lost part stays known, since others have acted on it: that a task
// was cancelled, or is finished.

const truncatedMessage = "the log of a view lost its end (a broker that lost its page cache, an unclean election), or was made anew; it is read again from its start"

// logEnds asks where the partitions end, and compares that with what was read of them before it was asked: records may be written and read
// while the answer is on its way. A log that loses its end again while it is read again may end above what was read, and below up to where
// it is to be read.
func (t *follower) logEnds(ctx context.Context) (map[int32]int64, error) {
	read, bounds := t.progress.Next(), t.progress.RereadBounds()
	ends, err := t.reader.Ends(ctx, t.topic)
	for p, end := range ends {
		cut := read[p] > end && t.progress.Truncated(p, read[p], end) //mutant:cut-is-below-what-was-read-before
		if cut || t.progress.LowerBound(p, bounds[p], end) {          //mutant:end-of-a-second-cut-bounds-the-reading
			t.metrics.Truncations.Inc()
			t.log.Error(truncatedMessage, "partition", p, "read", read[p], "end", end)
		}
	}
	return ends, err
}

// onDataLoss has a partition read again of which the library says that its log lost its end. Where it set itself back to may lie below the log's
// end, so that is asked for; no answer means that it does not.
func (t *follower) onDataLoss(ctx context.Context, loss *kgo.ErrDataLoss) {
	ends, err := t.reader.Ends(ctx, t.topic)
	if err != nil {
		t.log.Warn("a log lost its end, and where that is now is not known", "partition", loss.Partition, "error", err)
	}
	t.metrics.Truncations.Inc()
	t.progress.Truncated(loss.Partition, 0, max(loss.ResetTo, ends[loss.Partition]))
}

// poll waits for records, or until a partition is to be read again, or was. In the goroutine of run.
func (t *follower) poll(ctx context.Context) kgo.Fetches {
	ctx, cancel := t.progress.Poll(ctx)
	defer cancel()
	return t.cl.PollFetches(ctx)
}

// rereadTruncated reads partitions again that lost their end, and returns them. In the goroutine of run.
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
	go t.catchUp(ctx) // passes over what holds no record below where they end
	return again
}

// finishReread ends the reading anew of partitions. In the goroutine of run.
func (t *follower) finishReread(parts ...int32) {
	for _, p := range parts {
		t.onReread()
		t.progress.FinishReread(p)
	}
}
