package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/schemas"
)

// A log of a view may lose its end while it is read (a broker that lost its page cache, an unclean election). The library learns that at
// the next election and sets itself back to where the log ends now, or a minute back; a view may learn it before, because the log ends
// below what it has read. Then offsets are given out again: whoever compares them begins anew, and the partition is read again from its
// start. What was in the lost part stays known, since others have acted on it: that a task was cancelled, or is finished.

const saysCut = "the log of a view lost its end (a broker that lost its page cache, an unclean election), or was made anew; it is read again from its start"

// cut notes that a partition's log lost its end. Nobody who waits for its end is told before it was read again.
func (t *tail) cut(p int32) {
	t.metrics.Cuts.Inc()
	t.moving.Lock()
	defer t.moving.Unlock()
	t.next[p], t.cuts[p] = 0, true
	t.wake()
}

// poll waits for records, or until a partition is to be read again. In the goroutine of run.
func (t *tail) poll(ctx context.Context) kgo.Fetches {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.moving.Lock()
	if t.wake = cancel; len(t.cuts) > 0 {
		cancel()
	}
	t.moving.Unlock()
	return t.cl.PollFetches(ctx)
}

// endsBelow compares where partitions end with what was read of them.
func (t *tail) endsBelow(ends map[int32]int64) {
	for p, end := range ends {
		t.moving.Lock()
		read := t.next[p]
		t.moving.Unlock()
		if read > end {
			t.log.Error(saysCut, "partition", p, "read", read, "end", end)
			t.cut(p)
		}
	}
}

// restart reads partitions again that lost their end, and returns them. In the goroutine of run.
func (t *tail) restart() (again map[int32]bool) {
	t.moving.Lock()
	again, t.cuts = t.cuts, make(map[int32]bool)
	t.moving.Unlock()
	if len(again) > 0 && t.anew != nil {
		t.anew()
	}
	for p := range again {
		slot := schemas.Slot{Topic: t.topic, Partition: p}
		t.unread.Drop(slot)
		fetching{t.cfg, t.cl}.Seek(slot, 0)
	}
	return again
}
