package group

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// countEarlier counts a commit of n partitions under the names that a stage's metrics of commits had before all stages shared theirs. The
// first release writes both; this file goes with the one after it.
type countEarlier func(took time.Duration, n, refused int, err error)

func newCountEarlier(reg prometheus.Registerer, stage string) countEarlier {
	f := promauto.With(reg)
	switch stage {
	case "sender":
		seconds := f.NewHistogram(prometheus.HistogramOpts{
			Name: "altavoz_ledger_commit_seconds", Help: "Earlier name of altavoz_commit_seconds.",
			Buckets: []float64{.0005, .001, .002, .004, .008, .016, .032, .064, .128, .256, .512, 1, 2, 5, 10},
		})
		commits := f.NewCounterVec(prometheus.CounterOpts{
			Name: "altavoz_ledger_commits_total", Help: "Earlier name of altavoz_commits_total, which counts partitions, not requests.",
		}, []string{"result"})
		done, partly, lost := commits.WithLabelValues("done"), commits.WithLabelValues("refused"), commits.WithLabelValues("lost")
		return func(took time.Duration, _, refused int, err error) {
			seconds.Observe(took.Seconds())
			switch {
			case err != nil:
				lost.Inc()
			case refused > 0: // at least one partition
				partly.Inc()
			default:
				done.Inc()
			}
		}
	case "fanout":
		return countPartitions(f, "altavoz_fanout_commits_total", "altavoz_fanout_commits_refused_total")
	case "aggregator":
		return countPartitions(f, "altavoz_aggregator_commits_total", "altavoz_aggregator_commits_refused_total")
	}
	return func(time.Duration, int, int, error) {}
}

func countPartitions(f promauto.Factory, accepted, refused string) countEarlier {
	yes := f.NewCounter(prometheus.CounterOpts{Name: accepted, Help: "Earlier name of altavoz_commits_total, accepted."})
	no := f.NewCounter(prometheus.CounterOpts{Name: refused, Help: "Earlier name of altavoz_commits_total, refused and unclear."})
	return func(_ time.Duration, n, refused int, err error) {
		if err != nil {
			refused = n
		}
		yes.Add(float64(n - refused))
		no.Add(float64(refused))
	}
}
