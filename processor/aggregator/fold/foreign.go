package fold

import (
	"bytes"

	"altavoz/schemas"
)

// MergeStatus folds in what another writer's status says about the task as a whole, and the words of lines. Its counts are not read:
// they are a histogram of states, and those arrive by themselves. Nor is its end, unless there is one here.
func (t *Task) MergeStatus(s *schemas.Status) {
	finished := t.FinishedMs
	t.Add(s)
	if finished == 0 {
		t.FinishedMs = 0
	}
	for _, l := range s.GetErrors() {
		m, reason := schemas.RecipientState(l.GetMark()), s.OwnReason(l)
		t.describeLine(l.GetIndex(), m, l.GetPhone(), reason)
	}
}

// MergeStates folds in another writer's record of page n, and what follows of it at the given time. It reports whether that changed
// anything, and whether the record is exactly the page: one that speaks of recipients beyond the end is not.
func (t *Task) MergeStates(n uint32, page *schemas.StatePage, at int64, read ReadPage) (changed, exact bool, err error) {
	size, states, prices := t.pageSize(n), page.GetMarks(), page.GetPrices()
	fit := &schemas.StatePage{Marks: states[:min(len(states), size)], Prices: prices[:min(len(prices), size)]}
	changed, covers, err := t.MergePage(n, fit, size, read)
	if err != nil {
		return false, false, err
	}
	t.linesIncomplete = t.linesIncomplete || changed
	if changed {
		t.finish(at)
	}
	return changed, covers && len(fit.GetMarks()) == len(states), nil
}

// SameStatus reports whether two statuses say the same, whoever wrote them and when. The rate is not compared.
func SameStatus(a, b *schemas.Status) bool {
	return bytes.Equal(withoutVersion(a), withoutVersion(b))
}

func withoutVersion(s *schemas.Status) []byte {
	version, updated, rate := s.GetVersion(), s.GetUpdatedMs(), s.GetRate()
	s.Version, s.UpdatedMs, s.Rate = 0, 0, 0
	out := schemas.EncodeStatus(0, s).Value
	s.Version, s.UpdatedMs, s.Rate = version, updated, rate
	return out
}
