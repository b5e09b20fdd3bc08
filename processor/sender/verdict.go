package sender

import (
	"fmt"
	"time"

	"altavoz/processor/sender/pace"
	"altavoz/schemas"
)

// call makes one attempt. It runs in a goroutine of its own, after the commit that says so.
func (st *Stage) call(e *send) {
	r := st.ports.Messenger.Send(st.calls, e.number.id, e.message, e.phone, schemas.Callback(e.task.id, e.index))
	st.answered(e, &r)
}

// answered takes in what came of a call. If the partition was lost meanwhile, the outcome is still written (its new owner
// says unknown, and the fold prefers what is known) but marks nothing.
func (st *Stage) answered(e *send, r *schemas.Reply) {
	st.mu.Lock()
	defer st.unlock()
	now := time.Now()
	e.message = nil
	st.ended(e)
	st.hear(e.number, e, r, now)
	if st.full {
		st.kick()
	}
	if r.Verdict != schemas.VerdictUnsent {
		e.unsent = 0
	}
	switch r.Verdict {
	case schemas.VerdictSent:
		st.pairs.Reached(pair{e.number, e.phone})
		st.goesOn(e, now)
		st.decide(e, schemas.StateSent, "", r.WAMID)
		return
	case schemas.VerdictFailed, schemas.VerdictContent:
		st.pairs.Release(pair{e.number, e.phone})
		m, words := refusal(r)
		st.decide(e, m, words, "")
		return
	case schemas.VerdictLost:
		if !e.resend || !e.on.live || e.attempts+1 >= maxAttempts { //mutant:lost-call-of-a-lost-partition-is-said
			st.decide(e, schemas.StateUnknown, schemas.StateUnknown.Spanish(), "")
			return
		}
		e.doubtful, e.repeated = true, false
	case schemas.VerdictUnsent, schemas.VerdictTransient, schemas.VerdictThrottled, schemas.VerdictPair,
		schemas.VerdictAccount, schemas.VerdictMedia:
		// Definite refusals: nobody was reached, whatever happens to this process from here on.
		st.pairs.Release(pair{e.number, e.phone})
		if r.Verdict == schemas.VerdictPair {
			st.pairs.Refuse(pair{e.number, e.phone}, now, min(r.After, pace.MostWait))
		}
	}
	if !e.on.live {
		st.learned(e, r.Verdict != schemas.VerdictLost)
		st.leave(e)
		return
	}
	st.release(e)
	if e.on.draining {
		st.to(e, phaseParked, causeNone)
		return
	}
	st.again(e, r, now)
}

// again decides when a send that was refused for now is called again.
func (st *Stage) again(e *send, r *schemas.Reply, now time.Time) {
	switch r.Verdict {
	case schemas.VerdictUnsent:
		e.unsent++
		if e.unsent == 1 {
			st.enter(e, true)
		} else {
			st.wait(e, now.Add(pace.BackOff(unsentBase, unsentMost, e.unsent-2)), causeBackOff)
		}
	case schemas.VerdictThrottled:
		st.enter(e, true) // its number waits
	case schemas.VerdictAccount:
		st.enter(e, false) // the same, and others probe first
	case schemas.VerdictPair:
		st.wait(e, st.pairs.Until(pair{e.number, e.phone}), causePair)
	case schemas.VerdictMedia:
		t := e.task
		if e.renewed || t.content.GetMedia() == nil {
			st.transient(e, r, now)
			return
		}
		e.renewed = true
		if t.version == e.version && t.message != nil { // else it was renewed, or is being, since the call began
			t.message, t.stale, t.renews = nil, true, now
		}
		st.enter(e, true)
	case schemas.VerdictTransient, schemas.VerdictLost: // lost: of a send that may be called twice
		st.transient(e, r, now)
	case schemas.VerdictSent, schemas.VerdictFailed, schemas.VerdictContent:
	}
}

// charged reports whether being refused for now counts as an attempt: if other recipients of the number get through. Otherwise it
// is an outage's doing, which the breaker counts, and nobody's fault; so is what a probe meets.
func (e *send) charged(now time.Time) bool {
	n := e.number
	return n.worked.After(e.began) || !e.probed && now.Sub(n.worked) <= throughLately
}

func (st *Stage) transient(e *send, r *schemas.Reply, now time.Time) {
	if r.Verdict == schemas.VerdictTransient && !e.charged(now) { //mutant:outage-is-nobodys-attempt
		e.excused++
		st.wait(e, now.Add(max(pace.FullJitter(attemptBase, attemptMost, e.excused-1), min(r.After, pace.MostWait))), causeBackOff)
		return
	}
	e.attempts++
	if e.attempts < maxAttempts {
		wait := max(pace.FullJitter(attemptBase, attemptMost, e.attempts-1), min(r.After, pace.MostWait))
		st.wait(e, now.Add(wait), causeBackOff)
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
	st.decide(e, m, words, "")
}
