package sender

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// cause is what a send waits for.
type cause uint8

const (
	causeNone     cause = iota
	causePace           // its turn: the rate of its number, or room for a call
	causeContent        // its task's message
	causeCooldown       // its phone was written to a moment ago
	causeBackOff        // it was refused for now
	causeCommit         // its start could not be committed
	causeResult         // its result is being written
	causeDetached       // so is that of a partition that is not ours any more
	causeWindow         // the window of its task is shut
	causes

	// Parts of causePace, by the state of the number.
	waitThrottled = "throttled"
	waitStopped   = "account"
	waitOutage    = "outage"
)

var causeNames = map[cause]string{
	causePace: "pace", causeContent: "content", causeCooldown: "pair", causeBackOff: "backoff", causeCommit: "commit", causeResult: "result", causeDetached: "detached",
	causeWindow: "window",
}

var laneNames = [lanes]schemas.Lane{express: schemas.LaneExpress, bulk: schemas.LaneBulk}

// The outcomes that this stage gives.
var outcomes = []schemas.OutcomeClass{schemas.OutcomeSent, schemas.OutcomeFailed, schemas.OutcomeUnknown, schemas.OutcomeExpired}

type commitResult string

const (
	commitDone    commitResult = "done"
	commitRefused commitResult = "refused" // for at least one partition
	commitLost    commitResult = "lost"    // nobody knows
)

type metrics struct {
	sends          [lanes]map[schemas.OutcomeClass]prometheus.Counter
	repeats        prometheus.Counter
	resent         prometheus.Counter
	disagreements  prometheus.Counter
	throttles      prometheus.Counter
	rejects        prometheus.Counter
	commits        map[commitResult]prometheus.Counter
	commitSeconds  prometheus.Histogram
	resultFailures prometheus.Counter
	stops          map[stop]prometheus.Counter
}

// stop is why a number stopped.
type stop string

const (
	stopAccount       stop = "account"
	stopOutage        stop = "outage"
	stopWebhook       stop = "webhook"       // only webhooks say that it can't send
	stopConfiguration stop = "configuration" // somebody else answers in the API's place
)

func stopOf(n *number, f limits.Fault) stop {
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

var disagreements = prometheus.CounterOpts{
	Name: "altavoz_ledger_disagreements_total", ConstLabels: prometheus.Labels{"stage": stageName},
	Help: "Partitions taken over whose ledger spoke of records that the log does not hold, or holds others instead.",
}

// newMetrics makes the stage's metrics. Attempts and their verdicts are counted where they are made (altavoz_api_replies_total).
func newMetrics(reg prometheus.Registerer, st *Stage) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		repeats: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sends_repeated_total", Help: "Sends dropped because the fanout had produced them before.",
		}),
		resent: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sends_resent_total", Help: "Calls made although an earlier one may have reached its phone (on_unknown=resend).",
		}),
		disagreements: f.NewCounter(disagreements),
		throttles: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sender_throttles_total", Help: "Times that a number was slowed down because Meta said it is too fast.",
		}),
		rejects: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sends_rejected_total", Help: "Records of sends that can never be processed.",
		}),
		commitSeconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "altavoz_ledger_commit_seconds", Help: "Time of one commit of the ledger.",
			Buckets: []float64{.0005, .001, .002, .004, .008, .016, .032, .064, .128, .256, .512, 1, 2, 5, 10},
		}),
		resultFailures: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sender_write_failures_total", Help: "Results, notes or rejects that could not be written at the first try.",
		}),
		commits: make(map[commitResult]prometheus.Counter), stops: make(map[stop]prometheus.Counter),
	}
	stops := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_sender_stops_total", Help: "Times that a number stopped sending: for account faults, without answers, because somebody else answers, or because a webhook says that it can't send.",
	}, []string{"reason"})
	for _, s := range []stop{stopAccount, stopOutage, stopConfiguration, stopWebhook} {
		m.stops[s] = stops.WithLabelValues(string(s))
	}
	sends := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_sends_total", Help: "Sends that came to an end here, their result acknowledged.",
	}, []string{"lane", "outcome"})
	commits := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_ledger_commits_total", Help: "Commits of the ledger.",
	}, []string{"result"})
	for _, r := range []commitResult{commitDone, commitRefused, commitLost} {
		m.commits[r] = commits.WithLabelValues(string(r))
	}
	for l, name := range laneNames {
		m.sends[l] = make(map[schemas.OutcomeClass]prometheus.Counter)
		for _, o := range outcomes {
			m.sends[l][o] = sends.WithLabelValues(string(name), string(o))
		}
	}
	st.gauges(f)
	reg.MustRegister(numberGauges{st})
	return m
}

// gauges has what waits and what is in flight counted when it is asked for.
func (st *Stage) gauges(f promauto.Factory) {
	gauge := func(name, help, label, value string, read func() float64) {
		f.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{label: value}}, func() float64 {
			st.mu.Lock()
			defer st.mu.Unlock()
			return read()
		})
	}
	for l, name := range laneNames {
		gauge("altavoz_sends_in_flight", "Calls under way, or about to begin.", "lane", string(name), func() float64 {
			return float64(st.inFlight(lane(l)))
		})
		gauge("altavoz_sends_oldest_seconds", "Age of the oldest send that is not done.", "lane", string(name), func() float64 {
			return st.oldest(lane(l), time.Now()).Seconds()
		})
	}
	const waiting, waitingHelp = "altavoz_sends_waiting", "Sends that wait, by what for."
	for c, name := range causeNames {
		gauge(waiting, waitingHelp, "cause", name, func() float64 {
			n := st.waiting[c]
			if c == causePace {
				throttled, stopped, outage := st.countBlocked(time.Now())
				n -= throttled + stopped + outage
			}
			return float64(n)
		})
	}
	gauge(waiting, waitingHelp, "cause", waitThrottled, func() float64 { n, _, _ := st.countBlocked(time.Now()); return float64(n) })
	gauge(waiting, waitingHelp, "cause", waitStopped, func() float64 { _, n, _ := st.countBlocked(time.Now()); return float64(n) })
	gauge(waiting, waitingHelp, "cause", waitOutage, func() float64 { _, _, n := st.countBlocked(time.Now()); return float64(n) })
	const pace, paceHelp = "altavoz_sender_rate", "Messages a second that this process may send, over all numbers that have a limit: " +
		"its share of the rates as configured (full), and what is left of it while numbers are slowed down (now)."
	gauge(pace, paceHelp, "of", "full", func() float64 { full, _ := st.rates(time.Now()); return full })
	gauge(pace, paceHelp, "of", "now", func() float64 { _, now := st.rates(time.Now()); return now })
}

func (st *Stage) inFlight(l lane) int {
	if l == bulk {
		return st.capacity.Bulk()
	}
	return st.capacity.Total() - st.capacity.Bulk()
}

// oldest returns how long the oldest send of a lane has been in the log.
func (st *Stage) oldest(l lane, now time.Time) (age time.Duration) {
	for _, a := range st.assignments {
		if c := a.ledger.First(); a.lane == l && c != nil && c.Send != nil && !c.Send.at.IsZero() {
			age = max(age, now.Sub(c.Send.at))
		}
	}
	return age
}

// countBlocked counts the sends of numbers that wait.
func (st *Stage) countBlocked(now time.Time) (throttled, stopped, outage int) {
	for _, n := range st.numbers {
		ready := n.ready[express].n + n.ready[bulk].n
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

// rates sums up what may be sent a second by numbers that have a limit: at best, and now.
func (st *Stage) rates(t time.Time) (full, now float64) {
	for _, n := range st.numbers {
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

// numberGauges says of each sender number whether it can send. Those that are not configured here, which anybody may name, are
// one series.
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
	tallies := make(map[string]limits.Tally)
	g.st.mu.Lock()
	for id, n := range g.st.numbers {
		if _, known := g.st.cfg.Number(id); !known {
			id = "other"
		}
		tallies[id] = tallies[id].With(&n.breakers)
	}
	g.st.mu.Unlock() // not held while somebody may be slow to take them
	for id, n := range tallies {
		to <- prometheus.MustNewConstMetric(numbersStopped, prometheus.GaugeValue, n.Stopped, id)
		to <- prometheus.MustNewConstMetric(numbersUnanswered, prometheus.GaugeValue, n.Unanswered, id)
	}
}
