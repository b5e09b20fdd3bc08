package table

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/stream"
)

const (
	// confirmEvery is how often Confirm asks where the topic ends: two requests each. A try that fails leaves time for another within the 5 s that
	// a sender's knowledge may be old.
	confirmEvery = 2 * time.Second
	// confirmTimeout bounds one of them, with the reading up to there.
	confirmTimeout = 5 * time.Second
	// completeEvery is how often Complete looks. Compaction takes nothing of the segment that is written.
	completeEvery = 10 * time.Second
	// maxPartial bounds the people whose last record lacks something; more are found when the topic is read the next time.
	maxPartial = 10_000
)

// person is one of a business.
type person struct{ business, name string }

// OptOuts is the view of the topic optouts: who does not want to be written to. It is safe for concurrent use. A log that lost its end takes
// nothing away of what is known.
type OptOuts struct {
	*follower

	confirmed atomic.Int64 // Unix nanoseconds; 0: never

	mu      sync.RWMutex
	set     *optout.Set
	partial map[person]bool // whose last record lacks what an earlier one said
}

// NewOptOuts returns a view that is not started.
func NewOptOuts(c kafka.Config, l kafka.Layout) (*OptOuts, error) {
	c = c.WithDefaults()
	v := &OptOuts{set: optout.NewSet(optout.MaxPairs), partial: make(map[person]bool)}
	var err error
	if v.follower, err = newFollower(c, l, schemas.TopicOptOuts, hooks{v.apply, func() {}, func() {}}); err != nil {
		return nil, err
	}
	f := promauto.With(c.Registerer)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "altavoz_optouts_pairs", Help: "User ids whose phone is known, so that an opt-out holds for both; after 2,000,000 only those of who opted out are learnt.",
	}, func() float64 { return float64(v.Pairs()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "altavoz_optouts", Help: "People who have opted out, as far as this process knows; of several businesses, of all.",
	}, func() float64 { return float64(v.Count()) })
	return v, nil
}

func (v *OptOuts) apply(rec stream.Record) error {
	if len(rec.Value) == 0 { // nobody writes one: whoever deleted a record by hand deletes nothing of what is known
		return nil
	}
	business, e, err := optout.Decode(&rec)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch of := (person{business, e.Person}); {
	case v.set.Apply(business, e):
		delete(v.partial, of)
	case len(v.partial) < maxPartial: //mutant:opt-out-outlives-compaction
		v.partial[of] = true
	}
	return nil
}

// Complete writes again and again, until ctx ends, the records of those whose last one lacks something that is known: who wrote it had not read an
// earlier one yet, and compaction would take that away.
func (v *OptOuts) Complete(ctx context.Context, log stream.Publisher) {
	select {
	case <-v.CaughtUp():
	case <-ctx.Done():
	}
	for ; ctx.Err() == nil; kafka.Sleep(ctx, completeEvery) {
		recs := v.wanted()
		if len(recs) == 0 {
			continue
		}
		if _, err := log.Publish(ctx, recs...); err != nil && ctx.Err() == nil {
			v.log.Warn("records of opt-outs that lack something are not written anew", "records", len(recs), "error", err)
		}
	}
}

// wanted makes the records of those whose last one lacks something.
func (v *OptOuts) wanted() (recs []stream.Record) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for of := range v.partial {
		e := v.set.Get(of.business, of.name)
		recs = append(recs, e.Encode(of.business))
	}
	return recs
}

// Confirm finds out again and again, until ctx ends, up to when the view knows everything.
func (v *OptOuts) Confirm(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		within, cancel := context.WithTimeout(ctx, confirmTimeout)
		if v.Sync(within) == nil {
			v.confirmed.Store(began.UnixNano())
		}
		cancel()
		kafka.Sleep(ctx, confirmEvery)
	}
}

// Confirmed is a moment at which everything was known that Kafka had acknowledged by then. Without Confirm it is none.
func (v *OptOuts) Confirmed() time.Time {
	if ns := v.confirmed.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// Out reports whether a person has opted out of what a business sends.
func (v *OptOuts) Out(business, person string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.Out(business, person)
}

// OutOf returns the businesses that a person of several names has opted out of.
func (v *OptOuts) OutOf(names ...string) []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.OutOf(names...)
}

// Get returns what is known of a person.
func (v *OptOuts) Get(business, person string) optout.Entry {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.Get(business, person)
}

// Paired reports whether a user id is known to be a phone's.
func (v *OptOuts) Paired(business, user, phone string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.Paired(business, user, phone)
}

// Learns reports whether another phone of a user id than what was known of the id has is taken in.
func (v *OptOuts) Learns(was optout.Entry, out bool) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.Learns(was, out)
}

// Pairs is of how many user ids the phone is known.
func (v *OptOuts) Pairs() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.Pairs()
}

// After returns who has opted out and comes behind a name, in order.
func (v *OptOuts) After(business, person string) optout.Names {
	v.mu.RLock()
	names := v.set.After(business, person)
	v.mu.RUnlock()
	names.Sort()
	return names
}

// Count is how many people have opted out.
func (v *OptOuts) Count() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out, _ := v.set.Size()
	return out
}
