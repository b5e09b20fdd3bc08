package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"altavoz/processor/fanout/list"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/rewrite"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/blob"
	"altavoz/stream"
)

// prepare reports whether the task is ready for its turn. If not, what it lacks is fetched, one thing after the other,
// and the task comes back.
func (s *slot) prepare(t *task, now time.Time) bool {
	return !t.busy && s.load(t) && s.resolve(t, now) && s.learn(t) && s.own(t) && s.recall(t) && s.fetch(t)
}

// read runs f elsewhere for a task and then done, unless the task was closed meanwhile. What can't ever be read fails it.
func (s *slot) read(t *task, why string, f func(context.Context) error, done func()) {
	t.busy = true
	s.loads++
	s.Background(f, s.lost, func(err error) {
		s.loads--
		t.busy = false
		switch {
		case t.state != stateOpen:
		case errors.Is(err, blob.ErrForeign):
			s.disown(t, rewrite.WhyForeign, err)
		case err != nil:
			s.log.Error("a broadcast can't go on", "task", t.id.String(), "error", err)
			s.fail(t, why, time.Now())
		default:
			done()
			s.look(t, time.Now())
		}
	})
}

// lost reports whether an error of reading will not pass.
func (s *slot) lost(err error) bool {
	return errors.Is(err, schemas.ErrDecode) && !errors.Is(err, schemas.ErrNewer) || errors.Is(err, list.ErrUnreadable) || errors.Is(err, blob.ErrForeign) || stream.IsGone(err)
}

// keep keeps what was read of a broadcast in memory, if there is room for it.
func (s *slot) keep(t *task, b *schemas.Broadcast, size int) {
	if b.GetSlices() == nil {
		if s.warm+size > warmBytes && t.body == nil && t.state != stateOpen {
			return
		}
		t.size = size
		s.warm += size
	}
	t.body = b
	blob.Bind(b.GetContent().GetMedia(), t.id)
	t.asked, t.window = b.GetSpeed(), b.GetWindow() // the Plan of an older version has neither
	t.list = list.Of(b, t.id, t.listKey)
}

// cool forgets what can be read again.
func (s *slot) cool(t *task) {
	s.warm -= t.size
	s.st.sets.Release(t.holds)
	t.size, t.holds = 0, 0
	t.body, t.list, t.slice, t.ahead, t.seen = nil, nil, nil, nil, nil
}

// chill cools a task with a short list when too many of them are in memory. Long ones are not: that would mean to read
// all that was dispatched again.
func (s *slot) chill(t *task) {
	if s.warm > warmBytes && t.size > 0 {
		s.cool(t)
	}
}

// load reads the broadcast.
func (s *slot) load(t *task) bool {
	if t.body != nil {
		return true
	}
	b, size := &schemas.Broadcast{}, 0
	s.read(t, whyNotFound, func(ctx context.Context) error {
		rec, err := s.st.ports.Records.Record(ctx, s.of, t.offset)
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
		s.keep(t, b, size)
		s.pace(t, time.Now())
	})
	return false
}

// disown ends a task whose list or file is another's: its broadcast is kept in rejects, and nothing of it is sent.
func (s *slot) disown(t *task, why string, cause error) {
	s.log.Error("a broadcast points at what belongs to another", "task", t.id.String(), "sender", t.sender, "offset", t.offset, "error", cause)
	s.st.metrics.dropped[dropInvalid].Inc()
	var rec stream.Record
	s.read(t, why, func(ctx context.Context) (err error) {
		rec, err = s.st.ports.Records.Record(ctx, s.of, t.offset)
		return err
	}, func() {
		t.busy = true
		s.write(s.st.ports.Bulk, func(stream.Record) {
			if t.busy = false; t.state == stateOpen {
				s.fail(t, why, time.Now())
			}
		}, s.st.ports.Reject(rec, stageName, codeForeign, cause.Error()))
	})
}

// own finds out whose the task's list is, where no proof says it.
func (s *slot) own(t *task) bool {
	if t.list.Proven() {
		return true
	}
	body, key := t.body, ""
	s.read(t, whyUnread, func(ctx context.Context) (err error) {
		key, err = list.Key(ctx, s.st.ports.Records, body, t.id)
		return err
	}, func() { t.list, t.listKey = list.Of(body, t.id, key), key })
	return false
}

// recall makes the set that finds repeats, out of everybody who had a turn before.
func (s *slot) recall(t *task) bool {
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
	if hold := min(int64(t.Total)*recipients.NumberBytes, setBytes); t.holds == 0 {
		if !s.st.sets.TryAcquire(hold) {
			t.busy = true
			s.After(partition.MostBackOff, func() { t.busy = false; s.look(t, time.Now()) })
			return false
		}
		t.holds = hold
	}
	if t.cursor == 0 {
		t.seen = n
		return true
	}
	cursor, l := t.cursor, t.list
	s.read(t, whyUnread, func(ctx context.Context) error {
		n = recipients.NewSeen() // from the start, if it is tried again
		return l.Before(ctx, s.st.ports.Records, cursor, func(text string) { n.Judge(text, region) })
	}, func() {
		if t.cursor == cursor { // else a zombie's turn has ended meanwhile, and the set is made again
			t.seen = n
		}
	})
	return false
}

// fetch makes sure that the task's next recipients are in memory.
func (s *slot) fetch(t *task) bool {
	if t.slice.has(t.cursor) {
		return true
	}
	if t.list == nil {
		t.slice = &slice{phones: t.body.GetPhones()}
		return true
	}
	if t.ahead.has(t.cursor) {
		t.slice, t.ahead = t.ahead, nil
		return true
	}
	c := &slice{first: t.cursor / schemas.SliceRecipients * schemas.SliceRecipients}
	s.read(t, whyUnread, s.reader(t, c), func() { t.slice = c })
	return false
}

// prefetch reads the next slice, if this one ends with the turn, while the turn is on its way. It may fail: then the
// slice is read when it is needed.
func (s *slot) prefetch(t *task, next uint32) {
	if t.list == nil || next >= t.Total || t.slice.has(next) || t.ahead.has(next) || t.fetches {
		return
	}
	t.fetches = true
	c := &slice{first: next}
	s.Background(s.reader(t, c), func(error) bool { return true }, func(err error) {
		t.fetches = false
		if err == nil && t.state == stateOpen && t.body != nil {
			t.ahead = c
		}
	})
}

// reader returns what reads the slice that begins at c.first. It runs elsewhere, so it takes nothing of the task along
// that may change.
func (s *slot) reader(t *task, c *slice) func(context.Context) error {
	l := t.list
	return func(ctx context.Context) (err error) {
		c.phones, err = l.Slice(ctx, s.st.ports.Records, c.first)
		return err
	}
}
