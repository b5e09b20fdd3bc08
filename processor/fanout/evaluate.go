package fanout

import (
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/processor/fanout/task"
	"altavoz/schemas"
	"altavoz/stream"
)

// evaluate decides whether the task may be scheduled, when to check again, and publishes an update if the answer changed. It is
// called whenever something of the task has changed, and when the time of the last answer is up.
func (s *worker) evaluate(t *activeTask, now time.Time) {
	if !t.Queued() {
		return
	}
	if !now.Before(t.Deadline) {
		s.onDeadline(t)
		return
	}
	was := t.IsPaused()
	did, next := t.Evaluate(&t.Spec, &t.Lifecycle, task.Inputs{
		Now: now, Total: t.Total, End: t.End, Direct: t.Direct, Counts: t.status.GetCounts(), Predicts: s.st.cfg.Predicts, Receipts: s.st.cfg.Receipts,
	})
	s.countCanary(did)
	s.countPaused(was, t.IsPaused())
	q := s.queue(t)
	if t.Blocked.Held {
		q.Block(&t.Entry)
	}
	q.EvaluateAt(&t.Entry, next)
	s.publishUpdate(t, now)
	s.finishCancel(t, now)
	s.parkIfLong(t, now)
	s.unblock(t)
}

// onDeadline ends a task whose time is over. A quantum that is under way ends first, and evaluates again.
func (s *worker) onDeadline(t *activeTask) {
	if t.State() == task.Closed {
		t.Deadline = t.GraceEnd(time.Now()) // once more if that did not help
		s.queue(t).EvaluateAt(&t.Entry, t.Deadline)
		s.giveUpUndecided(t)
		return
	}
	s.closeAs(t, time.Now(), schemas.StateExpired, schemas.StateExpired.Spanish())
}

// publishUpdate writes an update if there is something new: what the task does, or controls that are in force now.
func (s *worker) publishUpdate(t *activeTask, now time.Time) {
	inFlight := t.InFlight() //mutant:pipe-counts-leased-turns
	p := t.Publish(&t.Lifecycle, now, t.status, t.Total, inFlight, t.Speed)
	if p == nil {
		return
	}
	proof := uint64(0)
	if p.Proof {
		proof = s.commitSeq + 1 //mutant:controls-are-said-with-proof
	}
	if p.Changed {
		s.log.Info("task updated", "task", t.ID.String(), "phase", p.Update.GetPhase().String(), "why", p.Update.GetWhy(), "in_flight", inFlight)
	}
	rec := t.update(p.At, p.Update)
	t.opened.then(func() {
		s.proveWith(proof, s.logFor(t), func(stream.Record) {
			if p.Terminal {
				t.BecomeAnnounced()
				s.evaluate(t, time.Now())
			}
		}, rec)
	})
}

// finishCancel writes one Cancelled range for all undispatched recipients, once the terminal status is acknowledged and no quantum
// is in flight: nobody who has a send is called cancelled.
func (s *worker) finishCancel(t *activeTask, now time.Time) {
	//mutant:rest-waits-until-the-end-was-said
	if t.Ending() != task.Announced || t.Lease > 0 {
		return
	}
	s.closeAs(t, now, schemas.StateCancelled, t.Cancelled())
}

// unblock lets the task be scheduled if nothing keeps it from that.
func (s *worker) unblock(t *activeTask) {
	if task.Schedulable(&t.Lifecycle, &t.Progress, &t.Run) {
		s.queue(t).Unblock(&t.Entry)
	}
}

// parkIfLong lets go of what a task holds that has long to wait, and parks it. Above the ledger there is nothing to leave.
func (s *worker) parkIfLong(t *activeTask, now time.Time) {
	if t.State() != task.Waiting || t.Lease > 0 || !t.Waits(now, parkAfter) {
		return
	}
	s.evict(t)
	if t.Listed() && t.isShown(s.tp.Partition) {
		s.untrack(t)
	}
}

func (s *worker) countCanary(did canary.Do) {
	switch did {
	case canary.Stop:
		s.st.metrics.canary[canaryStopped].Inc()
	case canary.Pause:
		s.st.metrics.canary[canaryPaused].Inc()
	default:
	}
}

// countPaused counts paused tasks.
func (s *worker) countPaused(was, is bool) {
	switch {
	case is && !was:
		s.pausedTasks++
	case was && !is:
		s.pausedTasks--
	}
}
