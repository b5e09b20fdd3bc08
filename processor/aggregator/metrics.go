package aggregator

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/processor/aggregator/fold"
	"altavoz/schemas"
	"altavoz/stream"
)

// Why a result changed nothing and was counted instead.
const (
	dropNoTask     = "no_task" // a range, a note or a receipt for a task that nobody opened, or that is forgotten
	dropOutOfRange = "beyond"  // an index that the task does not have
)

// metrics has one field a metric, which is why they are many.
type metrics struct {
	results prometheus.Counter

	disagreements prometheus.Counter

	recipients [256]prometheus.Counter // by state
	settled    [256]prometheus.Counter // by state; those of one outcome are one
	known      prometheus.Counter
	unknown    prometheus.Counter
	finished   prometheus.Counter
	deleted    prometheus.Counter
	open       prometheus.Gauge
	resident   prometheus.Gauge
	bytes      prometheus.Gauge
	reads      prometheus.Counter
	age        prometheus.Histogram
	noTask     prometheus.Counter
	outOfRange prometheus.Counter
	rejected   prometheus.Counter
	failures   prometheus.Counter
	foreign    map[stream.Topic]prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{foreign: make(map[stream.Topic]prometheus.Counter)}
	add := func(c prometheus.Collector) { reg.MustRegister(c) }
	m.disagreements = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "altavoz_ledger_disagreements_total", ConstLabels: prometheus.Labels{"stage": "aggregator"},
		Help: "Partitions taken over whose ledger spoke of records that the log does not hold, or holds others instead.",
	})
	add(m.disagreements)
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		add(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		add(g)
		return g
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		add(v)
		return v
	}

	recipients := vec("altavoz_recipients_total", "Recipients that came to an outcome, by Meta's code where it has one; a delivered one was sent before, and so on.", "outcome", "code")
	for b := range m.recipients {
		state, code := schemas.RecipientState(b), ""
		if !state.Decided() {
			continue
		}
		if c, ok := state.Code(); ok {
			code = strconv.Itoa(c)
		}
		m.recipients[b] = recipients.WithLabelValues(string(state.Outcome()), code)
	}
	settled := vec("altavoz_unknown_settled_total", "Recipients of whom nobody knew, by the outcome that came out later.", "outcome")
	for b := int(schemas.StateFailed); b < len(m.settled); b++ {
		m.settled[b] = settled.WithLabelValues(string(schemas.RecipientState(b).Outcome()))
	}
	receipts := vec("altavoz_receipts_folded_total", "Receipts read, repeats included, by whether their task is known.", "task")
	m.known, m.unknown = receipts.WithLabelValues("known"), receipts.WithLabelValues("unknown")
	m.results = counter("altavoz_results_folded_total", "Results read, repeats included.")
	m.finished = counter("altavoz_tasks_finished_total", "Tasks whose last recipient was decided.")
	m.deleted = counter("altavoz_tasks_forgotten_total", "Finished tasks removed after their retention.")
	m.open = gauge("altavoz_tasks_open", "Tasks of the owned partitions that are not finished.")
	m.resident = gauge("altavoz_tasks_held", "Tasks held in memory beyond their place in the topics.")
	m.bytes = gauge("altavoz_marks_loaded_bytes", "Marks held in memory, one byte a recipient.")
	m.reads = counter("altavoz_marks_loads_total", "Reads of marks or statuses that had been unloaded.")
	m.age = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "altavoz_fold_age_seconds", Help: "Age of a result when it was folded, once for each batch.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600, 3600},
	})
	add(m.age)
	dropped := vec("altavoz_results_dropped_total", "Results that concern nobody.", "cause")
	m.noTask, m.outOfRange = dropped.WithLabelValues(dropNoTask), dropped.WithLabelValues(dropOutOfRange)
	m.rejected = counter("altavoz_results_rejected_total", "Results that can never be processed.")
	m.failures = counter("altavoz_aggregator_write_failures_total", "Records of marks, statuses or rejects that had to be written again.")
	foreign := vec("altavoz_foreign_writes_total", "Records in owned partitions of marks and statuses that another process wrote.", "topic")
	for _, t := range []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses} {
		m.foreign[t] = foreign.WithLabelValues(string(t))
	}
	return m
}

// folded counts what one batch of results did, and empties the tally.
func (m *metrics) folded(n int, moved *fold.Tally, oldestMs int64) {
	m.results.Add(float64(n))
	for b := range moved.Reached {
		if k := moved.Reached[b]; k > 0 {
			m.recipients[b].Add(float64(k))
		}
		if k := moved.Settled[b]; k > 0 {
			m.settled[b].Add(float64(k))
		}
	}
	*moved = fold.Tally{}
	if oldestMs > 0 {
		m.age.Observe(max(0, time.Since(time.UnixMilli(oldestMs)).Seconds()))
	}
}
