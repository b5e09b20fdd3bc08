package table

import (
	"context"
	"sync"
	"time"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/schemas/people"
	"altavoz/stream"
)

// People is the view of the topic people: to whom businesses that have a limit of people a day write. It is safe for concurrent use, and reads nothing
// until Follow.
type People struct {
	cfg     kafka.Config
	layout  kafka.Layout
	verdict func(process string, number uint64, granted bool)

	follow  sync.Once
	wanted  chan struct{} // closed by Follow
	running sync.WaitGroup

	mu  sync.Mutex
	set *people.Set
}

// sweepPeople is how often people are forgotten whose time is over.
const sweepPeople = time.Minute

// NewPeople returns a view that is not started.
func NewPeople(c kafka.Config, l kafka.Layout) *People {
	c = c.WithDefaults()
	return &People{cfg: c, layout: l, wanted: make(chan struct{}), set: people.NewSet(people.MaxPeople), verdict: func(string, uint64, bool) {}}
}

// ListenVerdicts has verdict called, in the view's own goroutine, with each claim that is read, and whether it is granted. Before Start only.
func (v *People) ListenVerdicts(verdict func(process string, number uint64, granted bool)) {
	v.verdict = verdict
}

// Start has the view read once it is to follow, until ctx ends. It does not wait.
func (v *People) Start(ctx context.Context) {
	v.running.Go(func() {
		select {
		case <-v.wanted:
			v.run(ctx)
		case <-ctx.Done():
		}
	})
}

// Follow has the view read from here on: somebody's business has a limit.
func (v *People) Follow() { v.follow.Do(func() { close(v.wanted) }) }

// Wait waits until the view has ended, which it does with the context that it was started with.
func (v *People) Wait() { v.running.Wait() }

func (v *People) run(ctx context.Context) {
	f, err := newFollower(v.cfg, v.layout, schemas.TopicPeople, hooks{v.apply, func() {}, func() {}}) //nolint:contextcheck // it lives until Stop
	if err == nil {
		defer f.Stop()
		err = f.Start(ctx)
	}
	if err != nil {
		v.cfg.Logger.Error("the view of people can't be read: nobody is written to whose business has a limit", "error", err)
		return
	}
	for kafka.Sleep(ctx, sweepPeople) {
		v.mu.Lock()
		v.set.Sweep(time.Now())
		v.mu.Unlock()
	}
}

func (v *People) apply(rec stream.Record) error {
	c, err := people.Decode(&rec)
	if err != nil {
		return err
	}
	v.mu.Lock()
	granted := v.set.Apply(&c, rec.Offset, rec.Time, time.Now())
	v.mu.Unlock()
	v.verdict(c.Process, c.Number, granted)
	return nil
}

// Draw makes a claim of places for people of a business that has a limit, and reports who is in it: see people.Set.
func (v *People) Draw(business string, limit int, wanted []people.Person, now time.Time) (people.Claim, []bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Draw(business, limit, wanted, now)
}

// Behind reports whether a claim has to be written that shows how far the log goes, before there can be one of people.
func (v *People) Behind(now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Behind(now)
}

// Knows reports whether a person has a place already.
func (v *People) Knows(business string, p people.Person, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Knows(business, p, now)
}

// Used is to how many people a business has written, and about when it may write to one more if those are all.
func (v *People) Used(business string, now time.Time) (used int, frees time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set.Used(business, now), v.set.Frees(business)
}
