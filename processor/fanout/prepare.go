package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/blob"
	"altavoz/stream"
)

// prepare reports whether the task is ready for its turn. If not, what it lacks is fetched, one thing after the other,
// and the task comes back.
func (s *worker) prepare(t *activeTask, now time.Time) bool {
	return t.State() == task.Waiting && s.loadBroadcast(t) && s.resolveMedia(t, now) && s.loadPending(t) && s.findListKey(t) && s.rebuildSeen(t) && s.loadSlice(t)
}

// readFor runs f elsewhere for a task and then done, unless the task was closed meanwhile. What can't ever be read fails it.
func (s *worker) readFor(t *activeTask, why string, f func(context.Context) error, done func()) {
	t.BecomePreparing()
	s.reads++
	s.Background(f, s.isPermanent, func(err error) {
		s.reads--
		switch {
		case !t.BecomePrepared():
		case errors.Is(err, blob.ErrForeign):
			s.failForeign(t, normalize.WhyForeign, err)
		case err != nil:
			s.log.Error("a broadcast can't go on", "task", t.ID.String(), "error", err)
			s.fail(t, why, time.Now())
		default:
			done()
			s.evaluate(t, time.Now())
		}
	})
}

// isPermanent reports whether an error of reading will not pass.
func (s *worker) isPermanent(err error) bool {
	return errors.Is(err, schemas.ErrDecode) && !errors.Is(err, schemas.ErrNewer) || errors.Is(err, recipients.ErrUnreadable) || errors.Is(err, blob.ErrForeign) || stream.IsGone(err)
}

// cache keeps what was read of a broadcast in memory, if there is room for it.
func (s *worker) cache(t *activeTask, b *schemas.Broadcast, size int) {
	if b.GetSlices() == nil {
		if s.cachedBytes+size > cacheBytes && t.body == nil && !t.Open() {
			return
		}
		t.cachedSize = size
		s.cachedBytes += size
	}
	t.body = b
	blob.Bind(b.GetContent().GetMedia(), t.ID)
	t.Asked, t.Window = b.GetSpeed(), b.GetWindow() // the Plan of an older version has neither
	t.list = recipients.ListOf(b, t.ID, t.listKey)
}

// evict forgets what can be read again.
func (s *worker) evict(t *activeTask) {
	s.cachedBytes -= t.cachedSize
	s.st.seenBudget.Release(t.seenBytes)
	t.cachedSize, t.seenBytes = 0, 0
	t.body, t.list, t.slice, t.prefetched, t.seen = nil, nil, nil, nil, nil
}

// evictOverBudget cools a task with a short list when too many of them are in memory. Long ones are not: that would mean to read
// all that was dispatched again.
func (s *worker) evictOverBudget(t *activeTask) {
	if s.cachedBytes > cacheBytes && t.cachedSize > 0 {
		s.evict(t)
	}
}

// loadBroadcast reads the broadcast.
func (s *worker) loadBroadcast(t *activeTask) bool {
	if t.body != nil {
		return true
	}
	b, size := &schemas.Broadcast{}, 0
	s.readFor(t, whyNotFound, func(ctx context.Context) error {
		rec, err := s.st.ports.Records.Record(ctx, s.tp, t.Offset)
		if err != nil {
			return fmt.Errorf("reading a broadcast: %w", err)
		}
		size = len(rec.Value)
		return schemas.Decode(&rec, b)
	}, func() {
		if b.GetTotal() != t.Total || len(b.GetTask()) > 0 && string(b.GetTask()) != string(t.ID.Bytes()) { // a log that lost its end gives offsets out again
			s.fail(t, whyUnread, time.Now())
			return
		}
		s.cache(t, b, size)
		s.setSpeed(t, time.Now())
	})
	return false
}

// failForeign ends a task whose list or file is another's: its broadcast is kept in rejects, and nothing of it is sent.
func (s *worker) failForeign(t *activeTask, why string, cause error) {
	s.log.Error("a broadcast points at what belongs to another", "task", t.ID.String(), "sender", t.Sender, "offset", t.Offset, "error", cause)
	s.st.metrics.dropped[dropInvalid].Inc()
	var rec stream.Record
	s.readFor(t, why, func(ctx context.Context) (err error) {
		rec, err = s.st.ports.Records.Record(ctx, s.tp, t.Offset)
		return err
	}, func() {
		t.BecomePreparing()
		s.write(s.st.ports.Bulk, func(stream.Record) {
			if t.BecomePrepared() {
				s.fail(t, why, time.Now())
			}
		}, s.st.ports.Reject(rec, stageName, codeForeign, cause.Error()))
	})
}

// findListKey finds out whose the task's list is, where no proof says it.
func (s *worker) findListKey(t *activeTask) bool {
	if t.list.Proven() {
		return true
	}
	body, key := t.body, ""
	s.readFor(t, whyUnread, func(ctx context.Context) (err error) {
		key, err = recipients.ListKey(ctx, s.st.ports.Records, body, t.ID)
		return err
	}, func() { t.list, t.listKey = recipients.ListOf(body, t.ID, key), key })
	return false
}

// rebuildSeen makes the set that finds repeats, out of everybody who had a turn before.
func (s *worker) rebuildSeen(t *activeTask) bool {
	if t.seen != nil {
		return true
	}
	region, n := s.st.cfg.Region, recipients.NewSeen()
	if t.list == nil {
		for _, text := range t.body.GetPhones()[:t.Cursor] {
			n.Judge(text, region)
		}
		t.seen = n
		return true
	}
	if hold := min(int64(t.Total)*recipients.NumberBytes, seenBudgetBytes); t.seenBytes == 0 {
		if !s.st.seenBudget.TryAcquire(hold) {
			t.BecomePreparing()
			s.After(partition.MostBackOff, func() { t.BecomePrepared(); s.evaluate(t, time.Now()) })
			return false
		}
		t.seenBytes = hold
	}
	if t.Cursor == 0 {
		t.seen = n
		return true
	}
	cursor, l := t.Cursor, t.list
	s.readFor(t, whyUnread, func(ctx context.Context) error {
		n = recipients.NewSeen() // from the start, if it is tried again
		return l.Before(ctx, s.st.ports.Records, cursor, func(text string) { n.Judge(text, region) })
	}, func() {
		if t.Cursor == cursor { // else a zombie's turn has ended meanwhile, and the set is made again
			t.seen = n
		}
	})
	return false
}

// loadSlice makes sure that the task's next recipients are in memory.
func (s *worker) loadSlice(t *activeTask) bool {
	if t.slice.has(t.Cursor) {
		return true
	}
	if t.list == nil {
		t.slice = &slice{phones: t.body.GetPhones()}
		return true
	}
	if t.prefetched.has(t.Cursor) {
		t.slice, t.prefetched = t.prefetched, nil
		return true
	}
	c := &slice{first: t.Cursor / schemas.SliceRecipients * schemas.SliceRecipients}
	s.readFor(t, whyUnread, s.sliceReader(t, c), func() { t.slice = c })
	return false
}

// prefetch reads the next slice, if this one ends with the turn, while the turn is on its way. It may fail: then the
// slice is read when it is needed.
func (s *worker) prefetch(t *activeTask, next uint32) {
	if t.list == nil || next >= t.Total || t.slice.has(next) || t.prefetched.has(next) || t.prefetching {
		return
	}
	t.prefetching = true
	c := &slice{first: next}
	s.Background(s.sliceReader(t, c), func(error) bool { return true }, func(err error) {
		t.prefetching = false
		if err == nil && t.Open() && t.body != nil {
			t.prefetched = c
		}
	})
}

// sliceReader returns what reads the slice that begins at c.first. It runs elsewhere, so it takes nothing of the task along
// that may change.
func (s *worker) sliceReader(t *activeTask, c *slice) func(context.Context) error {
	l := t.list
	return func(ctx context.Context) (err error) {
		c.phones, err = l.Slice(ctx, s.st.ports.Records, c.first)
		return err
	}
}
