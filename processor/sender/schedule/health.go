package schedule

import (
	"context"
	"time"

	"altavoz/processor/sender/failures"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/schemas/standing"
)

// health is whether a number can send at all.
type health struct {
	breakers        limits.Breakers
	lastFault       [limits.Faults]schemas.Reply // why each of them is open
	blamed          *Task                        // whose calls failed, if all that failed since one worked are one task's
	mixed           bool                         // they are not
	lastSuccess     time.Time                    // when a call last got through
	tokenReplacedAt time.Time
	stopAppliedAt   int64                // Unix milliseconds of the webhook in force that stopped it
	warning         *schemas.NumberEvent // of Meta's, that it is at risk
	templates       standing.Templates
}

// readOnlyProbe makes a read-only call for a number that an outage stops.
func (s *Scheduler) readOnlyProbe(n *Number) {
	n.breakers[limits.FaultOutage].Begin()
	var r schemas.Reply
	s.ports.Host.Background(func(ctx context.Context) { r = s.ports.API.Probe(ctx, n.ID) }, func(now time.Time) {
		if !n.breakers[limits.FaultOutage].ProbeAnswered(now, limits.Signals(&r)[limits.FaultOutage]) {
			n.lastFault[limits.FaultOutage] = r
		}
		s.makeRunnable(n)
	})
}

// tries reports whether any of its sends waits for something else than its time of day, its template or the messaging limit: it finds out whether calls
// are answered.
func (n *Number) tries() bool {
	for t := range n.tasks {
		if t.sends > t.waitCounts[CausePlace]+t.waitCounts[CauseWindow] {
			return true
		}
	}
	return false
}

// probeSend returns the send that probes: one of the task that was not tried for longest, because what one task's sends meet need
// not be the number's fault.
func (n *Number) probeSend() (probe *Send) {
	seen := 0
	for l := range n.ready {
		for e := range n.ready[l].All() {
			if seen++; seen > probeScan {
				break
			}
			if probe == nil || e.Task.lastProbe.Before(probe.Task.lastProbe) {
				probe = e
			}
		}
	}
	return probe
}

// markProbe records that a send which is about to start is a probe, of its number or of its task.
func (e *Send) markProbe(now time.Time) {
	c := &e.call
	c.wasProbe = false
	for f := range e.Number.breakers {
		if c.probes[f] = e.Number.breakers.Stopped(limits.Fault(f)); c.probes[f] {
			e.Number.breakers[f].Begin()
			e.Task.lastProbe, c.wasProbe = now, true
		}
	}
	if t := e.Task.suspect; t != nil {
		t.Probing, c.suspectTry = true, true
	}
}

// unmarkProbe records that it was not made.
func (e *Send) unmarkProbe() {
	c := &e.call
	for f := range c.probes {
		if c.probes[f] {
			e.Number.breakers[f].Cancel()
			c.probes[f] = false
		}
	}
	if c.suspectTry && e.Task.suspect != nil {
		e.Task.suspect.Probing = false
	}
	c.suspectTry = false
}

// updateHealth is what an answer means for whether the number may send.
func (s *Scheduler) updateHealth(n *Number, e *Send, r *schemas.Reply, now time.Time) {
	signals := limits.Signals(r)
	if e.call.calledAt.Before(n.tokenReplacedAt) && signals[limits.FaultAccount] == limits.SignalRefused {
		signals[limits.FaultAccount] = limits.SignalNone // the old token was refused
	}
	works := signals[limits.FaultAccount] == limits.SignalWorks
	fails := !works && (signals[limits.FaultAccount] == limits.SignalRefused || signals[limits.FaultOutage] != limits.SignalWorks)
	if fails {
		e.Task.lastProbe = now
	}
	if s.updateSuspect(n, e, r, works, fails, now) {
		signals, fails = [limits.Faults]limits.Signal{}, false // it is that task's fault
	}
	for f := range n.breakers {
		signal, probe := signals[f], e.call.probes[f]
		e.call.probes[f] = false
		if signal != limits.SignalWorks && signal != limits.SignalNone {
			n.lastFault[f] = *r
		}
		if n.breakers[f].Observe(now, signal, probe) {
			s.breakerChanged(n, limits.Fault(f), e, now)
		}
		if probe {
			if e.call.calledAt.Before(n.tokenReplacedAt) {
				n.breakers[f].Renew(now)
			}
			s.makeRunnable(n)
		}
	}
	n.updateBlame(e, fails, works, now)
}

// updateSuspect is what the answer to a suspect's send means, and reports whether it means nothing for the number.
func (s *Scheduler) updateSuspect(n *Number, e *Send, r *schemas.Reply, works, fails bool, now time.Time) (own bool) {
	t, alone := e.Task, e.call.suspectTry
	e.call.suspectTry = false
	sus := t.suspect
	if sus == nil {
		return false
	}
	if alone {
		sus.Probing = false
	}
	switch {
	case works:
		t.suspect = nil
		return false
	case !fails:
		sus.Retry(now)
		return false
	case !alone: // begun before
		return true
	}
	if sus.Failed(now, n.lastSuccess) {
		t.suspect = nil
		t.message.Fail(failures.Alone(r))
		s.log.Error("sends of one task are refused while others of its number get through; the task ends here", "task", t.ID,
			"sender", n.ID, "code", r.Code, "detail", r.Detail)
	}
	return true
}

// breakerChanged logs, counts and publishes that a breaker opened or closed.
func (s *Scheduler) breakerChanged(n *Number, f limits.Fault, e *Send, now time.Time) {
	r := &n.lastFault[f]
	switch {
	case !n.breakers.Stopped(f):
		s.log.Info("number sends again", "sender", n.ID)
		if n.blamed != nil && e != nil && n.blamed != e.Task && n.blamed.sends > 0 {
			n.blamed.suspect = limits.NewSuspect(now)
			s.log.Warn("what stopped the number was one task only, which is tried alone", "sender", n.ID, "task", n.blamed.ID)
		}
		n.blamed = nil
	case f == limits.FaultWebhook:
		s.log.Error("a webhook says that the number can't send", "sender", n.ID, "code", r.Code, "detail", r.Detail)
	case f == limits.FaultAccount:
		s.log.Error("number can't send until somebody acts", "sender", n.ID, "code", r.Code, "detail", r.Detail)
	case n.breakers[f].Foreign():
		s.log.Error("somebody else answers in the place of the Cloud API", "sender", n.ID, "detail", r.Detail)
	default:
		s.log.Warn("calls get no answer; one at a time finds out when they do", "sender", n.ID, "code", r.Code, "detail", r.Detail)
	}
	if n.breakers.Stopped(f) {
		s.metrics.Stops[n.breakers.Stop(f)].Inc()
	}
	s.announceAll(n, now)
}

// updateBlame records whose calls fail, as long as it is one task's only.
func (n *Number) updateBlame(e *Send, fails, works bool, now time.Time) {
	switch {
	case works:
		n.lastSuccess = now
		if n.blamed == e.Task || !n.breakers.Stopped(limits.FaultAccount) && !n.breakers.Stopped(limits.FaultOutage) {
			n.blamed, n.mixed = nil, false
		}
	case !fails:
	case n.blamed == nil && !n.mixed:
		n.blamed = e.Task
	case n.blamed != e.Task:
		n.blamed, n.mixed = nil, true
	}
}
