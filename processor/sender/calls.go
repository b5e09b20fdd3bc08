package sender

import (
	"fmt"
	"time"

	"altavoz/internal/backoff"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// call makes one attempt. It runs in a goroutine of its own, after the commit that says so.
func (st *Stage) call(e *send) {
	r := st.ports.Messenger.Send(st.calls, e.number.id, e.message, e.phone, schemas.Callback(e.task.id, e.index))
	st.onReply(e, &r)
}

// onReply takes in what came of a call. If the partition was lost meanwhile, the outcome is still written (its new owner
// says unknown, and the fold prefers what is known) but marks nothing.
func (st *Stage) onReply(e *send, r *schemas.Reply) {
	st.mu.Lock()
	defer st.unlock()
	now := time.Now()
	e.message = nil
	st.releaseCapacity(e)
	st.applyReply(e.number, e, r, now)
	if st.capacityShort {
		st.wake()
	}
	if r.Verdict != schemas.VerdictUnsent {
		e.unsentInRow = 0
	}
	switch r.Verdict {
	case schemas.VerdictSent:
		st.cooldown.Reset(pair{e.number, e.phone})
		st.announceRunning(e, now)
		st.recordOutcome(e, schemas.StateSent, "", r.WAMID)
		return
	case schemas.VerdictFailed, schemas.VerdictContent:
		st.cooldown.Cancel(pair{e.number, e.phone})
		m, words := failureOf(r)
		st.recordOutcome(e, m, words, "")
		return
	case schemas.VerdictLost:
		if !e.resend || !e.assignment.live || e.attempts+1 >= maxAttempts { //mutant:lost-call-of-a-lost-partition-is-said
			st.recordOutcome(e, schemas.StateUnknown, schemas.StateUnknown.Spanish(), "")
			return
		}
		e.doubtful, e.repeatStarted = true, false
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictThrottled, schemas.VerdictPair,
		schemas.VerdictAccount, schemas.VerdictMedia:
		// Definite refusals: nobody was reached, whatever happens to this process from here on.
		st.cooldown.Cancel(pair{e.number, e.phone})
		if r.Verdict == schemas.VerdictPair {
			st.cooldown.Refuse(pair{e.number, e.phone}, now, min(r.After, limits.MaxWait))
		}
	}
	if !e.assignment.live {
		st.resolveDetached(e, r.Verdict != schemas.VerdictLost)
		st.remove(e)
		return
	}
	st.release(e)
	if e.assignment.draining {
		st.moveTo(e, phaseParked, causeNone)
		return
	}
	st.reschedule(e, r, now)
}

// reschedule decides when a send that was refused for now is called again.
func (st *Stage) reschedule(e *send, r *schemas.Reply, now time.Time) {
	switch r.Verdict {
	case schemas.VerdictUnsent:
		e.unsentInRow++
		if e.unsentInRow == 1 {
			st.enqueue(e, true)
		} else {
			st.waitUntil(e, now.Add(backoff.Equal(unsentBase, unsentMax, e.unsentInRow-2)), causeBackOff)
		}
	case schemas.VerdictThrottled:
		st.enqueue(e, true) // its number waits
	case schemas.VerdictAccount:
		st.enqueue(e, false) // the same, and others probe first
	case schemas.VerdictPair:
		st.waitUntil(e, st.cooldown.Until(pair{e.number, e.phone}), causeCooldown)
	case schemas.VerdictMedia:
		t := e.task
		if e.renewed || t.content.GetMedia() == nil {
			st.retryTransient(e, r, now)
			return
		}
		e.renewed = true
		if t.version == e.version && t.message != nil { // else it was renewed, or is being, since the call began
			t.message, t.stale, t.renewingSince = nil, true, now
		}
		st.enqueue(e, true)
	case schemas.VerdictTransient, schemas.VerdictLost: // lost: of a send that may be called twice
		st.retryTransient(e, r, now)
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent:
	}
}

// countsAsAttempt reports whether being refused for now counts as an attempt: if other recipients of the number get through. Otherwise it
// is an outage's doing, which the breaker counts, and nobody's fault; so is what a probe meets.
func (e *send) countsAsAttempt(now time.Time) bool {
	n := e.number
	return n.lastSuccess.After(e.calledAt) || !e.wasProbe && now.Sub(n.lastSuccess) <= recentSuccess
}

func (st *Stage) retryTransient(e *send, r *schemas.Reply, now time.Time) {
	if r.Verdict == schemas.VerdictTransient && !e.countsAsAttempt(now) { //mutant:outage-is-nobodys-attempt
		e.uncharged++
		st.waitUntil(e, now.Add(max(backoff.Full(attemptBase, attemptMax, e.uncharged-1), min(r.After, limits.MaxWait))), causeBackOff)
		return
	}
	e.attempts++
	if e.attempts < maxAttempts {
		wait := max(backoff.Full(attemptBase, attemptMax, e.attempts-1), min(r.After, limits.MaxWait))
		st.waitUntil(e, now.Add(wait), causeBackOff)
		return
	}
	m := schemas.Failed(schemas.CodeExhausted)
	if e.doubtful { // an earlier call may have reached somebody
		m = schemas.StateUnknown
	}
	words := m.Spanish()
	if r.Code != 0 {
		words += fmt.Sprintf(" (último error: %d)", r.Code)
	}
	st.recordOutcome(e, m, words, "")
}
