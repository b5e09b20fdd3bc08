package table

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/schemas/lastinbound"
	"altavoz/stream"
)

// sweepEvery is how often a part of the view is looked through for people whose window is over: all of it in five minutes.
const sweepEvery = 5 * time.Minute / lastinbound.Sweeps

// Inbound is the view of the topic inbound: when people wrote to our numbers last. It is safe for concurrent use. While it is behind it knows
// of fewer messages than there are, never of more.
type Inbound struct {
	*follower

	overflows prometheus.Counter

	mu  sync.RWMutex
	set *lastinbound.Set
}

// NewInbound returns a view that is not started.
func NewInbound(c kafka.Config, l kafka.Layout) (*Inbound, error) {
	c = c.WithDefaults()
	f := promauto.With(c.Registerer)
	v := &Inbound{set: lastinbound.NewSet(lastinbound.MaxPeople), overflows: f.NewCounter(prometheus.CounterOpts{
		Name: "altavoz_inbound_overflows_total", Help: "Messages of people for whom there was no room among those who wrote within 24 hours.",
	})}
	var err error
	if v.follower, err = newFollower(c, l, schemas.TopicInbound, hooks{v.apply, func() {}, func() {}}); err != nil {
		return nil, err
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "altavoz_inbound_people", Help: "People who wrote to a sender number within 24 hours, as far as this process knows; each number counts for itself.",
	}, func() float64 { return float64(v.Count()) })
	return v, nil
}

func (v *Inbound) apply(rec stream.Record) error {
	if len(rec.Value) == 0 { // nobody writes one
		return nil
	}
	e, err := lastinbound.Decode(&rec)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.set.Apply(e, time.Now()) {
		v.overflows.Inc()
	}
	return nil
}

// Forget drops, until ctx ends, people whose window is over.
func (v *Inbound) Forget(ctx context.Context) {
	for ; ctx.Err() == nil; kafka.Sleep(ctx, sweepEvery) {
		v.mu.Lock()
		v.set.Sweep(time.Now())
		v.mu.Unlock()
	}
}

// At returns when the person of a recipient wrote to a sender number last; false where nothing is known of that.
func (v *Inbound) At(number string, to schemas.Phone) (time.Time, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.At(number, to.Digits())
}

// Count is how many people it knows.
func (v *Inbound) Count() int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.set.Size()
}
