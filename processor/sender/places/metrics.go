package places

import "github.com/prometheus/client_golang/prometheus"

// Collector tells Prometheus of the tallies that it asks for.
type Collector func() []Tally

var (
	used = prometheus.NewDesc("altavoz_people_used", "People to whom a business that has a limit of people a day has written within 24 hours outside their windows, or is about to.",
		[]string{"business"}, nil)
	limit = prometheus.NewDesc("altavoz_people_limit", "To how many people a business may write within 24 hours outside their windows.", []string{"business"}, nil)
)

// Describe is prometheus.Collector's.
func (Collector) Describe(to chan<- *prometheus.Desc) {
	to <- used
	to <- limit
}

// Collect is prometheus.Collector's.
func (c Collector) Collect(to chan<- prometheus.Metric) {
	for _, t := range c() {
		to <- prometheus.MustNewConstMetric(used, prometheus.GaugeValue, float64(t.Used), t.Business)
		to <- prometheus.MustNewConstMetric(limit, prometheus.GaugeValue, float64(t.Limit), t.Business)
	}
}
