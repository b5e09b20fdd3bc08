package meters

import (
	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/sender/places"
)

// Places are the gauges of how far the people of a day are used up.
type Places func() []places.Tally

var (
	used = prometheus.NewDesc("altavoz_people_used", "People to whom a business that has a limit of people a day has written within 24 hours outside their windows, or is about to.",
		[]string{"business"}, nil)
	limit = prometheus.NewDesc("altavoz_people_limit", "To how many people a business may write within 24 hours outside their windows.", []string{"business"}, nil)
)

// Describe is prometheus.Collector's.
func (Places) Describe(to chan<- *prometheus.Desc) {
	to <- used
	to <- limit
}

// Collect is prometheus.Collector's.
func (take Places) Collect(to chan<- prometheus.Metric) {
	for _, t := range take() {
		to <- prometheus.MustNewConstMetric(used, prometheus.GaugeValue, float64(t.Used), t.Business)
		to <- prometheus.MustNewConstMetric(limit, prometheus.GaugeValue, float64(t.Limit), t.Business)
	}
}
