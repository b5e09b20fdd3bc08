package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/blob"
	"altavoz/stream"
)

// prepare reports whether the task is ready for its turn. If not, what it lacks is fetched, one thing after the other,
// and the task comes back.
func (s *worker) prepare(t *task, now time.Time) bool {
	return !t.preparing && s.loadBroadcast(t) && s.resolveMedia(t, now) && s.loadPending(t) && s.findListKey(t) && s.rebuildSeen(t) && s.loadSlice(t)
}

// readFor runs f elsewhere for a task and then done, unless the task was closed meanwhile. What can't ever be read fails it.
func (s *worker) readFor(t *task, why string, f func(context.Context) error, done func()) {
	t.preparing = true
	s.reads++
	s.Background(f, s.isPermanent, func(err error) {
		s.reads--
		t.preparing = false
		switch {
		case t.state != stateOpen:
		case errors.Is(err, blob.ErrForeign):
			s.failForeign(t, normalize.WhyForeign, err)
		case err != nil:
			s.log.Error("a broadcast can't go on", "task", t.id.String(), "error", err)
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
func (s *worker) cache(t *task, b *schemas.Broadcast, size int) {
	if b.GetSlices() == nil {
		if s.cachedBytes+size > cacheBytes && t.body == nil && t.state != stateOpen {
			return
		}
		t.cachedSize = size
		s.cachedBytes += size
	}
	t.body = b
	blob.Bind(b.GetContent().GetMedia(), t.id)
	t.requestedSpeed, t.window = b.GetSpeed(), b.GetWindow() // the Plan of an older version has neither
	t.list = recipients.ListOf(b, t.id, t.listKey)
}

// evict forgets what can be read again.
func (s *worker) evict(t *task) {
	s.cachedBytes -= t.cachedSize
	s.st.seenBudget.Release(t.seenBytes)
	t.cachedSize, t.seenBytes = 0, 0
	t.body, t.list, t.slice, t.prefetched, t.seen = nil, nil, nil, nil, nil
}

// evictOverBudget cools a task with a short list when too many of them are in memory. Long ones are not: that would mean to read
// all that was dispatched again.
func (s *worker) evictOverBudget(t *task) {
	if s.cachedBytes > cacheBytes && t.cachedSize > 0 {
		s.evict(t)
	}
}

// loadBroadcast reads the broadcast.
func (s *worker) loadBroadcast(t *task) bool {
	if t.body != nil {
		return true
	}
	b, size := &schemas.Broadcast{}, 0
	s.readFor(t, whyNotFound, func(ctx context.Context) error {
		rec, err := s.st.ports.Records.Record(ctx, s.tp, t.offset)
		if err != nil {
			return fmt.Errorf("reading a broadcast: %w", err)
		}
		size = len(rec.Value)
		return schemas.Decode(&rec, b)
	}, func() {
		if b.GetTotal() != t.Total || len(b.GetTask()) > 0 && string(b.GetTask()) != string(t.id.Bytes()) { // a log that lost its end gives offsets out again
			s.fail(t, whyUnread, time.Now())
			return
		}
		s.cache(t, b, size)
		s.setSpeed(t, time.Now())
	})
	return false
}

// failForeign ends a task whose list or file is another's: its broadcast is kept in rejects, and nothing of it is sent.
func (s *worker) failForeign(t *task, why string, cause error) {
	s.log.Error("a broadcast points at what belongs to another", "task", t.id.String(), "sender", t.sender, "offset", t.offset, "error", cause)
	s.st.metrics.dropped[dropInvalid].Inc()
	var rec stream.Record
	s.readFor(t, why, func(ctx context.Context) (err error) {
		rec, err = s.st.ports.Records.Record(ctx, s.tp, t.offset)
		return err
	}, func() {
		t.preparing = true
		s.write(s.st.ports.Bulk, func(stream.Record) {
			if t.preparing = false; t.state == stateOpen {
				s.fail(t, why, time.Now())
			}
		}, s.st.ports.Reject(rec, stageName, codeForeign, cause.Error()))
	})
}

// findListKey finds out whose the task's list is, where no proof says it.
func (s *worker) findListKey(t *task) bool {
	if t.list.Proven() {
		return true
	}
	body, key := t.body, ""
	s.readFor(t, whyUnread, func(ctx context.Context) (err error) {
		key, err = recipients.ListKey(ctx, s.st.ports.Records, body, t.id)
		return err
	}, func() { t.list, t.listKey = recipients.ListOf(body, t.id, key), key })
	return false
}

// rebuildSeen makes the set that finds repeats, out of everybody who had a turn before.
func (s *worker) rebuildSeen(t *task) bool {
	if t.seen != nil {
		return true
	}
	region, n := s.st.cfg.Region, recipients.NewSeen()
	if t.list == nil {
		for _, text := range t.body.GetPhones()[:t.cursor] {
			n.Judge(text, region)
		}
		t.seen = n
		return true
	}
	if hold := min(int64(t.Total)*recipients.NumberBytes, seenBudgetBytes); t.seenBytes == 0 {
		if !s.st.seenBudget.TryAcquire(hold) {
			t.preparing = true
			s.After(partition.MostBackOff, func() { t.preparing = false; s.evaluate(t, time.Now()) })
			return false
		}
		t.seenBytes = hold
	}
	if t.cursor == 0 {
		t.seen = n
		return true
	}
	cursor, l := t.cursor, t.list
	s.readFor(t, whyUnread, func(ctx context.Context) error {
		n = recipients.NewSeen() // from the start, if it is tried again
		return l.Before(ctx, s.st.ports.Records, cursor, func(text string) { n.Judge(text, region) })
	}, func() {
		if t.cursor == cursor { // else a zombie's turn has ended meanwhile, and the set is made again
			t.seen = n
		}
	})
	return false
}

// loadSlice makes sure that the task's next recipients are in memory.
func (s *worker) loadSlice(t *task) bool {
	if t.slice.has(t.cursor) {
		return true
	}
	if t.list == nil {
		t.slice = &slice{phones: t.body.GetPhones()}
		return true
	}
	if t.prefetched.has(t.cursor) {
		t.slice, t.prefetched = t.prefetched, nil
		return true
	}
	c := &slice{first: t.cursor / schemas.SliceRecipients * schemas.SliceRecipients}
	s.readFor(t, whyUnread, s.sliceReader(t, c), func() { t.slice = c })
	return false
}

// prefetch reads the next slice, if this one ends with the turn, while the turn is on its way. It may fail: then the
// slice is read when it is needed.
func (s *worker) prefetch(t *task, next uint32) {
	if t.list == nil || next >= t.Total || t.slice.has(next) || t.prefetched.has(next) || t.prefetching {
		return
	}
	t.prefetching = true
	c := &slice{first: next}
	s.Background(s.sliceReader(t, c), func(error) bool { return true }, func(err error) {
		t.prefetching = false
		if err == nil && t.state == stateOpen && t.body != nil {
			t.prefetched = c
		}
	})
}

// sliceReader returns what reads the slice that begins at c.first. It runs elsewhere, so it takes nothing of the task along
// that may change.
func (s *worker) sliceReader(t *task, c *slice) func(context.Context) error {
	l := t.list
	return func(ctx context.Context) (err error) {
		c.phones, err = l.Slice(ctx, s.st.ports.Records, c.first)
		return err
	}
}
