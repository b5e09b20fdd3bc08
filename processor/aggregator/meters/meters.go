// Package meters is the metrics of the aggregator.
package meters

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

// Metrics has one field a metric, which is why they are many.
type Metrics struct {
	Results prometheus.Counter

	Disagreements prometheus.Counter

	Recipients [256]prometheus.Counter // by state
	Settled    [256]prometheus.Counter // by state; those of one outcome are one
	Priced     *prometheus.CounterVec
	Known      prometheus.Counter
	Unknown    prometheus.Counter
	Finished   prometheus.Counter
	Deleted    prometheus.Counter
	Open       prometheus.Gauge
	Resident   prometheus.Gauge
	Bytes      prometheus.Gauge
	Reads      prometheus.Counter
	Age        prometheus.Histogram
	NoTask     prometheus.Counter
	OutOfRange prometheus.Counter
	Rejected   prometheus.Counter
	Failures   prometheus.Counter
	Foreign    map[stream.Topic]prometheus.Counter
}

// New returns metrics that are registered.
func New(reg prometheus.Registerer) *Metrics {
	m := &Metrics{Foreign: make(map[stream.Topic]prometheus.Counter)}
	add := func(c prometheus.Collector) { reg.MustRegister(c) }
	m.Disagreements = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "altavoz_ledger_disagreements_total", ConstLabels: prometheus.Labels{"stage": "aggregator"},
		Help: "Partitions taken over whose ledger spoke of records that the log does not hold, or holds others instead.",
	})
	add(m.Disagreements)
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
	for b := range m.Recipients {
		state, code := schemas.RecipientState(b), ""
		if !state.Decided() {
			continue
		}
		if c, ok := state.Code(); ok {
			code = strconv.Itoa(c)
		}
		m.Recipients[b] = recipients.WithLabelValues(string(state.Outcome()), code)
	}
	settled := vec("altavoz_unknown_settled_total", "Recipients of whom nobody knew, by the outcome that came out later.", "outcome")
	for b := int(schemas.StateFailed); b < len(m.Settled); b++ {
		m.Settled[b] = settled.WithLabelValues(string(schemas.RecipientState(b).Outcome()))
	}
	m.Priced = vec("altavoz_messages_priced_total", "Delivered messages of which a receipt told the price, by sender number, category, type, and whether Meta bills it.", "number", "category", "type", "billable")
	receipts := vec("altavoz_receipts_folded_total", "Receipts read, repeats included, by whether their task is known.", "task")
	m.Known, m.Unknown = receipts.WithLabelValues("known"), receipts.WithLabelValues("unknown")
	m.Results = counter("altavoz_results_folded_total", "Results read, repeats included.")
	m.Finished = counter("altavoz_tasks_finished_total", "Tasks whose last recipient was decided.")
	m.Deleted = counter("altavoz_tasks_forgotten_total", "Finished tasks removed after their retention.")
	m.Open = gauge("altavoz_tasks_open", "Tasks of the owned partitions that are not finished.")
	m.Resident = gauge("altavoz_tasks_held", "Tasks held in memory beyond their place in the topics.")
	m.Bytes = gauge("altavoz_marks_loaded_bytes", "Marks held in memory, one byte a recipient.")
	m.Reads = counter("altavoz_marks_loads_total", "Reads of marks or statuses that had been unloaded.")
	m.Age = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "altavoz_fold_age_seconds", Help: "Age of a result when it was folded, once for each batch.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600, 3600},
	})
	add(m.Age)
	dropped := vec("altavoz_results_dropped_total", "Results that concern nobody.", "cause")
	m.NoTask, m.OutOfRange = dropped.WithLabelValues(dropNoTask), dropped.WithLabelValues(dropOutOfRange)
	m.Rejected = counter("altavoz_results_rejected_total", "Results that can never be processed.")
	m.Failures = counter("altavoz_aggregator_write_failures_total", "Records of marks, statuses, events or rejects that had to be written again.")
	foreign := vec("altavoz_foreign_writes_total", "Records in owned partitions of marks and statuses that another process wrote.", "topic")
	for _, t := range []stream.Topic{schemas.TopicMarks, schemas.TopicStatuses} {
		m.Foreign[t] = foreign.WithLabelValues(string(t))
	}
	return m
}

// Folded counts what one batch of results did, and empties the tally.
func (m *Metrics) Folded(n int, moved *fold.Tally, oldestMs int64) {
	m.Results.Add(float64(n))
	for b := range moved.Reached {
		if k := moved.Reached[b]; k > 0 {
			m.Recipients[b].Add(float64(k))
		}
		if k := moved.Settled[b]; k > 0 {
			m.Settled[b].Add(float64(k))
		}
	}
	for of, k := range moved.Priced {
		m.Priced.WithLabelValues(of.Number, of.Price.Category(), of.Price.Type(), strconv.FormatBool(of.Price.Billed())).Add(float64(k))
	}
	*moved = fold.Tally{}
	if oldestMs > 0 {
		m.Age.Observe(max(0, time.Since(time.UnixMilli(oldestMs)).Seconds()))
	}
}
