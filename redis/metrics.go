package redis

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/schemas/refused"
)

// The calls and how they end, as metrics name them.
const (
	callPing = "ping"
	callGet  = "get"
	callPut  = "put"

	resultDone    = "done"
	resultTimeout = "timeout"
	resultError   = "error"
	resultSkipped = "skipped" // Redis is left alone
)

type metrics struct {
	calls map[string]map[string]prometheus.Counter
	up    prometheus.Gauge

	refusals map[refused.Reason]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	calls := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_redis_calls_total", Help: "Calls to Redis, by how they ended; those that did not end well are misses.",
	}, []string{"call", "result"})
	m := &metrics{
		calls: make(map[string]map[string]prometheus.Counter),
		up:    f.NewGauge(prometheus.GaugeOpts{Name: "altavoz_redis_up", Help: "Whether the last call to Redis was answered."}),
	}
	refusals := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_redis_refusals_total", Help: "Calls that Redis or this process refused, by what is wrong: passwords, TLS, rights.",
	}, []string{"reason"})
	m.refusals = make(map[refused.Reason]prometheus.Counter)
	for _, reason := range refused.Reasons() {
		m.refusals[reason] = refusals.WithLabelValues(string(reason))
	}
	for _, call := range []string{callPing, callGet, callPut} {
		m.calls[call] = make(map[string]prometheus.Counter)
		for _, result := range []string{resultDone, resultTimeout, resultError, resultSkipped} {
			m.calls[call][result] = calls.WithLabelValues(call, result)
		}
	}
	return m
}
