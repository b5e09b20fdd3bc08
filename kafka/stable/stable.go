// Package stable keeps how long a log has had records that nobody may read yet: those of a transaction that is still open, and all behind
// them.
package stable

import (
	"log/slog"
	"slices"
	"time"

	"altavoz/stream"

	"github.com/prometheus/client_golang/prometheus"
)

// Watch is one reader's view of its logs, named by K.
type Watch[K comparable] struct {
	held map[K]hold
}

// hold is a log whose stable end has not moved while there was something behind it.
type hold struct {
	at    int64
	since time.Time
	told  time.Time
}

// Observe takes in where a log's stable part ends and where the log does. It returns for how long they have been apart at this very
// offset, and whether it is time to say so: after the given patience, and then once in that time.
func (w *Watch[K]) Observe(log K, stable, end int64, now time.Time, patience time.Duration) (held time.Duration, tell bool) {
	h, known := w.held[log]
	switch {
	case stable >= end:
		delete(w.held, log)
		return 0, false
	case !known || h.at != stable: // another transaction, or the first
		h = hold{at: stable, since: now, told: now}
	case now.Sub(h.told) >= patience:
		h.told, tell = now, true
	}
	if w.held == nil {
		w.held = make(map[K]hold)
	}
	w.held[log] = h
	return now.Sub(h.since), tell
}

// Forget drops a log that is somebody else's now.
func (w *Watch[K]) Forget(keep func(K) bool) {
	for k := range w.held {
		if !keep(k) {
			delete(w.held, k)
		}
	}
}

// patience is how long an upstream's transaction may be open before that is said, and then how often: what lies behind it waits. Kafka itself
// ends one whose producer died, after the time-out that the producer asked for (a minute in most clients, at most the broker's
// transaction.max.timeout.ms).
const patience = time.Minute

// Monitor says how long transactions of others keep partitions from being read: as a metric and, where it is long, in the log. It is not safe
// for concurrent use; its metric is.
type Monitor struct {
	watch Watch[stream.TopicPartition]
	open  *prometheus.GaugeVec
	log   *slog.Logger
}

// NewMonitor registers the metric of a stage.
func NewMonitor(reg prometheus.Registerer, stage string, log *slog.Logger) *Monitor {
	m := &Monitor{log: log, open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "altavoz_open_transaction_seconds", ConstLabels: prometheus.Labels{"stage": stage},
		Help: "For how long open transactions of upstream producers have kept partitions owned here from being read; the longest.",
	}, []string{"topic"})}
	reg.MustRegister(m.open)
	return m
}

// Observe takes in where the owned partitions of a topic are stable up to, and where they end.
func (m *Monitor) Observe(t stream.Topic, owned []stream.TopicPartition, stable, ends map[int32]int64) {
	longest, now := time.Duration(0), time.Now()
	m.watch.Forget(func(slot stream.TopicPartition) bool { return slices.Contains(owned, slot) })
	for _, slot := range owned {
		if slot.Topic != t {
			continue
		}
		held, tell := m.watch.Observe(slot, stable[slot.Partition], ends[slot.Partition], now, patience)
		if longest = max(longest, held); tell {
			m.log.Warn("a transaction of an upstream producer is open: what lies behind it waits", "slot", slot.String(),
				"offset", stable[slot.Partition], "end", ends[slot.Partition], "seconds", held.Seconds())
		}
	}
	m.open.WithLabelValues(string(t)).Set(longest.Seconds())
}
