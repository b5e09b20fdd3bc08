package sender

import (
	"time"

	"altavoz/processor/sender/breaker"
	"altavoz/processor/sender/pace"
	"altavoz/schemas"
)

// look makes a read-only call for a number that an outage stops.
func (st *Stage) look(n *number) {
	n.breakers[breaker.Outage].Begin()
	st.running.Go(func() {
		r := st.ports.Messenger.Probe(st.ctx, n.id)
		st.mu.Lock()
		defer st.unlock()
		now := time.Now()
		if !n.breakers[breaker.Outage].Looked(now, breaker.KindsOf(&r)[breaker.Outage]) {
			n.said[breaker.Outage] = r
		}
		st.list(n)
	})
}

// probeFrom returns the send that probes: one of the task that was not tried for longest, because what one task's sends meet need
// not be the number's trouble.
func (n *number) probeFrom() (probe *send) {
	seen := 0
	for l := range n.ready {
		for e := n.ready[l].head; e != nil && seen < probeScan; e = e.link.next {
			seen++
			if probe == nil || e.task.probed.Before(probe.task.probed) {
				probe = e
			}
		}
	}
	return probe
}

// mark says that a send which is about to start is a probe, of its number or of its task.
func (e *send) mark(now time.Time) {
	e.probed = false
	for f := range e.number.breakers {
		if e.probe[f] = e.number.breakers.Stopped(breaker.Fault(f)); e.probe[f] {
			e.number.breakers[f].Begin()
			e.task.probed, e.probed = now, true
		}
	}
	if s := e.task.suspect; s != nil {
		s.probing, e.alone = true, true
	}
}

// unmark says that it was not made.
func (e *send) unmark() {
	for f := range e.probe {
		if e.probe[f] {
			e.number.breakers[f].Cancel()
			e.probe[f] = false
		}
	}
	if e.alone && e.task.suspect != nil {
		e.task.suspect.probing = false
	}
	e.alone = false
}

// judge takes in what an answer means for whether the number may send.
func (st *Stage) judge(n *number, e *send, r *schemas.Reply, now time.Time) {
	kinds := breaker.KindsOf(r)
	if e.began.Before(n.renewed) && kinds[breaker.Account] == breaker.Refused {
		kinds[breaker.Account] = breaker.Nothing // it was the old token that is not taken
	}
	works := kinds[breaker.Account] == breaker.Works
	fails := !works && (kinds[breaker.Account] == breaker.Refused || kinds[breaker.Outage] != breaker.Works)
	if fails {
		e.task.probed = now
	}
	if st.judgeTask(n, e, r, works, fails, now) {
		kinds, fails = [breaker.Faults]breaker.Kind{}, false // it is that task's trouble
	}
	for f := range n.breakers {
		k, probe := kinds[f], e.probe[f]
		e.probe[f] = false
		if k != breaker.Works && k != breaker.Nothing {
			n.said[f] = *r
		}
		if n.breakers[f].Heard(now, k, probe) {
			st.turned(n, breaker.Fault(f), e, now)
		}
		if probe {
			if e.began.Before(n.renewed) {
				n.breakers[f].Renew(now)
			}
			st.list(n)
		}
	}
	n.blame(e, fails, works, now)
}

// suspect is a task whose sends fail while others of its number get through: the answer is to what it says, as a firewall's
// that reads. It is tried alone, one send at a time, and costs its number nothing.
type suspect struct {
	at      time.Time // of the next try
	failed  time.Time // when the last one failed
	tries   int       // that failed, others getting through meanwhile
	probing bool
}

// judgeTask takes in what the answer to a suspect's send means, and reports whether it says nothing of the number.
func (st *Stage) judgeTask(n *number, e *send, r *schemas.Reply, works, fails bool, now time.Time) (own bool) {
	t, alone := e.task, e.alone
	e.alone = false
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
		s.at = now
		return false
	case !alone: // begun before
		return true
	}
	if n.worked.After(s.failed) {
		s.tries++
	}
	s.failed, s.at = now, now.Add(pace.BackOff(suspectBase, suspectMost, s.tries))
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

// alone holds back the sends of a suspect while another one is tried, or until the next try. It returns no time if this one may go.
func (t *task) alone(now time.Time) (until time.Time) {
	switch s := t.suspect; {
	case s == nil:
	case s.at.After(now):
		until = s.at
	case s.probing:
		until = now.Add(suspectBase)
	}
	return until
}

// turned takes in that a breaker opened or closed.
func (st *Stage) turned(n *number, f breaker.Fault, e *send, now time.Time) {
	r := &n.said[f]
	switch {
	case !n.breakers.Stopped(f):
		st.log.Info("number sends again", "sender", n.id)
		if n.blamed != nil && e != nil && n.blamed != e.task && n.blamed.sends > 0 {
			n.blamed.suspect = &suspect{at: now, failed: now}
			st.log.Warn("what stopped the number was one task only, which is tried alone", "sender", n.id, "task", n.blamed.id)
		}
		n.blamed = nil
	case f == breaker.Webhook:
		st.log.Error("a webhook says that the number can't send", "sender", n.id, "code", r.Code, "detail", r.Detail)
	case f == breaker.Account:
		st.log.Error("number can't send until somebody acts", "sender", n.id, "code", r.Code, "detail", r.Detail)
	case n.breakers[f].Foreign():
		st.log.Error("somebody else answers in the place of the Cloud API", "sender", n.id, "detail", r.Detail)
	default:
		st.log.Warn("calls get no answer; one at a time finds out when they do", "sender", n.id, "code", r.Code, "detail", r.Detail)
	}
	if n.breakers.Stopped(f) {
		st.metrics.stops[stopOf(n, f)].Inc()
	}
	st.noteAll(n, now)
}

// blame remembers whose calls fail, as long as it is one task's only.
func (n *number) blame(e *send, fails, works bool, now time.Time) {
	switch {
	case works:
		n.worked = now
		if n.blamed == e.task || !n.breakers.Stopped(breaker.Account) && !n.breakers.Stopped(breaker.Outage) {
			n.blamed, n.mixed = nil, false
		}
	case !fails:
	case n.blamed == nil && !n.mixed:
		n.blamed = e.task
	case n.blamed != e.task:
		n.blamed, n.mixed = nil, true
	}
}
