package fold

import (
	"time"

	"altavoz/schemas"
)

// Ended is how a finished task ended, for the log.
func (t *Task) Ended() []any {
	attrs := []any{"task", t.ID.String(), "total", t.Plan.GetTotal(), "failed_as_a_whole", t.Phase == schemas.Phase_PHASE_FAILED}
	sums := make(map[schemas.OutcomeClass]uint32)
	for m, n := range t.Counts {
		sums[schemas.RecipientState(m).Outcome()] += n
	}
	for _, o := range schemas.Outcomes {
		if sums[o] > 0 {
			attrs = append(attrs, string(o), sums[o])
		}
	}
	since := t.Plan.GetAcceptedMs()
	if since == 0 {
		since = t.StartedMs
	}
	if since > 0 {
		attrs = append(attrs, "seconds", time.Duration(max(0, t.FinishedMs-since)*int64(time.Millisecond)).Seconds())
	}
	return attrs
}
