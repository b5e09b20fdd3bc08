package history

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"altavoz/schemas"
	"altavoz/schemas/phone"
	"altavoz/stream"
)

const (
	// maxRead is how many offsets of sends are read for one answer: of a bulk partition, one of 48, those of the last 50,000,000 sends.
	maxRead = 1 << 20
	// step is how many are read at once. Read backwards, each begins with a batch that the one before it read too, 1 MiB at most.
	step = 1 << 15
	// maxTasks is how many tasks are looked for, each a record that may have to be read back.
	maxTasks = 10_000
	// lookTime is how long the sends may take, and knowing whose their tasks are.
	lookTime = 10 * time.Second
	// keptFor is how long sends are kept at least.
	keptFor = schemas.SendLife
)

// Bound is what a reading stopped at.
type Bound string

// The bounds; none: all that is kept was read.
const (
	ByLimit   Bound = "limit"   // there are more sends than were asked for
	ByRecords Bound = "records" // maxRead
	ByTasks   Bound = "tasks"   // maxTasks
	ByTime    Bound = "time"    // lookTime
)

// recipient is one entry of a task's list.
type recipient struct {
	task  schemas.TaskID
	index uint32
}

// sent is one send.
type sent struct {
	recipient
	offset int64
	phone  string
	sender string
	at     time.Time
	status *schemas.Status
	state  schemas.RecipientState
}

// lane is one partition, read from its end to its start.
type lane struct {
	at    stream.TopicPartition
	key   string
	start int64
	next  int64     // what lies below it is not read
	since time.Time // of the oldest record that was read; zero: none was
}

// look is the reading of one person's sends.
type look struct {
	Source
	caller Caller
	lanes  []*lane
	limit  int
	read   int64
	found  []sent // the newest ones, limit at most
	more   bool   // there were others
	began  time.Time
	seen   map[schemas.TaskID]*schemas.Status // nil: of a task that the caller does not see
}

// Caller is who asks.
type Caller interface {
	// Status returns the status of a task that the caller sees, nil of another; an error says that nobody knows now.
	Status(ctx context.Context, task schemas.TaskID) (*schemas.Status, error)
}

func (s Source) look(ctx context.Context, q *Query, caller Caller) (*look, error) {
	l := &look{Source: s, caller: caller, limit: q.limit, began: time.Now(), seen: make(map[schemas.TaskID]*schemas.Status)}
	for _, t := range []stream.Topic{schemas.TopicSendsExpress, schemas.TopicSendsBulk} {
		starts, err := s.Records.Starts(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("asking where %s begins: %w", t, err)
		}
		ends, err := s.Records.Ends(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("asking where %s ends: %w", t, err)
		}
		for _, key := range phone.Notations(q.phone.Digits()) { // each is another key
			p := s.Home(t, []byte(key))
			l.lanes = append(l.lanes, &lane{at: stream.TopicPartition{Topic: t, Partition: p}, key: key, start: starts[p], next: ends[p]})
		}
	}
	return l, nil
}

// sends reads until there are enough of them, all is read, or a bound is met, which it returns with the moment since which it knows all.
func (l *look) sends(ctx context.Context) (Bound, time.Time, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookTime, errLate)
	defer cancel()
	for {
		next := l.latest()
		switch {
		case next == nil && l.more:
			return ByLimit, l.found[len(l.found)-1].at, nil
		case next == nil:
			return "", l.whole(), nil
		case l.read >= maxRead: //mutant:search-for-a-phone-has-an-end
			return ByRecords, l.known(), nil
		}
		err := l.back(ctx, next)
		switch {
		case err == nil:
		case errors.Is(err, errTasks):
			return ByTasks, l.known(), nil
		case errors.Is(context.Cause(ctx), errLate):
			return ByTime, l.known(), nil
		default:
			return "", time.Time{}, err
		}
	}
}

// What ends a reading early.
var (
	errLate  = errors.New("reading sends takes too long")
	errTasks = errors.New("these are sends of too many tasks")
)

// latest is the lane whose unread records may be the latest, nil where none has one that belongs into the answer.
func (l *look) latest() (next *lane) {
	for _, c := range l.lanes {
		if c.next <= c.start || l.more && !c.since.IsZero() && c.since.Before(l.found[len(l.found)-1].at) {
			continue
		}
		if next == nil || !next.since.IsZero() && (c.since.IsZero() || c.since.After(next.since)) {
			next = c
		}
	}
	return next
}

// known is since when all sends are known while lanes have unread records.
func (l *look) known() time.Time {
	since := l.whole()
	for _, c := range l.lanes {
		at := c.since
		if at.IsZero() {
			at = l.began
		}
		if c.next > c.start && at.After(since) { //mutant:since-is-what-every-partition-was-read-to
			since = at
		}
	}
	return since
}

// whole is since when all sends are known where all lanes are read: what is kept, and what their oldest records say beyond that.
func (l *look) whole() time.Time {
	var since time.Time
	for _, c := range l.lanes {
		at := l.began.Add(-keptFor)
		if !c.since.IsZero() && c.since.Before(at) {
			at = c.since
		}
		if at.After(since) {
			since = at
		}
	}
	return since
}

// back reads a step of a lane.
func (l *look) back(ctx context.Context, c *lane) error {
	from := max(c.start, c.next-step)
	var some []sent
	var first time.Time
	err := l.Records.Range(ctx, c.at, from, c.next, func(rec stream.Record) error {
		if first.IsZero() {
			first = rec.Time
		}
		if string(rec.Key) != c.key {
			return nil
		}
		s := new(schemas.Send)
		if err := schemas.Decode(&rec, s); errors.Is(err, schemas.ErrNewer) {
			return err
		} else if err != nil {
			return nil //nolint:nilerr // the sender rejects it
		}
		if id, err := schemas.TaskIDFromBytes(s.GetTask()); err == nil {
			some = append(some, sent{recipient: recipient{id, s.GetIndex()}, offset: rec.Offset, phone: s.GetPhone(), sender: s.GetSender(), at: rec.Time.UTC()})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading %s: %w", c.at, err)
	}
	l.read += c.next - from
	c.next = from
	if !first.IsZero() {
		c.since = first.UTC()
	}
	var seen []sent
	for _, one := range slices.Backward(some) {
		one.status, err = l.status(ctx, one.task)
		if err != nil { // what lies below was not looked at
			c.next, c.since = one.offset+1, one.at
			break
		}
		if one.status != nil {
			seen = append(seen, one)
		}
	}
	l.keep(seen)
	return err
}

// status returns that of a task that the caller sees.
func (l *look) status(ctx context.Context, id schemas.TaskID) (*schemas.Status, error) {
	if s, ok := l.seen[id]; ok {
		return s, nil
	}
	if len(l.seen) == maxTasks {
		return nil, errTasks
	}
	s, err := l.caller.Status(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("looking for a task: %w", err)
	}
	l.seen[id] = s
	return s, nil
}

// keep takes sends in: each recipient once, as it was dispatched first, and the newest ones.
func (l *look) keep(some []sent) {
	all := slices.Concat(l.found, some)
	slices.SortFunc(all, func(a, b sent) int { return a.at.Compare(b.at) })
	once := make(map[recipient]bool, len(all))
	all = slices.DeleteFunc(all, func(s sent) bool {
		known := once[s.recipient]
		once[s.recipient] = true
		return known
	})
	slices.SortFunc(all, func(a, b sent) int {
		return cmp.Or(b.at.Compare(a.at), bytes.Compare(b.task[:], a.task[:]), cmp.Compare(b.index, a.index))
	})
	if len(all) > l.limit {
		all, l.more = all[:l.limit], true
	}
	l.found = slices.Clip(all)
}
