package sender

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/processor/sender/schedule"
)

// Names of causes in metrics. The last three are parts of CausePace, by the state of the number.
var causeNames = map[schedule.Cause]string{
	schedule.CausePace: "pace", schedule.CauseContent: "content", schedule.CauseCooldown: "pair", schedule.CauseBackOff: "backoff", schedule.CauseCommit: "commit", schedule.CauseResult: "result", schedule.CauseDetached: "detached",
	schedule.CauseWindow: "window", schedule.CauseOptOuts: "optouts",
}

const (
	waitThrottled = "throttled"
	waitStopped   = "account"
	waitOutage    = "outage"
)

// gauges counts what waits and what is in flight when it is asked for.
func (st *Stage) gauges(f promauto.Factory) {
	gauge := func(name, help, label, value string, read func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{label: value}}, func() float64 {
			st.mu.Lock()
			defer st.mu.Unlock()
			return read()
		})
	}
	for l, name := range schedule.LaneNames {
		gauge("altavoz_sends_in_flight", "Calls under way, or about to begin.", "lane", string(name), func() float64 {
			return float64(st.schedule.InFlight(schedule.Lane(l)))
		})
	}
	const waiting, waitingHelp = "altavoz_sends_waiting", "Sends that wait, by what for."
	for c, name := range causeNames {
		gauge(waiting, waitingHelp, "cause", name, func() float64 {
			n := st.schedule.Waiting(c)
			if c == schedule.CausePace {
				throttled, stopped, outage := st.schedule.CountBlocked(time.Now())
				n -= throttled + stopped + outage
			}
			return float64(n)
		})
	}
	gauge(waiting, waitingHelp, "cause", waitThrottled, func() float64 { n, _, _ := st.schedule.CountBlocked(time.Now()); return float64(n) })
	gauge(waiting, waitingHelp, "cause", waitStopped, func() float64 { _, n, _ := st.schedule.CountBlocked(time.Now()); return float64(n) })
	gauge(waiting, waitingHelp, "cause", waitOutage, func() float64 { _, _, n := st.schedule.CountBlocked(time.Now()); return float64(n) })
	const rate, rateHelp = "altavoz_sender_rate", "Messages a second that this process may send, over all numbers that have a limit: " +
		"its share of the rates as configured (full), and what is left of it while numbers are slowed down (now)."
	gauge(rate, rateHelp, "of", "full", func() float64 { full, _ := st.schedule.Rates(time.Now()); return full })
	gauge(rate, rateHelp, "of", "now", func() float64 { _, now := st.schedule.Rates(time.Now()); return now })
}

// numberGauges is whether each sender number can send. Numbers that are not configured here, which anybody may name, are one series.
type numberGauges struct{ st *Stage }

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
	g.st.mu.Lock()
	tallies := g.st.schedule.Tallies()
	g.st.mu.Unlock() // not held while somebody may be slow to take them
	for id, n := range tallies {
		to <- prometheus.MustNewConstMetric(numbersStopped, prometheus.GaugeValue, n.Stopped, id)
		to <- prometheus.MustNewConstMetric(numbersUnanswered, prometheus.GaugeValue, n.Unanswered, id)
	}
}
