package schedule

import (
	"time"

	"altavoz/processor/sender/failures"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/schemas/standing"
)

// HasAttempts reports whether a call that nobody knows the outcome of may be made once more.
func (e *Send) HasAttempts() bool { return e.tries.Left() }

// Reschedule decides when a send that was refused for now is called again.
func (s *Scheduler) Reschedule(e *Send, r *schemas.Reply, now time.Time) {
	switch r.Verdict {
	case schemas.VerdictUnsent:
		if wait := e.tries.Unsent(); wait > 0 {
			s.WaitUntil(e, now.Add(wait), CauseBackOff)
			return
		}
		s.Enqueue(e, true)
	case schemas.VerdictThrottled:
		s.Enqueue(e, true) // its number waits
	case schemas.VerdictAccount:
		s.Enqueue(e, false) // the same, and others probe first
	case schemas.VerdictPair:
		s.WaitUntil(e, s.cooldown.Until(pair{e.Number, e.Phone}), CauseCooldown)
	case schemas.VerdictMedia:
		m := &e.Task.message
		if e.renewed || !m.HasFile() {
			s.retryTransient(e, r, now)
			return
		}
		e.renewed = m.Expire(e.call.version, e.Personal, now) // unless it was renewed, or is being, since the call began
		s.Enqueue(e, true)
	case schemas.VerdictTemplate:
		if news := e.Number.templates.Refused(e.Number.ID, e.Task.message.Uses(), r.Code, now); news != nil {
			e.Number.templates = e.Number.templates.With(news)
			s.ports.Host.PublishNumber(news, now)
		}
		s.holdForWindow(e, now.Add(standing.PauseRecheck))
	case schemas.VerdictTransient, schemas.VerdictLost: // lost: of a send that may be called twice
		s.retryTransient(e, r, now)
	case schemas.VerdictFailed, schemas.VerdictContent: // it goes another way
		s.Enqueue(e, true)
	case schemas.VerdictSent:
	}
}

// countsAsAttempt reports whether being refused for now counts as an attempt: if other recipients of the number get through. Otherwise
// an outage refuses it, which the breaker counts; so does what a probe meets.
func (e *Send) countsAsAttempt(now time.Time) bool {
	n := e.Number
	return n.lastSuccess.After(e.call.calledAt) || !e.call.wasProbe && now.Sub(n.lastSuccess) <= recentSuccess
}

func (s *Scheduler) retryTransient(e *Send, r *schemas.Reply, now time.Time) {
	asked := min(r.After, limits.MaxWait)
	if r.Verdict == schemas.VerdictTransient && !e.countsAsAttempt(now) { //mutant:outage-is-nobodys-attempt
		s.WaitUntil(e, now.Add(max(e.tries.Uncharged(), asked)), CauseBackOff)
		return
	}
	if wait, more := e.tries.Charged(); more {
		s.WaitUntil(e, now.Add(max(wait, asked)), CauseBackOff)
		return
	}
	state, words := failures.Exhausted(r, e.Doubtful)
	s.ports.Host.Finish(e, state, words)
}
