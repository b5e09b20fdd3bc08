package sender

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"altavoz/schemas"
)

// An outcome without a counter would end the process at the first send that has it.
func TestEachOutcomeOfASendHasItsCounter(t *testing.T) {
	t.Parallel()
	m := newMetrics(prometheus.NewRegistry(), nil)
	for b := range 256 {
		o := schemas.RecipientState(b).Outcome()
		for lane, counters := range m.sends {
			if counters[o] == nil && !slices.Contains(othersOutcomes, o) {
				t.Errorf("lane %d has no counter for %s", lane, o)
			}
		}
	}
}
