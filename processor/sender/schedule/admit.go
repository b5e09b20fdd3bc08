package schedule

import (
	"cmp"
	"slices"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// Admit starts, in the ledger, what may go with the next commit, a time after the last one. Bulk goes with express, or after its gap.
func (s *Scheduler) Admit(gap time.Duration, now time.Time) (batch []*Send) {
	if len(s.numbers.runnable) == 0 || gap < ExpressGap {
		return nil
	}
	if s.capacity.short { // capacity goes to who has the least of it, or numbers whose calls take long would end up with all
		slices.SortStableFunc(s.numbers.runnable, func(a, b *Number) int { return cmp.Compare(a.inFlight, b.inFlight) })
	}
	s.capacity.short = false
	batch = s.rotate(nil, now, false)
	if len(batch) > 0 || gap >= BulkGap {
		batch = s.rotate(batch, now, true)
	}
	return batch
}

// rotate lets numbers admit one send after the other, in turn, until none can.
func (s *Scheduler) rotate(batch []*Send, now time.Time, withBulk bool) []*Send {
	for more := true; more; {
		more = false
		keep := s.numbers.runnable[:0]
		for _, n := range s.numbers.runnable {
			e, stay := s.admitNext(n, now, withBulk)
			if e != nil {
				batch = append(batch, e)
				more = true
			}
			if n.runnable = stay; stay {
				keep = append(keep, n)
			}
		}
		clear(s.numbers.runnable[len(keep):])
		s.numbers.runnable = keep
	}
	return batch
}

// admitNext admits one send of a number, if it can. The number stays runnable unless nothing is ready or it has to wait.
func (s *Scheduler) admitNext(n *Number, now time.Time, withBulk bool) (e *Send, stay bool) {
	until, probe, blocked := s.blocked(n, now)
	if blocked {
		if !until.IsZero() {
			s.timers.Start(&n.timer, n, until)
		}
		return nil, false
	}
	most := n.concurrency.Max(n.pacer.Full(), s.cfg.MaxInFlight)
	if n.breakers[limits.FaultOutage].Doubtful() {
		most = n.concurrency.Usual(n.pacer.Full(), s.cfg.MaxInFlight)
	}
	for {
		q := n.nextQueue(withBulk, n.inFlight < most && s.capacity.CanStart(true, n.inFlight))
		if q == nil {
			return nil, n.ready[Bulk].n > 0
		}
		e := q.head
		if probe {
			e = n.probeSend()
		}
		if s.cannotStart(e, now) {
			continue
		}
		if !s.capacity.CanStart(e.Lane == Bulk, n.inFlight) || s.waitCounts[CauseResult] >= MaxUnrecorded || s.waitCounts[CauseDetached] >= MaxDetached {
			s.capacity.short = true
			return nil, true
		}
		if n.inFlight >= most && (e.Lane == Bulk || n.inFlight >= most+limits.MinConcurrency) {
			n.capped = true
			return nil, false
		}
		trial, at, ok := n.pacer.Acquire(now)
		switch {
		case !ok && at.IsZero(): // the trial's answer makes it runnable again
			return nil, false
		case !ok:
			s.timers.Start(&n.timer, n, at)
			return nil, false
		}
		e.call.trial = trial
		e.unlink()
		s.cooldown.Start(pair{n, e.Phone}, now)
		s.start(e, now)
		return e, true
	}
}

// cannotStart reports whether a send that is ready may not start now after all, and moves it to where it waits or ends.
func (s *Scheduler) cannotStart(e *Send, now time.Time) bool {
	wait := func(until time.Time, c Cause) bool {
		if until.After(now) {
			e.unlink()
			s.WaitUntil(e, until, c)
			return true
		}
		return false
	}
	if e.expired(now) {
		e.unlink()
		s.expireSend(e)
		return true
	}
	if e.Task.message.Failed() != "" || !e.Task.isRendered() {
		e.unlink()
		s.Enqueue(e, false)
		return true
	}
	if opens := e.Task.closedUntil(now); !opens.IsZero() { //mutant:shut-window-starts-nothing
		e.unlink()
		s.holdForWindow(e, opens)
		return true
	}
	if e.Doubtful && !e.Record.CanRepeat() {
		return wait(now.Add(attemptBase), CauseBackOff)
	}
	return wait(e.Partition.NotBefore, CauseCommit) || wait(e.Task.suspectDelay(now), CauseBackOff) || wait(s.cooldown.Until(pair{e.Number, e.Phone}), CauseCooldown)
}

// start admits a send.
func (s *Scheduler) start(e *Send, now time.Time) {
	n := e.Number
	s.MoveTo(e, PhaseAdmitted, CauseNone)
	e.Record.Start()
	n.countTurn(e.Lane)
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
	e.call.calledAt = now
	e.call.message, e.call.version = e.Task.message.Rendered()
}

// Message is what the call under way sends.
func (e *Send) Message() schemas.Message { return e.call.message }
