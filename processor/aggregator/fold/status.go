package fold

import (
	"altavoz/schemas"
)

// Status makes the record that shows the task. The version, the time of writing and the rate are the caller's.
func (t *Task) Status(read ReadPage) (*schemas.Status, error) {
	if err := t.completeLines(read); err != nil {
		return nil, err
	}
	s := t.Summary()
	s.Errors = make([]*schemas.ErrorLine, len(t.lines))
	for i, l := range t.lines {
		s.Errors[i] = &schemas.ErrorLine{Index: l.GetIndex(), Phone: l.GetPhone(), Mark: l.GetMark(), Reason: l.GetReason()}
	}
	return s, nil
}

// Summary is Status without the lines of recipients, for which no page is read back.
func (t *Task) Summary() *schemas.Status {
	s := &schemas.Status{
		Task: t.ID.Bytes(), Plan: t.Plan, Cursor: min(t.cursor, t.total()), Phase: t.Phase, Why: t.why.Words(), Cause: t.why.Cause(), PhaseMs: t.phaseMs,
		Controls: t.controls.next, Pipe: t.controls.inFlight, Speed: t.controls.speed, StartedMs: t.StartedMs, FinishedMs: t.FinishedMs,
	}
	for m, n := range t.Counts {
		if n > 0 {
			s.Counts = append(s.Counts, &schemas.StateCount{Mark: uint32(m), Count: n})
		}
	}
	s.Prices = t.Priced.counts()
	return s
}

// Restore makes a task of its own status and of pages that are not in memory, which the status must agree with.
func Restore(id schemas.TaskID, s *schemas.Status, list []Page) *Task {
	t := NewTask(id)
	t.restore(s)
	t.List = list
	for i := range list {
		t.errors += uint32(list[i].Errors)
	}
	return t
}

// Rebuild makes a task of pages in memory and, where there is one, of a status that may disagree with them: counts are those of the
// pages, lines are found again from them. head is that of all statuses of the task.
func Rebuild(id schemas.TaskID, s *schemas.Status, head Head, k Pages) (*Task, error) {
	t := NewTask(id)
	if s != nil {
		t.restore(s)
	}
	t.Head, t.Pages, t.linesIncomplete = head, k, true
	return t, t.trim(nil)
}

// restore makes the task what its own status says, its counts included.
func (t *Task) restore(s *schemas.Status) {
	t.Head = Head{}
	t.Add(s)
	t.Counts, t.Decided = Histogram(s.GetCounts()), 0
	for _, n := range t.Counts {
		t.Decided += n
	}
	t.Priced = PricesOf(s.GetPrices())
	t.lines = t.lines[:0]
	for _, l := range s.GetErrors() {
		l.Reason = s.OwnReason(l)
		t.lines = append(t.lines, l)
	}
}
