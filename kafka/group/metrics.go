package group

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/kafka/group/offsets"
	"altavoz/stream"
)

// groupMetrics are those of one group's membership.
type groupMetrics struct {
	lag            *prometheus.GaugeVec // by topic
	rejoins        prometheus.Counter
	corruptBatches prometheus.Counter
	blocked        prometheus.Gauge
	// by how log and offset disagree
	disagreements *prometheus.CounterVec
	accepted      prometheus.Counter
	refused       prometheus.Counter
	unclear       prometheus.Counter
	seconds       prometheus.Observer
	countEarlier  countEarlier
}

func newGroupMetrics(reg prometheus.Registerer, stage string) *groupMetrics {
	label := prometheus.Labels{"stage": stage}
	commits := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "altavoz_commits_total", ConstLabels: label,
		Help: "Positions committed to the group, by what became of them.",
	}, []string{"result"})
	seconds := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "altavoz_commit_seconds", ConstLabels: label, Help: "How long commits take.",
		Buckets: prometheus.ExponentialBuckets(0.0002, 2.5, 12), NativeHistogramBucketFactor: 1.1,
	})
	m := &groupMetrics{
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "altavoz_stage_lag_records", ConstLabels: label,
			Help: "Records of the partitions owned here that lie above what the group has committed.",
		}, []string{"topic"}),
		rejoins: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_group_rejoins_total", ConstLabels: label,
			Help: "How often this process had to join its group anew.",
		}),
		corruptBatches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "altavoz_poisoned_batches_total", ConstLabels: label,
			Help: "Batches passed over because they can't be unpacked.",
		}),
		blocked: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "altavoz_partitions_held", ConstLabels: label,
			Help: "Partitions owned here of which nothing is read: they could not be taken over, or a newer version wrote their next record.",
		}),
		disagreements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "altavoz_log_disagreements_total", ConstLabels: label,
			Help: "Partitions taken over whose log does not agree with the group's offset, by how.",
		}, []string{"kind"}),
		accepted: commits.WithLabelValues("accepted"),
		refused:  commits.WithLabelValues("refused"),
		unclear:  commits.WithLabelValues("unclear"),
		seconds:  seconds,

		countEarlier: newCountEarlier(reg, stage),
	}
	for _, kind := range offsets.Kinds() {
		m.disagreements.WithLabelValues(kind)
	}
	reg.MustRegister(m.lag, m.rejoins, m.corruptBatches, m.blocked, m.disagreements, commits, seconds)
	return m
}

func (m *groupMetrics) committed(took time.Duration, n int, refused map[stream.TopicPartition]error, err error) {
	m.countEarlier(took, n, len(refused), err)
	if err != nil {
		m.unclear.Add(float64(n))
		return
	}
	m.seconds.Observe(took.Seconds())
	m.refused.Add(float64(len(refused)))
	m.accepted.Add(float64(n - len(refused)))
}
