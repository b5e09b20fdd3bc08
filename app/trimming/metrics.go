package trimming

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/stream"
)

type metrics struct {
	trimmed map[stream.Topic]prometheus.Counter
	passes  map[bool]prometheus.Counter // by whether they succeeded
}

func newMetrics(reg prometheus.Registerer) *metrics {
	with := promauto.With(reg)
	trimmed := with.NewCounterVec(prometheus.CounterOpts{Name: "altavoz_sends_trimmed_total", Help: "Records of sends that this process removed because they were done and old enough."}, []string{"topic"})
	passes := with.NewCounterVec(prometheus.CounterOpts{Name: "altavoz_sends_trimmings_total", Help: "Times that this process looked for sends to remove, by result: ok, failed."}, []string{"result"})
	m := &metrics{
		trimmed: make(map[stream.Topic]prometheus.Counter),
		passes:  map[bool]prometheus.Counter{true: passes.WithLabelValues("ok"), false: passes.WithLabelValues("failed")},
	}
	for _, t := range topics() {
		m.trimmed[t] = trimmed.WithLabelValues(string(t))
	}
	return m
}
