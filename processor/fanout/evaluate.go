package fanout

import (
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/processor/fanout/recipients"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// Evaluate decides whether the task may be scheduled, when to check again, and publishes an update if the answer changed. It is
// called whenever something of the task has changed, and when the time of the last answer is up.
func (s *worker) Evaluate(t *task.Task, now time.Time) {
	if !t.Queued() {
		return
	}
	if !now.Before(t.Deadline) {
		s.onDeadline(t)
		return
	}
	s.setSpeed(t, now)
	was := t.IsPaused()
	did, next := t.Evaluate(now, task.Inputs{Predicts: s.st.cfg.Predicts, Receipts: s.st.cfg.Receipts, Number: s.st.ports.Controls.Number(t.Sender)})
	s.countCanary(did)
	s.countPaused(was, t.IsPaused())
	q := s.queue(t)
	if t.Blocked.Held {
		q.Hold(&t.Entry, t.Blocked.Stalled)
	}
	q.EvaluateAt(&t.Entry, next)
	s.publishUpdate(t, now)
	s.finishCancel(t, now)
	s.parkIfLong(t, now)
	s.unblock(t)
}

// onDeadline ends a task whose time is over. A quantum that is under way ends first, and evaluates again.
func (s *worker) onDeadline(t *task.Task) {
	if t.State() == task.Closed {
		t.Deadline = t.GraceEnd(time.Now()) // once more if that did not help
		s.queue(t).EvaluateAt(&t.Entry, t.Deadline)
		s.giveUpUndecided(t)
		return
	}
	s.closeAs(t, time.Now(), schemas.StateExpired, schemas.StateExpired.Spanish())
}

// publishUpdate writes an update if there is something new: what the task does, or controls that are in force now.
func (s *worker) publishUpdate(t *task.Task, now time.Time) {
	inFlight := t.InFlight() //mutant:in-flight-counts-leased-quanta
	p := t.Publish(now, inFlight)
	if p == nil {
		return
	}
	proof := uint64(0)
	if p.Proof {
		proof = s.commitSeq + 1 //mutant:controls-are-published-with-proof
	}
	if p.Changed {
		s.log.Info("task updated", "task", t.ID.String(), "phase", p.Update.GetPhase().String(), "reason", p.Update.GetCause().GetReason().String(), "in_flight", inFlight)
	}
	rec := t.Update(p.At, p.Update)
	t.Opened.Then(func() {
		s.proveWith(proof, s.logFor(t), func(stream.Record) {
			if p.Terminal {
				t.BecomeAnnounced()
				s.Evaluate(t, time.Now())
			}
		}, rec)
	})
}

// finishCancel writes one Cancelled range for all undispatched recipients, once the terminal status is acknowledged and no quantum
// is in flight: nobody who has a send is called cancelled.
func (s *worker) finishCancel(t *task.Task, now time.Time) {
	//mutant:rest-waits-until-the-end-is-published
	if t.Ending() != task.Announced || t.Lease > 0 {
		return
	}
	s.closeAs(t, now, schemas.StateCancelled, t.Cancelled())
}

// unblock lets the task be scheduled if nothing keeps it from that.
func (s *worker) unblock(t *task.Task) {
	if t.Schedulable() {
		s.queue(t).Unblock(&t.Entry, t.Blocked.Stalled)
	}
}

// parkIfLong lets go of what a task holds that has long to wait, and parks it. Above the ledger there is nothing to leave.
func (s *worker) parkIfLong(t *task.Task, now time.Time) {
	if t.State() != task.Waiting || t.Lease > 0 || !t.Waits(now, parkAfter) {
		return
	}
	s.prepare.Evict(t)
	if t.Listed() && t.IsShown(s.Partition().Partition) {
		s.untrack(t)
	}
}

func (s *worker) countCanary(did canary.Do) {
	switch did {
	case canary.Stop:
		s.st.metrics.canary[canaryStopped].Inc()
	case canary.Pause:
		s.st.metrics.canary[canaryPaused].Inc()
	case canary.Go, canary.Wait:
	}
}

// countPaused counts paused tasks.
func (s *worker) countPaused(was, is bool) {
	switch {
	case is && !was:
		s.gauges.pausedTasks++
	case was && !is:
		s.gauges.pausedTasks--
	}
}

// giveUpUndecided calls unknown who has no outcome at the end of a dispatched task's life: their sends expired days ago, at the
// latest schemas.SendLife after they were made, so an outcome that is not there was lost.
func (s *worker) giveUpUndecided(t *task.Task) {
	s.prepare.Undecided(t, func(runs []recipients.Run) {
		if t.State() != task.Closed {
			return
		}
		now, recs := time.Now(), make([]stream.Record, len(runs))
		for i, r := range runs {
			recs[i] = t.OutcomeRange(now, r.From, r.To, schemas.StateUnknown, schemas.StateUnknown.Spanish())
		}
		s.log.Warn("a broadcast ends with lost outcomes", "task", t.ID.String(), "runs", len(recs))
		s.Prove(s.st.ports.Bulk, func(stream.Record) {}, recs...)
	})
}
