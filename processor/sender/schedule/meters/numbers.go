package meters

import (
	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/sender/limits"
)

// Numbers is whether each sender number can send, asked for when Prometheus asks. Numbers that are not configured here, which anybody may name, are one
// series.
type Numbers func() map[string]limits.Tally

var (
	numbersStopped    = prometheus.NewDesc("altavoz_numbers_stopped", "Whether a sender number can't send until somebody acts.", []string{"number"}, nil)
	numbersUnanswered = prometheus.NewDesc("altavoz_numbers_unanswered",
		"Whether the calls of a sender number get no answer of the Cloud API: one at a time finds out when they do.", []string{"number"}, nil)
)

// Describe is prometheus.Collector's.
func (Numbers) Describe(to chan<- *prometheus.Desc) {
	to <- numbersStopped
	to <- numbersUnanswered
}

// Collect is prometheus.Collector's.
func (tallies Numbers) Collect(to chan<- prometheus.Metric) {
	for id, n := range tallies() {
		to <- prometheus.MustNewConstMetric(numbersStopped, prometheus.GaugeValue, n.Stopped, id)
		to <- prometheus.MustNewConstMetric(numbersUnanswered, prometheus.GaugeValue, n.Unanswered, id)
	}
}
