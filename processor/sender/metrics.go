package sender

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/places"
	"altavoz/processor/sender/schedule"
	"altavoz/processor/sender/schedule/meters"
	"altavoz/schemas"
)

// othersOutcomes are given by the fanout and by receipts; who is skipped here has opted out. Each other outcome has its counter here.
var othersOutcomes = []schemas.OutcomeClass{
	schemas.OutcomePending, schemas.OutcomeCancelled, schemas.OutcomeUndelivered, schemas.OutcomeDelivered, schemas.OutcomeRead,
}

type metrics struct {
	sends          [schedule.Lanes]map[schemas.OutcomeClass]prometheus.Counter
	repeats        prometheus.Counter
	resent         prometheus.Counter
	disagreements  prometheus.Counter
	rejects        prometheus.Counter
	resultFailures prometheus.Counter
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
		rejects: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sends_rejected_total", Help: "Records of sends that can never be processed.",
		}),
		resultFailures: f.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_sender_write_failures_total", Help: "Results, notes or rejects that could not be written at the first try.",
		}),
	}
	sends := f.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_sends_total", Help: "Sends that came to an end here, their result acknowledged.",
	}, []string{"lane", "outcome"})
	for l, name := range schedule.LaneNames {
		m.sends[l] = make(map[schemas.OutcomeClass]prometheus.Counter)
		for _, o := range schemas.Outcomes {
			if !slices.Contains(othersOutcomes, o) {
				m.sends[l][o] = sends.WithLabelValues(string(name), string(o))
			}
		}
	}
	reg.MustRegister(meters.Gauges(func() meters.Snapshot {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.schedule.Gauges(time.Now())
	}))
	reg.MustRegister(meters.Numbers(func() map[string]limits.Tally {
		st.mu.Lock() // not held while somebody may be slow to take them
		defer st.mu.Unlock()
		return st.schedule.Tallies()
	}))
	reg.MustRegister(meters.Places(func() []places.Tally {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.schedule.PlaceTallies(time.Now())
	}))
	for l, name := range schedule.LaneNames {
		f.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "altavoz_sends_oldest_seconds", Help: "Age of the oldest send that is not done.", ConstLabels: prometheus.Labels{"lane": string(name)},
		}, func() float64 { return st.oldest(schedule.Lane(l), time.Now()).Seconds() })
	}
	return m
}

// oldest returns how long the oldest send of a lane has been in the log.
func (st *Stage) oldest(l schedule.Lane, now time.Time) (age time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, a := range st.assignments {
		if c := a.ledger.First(); a.Lane == l && c != nil && c.Send != nil && !c.Send.At.IsZero() {
			age = max(age, now.Sub(c.Send.At))
		}
	}
	return age
}
