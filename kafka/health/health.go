// Package health observes whether Kafka answers and whether it takes records. It makes no requests: every process fetches and
// sends heartbeats all the time, so silence means that Kafka is away.
package health

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Silence is how long Kafka may give no answer before it counts as away: twice the longest fetch without records (5 s), which
// is the only request of a process that has nothing to do.
const Silence = 10 * time.Second

// Health is what the clients of one process saw. It is safe for concurrent use; a nil one observes nothing.
type Health struct {
	origin   time.Time
	answered atomic.Int64 // when Kafka answered last, since origin
	failing  atomic.Int64 // since when no record was taken, since origin; 0: records are taken
	refusals *refusals
}

// New returns a Health that has no answer yet, and registers its metrics.
func New(reg prometheus.Registerer, log *slog.Logger) *Health {
	h := &Health{origin: time.Now().Add(-Silence), refusals: newRefusals(reg, log)}
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "altavoz_kafka_up", Help: "Whether a broker answered this process within the last 10 s; the handshake of a connection is no answer.",
	}, func() float64 { return number(!h.Silent()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "altavoz_kafka_writable", Help: "Whether Kafka took the last record that this process wrote.",
	}, func() float64 { return number(h.failing.Load() == 0) })
	return h
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// OnBrokerE2E is kgo.HookBrokerE2E's: a request was answered, or was not. What a broker answers before it knows who asks is no
// answer, or a refused password would look like a Kafka that works.
func (h *Health) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if h == nil || e2e.Err() != nil {
		return
	}
	if k := kmsg.Key(key); k != kmsg.ApiVersions && k != kmsg.SASLHandshake && k != kmsg.SASLAuthenticate {
		h.answered.Store(int64(time.Since(h.origin)))
	}
}

// ObserveWrite takes in what became of a record. What is wrong with the record itself says nothing of Kafka.
func (h *Health) ObserveWrite(err error) {
	switch {
	case h == nil, errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge), errors.Is(err, kerr.InvalidRecord),
		errors.Is(err, kgo.ErrMaxBuffered), errors.Is(err, kgo.ErrClientClosed):
	case err != nil:
		h.refusals.note(err, false)
		h.failing.CompareAndSwap(0, int64(time.Since(h.origin)))
	case h.failing.Load() != 0: // a store for each record would be shared by all cores
		h.failing.Store(0)
	}
}

// Silent reports whether Kafka gives no answer.
func (h *Health) Silent() bool { return time.Since(h.Answered()) >= Silence }

// Answered returns when Kafka answered last. Before the first answer that is Silence before New.
func (h *Health) Answered() time.Time { return h.origin.Add(time.Duration(h.answered.Load())) }

// Failing returns since when no record was taken; the zero time: the last one was.
func (h *Health) Failing() time.Time {
	if since := h.failing.Load(); since != 0 {
		return h.origin.Add(time.Duration(since))
	}
	return time.Time{}
}
