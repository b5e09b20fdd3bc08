package schedule

import (
	"slices"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// Admit starts, in the ledger, what may go with the next commit, a time after the last one. Bulk goes with express, or after its gap; the
// next groups also with a commit that is made anyway.
func (s *Scheduler) Admit(gap time.Duration, anyway bool, now time.Time) (batch []*Send) {
	if len(s.numbers.runnable) == 0 || gap < ExpressGap {
		return nil
	}
	batch = s.rotate(nil, now, false)
	if len(batch) > 0 || gap >= BulkGap {
		batch = s.rotate(batch, now, true)
		batch = s.fillGroups(batch, anyway || len(batch) > 0, now)
	}
	return batch
}

// rotate lets numbers admit one send after the other, in turn, until none can.
func (s *Scheduler) rotate(batch []*Send, now time.Time, withBulk bool) []*Send {
	for more := true; more; {
		more = false
		s.numbers.runnable = slices.DeleteFunc(s.numbers.runnable, func(n *Number) bool {
			e, stay := s.admitNext(n, now, withBulk)
			if n.runnable, more = stay, more || e != nil; e != nil {
				batch = append(batch, e)
			}
			return !stay
		})
	}
	return batch
}

// admitNext admits one send of a number, if it can. The number stays runnable unless nothing is ready or it has to wait.
func (s *Scheduler) admitNext(n *Number, now time.Time, withBulk bool) (e *Send, stay bool) {
	until, probe, blocked := s.blocked(n, now)
	if blocked {
		if !until.IsZero() {
			s.timers.StartBy(&n.timer, n, until)
		}
		return nil, false
	}
	groups, bulkFits := n.groups(now), n.inFlight < n.mostCalls(Bulk, s.cfg.MaxInFlight, now) && s.capacity.CanStart(true, n.inFlight)
	for {
		q := n.nextQueue(withBulk, bulkFits)
		if q == nil {
			return nil, n.ready[Bulk].Len() > 0
		}
		if q == &n.ready[Bulk] && (q.Len() == 0 || groups && q.First().groupable()) { // in its turn, which Due knows
			return nil, true
		}
		e := q.First()
		if probe {
			e = n.probeSend()
		}
		if s.cannotStart(e, now) {
			continue
		}
		if !s.capacity.CanStart(e.Lane == Bulk, n.inFlight) || s.resultsAreShort() {
			s.capacity.short = true
			return nil, true
		}
		if n.inFlight >= n.mostCalls(e.Lane, s.cfg.MaxInFlight, now) {
			n.capped = true
			return nil, false
		}
		trial, at, ok := n.pacer.Acquire(now)
		switch {
		case !ok && at.IsZero(): // the trial's answer makes it runnable again
			return nil, false
		case !ok:
			s.timers.StartBy(&n.timer, n, at)
			return nil, false
		}
		e.call.trial = trial
		e.link.Unlink()
		s.MoveTo(e, PhaseAdmitted, CauseNone)
		e.Record.Start()
		s.beginTurn(e, now)
		return e, true
	}
}

// resultsAreShort reports whether so many results wait for their acknowledgement that nothing more is called.
func (s *Scheduler) resultsAreShort() bool {
	return s.waitCounts[CauseResult] >= MaxUnrecorded || s.waitCounts[CauseDetached] >= MaxDetached
}

// cannotStart reports whether a send that is ready may not start now after all, and moves it to where it waits or ends.
func (s *Scheduler) cannotStart(e *Send, now time.Time) bool {
	wait := func(until time.Time, c Cause) bool {
		if until.After(now) {
			s.WaitUntil(e, until, c)
		}
		return until.After(now)
	}
	if s.endIfOver(e, now) {
		return true
	}
	if e.Task.message.Failed() != "" || !e.Task.isRendered() {
		e.link.Unlink()
		s.Enqueue(e, false)
		return true
	}
	if s.holdIfShut(e, now) { //mutant:shut-window-starts-nothing
		return true
	}
	if e.Doubtful && !e.Record.CanRepeat() {
		return wait(now.Add(limits.AttemptBase), CauseBackOff)
	}
	return s.waitForPlace(e, now) || wait(e.Partition.NotBefore, CauseCommit) || wait(e.Record.KnownAt(now), CauseOptOuts) || wait(e.Task.suspect.Delay(now), CauseBackOff) || wait(s.cooldown.Until(pair{e.Number, e.Phone}), CauseCooldown)
}

// beginTurn takes for a send, which has its token, what else a call needs.
func (s *Scheduler) beginTurn(e *Send, now time.Time) {
	n := e.Number
	s.cooldown.Start(pair{n, e.Phone}, now)
	if n.countTurn(e); e.Lane == Express {
		n.expressAt = now
	}
	s.capacity.Start(e.Lane == Bulk, n.inFlight)
	n.inFlight++
	e.markProbe(now)
}

// end gives back the capacity of a call.
func (s *Scheduler) end(e *Send) {
	e.Number.inFlight--
	s.capacity.End(e.Lane == Bulk, e.Number.inFlight)
}

// Rollback takes the admission of a send back: it was not called and will not be.
func (s *Scheduler) Rollback(e *Send) {
	n := e.Number
	if e.call.grouped { // it has nothing yet
		e.call.grouped = false
		n.group.committing--
		s.makeRunnable(n)
		return
	}
	s.end(e)
	s.cooldown.Cancel(pair{n, e.Phone})
	n.pacer.Return(e.call.trial)
	e.call.trial = false
	e.unmarkProbe()
	s.makeRunnable(n)
}

// BeginCall moves a send whose start is committed on to its call.
func (s *Scheduler) BeginCall(e *Send, now time.Time) {
	s.MoveTo(e, PhaseCalling, CauseNone)
	e.call.calledAt, e.call.unplaced = now, e.Task.message.Unprompted() && s.places.Limited(e.Number.ID) && !e.placeUntil.After(now)
	e.call.message, e.call.version = e.Task.message.Rendered()
}

// Message is what the call under way sends, up to what its recipient has of its own.
func (e *Send) Message() schemas.Message { return e.call.message }
