// Package status is what the fanout reads in the folded state of a task.
package status

import "altavoz/schemas"

// Position returns where the broadcast of a plan is read again.
func Position(p *schemas.TaskOpened) *schemas.Origin {
	if p.GetHome() != nil {
		return p.GetHome()
	}
	return p.GetOrigin()
}

// SameOrigin reports whether both are known and the same.
func SameOrigin(a, b *schemas.Origin) bool {
	return a != nil && b != nil && a.GetPartition() == b.GetPartition() && a.GetOffset() == b.GetOffset()
}

// Decided is how many recipients have an outcome.
func Decided(s *schemas.Status) (n uint32) {
	for _, c := range s.GetCounts() {
		if schemas.RecipientState(c.GetMark()).Decided() {
			n += c.GetCount()
		}
	}
	return n
}

// Finished reports whether nothing more is dispatched of the task.
func Finished(s *schemas.Status) bool {
	return s.GetFinishedMs() != 0 || s.GetPhase() == schemas.Phase_PHASE_FAILED
}
