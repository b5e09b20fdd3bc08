package sender

import (
	"strings"
	"time"

	"altavoz/processor/sender/breaker"
	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// why says what keeps the number's tasks waiting; nil if nothing does.
func (n *number) why(now time.Time) *schemas.Cause {
	for f := range n.breakers {
		b := &n.breakers[f]
		since, open := b.Open()
		reason := schemas.WaitReason_WAIT_REASON_ACCOUNT
		if breaker.Fault(f) == breaker.Outage {
			reason = schemas.WaitReason_WAIT_REASON_OUTAGE
			if b.Foreign() {
				reason = schemas.WaitReason_WAIT_REASON_CONFIGURATION
			} else if now.Sub(since) < noteAfter { // a moment explains nothing
				continue
			}
		}
		if open {
			return n.cause(reason, since, &n.said[f], b.Every())
		}
	}
	if since, slowed := n.pacer.Slowed(); slowed && now.Sub(since) >= noteAfter {
		return n.cause(schemas.WaitReason_WAIT_REASON_THROTTLED, since, &n.slow, 0)
	}
	if at := time.UnixMilli(n.risk.GetAtMs()); n.risk != nil && now.Sub(at) < riskLife {
		return n.cause(schemas.WaitReason_WAIT_REASON_AT_RISK, at, &schemas.Reply{Code: int(n.risk.GetCode()), Detail: n.risk.GetDetail()}, 0)
	}
	return nil
}

func (n *number) cause(reason schemas.WaitReason, since time.Time, r *schemas.Reply, every time.Duration) *schemas.Cause {
	return &schemas.Cause{
		Reason: reason, SinceMs: since.UnixMilli(), Number: n.label(), Code: int32(r.Code), Detail: strings.ToValidUTF8(r.Detail, "?"),
		EverySeconds: uint32(every.Seconds()),
	}
}

// label is what people call it.
func (n *number) label() string {
	if n.Name == "" {
		return n.id
	}
	return n.Name + " (" + n.id + ")"
}

// noteAll tells the tasks of a number that they wait, or that they don't any more.
func (st *Stage) noteAll(n *number, now time.Time) {
	why := n.why(now)
	for t := range n.tasks {
		st.noteTask(t, why, now)
	}
}

// noteTask tells a task why its number keeps it waiting, at most once a minute unless it is for another reason now; or, if that does not, that its window does,
// once, because nothing about that changes until it opens.
func (st *Stage) noteTask(t *task, why *schemas.Cause, now time.Time) {
	shut := t.waits(now)
	if own := t.cause(now); own != nil && (why == nil || why.GetReason() == schemas.WaitReason_WAIT_REASON_THROTTLED || why.GetReason() == schemas.WaitReason_WAIT_REASON_AT_RISK) {
		why = own
	}
	switch {
	case why != nil:
		if t.sends > 0 && (t.noted.IsZero() || now.Sub(t.noted) >= noteEvery || t.reason != why.GetReason() && now.Sub(t.noted) >= noteAfter) {
			t.noted, t.told, t.reason = now, "", why.GetReason()
			st.note(t, schemas.Phase_PHASE_WAITING, "", why, now)
		}
	case shut != "":
		if shut != t.told {
			t.noted, t.told = now, shut
			st.note(t, schemas.Phase_PHASE_WAITING, shut, nil, now)
		}
	case !t.noted.IsZero():
		st.takeBack(t, now)
	}
}

// cause says what keeps all that a task has here, whatever its number does; nil if nothing does.
func (t *task) cause(now time.Time) *schemas.Cause {
	switch {
	case t.sends > 0 && t.paired == t.sends:
		return &schemas.Cause{Reason: schemas.WaitReason_WAIT_REASON_PAIR, SinceMs: now.UnixMilli(), Number: t.number.label(), EverySeconds: uint32(limits.PairWait.Seconds())}
	case t.stale && t.waiting.n > 0 && now.Sub(t.renews) >= renewsLong:
		return &schemas.Cause{Reason: schemas.WaitReason_WAIT_REASON_MEDIA, SinceMs: t.renews.UnixMilli(), Number: t.number.label()}
	}
	return nil
}

// takeBack says that a task goes on which was said to wait, also when its last send here is gone: others may go on with it.
func (st *Stage) takeBack(t *task, now time.Time) {
	t.noted, t.told, t.said = time.Time{}, "", now
	st.note(t, schemas.Phase_PHASE_RUNNING, "", nil, now)
	if t.sends == 0 {
		delete(t.number.tasks, t)
	}
}

// goesOn takes back what an earlier owner of the partition may have said of the task: a send that had waited long enough
// for it to be told went out here.
func (st *Stage) goesOn(e *send, now time.Time) {
	if t := e.task; t.noted.IsZero() && !e.at.IsZero() && e.on.since.Sub(e.at) >= noteAfter && t.said.Before(e.on.since) {
		t.said = now
		st.note(t, schemas.Phase_PHASE_RUNNING, "", nil, now)
	}
}
