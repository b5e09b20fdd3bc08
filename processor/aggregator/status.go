package aggregator

import (
	"altavoz/schemas"
)

// Status makes the record that shows the task. The version and the time of writing are the caller's.
func (t *Task) Status(read pager) (*schemas.Status, error) {
	if err := t.complete(read); err != nil {
		return nil, err
	}
	s := &schemas.Status{
		Task: t.ID.Bytes(), Plan: t.plan, Cursor: min(t.cursor, t.total()), Phase: t.phase, Why: t.why, PhaseMs: t.phaseMs,
		StartedMs: t.started, FinishedMs: t.finished, Errors: make([]*schemas.ErrorLine, len(t.lines)),
	}
	for m, n := range t.counts {
		if n > 0 {
			s.Counts = append(s.Counts, &schemas.MarkCount{Mark: uint32(m), Count: n})
		}
	}
	for i, l := range t.lines {
		reason := l.GetReason()
		if reason == "" {
			reason = t.usual(schemas.Mark(l.GetMark()))
		}
		s.Errors[i] = &schemas.ErrorLine{Index: l.GetIndex(), Phone: l.GetPhone(), Mark: l.GetMark(), Reason: reason}
	}
	return s, nil
}

// usual is the reason of a line that brought none of its own.
func (t *Task) usual(m schemas.Mark) string {
	if t.phase == schemas.Phase_PHASE_FAILED && m == schemas.Failed(schemas.CodeContent) && t.why != "" {
		return t.why
	}
	return m.Spanish()
}

// complete makes the error lines the lowest again after one of them left. The words of a line that had once been
// pushed out are gone; it shows those of its mark.
func (t *Task) complete(read pager) error {
	if !t.refill {
		return nil
	}
	lines := make([]*schemas.ErrorLine, 0, maxErrors)
	for n := range t.parts {
		if t.parts[n].bad == 0 {
			continue
		}
		p, err := t.page(uint32(n), 0, 0, read)
		if err != nil {
			return err
		}
		for j, m := range p.marks {
			if !bad(schemas.Mark(m)) {
				continue
			}
			l := &schemas.ErrorLine{Index: uint32(n*schemas.PartRecipients + j), Mark: uint32(m)}
			if i, ok := t.find(l.Index); ok {
				l.Phone = t.lines[i].GetPhone()
				if t.lines[i].GetMark() == l.Mark {
					l.Reason = t.lines[i].GetReason()
				}
			}
			if lines = append(lines, l); len(lines) == maxErrors {
				t.lines, t.refill = lines, false
				return nil
			}
		}
	}
	t.lines, t.refill = lines, false
	return nil
}

// restore makes the task what its own status says. Counts are taken too, so the caller must know that they are those of
// the marks in the topic; otherwise it replaces them by the marks themselves (see recount).
func (t *Task) restore(s *schemas.Status) {
	t.adopt(s)
	t.finished = s.GetFinishedMs()
	t.counts, t.decided = countsOf(s), 0
	for _, n := range t.counts {
		t.decided += n
	}
	t.lines = t.lines[:0]
	for _, l := range s.GetErrors() {
		if l.GetReason() == t.usual(schemas.Mark(l.GetMark())) {
			l.Reason = ""
		}
		t.lines = append(t.lines, l)
	}
}

// recount makes the task stand on these marks. Lines are found again from them, with the words that are known.
func (t *Task) recount(k marks) {
	t.marks, t.refill = k, true
}

// adopt folds in what another writer's status says about the task as a whole. Its counts are not read: they are a
// histogram of marks, and those arrive by themselves.
func (t *Task) adopt(s *schemas.Status) {
	if t.plan == nil {
		t.plan = s.GetPlan()
	}
	t.cursor = max(t.cursor, s.GetCursor())
	t.start(s.GetStartedMs())
	failed, fails := t.phase == schemas.Phase_PHASE_FAILED, s.GetPhase() == schemas.Phase_PHASE_FAILED
	if fails && !failed || fails == failed && s.GetPhaseMs() > t.phaseMs {
		t.phase, t.why, t.phaseMs = s.GetPhase(), s.GetWhy(), s.GetPhaseMs()
	}
	if s.GetFinishedMs() != 0 && t.finished > s.GetFinishedMs() {
		t.finished = s.GetFinishedMs()
	}
	for _, l := range s.GetErrors() {
		m, reason := schemas.Mark(l.GetMark()), l.GetReason()
		if reason == t.usual(m) {
			reason = ""
		}
		t.describe(l.GetIndex(), m, l.GetPhone(), reason)
	}
}

func countsOf(s *schemas.Status) (counts [256]uint32) {
	for _, c := range s.GetCounts() {
		if c.GetMark() > 0 && c.GetMark() < uint32(len(counts)) {
			counts[c.GetMark()] = c.GetCount()
		}
	}
	return counts
}
