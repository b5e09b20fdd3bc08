package fanout

import (
	"time"

	"altavoz/processor/fanout/ledger"
	"altavoz/processor/fanout/normalize"
	"altavoz/processor/fanout/status"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/schemas/es"
)

// open starts the task, or goes on with it where the ledger and its Status say, whichever says more.
func (s *worker) open(t *task.Task, known ledger.Line, now time.Time) {
	if p := t.Status.GetPlan(); t.IsOfRefused(p, s.Partition().Partition) {
		t.Failure, t.Total = normalize.RefusedBefore, p.GetTotal()
	}
	if t.Failure.None() && known.Untouched() && t.Status.GetCursor() == 0 && status.Decided(t.Status) == 0 {
		if id, ok := s.sameRequest(t); ok { //mutant:one-key-is-one-task-whatever-its-id
			t.Failure = schemas.Because(schemas.Reason_REASON_REPEATED, es.Say(es.Repeated, id))
		}
	}
	s.tasks[t.ID] = t
	s.claims.AddAliases(t)
	s.restorePublished(t, now)
	t.Resume(known)
	switch {
	case !t.Failure.None():
		t.BecomeOpen()
		s.joinQueue(t)
		s.Fail(t, t.Failure, now)
	case known.Closed || t.Cursor >= t.Total:
		// Where dispatch ended is not known of a task that expired or failed; its Status will show that nobody is left.
		t.BecomeClosed()
		t.DropLease()
		t.End, t.Deadline = t.Total, t.GraceEnd(now)
		s.joinQueue(t)
		s.untrackIfShown(t)
		s.Evaluate(t, now)
	default:
		t.BecomeOpen()
		s.joinQueue(t)
		if t.Lease > 0 {
			s.repeats = append(s.repeats, t)
		}
		s.Evaluate(t, now)
	}
}

// joinQueue puts the task into its queue, blocked. It counts as in flight there.
func (s *worker) joinQueue(t *task.Task) { s.queue(t).Add(&t.Entry) }

// restorePublished takes up what earlier owners published of the task, and what was asked of it before it was here.
func (s *worker) restorePublished(t *task.Task, now time.Time) {
	t.Restore()
	if c, ok := s.st.ports.Controls.Get(t.ID); ok {
		if t.Controls = c; c.Next > t.ControlsPublished {
			s.countControls(schemas.Controls{}, c)
		}
	}
	s.setSpeed(t, now)
}

// sameRequest finds the task that is the same request as t under another id.
func (s *worker) sameRequest(t *task.Task) (schemas.TaskID, bool) {
	return s.claims.SameRequest(t, s.Partition().Partition, s.tasks, func(id schemas.TaskID) *schemas.Status {
		st, _ := s.st.ports.Statuses.Get(id)
		return st
	})
}
