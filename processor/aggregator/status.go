package aggregator

import (
	"altavoz/schemas"
)

// Status makes the record that shows the task. The version, the time of writing and the rate are the caller's.
func (t *Task) Status(read pager) (*schemas.Status, error) {
	if err := t.complete(read); err != nil {
		return nil, err
	}
	s := &schemas.Status{
		Task: t.ID.Bytes(), Plan: t.plan, Cursor: min(t.cursor, t.total()), Phase: t.phase, Why: t.why.Words, Cause: t.why.Cause(), PhaseMs: t.phaseMs,
		Controls: t.steered.controls, Pipe: t.steered.pipe, Speed: t.steered.speed,
		StartedMs: t.started, FinishedMs: t.finished, Errors: make([]*schemas.ErrorLine, len(t.lines)),
	}
	for m, n := range t.counts {
		if n > 0 {
			s.Counts = append(s.Counts, &schemas.StateCount{Mark: uint32(m), Count: n})
		}
	}
	for i, l := range t.lines {
		reason := l.GetReason()
		if reason == "" {
			reason = t.usual(schemas.RecipientState(l.GetMark()))
		}
		s.Errors[i] = &schemas.ErrorLine{Index: l.GetIndex(), Phone: l.GetPhone(), Mark: l.GetMark(), Reason: reason}
	}
	return s, nil
}

// usual is the reason of a line that brought none of its own.
func (t *Task) usual(m schemas.RecipientState) string {
	failed := t.phase == schemas.Phase_PHASE_FAILED && m == schemas.Failed(schemas.CodeContent)
	stopped := t.phase == schemas.Phase_PHASE_STOPPED && m == schemas.StateCancelled
	if (failed || stopped) && t.why.Words != "" {
		return t.why.Words
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
			if !bad(schemas.RecipientState(m)) {
				continue
			}
			l := &schemas.ErrorLine{Index: uint32(n*schemas.PageRecipients + j), Mark: uint32(m)}
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
	t.head = head{}
	t.join(s)
	t.counts, t.decided = countsOf(s), 0
	for _, n := range t.counts {
		t.decided += n
	}
	t.lines = t.lines[:0]
	for _, l := range s.GetErrors() {
		if l.GetReason() == t.usual(schemas.RecipientState(l.GetMark())) {
			l.Reason = ""
		}
		t.lines = append(t.lines, l)
	}
}

// recount makes the task stand on these marks. Lines are found again from them, with the words that are known.
func (t *Task) recount(k marks) {
	t.marks, t.refill = k, true
}

// adopt folds in what another writer's status says about the task as a whole, and the words of lines. Its counts are not
// read: they are a histogram of marks, and those arrive by themselves. Nor is its end, unless there is one here.
func (t *Task) adopt(s *schemas.Status) {
	finished := t.finished
	t.join(s)
	if finished == 0 {
		t.finished = 0
	}
	for _, l := range s.GetErrors() {
		m, reason := schemas.RecipientState(l.GetMark()), l.GetReason()
		if reason == t.usual(m) {
			reason = ""
		}
		t.describe(l.GetIndex(), m, l.GetPhone(), reason)
	}
}

// join folds a status into the head.
func (h *head) join(s *schemas.Status) {
	if h.plan == nil {
		h.plan = s.GetPlan()
	}
	h.cursor = max(h.cursor, s.GetCursor())
	h.start(s.GetStartedMs())
	h.enter(s.GetPhase(), schemas.WhyOf(s), s.GetPhaseMs())
	h.steer(steered{s.GetControls(), s.GetPipe(), s.GetSpeed()})
	if f := s.GetFinishedMs(); f != 0 && (h.finished == 0 || f < h.finished) {
		h.finished = f
	}
}

// in reports whether the status says all of the head.
func (h head) in(s *schemas.Status) bool {
	var other head
	other.join(s)
	other.plan = h.plan
	return h == other && (h.plan == nil) == (s.GetPlan() == nil)
}

func countsOf(s *schemas.Status) [256]uint32 { return histogram(s.GetCounts()) }

func histogram(all []*schemas.StateCount) (counts [256]uint32) {
	for _, c := range all {
		if c.GetMark() > 0 && c.GetMark() < uint32(len(counts)) {
			counts[c.GetMark()] = c.GetCount()
		}
	}
	return counts
}
