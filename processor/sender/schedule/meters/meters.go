// Package meters is what the scheduler counts for Prometheus.
package meters

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/processor/sender/limits"
)

// Meters counts what happens to sender numbers.
type Meters struct {
	Throttles prometheus.Counter
	Stops     map[limits.Stop]prometheus.Counter
}

// New registers them.
func New(reg prometheus.Registerer) *Meters {
	f := promauto.With(reg)
	m := &Meters{
		Throttles: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sender_throttles_total", Help: "Times that a number was slowed down because Meta said it is too fast.",
		}),
		Stops: make(map[limits.Stop]prometheus.Counter),
	}
	stops := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_sender_stops_total", Help: "Times that a number stopped sending: for account faults, without answers, because somebody else answers, or because a webhook says that it can't send.",
	}, []string{"reason"})
	for _, r := range limits.Stops {
		m.Stops[r] = stops.WithLabelValues(string(r))
	}
	return m
}
