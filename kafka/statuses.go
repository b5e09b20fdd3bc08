package kafka

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"altavoz/schemas"
)

// errOtherKey is the error of a record whose value speaks of something else than its key.
var errOtherKey = errors.New("key and value of the record do not belong together")

// maxStatuses is how many tasks the view holds: at 300 bytes to 10 KiB each (with a hundred error lines), some 200 MiB at
// the very worst and 30 MiB as a rule. Beyond it those that finished longest ago are forgotten here.
const maxStatuses = 100_000

// Statuses is the view of the topic statuses: the last word on every task, in memory. It is safe for concurrent use.
type Statuses struct {
	*tail
	listeners []func(schemas.TaskID, *schemas.Status)

	mu       sync.Mutex
	tasks    map[schemas.TaskID]*schemas.Status
	watchers map[schemas.TaskID]map[chan struct{}]struct{}
}

// NewStatuses returns a view that is not started.
func NewStatuses(c Config, l Layout) (*Statuses, error) {
	s := &Statuses{
		tasks: make(map[schemas.TaskID]*schemas.Status), watchers: make(map[schemas.TaskID]map[chan struct{}]struct{}),
	}
	var err error
	s.tail, err = newTail(c.withDefaults(), l, schemas.TopicStatuses, s.read)
	return s, err
}

// Listen has heard called with every newer status, in the view's own goroutine. Before Start only.
func (s *Statuses) Listen(heard func(schemas.TaskID, *schemas.Status)) {
	s.listeners = append(s.listeners, heard)
}

// Get returns the task's status; it is shared, and only to be read.
func (s *Statuses) Get(t schemas.TaskID) (*schemas.Status, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.tasks[t]
	return st, ok
}

// Each calls each for every task until it returns false.
func (s *Statuses) Each(each func(schemas.TaskID, *schemas.Status) bool) {
	s.mu.Lock()
	all := make([]*schemas.Status, 0, len(s.tasks))
	for _, st := range s.tasks {
		all = append(all, st)
	}
	s.mu.Unlock()
	for _, st := range all {
		if !each(schemas.TaskID(st.GetTask()), st) {
			return
		}
	}
}

// Watch signals when the task's status may have changed, until stop is called.
func (s *Statuses) Watch(t schemas.TaskID) (changes <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[t] == nil {
		s.watchers[t] = make(map[chan struct{}]struct{})
	}
	s.watchers[t][c] = struct{}{}
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers[t], c)
		if len(s.watchers[t]) == 0 {
			delete(s.watchers, t)
		}
	}
}

// read keeps a status if it is newer than what is known: a zombie may have written one later that knows less.
func (s *Statuses) read(rec schemas.Record) error {
	id, err := schemas.ParseTaskID(string(rec.Key))
	if err != nil {
		return err
	}
	if len(rec.Value) == 0 {
		s.mu.Lock()
		delete(s.tasks, id)
		s.mu.Unlock()
		return nil
	}
	st := new(schemas.Status)
	if err := schemas.Decode(&rec, st); err != nil {
		return err
	}
	if string(st.GetTask()) != string(id.Bytes()) {
		return errOtherKey
	}
	s.mu.Lock()
	known := s.tasks[id]
	newer := st.Supersedes(known) //mutant:view-believes-who-knows-more
	if newer {
		s.tasks[id] = st
		for c := range s.watchers[id] {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
	full := len(s.tasks) > maxStatuses
	s.mu.Unlock()
	if !newer {
		return nil
	}
	for _, heard := range s.listeners {
		heard(id, st)
	}
	if full {
		s.forget()
	}
	return nil
}

// forget drops a tenth of the tasks: those that finished longest ago.
func (s *Statuses) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	finished := make([]*schemas.Status, 0, len(s.tasks))
	for _, st := range s.tasks {
		if st.GetFinishedMs() != 0 {
			finished = append(finished, st)
		}
	}
	slices.SortFunc(finished, func(a, b *schemas.Status) int { return cmp.Compare(a.GetFinishedMs(), b.GetFinishedMs()) })
	for _, st := range finished[:min(len(finished), maxStatuses/10)] {
		delete(s.tasks, schemas.TaskID(st.GetTask()))
	}
}
