package schedule

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// Names of causes in metrics. The last three are parts of CausePace, by the state of the number.
var causeNames = map[Cause]string{
	CausePace: "pace", CauseContent: "content", CauseCooldown: "pair", CauseBackOff: "backoff", CauseCommit: "commit", CauseResult: "result", CauseDetached: "detached",
	CauseWindow: "window",
}

const (
	waitThrottled = "throttled"
	waitStopped   = "account"
	waitOutage    = "outage"
)

// LaneNames are the names of the lanes.
var LaneNames = [Lanes]schemas.Lane{Express: schemas.LaneExpress, Bulk: schemas.LaneBulk}

// stop is why a number stopped.
type stop string

const (
	stopAccount       stop = "account"
	stopOutage        stop = "outage"
	stopWebhook       stop = "webhook"       // only webhooks say that it can't send
	stopConfiguration stop = "configuration" // another server answers in the API's place
)

func stopOf(n *Number, f limits.Fault) stop {
	switch {
	case f == limits.FaultAccount:
		return stopAccount
	case f == limits.FaultWebhook:
		return stopWebhook
	case n.breakers[f].Foreign():
		return stopConfiguration
	}
	return stopOutage
}

type metrics struct {
	throttles prometheus.Counter
	stops     map[stop]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, s *Scheduler) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		throttles: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sender_throttles_total", Help: "Times that a number was slowed down because Meta said it is too fast.",
		}),
		stops: make(map[stop]prometheus.Counter),
	}
	stops := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_sender_stops_total", Help: "Times that a number stopped sending: for account faults, without answers, because somebody else answers, or because a webhook says that it can't send.",
	}, []string{"reason"})
	for _, r := range []stop{stopAccount, stopOutage, stopConfiguration, stopWebhook} {
		m.stops[r] = stops.WithLabelValues(string(r))
	}
	s.gauges(f)
	reg.MustRegister(numberGauges{s})
	return m
}

// gauges counts what waits and what is in flight when it is asked for.
func (s *Scheduler) gauges(f promauto.Factory) {
	gauge := func(name, help, label, value string, read func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{label: value}}, func() float64 {
			s.cfg.Lock.Lock()
			defer s.cfg.Lock.Unlock()
			return read()
		})
	}
	for l, name := range LaneNames {
		gauge("altavoz_sends_in_flight", "Calls under way, or about to begin.", "lane", string(name), func() float64 {
			return float64(s.InFlight(Lane(l)))
		})
	}
	const waiting, waitingHelp = "altavoz_sends_waiting", "Sends that wait, by what for."
	for c, name := range causeNames {
		gauge(waiting, waitingHelp, "cause", name, func() float64 {
			n := s.Waiting(c)
			if c == CausePace {
				throttled, stopped, outage := s.countBlocked(time.Now())
				n -= throttled + stopped + outage
			}
			return float64(n)
		})
	}
	gauge(waiting, waitingHelp, "cause", waitThrottled, func() float64 { n, _, _ := s.countBlocked(time.Now()); return float64(n) })
	gauge(waiting, waitingHelp, "cause", waitStopped, func() float64 { _, n, _ := s.countBlocked(time.Now()); return float64(n) })
	gauge(waiting, waitingHelp, "cause", waitOutage, func() float64 { _, _, n := s.countBlocked(time.Now()); return float64(n) })
	const rate, rateHelp = "altavoz_sender_rate", "Messages a second that this process may send, over all numbers that have a limit: " +
		"its share of the rates as configured (full), and what is left of it while numbers are slowed down (now)."
	gauge(rate, rateHelp, "of", "full", func() float64 { full, _ := s.rates(time.Now()); return full })
	gauge(rate, rateHelp, "of", "now", func() float64 { _, now := s.rates(time.Now()); return now })
}

// InFlight is how many calls of a lane are under way or about to begin.
func (s *Scheduler) InFlight(l Lane) int {
	if l == Bulk {
		return s.capacity.Bulk()
	}
	return s.capacity.Total() - s.capacity.Bulk()
}

// Waiting is how many sends wait for a cause.
func (s *Scheduler) Waiting(c Cause) int { return s.waitCounts[c] }

// countBlocked counts the ready sends of numbers that must wait.
func (s *Scheduler) countBlocked(now time.Time) (throttled, stopped, outage int) {
	for _, n := range s.numbers.byID {
		ready := n.ready[Express].n + n.ready[Bulk].n
		_, slowed := n.pacer.Slowed()
		switch {
		case n.breakers.Halted():
			stopped += ready
		case n.breakers.Stopped(limits.FaultOutage):
			outage += ready
		case slowed || n.pacer.BlockedUntil().After(now):
			throttled += ready
		}
	}
	return throttled, stopped, outage
}

// rates sums up what numbers that have a limit may send a second: at best, and now.
func (s *Scheduler) rates(t time.Time) (full, now float64) {
	for _, n := range s.numbers.byID {
		if n.pacer.Full() == 0 {
			continue
		}
		full += n.pacer.Full()
		if !n.breakers.Halted() && !n.breakers.Stopped(limits.FaultOutage) && !n.pacer.BlockedUntil().After(t) {
			now += n.pacer.Rate()
		}
	}
	return full, now
}

// numberGauges is whether each sender number can send. Numbers that are not configured here, which anybody may name, are one series.
type numberGauges struct{ s *Scheduler }

var (
	numbersStopped    = prometheus.NewDesc("altavoz_numbers_stopped", "Whether a sender number can't send until somebody acts.", []string{"number"}, nil)
	numbersUnanswered = prometheus.NewDesc("altavoz_numbers_unanswered",
		"Whether the calls of a sender number get no answer of the Cloud API: one at a time finds out when they do.", []string{"number"}, nil)
)

// Describe is prometheus.Collector's.
func (numberGauges) Describe(to chan<- *prometheus.Desc) {
	to <- numbersStopped
	to <- numbersUnanswered
}

// Collect is prometheus.Collector's.
func (g numberGauges) Collect(to chan<- prometheus.Metric) {
	tallies := make(map[string]limits.Tally)
	g.s.cfg.Lock.Lock()
	for id, n := range g.s.numbers.byID {
		if _, known := g.s.cfg.Number(id); !known {
			id = "other"
		}
		tallies[id] = tallies[id].With(&n.breakers)
	}
	g.s.cfg.Lock.Unlock() // not held while somebody may be slow to take them
	for id, n := range tallies {
		to <- prometheus.MustNewConstMetric(numbersStopped, prometheus.GaugeValue, n.Stopped, id)
		to <- prometheus.MustNewConstMetric(numbersUnanswered, prometheus.GaugeValue, n.Unanswered, id)
	}
}
