package group

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
	"altavoz/stream"
)

// Three commits of two partitions: one is accepted, of one a partition is refused, and one is not answered.
func TestCommitsAreCountedOnceForAllStagesAndUnderTheirEarlierNames(t *testing.T) {
	t.Parallel()
	earlier := map[string]map[string]float64{
		"sender": {
			"altavoz_ledger_commits_total result=done": 1, "altavoz_ledger_commits_total result=refused": 1,
			"altavoz_ledger_commits_total result=lost": 1, "altavoz_ledger_commit_seconds": 3,
		},
		"fanout":     {"altavoz_fanout_commits_total": 3, "altavoz_fanout_commits_refused_total": 3},
		"aggregator": {"altavoz_aggregator_commits_total": 3, "altavoz_aggregator_commits_refused_total": 3},
		"relay":      {},
	}
	for stage, want := range earlier {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			reg := prometheus.NewPedanticRegistry()
			m := newGroupMetrics(reg, stage)
			m.committed(time.Second, 2, nil, nil)
			m.committed(time.Second, 2, map[stream.TopicPartition]error{{Topic: schemas.TopicResults}: errSessionOver}, nil)
			m.committed(time.Second, 2, nil, errors.New("no answer"))
			maps.Copy(want, map[string]float64{
				"altavoz_commits_total result=accepted stage=" + stage: 3, "altavoz_commits_total result=refused stage=" + stage: 1,
				"altavoz_commits_total result=unclear stage=" + stage: 2, "altavoz_commit_seconds stage=" + stage: 2,
			})
			if diff := cmp.Diff(want, commitSeries(t, reg)); diff != "" {
				t.Errorf("metrics of commits (-want +got):\n%s", diff)
			}
		})
	}
}

// commitSeries returns the metrics of commits by name and labels: the value of a counter, how many values a histogram has.
func commitSeries(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		if !strings.Contains(f.GetName(), "commit") {
			continue
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetName() + "=" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}
