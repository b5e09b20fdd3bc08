package prepare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/semaphore"

	"altavoz/blob"
	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/processor/partition"
	"altavoz/schemas"
	"altavoz/schemas/es"
	"altavoz/stream"
)

// Why a task can't go on: it can't be read.
var (
	ListUnreadable = schemas.Because(schemas.Reason_REASON_UNREADABLE, es.Say(es.ListUnreadable))
	TaskUnreadable = schemas.Because(schemas.Reason_REASON_UNREADABLE, es.Say(es.TaskUnreadable))
)

const (
	// CacheBytes is how much of short lists a partition keeps in memory; the others are read again for each of their quanta.
	CacheBytes = 8 << 20
	// SeenBytes bounds the sets that find repeats in long lists, over all partitions of the process. A list waits until there is
	// room for all of it, of which a set of 10,000,000 foreign phones takes half; the longest alone, 16 Mi of 8 bytes, always fits.
	SeenBytes = 128 << 20
	// maxReads is how many reads a partition has under way to get tasks ready.
	maxReads = 64
)

// Records reads back what lies in the log: broadcasts and slices by offset, marks in whole partitions.
type Records interface {
	stream.RecordReader
	Range(ctx context.Context, s stream.TopicPartition, from, to int64, each func(stream.Record) error) error
	Ends(ctx context.Context, t stream.Topic) (map[int32]int64, error)
}

// Owner runs the tasks of a partition.
type Owner interface {
	// Evaluate is called when something of the task has changed.
	Evaluate(t *task.Task, now time.Time)
	// Fail closes a task that can't go on, with a reason that a person reads.
	Fail(t *task.Task, why schemas.Explanation, now time.Time)
	// Publish puts records on the log until all are acknowledged.
	Publish(log stream.Log, done func(last stream.Record), recs ...stream.Record)
	// Prove is Publish once a commit was made that is asked for from now on.
	Prove(log stream.Log, done func(last stream.Record), recs ...stream.Record)
}

// Config is what a Preparer works with.
type Config struct {
	Owner   Owner
	Engine  *partition.Engine
	Logger  *slog.Logger
	Records Records
	Media   Media
	// Templates judges templates; nil: nobody does.
	Templates Templates
	Express   stream.Log
	Bulk      stream.Log
	// Home returns the partition of the topic that a key belongs to.
	Home func(t stream.Topic, key []byte) int32
	// Reject makes the record that keeps a broadcast that points at what is another's.
	Reject func(rec stream.Record, reason string) stream.Record
	Region string
	// Seen is shared by all partitions of the process: SeenBytes.
	Seen *semaphore.Weighted
	// CountUpload counts how tries to make a file known to Meta ended.
	CountUpload func(result string)
}

// Preparer gets the tasks of one partition ready.
type Preparer struct {
	cfg           Config
	reads         int          // under way
	checks        int          // of templates, likewise
	unchecked     []*task.Task // wait for a place to have theirs checked
	cachedBytes   int          // of short lists
	uploads       map[string]*upload
	queued        []*upload // wait for a place
	active        int       // uploads under way
	needStates    []*task.Task
	readingStates bool
}

// New returns what gets the tasks of one partition ready.
func New(cfg Config) *Preparer { return &Preparer{cfg: cfg, uploads: make(map[string]*upload)} }

// Busy reports whether as many reads are under way as may be.
func (p *Preparer) Busy() bool { return p.reads >= maxReads }

func (p *Preparer) logFor(t *task.Task) stream.Log {
	if t.Lane == schemas.LaneExpress {
		return p.cfg.Express
	}
	return p.cfg.Bulk
}

// Prepare reports whether the task is ready for its next quantum. If not, what it lacks is fetched, one thing after the other,
// and the task comes back.
func (p *Preparer) Prepare(t *task.Task, now time.Time) bool {
	return t.State() == task.Waiting && p.loadBroadcast(t) && p.resolveMedia(t, now) && p.loadPending(t) && p.findListKey(t) && p.rebuildSeen(t) && p.loadSlice(t)
}

// readFor runs f in the background for a task and then done, unless the task was closed meanwhile. What can't ever be read fails it.
func (p *Preparer) readFor(t *task.Task, why schemas.Explanation, f func(context.Context) error, done func()) {
	t.BecomePreparing()
	p.reads++
	p.cfg.Engine.Background(f, p.isPermanent, func(err error) {
		p.reads--
		switch {
		case !t.BecomePrepared():
		case errors.Is(err, blob.ErrForeign):
			p.failForeign(t, normalize.Foreign, err)
		case err != nil:
			p.cfg.Logger.Error("a broadcast can't go on", "task", t.ID.String(), "error", err)
			p.cfg.Owner.Fail(t, why, time.Now())
		default:
			done()
			p.cfg.Owner.Evaluate(t, time.Now())
		}
	})
}

// isPermanent reports whether an error of reading will not pass.
func (p *Preparer) isPermanent(err error) bool {
	return errors.Is(err, schemas.ErrDecode) && !errors.Is(err, schemas.ErrNewer) || errors.Is(err, recipients.ErrUnreadable) || errors.Is(err, blob.ErrForeign) || stream.IsGone(err)
}

// loadBroadcast reads the broadcast.
func (p *Preparer) loadBroadcast(t *task.Task) bool {
	if t.Body != nil {
		return true
	}
	b, size := &schemas.Broadcast{}, 0
	p.readFor(t, TaskUnreadable, func(ctx context.Context) error {
		rec, err := p.cfg.Records.Record(ctx, p.cfg.Engine.Partition(), t.Offset)
		if err != nil {
			return fmt.Errorf("reading a broadcast: %w", err)
		}
		size = len(rec.Value)
		return schemas.Decode(&rec, b)
	}, func() {
		if b.GetTotal() != t.Total || len(b.GetTask()) > 0 && string(b.GetTask()) != string(t.ID.Bytes()) { // a log that lost its end gives offsets out again
			p.cfg.Owner.Fail(t, ListUnreadable, time.Now())
			return
		}
		p.Cache(t, b, size)
	})
	return false
}

// failForeign ends a task whose list or file is another's: its broadcast is kept in rejects, and nothing of it is sent.
func (p *Preparer) failForeign(t *task.Task, why schemas.Explanation, cause error) {
	p.cfg.Logger.Error("a broadcast points at what belongs to another", "task", t.ID.String(), "sender", t.Sender, "offset", t.Offset, "error", cause)
	var rec stream.Record
	p.readFor(t, why, func(ctx context.Context) (err error) {
		rec, err = p.cfg.Records.Record(ctx, p.cfg.Engine.Partition(), t.Offset)
		return err
	}, func() {
		t.BecomePreparing()
		p.cfg.Owner.Publish(p.cfg.Bulk, func(stream.Record) {
			if t.BecomePrepared() {
				p.cfg.Owner.Fail(t, why, time.Now())
			}
		}, p.cfg.Reject(rec, cause.Error()))
	})
}

// findListKey finds out whose the task's list is, where no proof says it.
func (p *Preparer) findListKey(t *task.Task) bool {
	if t.List.Proven() {
		return true
	}
	body, key := t.Body, ""
	p.readFor(t, ListUnreadable, func(ctx context.Context) (err error) {
		key, err = recipients.ListKey(ctx, p.cfg.Records, body, t.ID)
		return err
	}, func() { t.List, t.ListKey = recipients.ListOf(body, t.ID, key), key })
	return false
}

// rebuildSeen makes the set that finds repeats, out of all recipients that were dispatched before.
func (p *Preparer) rebuildSeen(t *task.Task) bool {
	if t.Seen != nil {
		return true
	}
	region, n := p.cfg.Region, recipients.NewSeen()
	if t.List == nil {
		for _, text := range t.Body.GetPhones()[:t.Cursor] {
			n.Judge(text, region, "", nil)
		}
		t.Seen = n
		return true
	}
	if hold := min(int64(t.Total)*recipients.NumberBytes, SeenBytes); t.SeenBytes == 0 {
		if !p.cfg.Seen.TryAcquire(hold) {
			t.BecomePreparing()
			p.cfg.Engine.After(partition.MostBackOff, func() { t.BecomePrepared(); p.cfg.Owner.Evaluate(t, time.Now()) })
			return false
		}
		t.SeenBytes = hold
	}
	if t.Cursor == 0 {
		t.Seen = n
		return true
	}
	cursor, l := t.Cursor, t.List
	p.readFor(t, ListUnreadable, func(ctx context.Context) error {
		n = recipients.NewSeen() // from the start, if it is tried again
		return l.Before(ctx, p.cfg.Records, cursor, func(text string) { n.Judge(text, region, "", nil) })
	}, func() {
		if t.Cursor == cursor { // else a quantum of a replaced owner has ended meanwhile, and the set is made again
			t.Seen = n
		}
	})
	return false
}

// loadSlice makes sure that the task's next recipients are in memory.
func (p *Preparer) loadSlice(t *task.Task) bool {
	if t.Slice.Has(t.Cursor) {
		return true
	}
	if t.List == nil {
		t.Slice = &task.Slice{Phones: t.Body.GetPhones(), Personal: t.Body.GetPersonal()}
		return true
	}
	if t.Prefetched.Has(t.Cursor) {
		t.Slice, t.Prefetched = t.Prefetched, nil
		return true
	}
	c := &task.Slice{First: t.List.FirstOf(t.Cursor)}
	p.readFor(t, ListUnreadable, p.sliceReader(t, c), func() { t.Slice = c })
	return false
}

// Prefetch reads the next slice, if this one ends with the quantum, while that is in flight. It may fail: then the
// slice is read when it is needed.
func (p *Preparer) Prefetch(t *task.Task, next uint32) {
	if t.List == nil || next >= t.Total || t.Slice.Has(next) || t.Prefetched.Has(next) || t.Prefetching {
		return
	}
	t.Prefetching = true
	c := &task.Slice{First: next}
	p.cfg.Engine.Background(p.sliceReader(t, c), func(error) bool { return true }, func(err error) {
		t.Prefetching = false
		if err == nil && t.Open() && t.Body != nil {
			t.Prefetched = c
		}
	})
}

// sliceReader returns what reads the slice that begins at c.first. It runs in the background, so it takes nothing of the task along
// that may change.
func (p *Preparer) sliceReader(t *task.Task, c *task.Slice) func(context.Context) error {
	l := t.List
	return func(ctx context.Context) error {
		read, err := l.Slice(ctx, p.cfg.Records, c.First)
		c.Phones, c.Personal = read.GetPhones(), read.GetPersonal()
		return err
	}
}
