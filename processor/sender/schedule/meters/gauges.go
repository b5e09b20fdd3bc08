package meters

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/sender/limits"
)

// Snapshot is what waits and what is in flight at a moment.
type Snapshot struct {
	InFlight          map[string]int // by lane
	Waiting           map[string]int // sends by what they wait for
	RateFull, RateNow float64        // messages a second, over all numbers that have a limit
}

// NewSnapshot returns one of no sends and no numbers.
func NewSnapshot() Snapshot {
	return Snapshot{InFlight: make(map[string]int), Waiting: map[string]int{throttled: 0, account: 0, outage: 0}}
}

// What sends that are ready wait for, if it is not their turn: the state of their number.
const (
	throttled = "throttled"
	account   = "account"
	outage    = "outage"
)

// AddNumber adds a number, and returns how many of its sends that are ready wait for something else than their turn.
func (s *Snapshot) AddNumber(ready int, b *limits.Breakers, p *limits.Pacer, now time.Time) (elsewhere int) {
	s.RateFull += p.Full()
	_, slowed := p.Slowed()
	blocked, cause := p.BlockedUntil().After(now), ""
	switch {
	case b.Halted():
		cause = account
	case b.Stopped(limits.FaultOutage):
		cause = outage
	case slowed || blocked:
		cause = throttled
	}
	if p.Full() > 0 && !blocked && (cause == "" || cause == throttled) {
		s.RateNow += p.Rate()
	}
	if cause == "" {
		return 0
	}
	s.Waiting[cause] += ready
	return ready
}

// Gauges are those of a snapshot, taken when Prometheus asks.
type Gauges func() Snapshot

var (
	inFlight = prometheus.NewDesc("altavoz_sends_in_flight", "Calls under way, or about to begin.", []string{"lane"}, nil)
	waiting  = prometheus.NewDesc("altavoz_sends_waiting", "Sends that wait, by what for.", []string{"cause"}, nil)
	rate     = prometheus.NewDesc("altavoz_sender_rate", "Messages a second that this process may send, over all numbers that have a limit: "+
		"its share of the rates as configured (full), and what is left of it while numbers are slowed down (now).", []string{"of"}, nil)
)

// Describe is prometheus.Collector's.
func (Gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{inFlight, waiting, rate} {
		to <- d
	}
}

// Collect is prometheus.Collector's.
func (take Gauges) Collect(to chan<- prometheus.Metric) {
	s := take()
	for lane, n := range s.InFlight {
		to <- prometheus.MustNewConstMetric(inFlight, prometheus.GaugeValue, float64(n), lane)
	}
	for cause, n := range s.Waiting {
		to <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, float64(n), cause)
	}
	to <- prometheus.MustNewConstMetric(rate, prometheus.GaugeValue, s.RateFull, "full")
	to <- prometheus.MustNewConstMetric(rate, prometheus.GaugeValue, s.RateNow, "now")
}
