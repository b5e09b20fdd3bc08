package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"altavoz/schemas"
)

// maxStatuses is how many tasks the view holds: at 300 bytes to 10 KiB each (with a hundred error lines), some 200 MiB at
// the very worst and 30 MiB as a rule. Beyond it those that finished longest ago are forgotten here.
const maxStatuses = 100_000

// Statuses is the view of the topic statuses: the last word on every task, in memory. It is safe for concurrent use.
type Statuses struct {
	cfg Config
	cl  *kgo.Client
	adm *kadm.Client
	log *slog.Logger

	listeners []func(schemas.TaskID, *schemas.Status)
	caught    chan struct{}
	done      chan struct{}
	start     sync.Once
	stop      context.CancelFunc

	mu       sync.Mutex
	tasks    map[schemas.TaskID]*schemas.Status
	watchers map[schemas.TaskID]map[chan struct{}]struct{}
	next     map[int32]int64 // first offset not read yet
	moved    chan struct{}   // closed and made anew when next grows
}

// NewStatuses returns a view that is not started.
func NewStatuses(c Config, l Layout) (*Statuses, error) {
	c = c.withDefaults()
	at := make(map[int32]kgo.Offset)
	for p := range l[schemas.TopicStatuses] {
		at[p] = kgo.NewOffset().AtStart()
	}
	cl, err := c.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.topic(schemas.TopicStatuses): at}),
		kgo.FetchMaxBytes(4<<20), kgo.FetchMaxPartitionBytes(1<<20), kgo.MaxConcurrentFetches(2),
	)
	if err != nil {
		return nil, err
	}
	return &Statuses{
		cfg: c, cl: cl, adm: kadm.NewClient(cl), log: c.Logger,
		caught: make(chan struct{}), done: make(chan struct{}), moved: make(chan struct{}),
		tasks: make(map[schemas.TaskID]*schemas.Status), watchers: make(map[schemas.TaskID]map[chan struct{}]struct{}),
		next: make(map[int32]int64),
	}, nil
}

// Listen has heard called with every newer status, in the view's own goroutine. Before Start only.
func (s *Statuses) Listen(heard func(schemas.TaskID, *schemas.Status)) {
	s.listeners = append(s.listeners, heard)
}

// Start begins to read. It does not wait; CaughtUp says when the view knows what was there.
func (s *Statuses) Start(ctx context.Context) error {
	s.start.Do(func() {
		life, stop := context.WithCancel(ctx)
		s.stop = stop
		go s.run(life)
		go func() {
			for life.Err() == nil {
				if s.Sync(life) == nil {
					close(s.caught)
					return
				}
			}
		}()
	})
	return nil
}

// Stop ends the view; what it knows can still be read.
func (s *Statuses) Stop() {
	started := true
	s.start.Do(func() { started = false })
	if started {
		s.stop()
		<-s.done
	}
	s.cl.Close()
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

// CaughtUp is closed when the view first knew all that was there at its start.
func (s *Statuses) CaughtUp() <-chan struct{} { return s.caught }

// Sync waits until the view has read up to where the topic ends now.
func (s *Statuses) Sync(ctx context.Context) error {
	ends, err := s.adm.ListEndOffsets(ctx, s.cfg.topic(schemas.TopicStatuses))
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("listing the ends of %s: %w", schemas.TopicStatuses, err)
	}
	starts, err := s.adm.ListStartOffsets(ctx, s.cfg.topic(schemas.TopicStatuses))
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return fmt.Errorf("listing the starts of %s: %w", schemas.TopicStatuses, err)
	}
	for {
		s.mu.Lock()
		there, moved := true, s.moved
		ends.Each(func(o kadm.ListedOffset) {
			from, _ := starts.Lookup(o.Topic, o.Partition)
			there = there && (o.Offset <= from.Offset || s.next[o.Partition] >= o.Offset)
		})
		s.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the view of statuses: %w", context.Cause(ctx))
		}
	}
}

func (s *Statuses) run(ctx context.Context) {
	defer close(s.done)
	for {
		fetches := s.cl.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(_ string, p int32, err error) {
			if !errors.Is(err, context.Canceled) {
				s.log.Warn("reading statuses", "partition", p, "error", err)
			}
		})
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, k := range p.Records {
				s.take(s.cfg.in(k))
			}
			s.mu.Lock()
			if n := len(p.Records); n > 0 {
				s.next[p.Partition] = p.Records[n-1].Offset + 1
				close(s.moved)
				s.moved = make(chan struct{})
			}
			s.mu.Unlock()
		})
	}
}

// take keeps a status if it is newer than what is known: a zombie may have written an older one later.
func (s *Statuses) take(rec schemas.Record) {
	id, err := schemas.ParseTaskID(string(rec.Key))
	if err != nil {
		return
	}
	if len(rec.Value) == 0 {
		s.mu.Lock()
		delete(s.tasks, id)
		s.mu.Unlock()
		return
	}
	st := new(schemas.Status)
	if err := schemas.Decode(&rec, st); err != nil || string(st.GetTask()) != string(id.Bytes()) {
		s.log.Warn("a status can't be read", "partition", rec.Partition, "offset", rec.Offset, "error", err)
		return
	}
	s.mu.Lock()
	known := s.tasks[id]
	newer := known == nil || st.GetVersion() > known.GetVersion()
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
		return
	}
	for _, heard := range s.listeners {
		heard(id, st)
	}
	if full {
		s.forget()
	}
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
