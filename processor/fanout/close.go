package fanout

import (
	"time"

	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// untrackIfShown takes a closed task out of the ledger once its Status shows what the ledger said.
func (s *worker) untrackIfShown(t *task.Task) {
	if t.State() == task.Closed && t.IsShown(s.Partition().Partition) {
		s.untrack(t)
	}
}

// remove forgets a task that its Status calls finished, as soon as no quantum of it is in flight.
func (s *worker) remove(t *task.Task) {
	if !t.BecomeGone() {
		return
	}
	s.prepare.Evict(t)
	s.countPaused(t.IsPaused(), false)
	s.deleteControls(t.ID)
	s.queue(t).Remove(&t.Entry)
	s.numbers.Release(t.Sender)
	delete(s.tasks, t.ID)
	s.claims.RemoveAliases(t)
	s.watched.Unwatch(t.ID)
	s.untrack(t)
}

// closeAs closes the task: recipients without a quantum get none, and all come to the same outcome.
func (s *worker) closeAs(t *task.Task, now time.Time, m schemas.RecipientState, why string) {
	if !t.BecomeClosing() {
		return
	}
	// They count as in flight until the Status counts them as decided: of what is decided it does not say where.
	s.queue(t).Move(&t.Entry, t.Total, t.Decided)
	s.closeWith(t, t.OutcomeRange(now, t.Cursor, t.Total, m, why), t.Dispatched(now, t.Total))
}

// Fail closes the task with a reason that a person reads.
func (s *worker) Fail(t *task.Task, why schemas.Explanation, now time.Time) {
	s.log.Warn("broadcast failed", "task", t.ID.String(), "reason", why.Reason().String(), "why", why.Own().Spanish())
	t.Failure = why
	s.close(t, t.Update(t.UpdateTime(now), task.Status{Phase: schemas.Phase_PHASE_FAILED, Why: why}.Update()))
}

func (s *worker) close(t *task.Task, recs ...stream.Record) {
	if t.BecomeClosing() {
		s.closeWith(t, recs...)
	}
}

// closeWith writes the last records of a task that is closing, each after the one before it is acknowledged: the last says that all is
// done, and who reads it takes over nothing more. The task stays in the ledger, closed, until its Status shows them.
func (s *worker) closeWith(t *task.Task, recs ...stream.Record) {
	if running := t.StopWaiting(); running != nil {
		recs = append([]stream.Record{t.Update(t.UpdateTime(time.Now()), running)}, recs...)
	}
	t.DropLease()
	s.queue(t).Block(&t.Entry)
	s.prepare.Evict(t)
	t.Opened.Then(func() { s.closeNext(t, recs) })
}

func (s *worker) closeNext(t *task.Task, recs []stream.Record) {
	if t.State() != task.Closing {
		return
	}
	if len(recs) > 0 {
		//mutant:end-of-a-task-is-proven
		s.Prove(s.logFor(t), func(stream.Record) { s.closeNext(t, recs[1:]) }, recs[0])
		return
	}
	t.BecomeClosed()
	t.Deadline = t.GraceEnd(time.Now())
	s.queue(t).EvaluateAt(&t.Entry, t.Deadline)
	s.markDirty()
	if t.Failure.None() {
		s.log.Info("broadcast dispatched", "task", t.ID.String(), "total", t.Total, "dispatched", t.Cursor,
			"seconds", time.Since(time.UnixMilli(t.Accepted)).Seconds())
	}
	s.untrackIfShown(t)
}
