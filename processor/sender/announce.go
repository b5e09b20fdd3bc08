package sender

import (
	"strings"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// waitCause says what keeps the number's tasks waiting; nil if nothing does.
func (n *number) waitCause(now time.Time) *schemas.Cause {
	for f := range n.breakers {
		b := &n.breakers[f]
		since, open := b.Open()
		reason := schemas.WaitReason_WAIT_REASON_ACCOUNT
		if limits.Fault(f) == limits.FaultOutage {
			reason = schemas.WaitReason_WAIT_REASON_OUTAGE
			if b.Foreign() {
				reason = schemas.WaitReason_WAIT_REASON_CONFIGURATION
			} else if now.Sub(since) < announceAfter { // a moment explains nothing
				continue
			}
		}
		if open {
			return n.newCause(reason, since, &n.lastFault[f], b.MaxWait())
		}
	}
	if since, slowed := n.pacer.Slowed(); slowed && now.Sub(since) >= announceAfter {
		return n.newCause(schemas.WaitReason_WAIT_REASON_THROTTLED, since, &n.throttle, 0)
	}
	if at := time.UnixMilli(n.warning.GetAtMs()); n.warning != nil && now.Sub(at) < riskLife {
		return n.newCause(schemas.WaitReason_WAIT_REASON_AT_RISK, at, &schemas.Reply{Code: int(n.warning.GetCode()), Detail: n.warning.GetDetail()}, 0)
	}
	return nil
}

func (n *number) newCause(reason schemas.WaitReason, since time.Time, r *schemas.Reply, every time.Duration) *schemas.Cause {
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

// announceAll tells the tasks of a number that they wait, or that they don't any more.
func (st *Stage) announceAll(n *number, now time.Time) {
	why := n.waitCause(now)
	for t := range n.tasks {
		st.announceTask(t, why, now)
	}
}

// announceTask tells a task why its number keeps it waiting, at most once a minute unless it is for another reason now; or, if that does not, that its window does,
// once, because nothing about that changes until it opens.
func (st *Stage) announceTask(t *task, why *schemas.Cause, now time.Time) {
	shut := t.windowText(now)
	if own := t.waitCause(now); own != nil && (why == nil || why.GetReason() == schemas.WaitReason_WAIT_REASON_THROTTLED || why.GetReason() == schemas.WaitReason_WAIT_REASON_AT_RISK) {
		why = own
	}
	switch {
	case why != nil:
		if t.sends > 0 && (t.announcedAt.IsZero() || now.Sub(t.announcedAt) >= announceEvery || t.announcedReason != why.GetReason() && now.Sub(t.announcedAt) >= announceAfter) {
			t.announcedAt, t.announcedWindow, t.announcedReason = now, "", why.GetReason()
			st.publishUpdate(t, schemas.Phase_PHASE_WAITING, "", why, now)
		}
	case shut != "":
		if shut != t.announcedWindow {
			t.announcedAt, t.announcedWindow = now, shut
			st.publishUpdate(t, schemas.Phase_PHASE_WAITING, shut, nil, now)
		}
	case !t.announcedAt.IsZero():
		st.announceResumed(t, now)
	}
}

// waitCause says what keeps all that a task has here, whatever its number does; nil if nothing does.
func (t *task) waitCause(now time.Time) *schemas.Cause {
	switch {
	case t.sends > 0 && t.coolingDown == t.sends:
		return &schemas.Cause{Reason: schemas.WaitReason_WAIT_REASON_PAIR, SinceMs: now.UnixMilli(), Number: t.number.label(), EverySeconds: uint32(limits.CooldownTime.Seconds())}
	case t.stale && t.waiting.n > 0 && now.Sub(t.renewingSince) >= renewalAnnounceAfter:
		return &schemas.Cause{Reason: schemas.WaitReason_WAIT_REASON_MEDIA, SinceMs: t.renewingSince.UnixMilli(), Number: t.number.label()}
	}
	return nil
}

// announceResumed says that a task goes on which was said to wait, also when its last send here is gone: others may go on with it.
func (st *Stage) announceResumed(t *task, now time.Time) {
	t.announcedAt, t.announcedWindow, t.resumeAnnouncedAt = time.Time{}, "", now
	st.publishUpdate(t, schemas.Phase_PHASE_RUNNING, "", nil, now)
	if t.sends == 0 {
		delete(t.number.tasks, t)
	}
}

// announceRunning takes back what an earlier owner of the partition may have said of the task: a send that had waited long enough
// for it to be told went out here.
func (st *Stage) announceRunning(e *send, now time.Time) {
	if t := e.task; t.announcedAt.IsZero() && !e.at.IsZero() && e.assignment.assignedAt.Sub(e.at) >= announceAfter && t.resumeAnnouncedAt.Before(e.assignment.assignedAt) {
		t.resumeAnnouncedAt = now
		st.publishUpdate(t, schemas.Phase_PHASE_RUNNING, "", nil, now)
	}
}
