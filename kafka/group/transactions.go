package group

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"altavoz/kafka"
	"altavoz/stream"

	"github.com/prometheus/client_golang/prometheus"
)

// stableEnds follows the last stable offsets of logs, named by K.
type stableEnds[K comparable] struct {
	pending map[K]openTransaction
}

// openTransaction is a log whose last stable offset has not advanced while records lie above it.
type openTransaction struct {
	at    int64
	since time.Time
	told  time.Time
}

// observe takes in where a log's stable part ends and where the log does. It returns for how long they have been apart at this very
// offset, and whether it is time to say so: after the given patience, and then once in that time.
func (w *stableEnds[K]) observe(log K, stable, end int64, now time.Time, patience time.Duration) (held time.Duration, tell bool) {
	h, known := w.pending[log]
	switch {
	case stable >= end:
		delete(w.pending, log)
		return 0, false
	case !known || h.at != stable: // another transaction, or the first
		h = openTransaction{at: stable, since: now, told: now}
	case now.Sub(h.told) >= patience:
		h.told, tell = now, true
	}
	if w.pending == nil {
		w.pending = make(map[K]openTransaction)
	}
	w.pending[log] = h
	return now.Sub(h.since), tell
}

// forget drops the logs that are not owned any more.
func (w *stableEnds[K]) forget(keep func(K) bool) {
	for k := range w.pending {
		if !keep(k) {
			delete(w.pending, k)
		}
	}
}

// transactionPatience is how long an upstream's transaction may be open before that is said, and then how often: what lies behind it waits. Kafka itself
// ends one whose producer died, after the time-out that the producer asked for (a minute in most clients, at most the broker's
// transaction.max.timeout.ms).
const transactionPatience = time.Minute

// transactionMonitor says how long transactions of others keep partitions from being read: as a metric and, where it is long, in the log. It is not safe
// for concurrent use; its metric is.
type transactionMonitor struct {
	watch stableEnds[stream.TopicPartition]
	open  *prometheus.GaugeVec
	log   *slog.Logger
}

// newTransactionMonitor registers the metric of a stage.
func newTransactionMonitor(reg prometheus.Registerer, stage string, log *slog.Logger) *transactionMonitor {
	m := &transactionMonitor{log: log, open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "altavoz_open_transaction_seconds", ConstLabels: prometheus.Labels{"stage": stage},
		Help: "For how long open transactions of upstream producers have kept partitions owned here from being read; the longest.",
	}, []string{"topic"})}
	reg.MustRegister(m.open)
	return m
}

// observe takes in where the owned partitions of a topic are stable up to, and where they end.
func (m *transactionMonitor) observe(t stream.Topic, owned []stream.TopicPartition, stable, ends map[int32]int64) {
	longest, now := time.Duration(0), time.Now()
	m.watch.forget(func(tp stream.TopicPartition) bool { return slices.Contains(owned, tp) })
	for _, tp := range owned {
		if tp.Topic != t {
			continue
		}
		held, tell := m.watch.observe(tp, stable[tp.Partition], ends[tp.Partition], now, transactionPatience)
		if longest = max(longest, held); tell {
			m.log.Warn("a transaction of an upstream producer is open: what lies behind it waits", "partition", tp.String(),
				"offset", stable[tp.Partition], "end", ends[tp.Partition], "seconds", held.Seconds())
		}
	}
	m.open.WithLabelValues(string(t)).Set(longest.Seconds())
}

// openTransactions says how long transactions of others have kept the owned partitions of a topic from being read.
func (s *session) openTransactions(ctx context.Context, t stream.Topic, ends map[int32]int64) {
	if !kafka.ReadCommitted(t) {
		return
	}
	upTo, err := s.reader.StableEnds(ctx, t)
	if err == nil { // else it is asked again soon
		s.group.transactions.observe(t, s.ownedPartitions(), upTo, ends)
	}
}
