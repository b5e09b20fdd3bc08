package harness

import (
	"strconv"
	"strings"
	"testing"
)

// Metrics returns what a process tells Prometheus.
func (h *API) Metrics(t testing.TB) string {
	t.Helper()
	_, body := h.Get(t, h.URL+"/metrics")
	return body
}

// MetricSum adds up the series of a metric that have all the labels, each written as in the text: name="value".
func MetricSum(t testing.TB, text, name string, labels ...string) (sum float64) {
	t.Helper()
	for line := range strings.Lines(text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		got, set, labelled := strings.Cut(series, "{")
		if !labelled {
			got, value, _ = strings.Cut(series, " ")
		}
		if got != name || !hasAll(set, labels) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%q in the metrics: %v", line, err)
		}
		sum += v
	}
	return sum
}

func hasAll(set string, labels []string) bool {
	for _, l := range labels {
		if !strings.Contains(","+set+",", ","+l+",") {
			return false
		}
	}
	return true
}
