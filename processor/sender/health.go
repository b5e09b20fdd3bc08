package sender

import (
	"time"

	"altavoz/internal/backoff"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// readOnlyProbe makes a read-only call for a number that an outage stops.
func (st *Stage) readOnlyProbe(n *number) {
	n.breakers[limits.FaultOutage].Begin()
	st.running.Go(func() {
		r := st.ports.Messenger.Probe(st.ctx, n.id)
		st.mu.Lock()
		defer st.unlock()
		now := time.Now()
		if !n.breakers[limits.FaultOutage].ProbeAnswered(now, limits.Signals(&r)[limits.FaultOutage]) {
			n.lastFault[limits.FaultOutage] = r
		}
		st.makeRunnable(n)
	})
}

// probeSend returns the send that probes: one of the task that was not tried for longest, because what one task's sends meet need
// not be the number's trouble.
func (n *number) probeSend() (probe *send) {
	seen := 0
	for l := range n.ready {
		for e := n.ready[l].head; e != nil && seen < probeScan; e = e.link.next {
			seen++
			if probe == nil || e.task.lastProbe.Before(probe.task.lastProbe) {
				probe = e
			}
		}
	}
	return probe
}

// markProbe says that a send which is about to start is a probe, of its number or of its task.
func (e *send) markProbe(now time.Time) {
	e.wasProbe = false
	for f := range e.number.breakers {
		if e.probes[f] = e.number.breakers.Stopped(limits.Fault(f)); e.probes[f] {
			e.number.breakers[f].Begin()
			e.task.lastProbe, e.wasProbe = now, true
		}
	}
	if s := e.task.suspect; s != nil {
		s.probing, e.suspectTry = true, true
	}
}

// unmarkProbe says that it was not made.
func (e *send) unmarkProbe() {
	for f := range e.probes {
		if e.probes[f] {
			e.number.breakers[f].Cancel()
			e.probes[f] = false
		}
	}
	if e.suspectTry && e.task.suspect != nil {
		e.task.suspect.probing = false
	}
	e.suspectTry = false
}

// updateHealth takes in what an answer means for whether the number may send.
func (st *Stage) updateHealth(n *number, e *send, r *schemas.Reply, now time.Time) {
	kinds := limits.Signals(r)
	if e.calledAt.Before(n.tokenReplacedAt) && kinds[limits.FaultAccount] == limits.SignalRefused {
		kinds[limits.FaultAccount] = limits.SignalNone // it was the old token that is not taken
	}
	works := kinds[limits.FaultAccount] == limits.SignalWorks
	fails := !works && (kinds[limits.FaultAccount] == limits.SignalRefused || kinds[limits.FaultOutage] != limits.SignalWorks)
	if fails {
		e.task.lastProbe = now
	}
	if st.updateSuspect(n, e, r, works, fails, now) {
		kinds, fails = [limits.Faults]limits.Signal{}, false // it is that task's trouble
	}
	for f := range n.breakers {
		k, probe := kinds[f], e.probes[f]
		e.probes[f] = false
		if k != limits.SignalWorks && k != limits.SignalNone {
			n.lastFault[f] = *r
		}
		if n.breakers[f].Observe(now, k, probe) {
			st.breakerChanged(n, limits.Fault(f), e, now)
		}
		if probe {
			if e.calledAt.Before(n.tokenReplacedAt) {
				n.breakers[f].Renew(now)
			}
			st.makeRunnable(n)
		}
	}
	n.updateBlame(e, fails, works, now)
}

// suspect is a task whose sends fail while others of its number get through: the answer is to what it says, as a firewall's
// that reads. It is tried alone, one send at a time, and costs its number nothing.
type suspect struct {
	nextTry     time.Time // of the next try
	lastFailure time.Time // when the last one failed
	tries       int       // that failed, others getting through meanwhile
	probing     bool
}

// updateSuspect takes in what the answer to a suspect's send means, and reports whether it says nothing of the number.
func (st *Stage) updateSuspect(n *number, e *send, r *schemas.Reply, works, fails bool, now time.Time) (own bool) {
	t, alone := e.task, e.suspectTry
	e.suspectTry = false
	s := t.suspect
	if s == nil {
		return false
	}
	if alone {
		s.probing = false
	}
	switch {
	case works:
		t.suspect = nil
		return false
	case !fails:
		s.nextTry = now
		return false
	case !alone: // begun before
		return true
	}
	if n.lastSuccess.After(s.lastFailure) {
		s.tries++
	}
	s.lastFailure, s.nextTry = now, now.Add(backoff.Equal(suspectBase, suspectMax, s.tries))
	if s.tries >= suspectTries {
		t.suspect = nil
		t.failed = "WhatsApp no acepta este mensaje, y sí otros de su número"
		if r.Detail != "" {
			t.failed += ": " + r.Detail
		}
		st.log.Error("sends of one task are refused while others of its number get through; the task ends here", "task", t.id,
			"sender", n.id, "code", r.Code, "detail", r.Detail)
	}
	return true
}

// suspectDelay holds back the sends of a suspect while another one is tried, or until the next try. It returns no time if this one may go.
func (t *task) suspectDelay(now time.Time) (until time.Time) {
	switch s := t.suspect; {
	case s == nil:
	case s.nextTry.After(now):
		until = s.nextTry
	case s.probing:
		until = now.Add(suspectBase)
	}
	return until
}

// breakerChanged takes in that a breaker opened or closed.
func (st *Stage) breakerChanged(n *number, f limits.Fault, e *send, now time.Time) {
	r := &n.lastFault[f]
	switch {
	case !n.breakers.Stopped(f):
		st.log.Info("number sends again", "sender", n.id)
		if n.blamed != nil && e != nil && n.blamed != e.task && n.blamed.sends > 0 {
			n.blamed.suspect = &suspect{nextTry: now, lastFailure: now}
			st.log.Warn("what stopped the number was one task only, which is tried alone", "sender", n.id, "task", n.blamed.id)
		}
		n.blamed = nil
	case f == limits.FaultWebhook:
		st.log.Error("a webhook says that the number can't send", "sender", n.id, "code", r.Code, "detail", r.Detail)
	case f == limits.FaultAccount:
		st.log.Error("number can't send until somebody acts", "sender", n.id, "code", r.Code, "detail", r.Detail)
	case n.breakers[f].Foreign():
		st.log.Error("somebody else answers in the place of the Cloud API", "sender", n.id, "detail", r.Detail)
	default:
		st.log.Warn("calls get no answer; one at a time finds out when they do", "sender", n.id, "code", r.Code, "detail", r.Detail)
	}
	if n.breakers.Stopped(f) {
		st.metrics.stops[stopOf(n, f)].Inc()
	}
	st.announceAll(n, now)
}

// updateBlame remembers whose calls fail, as long as it is one task's only.
func (n *number) updateBlame(e *send, fails, works bool, now time.Time) {
	switch {
	case works:
		n.lastSuccess = now
		if n.blamed == e.task || !n.breakers.Stopped(limits.FaultAccount) && !n.breakers.Stopped(limits.FaultOutage) {
			n.blamed, n.mixed = nil, false
		}
	case !fails:
	case n.blamed == nil && !n.mixed:
		n.blamed = e.task
	case n.blamed != e.task:
		n.blamed, n.mixed = nil, true
	}
}
