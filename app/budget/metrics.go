package budget

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/stream"
)

type metrics struct {
	trimmed map[stream.Topic]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, budget int64, size func() float64) *metrics {
	with := promauto.With(reg)
	with.NewGaugeFunc(prometheus.GaugeOpts{Name: "altavoz_data_bytes", Help: "Bytes that the embedded Kafka has on disk."}, size)
	with.NewGauge(prometheus.GaugeOpts{Name: "altavoz_data_budget_bytes", Help: "Bytes that the embedded Kafka may have on disk."}).Set(float64(budget))
	trimmed := with.NewCounterVec(prometheus.CounterOpts{Name: "altavoz_data_trimmed_records_total", Help: "Records of finished work that were removed to stay within the budget."}, []string{"topic"})
	m := &metrics{trimmed: make(map[stream.Topic]prometheus.Counter)}
	for _, t := range topics() {
		m.trimmed[t] = trimmed.WithLabelValues(string(t))
	}
	return m
}
