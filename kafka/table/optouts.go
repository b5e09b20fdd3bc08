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
	// confirmEvery is how often Confirm asks where the topic ends: two requests each.
	confirmEvery = time.Second
	// confirmTimeout bounds one of them, with the reading up to there.
	confirmTimeout = 5 * time.Second
)

// OptOuts is the view of the topic optouts: who does not want to be written to. It is safe for concurrent use. A log that lost its end takes
// nothing away of what is known.
type OptOuts struct {
	*follower

	confirmed atomic.Int64 // Unix nanoseconds; 0: never

	mu  sync.RWMutex
	set *optout.Set
}

// NewOptOuts returns a view that is not started.
func NewOptOuts(c kafka.Config, l kafka.Layout) (*OptOuts, error) {
	c = c.WithDefaults()
	v := &OptOuts{set: optout.NewSet()}
	var err error
	if v.follower, err = newFollower(c, l, schemas.TopicOptOuts, hooks{v.apply, func() {}, func() {}}); err != nil {
		return nil, err
	}
	promauto.With(c.Registerer).NewGaugeFunc(prometheus.GaugeOpts{
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
	v.set.Apply(business, e)
	return nil
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

// OutOf returns the businesses that a person has opted out of.
func (v *OptOuts) OutOf(person string) []string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.OutOf(person)
}

// Get returns what is known of a person.
func (v *OptOuts) Get(business, person string) optout.Entry {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.Get(business, person)
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
