package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// ApplyReply is what an answer means for the number of a send, for its task, and for how soon its phone may be called again.
func (s *Scheduler) ApplyReply(e *Send, r *schemas.Reply, now time.Time) {
	n := e.Number
	r.Verdict = e.Task.message.Verdict(r.Verdict) // also for whoever asks r afterwards
	e.call.message = nil
	s.end(e)
	s.applyToRate(n, e, r, now)
	s.updateHealth(n, e, r, now)
	if s.capacity.short {
		s.ports.Host.Wake()
	}
	if r.Verdict != schemas.VerdictUnsent {
		e.tries.Sent()
	}
	k := pair{n, e.Phone}
	switch r.Verdict {
	case schemas.VerdictSent:
		s.cooldown.Reset(k)
		s.publish(e.Task, e.Task.announced.Sent(e.At, e.Partition.AssignedAt, now), now)
	case schemas.VerdictLost: // it may have been reached
	case schemas.VerdictPair:
		s.cooldown.Cancel(k)
		s.cooldown.Refuse(k, now, min(r.After, limits.MaxWait))
	case schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictThrottled,
		schemas.VerdictAccount, schemas.VerdictMedia, schemas.VerdictTemplate:
		s.cooldown.Cancel(k)
	}
}

// applyToRate is what an answer means for the rate and the concurrency of a number.
func (s *Scheduler) applyToRate(n *Number, e *Send, r *schemas.Reply, now time.Time) {
	began := e.call.calledAt
	switch r.Verdict {
	case schemas.VerdictThrottled:
		if n.pacer.Throttled(began, now, r.After) {
			s.onThrottle(n, r, now)
		}
	case schemas.VerdictLost: // what asked for a wait there is not the Cloud API, and does not know when that answers again
		r.After = min(r.After, n.breakers[limits.FaultOutage].MaxWait()) //mutant:an-outage-holds-no-longer-than-its-probes
		n.pacer.Pause(now, r.After)
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictPair, schemas.VerdictMedia, schemas.VerdictTemplate:
		n.pacer.Succeeded(began, now)
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictAccount:
	}
	if r.Verdict != schemas.VerdictUnsent && r.Verdict != schemas.VerdictLost { // no answer says nothing of how long answers take
		n.concurrency.Observe(began, now, n.inFlight+1, s.cfg.MaxInFlight)
	}
	if n.capped || e.call.trial {
		n.pacer.TrialEnded(e.call.trial)
		n.capped, e.call.trial = false, false
		s.makeRunnable(n)
	}
}

// onThrottle logs that the number goes on more slowly.
func (s *Scheduler) onThrottle(n *Number, r *schemas.Reply, now time.Time) {
	s.metrics.Throttles.Inc()
	n.throttle = *r
	s.log.Warn("number is slowed down", "sender", n.ID, "code", r.Code, "rate", n.pacer.Rate(), "of", n.pacer.Full(),
		"waits_seconds", max(0, n.pacer.BlockedUntil().Sub(now).Seconds()))
}
