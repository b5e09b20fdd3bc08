package table

import (
	"github.com/prometheus/client_golang/prometheus"

	"altavoz/kafka/table/fold"
)

// metrics are those of a view.
type metrics struct {
	CorruptBatches, Unreadable, ReadBack, Truncations prometheus.Counter
	Blocked                                           prometheus.Gauge
}

// newMetrics returns those of the view of a topic.
func newMetrics(reg prometheus.Registerer, topic string) *metrics {
	label := prometheus.Labels{"topic": topic}
	m := &metrics{
		CorruptBatches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_view_poisoned_batches_total", ConstLabels: label,
			Help: "Batches passed over by a view because they can't be unpacked.",
		}),
		Unreadable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_view_unreadable_records_total", ConstLabels: label,
			Help: "Records passed over by a view because they can't be decoded.",
		}),
		ReadBack: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_view_read_back_total", ConstLabels: label,
			Help: "Tasks that a view read back because they are not in its memory any more.",
		}),
		Truncations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_view_log_cuts_total", ConstLabels: label,
			Help: "Times that a view found the log that it reads without its end, and read it again from its start.",
		}),
		Blocked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "altavoz_view_partitions_held", ConstLabels: label,
			Help: "Partitions of which a view reads no more, because a newer version wrote their next record.",
		}),
	}
	reg.MustRegister(m.CorruptBatches, m.Unreadable, m.ReadBack, m.Truncations, m.Blocked)
	return m
}

// registerSize registers how many tasks a view of statuses has.
func registerSize(reg prometheus.Registerer, size func() fold.Size) {
	for state, of := range map[string]func(fold.Size) int{
		"unfinished": func(s fold.Size) int { return s.Unfinished },
		"finished":   func(s fold.Size) int { return s.Finished },
		"placed":     func(s fold.Size) int { return s.Placed },
	} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "altavoz_view_tasks", ConstLabels: prometheus.Labels{"state": state},
			Help: "Tasks that this process knows: those that go on, finished ones in memory, and those of which it knows where they lie.",
		}, func() float64 { return float64(of(size())) }))
	}
}
