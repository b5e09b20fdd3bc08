package table

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"altavoz/kafka"
	"altavoz/kafka/records"
	"altavoz/kafka/table/fold"
	"altavoz/schemas"
	"altavoz/stream"
)

const (
	// finishedBytes is how much of finished tasks the view keeps in memory, as encoded: some 60,000 with one phone each, or
	// 800 with a hundred error lines. Decoded they are 800 bytes to 30 KiB each, 50 MB as a rule. Unfinished tasks are all in
	// memory, and of the other finished ones the location of the last record: package fold says what that costs.
	finishedBytes = 8 << 20
	// maxReads is how many tasks are read back at once: a batch of up to 1 MiB each.
	maxReads = 16
	// readBackAttempts is how often a record is read whose location has changed meanwhile.
	readBackAttempts = 5
)

// ErrUnreadable is the error of a finished task whose last record cannot be read: no more is known of it than that it is
// finished.
var ErrUnreadable = fmt.Errorf("the status of a finished task can't be read: %w", stream.ErrGone)

// Statuses is the view of the topic statuses: the last status of every task. It is safe for concurrent use.
type Statuses struct {
	*follower
	*fold.Days
	*fold.Months
	Listeners[*schemas.Status] // of every newer one

	readBack  *records.Reader // over a client of its own: one that waits for the topic's end would keep others waiting
	readSlots chan struct{}
	watchers  watchers

	mu    sync.Mutex
	tasks *fold.Tasks
}

// NewStatuses returns a view that is not started.
func NewStatuses(c kafka.Config, l kafka.Layout) (*Statuses, error) {
	c = c.WithDefaults()
	s := &Statuses{readSlots: make(chan struct{}, maxReads), tasks: fold.NewTasks(finishedBytes, l[schemas.TopicStatuses])}
	s.Days, s.Months = s.tasks.Days, s.tasks.Months
	var err error
	if s.readBack, err = records.NewReader(c); err != nil {
		return nil, err
	}
	if s.follower, err = newFollower(c, l, schemas.TopicStatuses, hooks{s.apply, func() {}, func() {}}); err != nil {
		s.readBack.Close()
		return nil, err
	}
	registerSize(c.Registerer, s.Size)
	return s, nil
}

// Stop ends the view; what it has in memory can still be read.
func (s *Statuses) Stop() {
	s.readBack.Close()
	s.follower.Stop()
}

// Get returns the status of a task that is in memory: one that is unfinished, or finished lately. It is shared, and must not be
// changed. Find reads the others.
func (s *Statuses) Get(t schemas.TaskID) (*schemas.Status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tasks.Get(t)
}

// Finished reports whether the task is known to be finished, though it may not be in memory.
func (s *Statuses) Finished(t schemas.TaskID) bool {
	st, _, placed := s.lookup(t)
	return placed || st.GetFinishedMs() != 0
}

// Size is how many tasks the view has, and where.
func (s *Statuses) Size() fold.Size {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tasks.Size()
}

func (s *Statuses) lookup(t schemas.TaskID) (st *schemas.Status, at fold.Location, placed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.tasks.Get(t); ok {
		return st, at, false
	}
	at, placed = s.tasks.Location(t)
	return nil, at, placed
}

// Find returns the status of any task, reading it back where that is needed; nil means that there is none. An error other than
// ErrUnreadable may pass.
func (s *Statuses) Find(ctx context.Context, t schemas.TaskID) (*schemas.Status, error) {
	st, _, placed := s.lookup(t)
	if !placed {
		return st, nil
	}
	select {
	case s.readSlots <- struct{}{}:
		defer func() { <-s.readSlots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to read a status: %w", context.Cause(ctx))
	}
	s.metrics.ReadBack.Inc()
	for range readBackAttempts {
		st, at, placed := s.lookup(t)
		if !placed {
			return st, nil
		}
		rec, err := s.readBack.Record(ctx, stream.TopicPartition{Topic: schemas.TopicStatuses, Partition: at.Partition}, at.Offset)
		if err != nil && !errors.Is(err, stream.ErrGone) {
			return nil, err
		}
		if err == nil {
			if id, st, err := fold.ParseStatus(&rec); err == nil && st != nil && id == t {
				return st, nil
			}
		}
		// Compaction removes a record in favour of a later one, which the view may not have read yet.
		if err := s.Sync(ctx); err != nil {
			return nil, err
		}
		if _, now, placed := s.lookup(t); placed && now == at {
			return nil, fmt.Errorf("task %s: %w", t, ErrUnreadable)
		}
	}
	return nil, fmt.Errorf("task %s is written again and again", t)
}

// Each calls each for every task in memory until it returns false.
func (s *Statuses) Each(each func(schemas.TaskID, *schemas.Status) bool) {
	s.mu.Lock()
	all := s.tasks.All()
	s.mu.Unlock()
	for _, st := range all {
		if !each(schemas.TaskID(st.GetTask()), st) {
			return
		}
	}
}

// Watch signals when the task's status may have changed, until stop is called.
func (s *Statuses) Watch(t schemas.TaskID) (changes <-chan struct{}, stop func()) {
	return s.watchers.Watch(t)
}

// apply keeps a status if it is newer than what is known: a zombie may have written an older one later.
func (s *Statuses) apply(rec stream.Record) error {
	id, st, err := fold.ParseStatus(&rec)
	if err != nil {
		return err
	}
	s.mu.Lock()
	newer := false
	if st == nil {
		s.tasks.Remove(id)
	} else {
		newer = s.tasks.Apply(id, st, len(rec.Value), fold.Location{Partition: rec.Partition, Offset: rec.Offset})
	}
	s.mu.Unlock()
	if !newer {
		return nil
	}
	s.watchers.Signal(id)
	s.Notify(id, st)
	return nil
}
