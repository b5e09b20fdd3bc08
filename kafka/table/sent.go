package table

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/kafka"
	"altavoz/schemas"
	"altavoz/schemas/optout"
	"altavoz/schemas/reply"
	"altavoz/stream"
)

// Sent is the view of the topic sent: which recipients messages went to that can be answered with a tap. It is safe for concurrent use.
type Sent struct {
	*follower

	replies, strangers prometheus.Counter

	mu    sync.RWMutex
	index *reply.Index
}

// NewSent returns a view that is not started.
func NewSent(c kafka.Config, l kafka.Layout) (*Sent, error) {
	c = c.WithDefaults()
	f := promauto.With(c.Registerer)
	counter := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_replies_total", Help: "Taps that webhooks told of, repeats included: on a message that is known, or not (another system's, or too old).",
	}, []string{"known"})
	v := &Sent{index: reply.NewIndex(reply.MaxMessages), replies: counter.WithLabelValues("yes"), strangers: counter.WithLabelValues("no")}
	var err error
	if v.follower, err = newFollower(c, l, schemas.TopicSent, hooks{v.apply, func() {}, func() {}}); err != nil {
		return nil, err
	}
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "altavoz_sent_messages", Help: "Messages of which this process knows whom they went to, so that taps on them are told.",
	}, func() float64 {
		v.mu.RLock()
		defer v.mu.RUnlock()
		return float64(v.index.Size())
	})
	return v, nil
}

func (v *Sent) apply(rec stream.Record) error {
	if len(rec.Value) == 0 { // nobody writes one
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.index.Add(&rec)
}

// Tapped makes the results of taps. Its error is optout.ErrBehind: the view has not read yet what was there when it started.
func (v *Sent) Tapped(all []*schemas.Tap, now time.Time) ([]stream.Record, error) {
	if len(all) == 0 {
		return nil, nil
	}
	select {
	case <-v.CaughtUp():
	default:
		return nil, optout.ErrBehind //mutant:tap-waits-for-the-view
	}
	v.mu.RLock()
	recs, unknown := reply.Records(all, v.index.Find, now.UnixMilli())
	v.mu.RUnlock()
	v.replies.Add(float64(len(all) - unknown))
	v.strangers.Add(float64(unknown))
	return recs, nil
}
