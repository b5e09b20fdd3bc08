package schedule

import (
	"strings"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// announced is what a task last published: waiting for a cause or its window, or running.
type announced struct {
	waitingAt time.Time      // when it last published that it waits; zero: it runs
	reason    schemas.Reason // that was published
	window    time.Time      // when its window opens, if that is what it last published that it waits for
	runningAt time.Time      // when it last published that it runs: earlier owners may have published otherwise
}

// waitCause is what keeps the number's tasks waiting; nil if nothing does.
func (n *Number) waitCause(now time.Time) *schemas.Cause {
	for f := range n.breakers {
		b := &n.breakers[f]
		since, open := b.Open()
		reason := schemas.Reason_REASON_ACCOUNT
		if limits.Fault(f) == limits.FaultOutage {
			reason = schemas.Reason_REASON_OUTAGE
			if b.Foreign() {
				reason = schemas.Reason_REASON_CONFIGURATION
			} else if now.Sub(since) < AnnounceAfter { // a moment explains nothing
				continue
			}
		}
		if open {
			return n.newCause(reason, since, &n.lastFault[f], b.MaxWait())
		}
	}
	if since, slowed := n.pacer.Slowed(); slowed && now.Sub(since) >= AnnounceAfter {
		return n.newCause(schemas.Reason_REASON_THROTTLED, since, &n.throttle, 0)
	}
	if at := time.UnixMilli(n.warning.GetAtMs()); n.warning != nil && now.Sub(at) < warningLife {
		return n.newCause(schemas.Reason_REASON_AT_RISK, at, &schemas.Reply{Code: int(n.warning.GetCode()), Detail: n.warning.GetDetail()}, 0)
	}
	return nil
}

func (n *Number) newCause(reason schemas.Reason, since time.Time, r *schemas.Reply, every time.Duration) *schemas.Cause {
	return &schemas.Cause{
		Reason: reason, SinceMs: since.UnixMilli(), Number: n.label(), Code: int32(r.Code), Detail: strings.ToValidUTF8(r.Detail, "?"),
		EverySeconds: uint32(every.Seconds()),
	}
}

// waitCause is what keeps all that a task has here, whatever its number does; nil if nothing does.
func (t *Task) waitCause(now time.Time) *schemas.Cause {
	renewingSince, renewing := t.message.Renewing()
	held := t.number.templates.Cause(t.message.Template(), now)
	switch {
	case held != nil && t.sends > 0:
		return held
	case t.sends > 0 && t.coolingDown == t.sends:
		return &schemas.Cause{
			Reason: schemas.Reason_REASON_PAIR, SinceMs: now.UnixMilli(), Number: t.number.label(),
			EverySeconds: uint32(limits.CooldownTime.Seconds()),
		}
	case renewing && t.waiting.Len() > 0 && now.Sub(renewingSince) >= RenewalAnnounceAfter:
		return &schemas.Cause{Reason: schemas.Reason_REASON_MEDIA, SinceMs: renewingSince.UnixMilli(), Number: t.number.label()}
	}
	return nil
}

// announceAll has the tasks of a number publish that they wait, or that they don't any more.
func (s *Scheduler) announceAll(n *Number, now time.Time) {
	why := n.waitCause(now)
	for t := range n.tasks {
		s.announceTask(t, why, now)
	}
}

// announceTask publishes why a task's number keeps it waiting, at most once a minute unless it is for another reason now; or, if that does
// not, that its window does, once, because nothing about that changes until it opens.
func (s *Scheduler) announceTask(t *Task, why *schemas.Cause, now time.Time) {
	opens, a := t.windowOpens(now), &t.announced
	if own := t.waitCause(now); own != nil && (why == nil || why.GetReason() == schemas.Reason_REASON_THROTTLED || why.GetReason() == schemas.Reason_REASON_AT_RISK) {
		why = own
	}
	switch {
	case why != nil:
		if t.sends > 0 && (a.waitingAt.IsZero() || now.Sub(a.waitingAt) >= AnnounceEvery || a.reason != why.GetReason() && now.Sub(a.waitingAt) >= AnnounceAfter) {
			a.waitingAt, a.window, a.reason = now, time.Time{}, why.GetReason()
			s.ports.Host.Publish(t.ID, &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_WAITING, Cause: why}, now)
		}
	case !opens.IsZero():
		if !opens.Equal(a.window) {
			a.waitingAt, a.window = now, opens
			cause := schemas.Until(schemas.Reason_REASON_WINDOW_IN_FLIGHT, opens, t.opening.Window.GetTimezone()).Cause()
			s.ports.Host.Publish(t.ID, &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_WAITING, Cause: cause}, now)
		}
	case !a.waitingAt.IsZero():
		s.announceResumed(t, now)
	}
}

// announceResumed publishes that a task runs which published that it waits, also when its last send here is gone: others may go on with it.
func (s *Scheduler) announceResumed(t *Task, now time.Time) {
	t.announced.waitingAt, t.announced.window, t.announced.runningAt = time.Time{}, time.Time{}, now
	s.ports.Host.Publish(t.ID, &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_RUNNING}, now)
	if t.sends == 0 {
		delete(t.number.tasks, t)
	}
}

// announceRunning takes back what an earlier owner of the partition may have published of the task: a send was accepted here that had
// waited long enough for that.
func (s *Scheduler) announceRunning(e *Send, now time.Time) {
	a, owned := &e.Task.announced, e.Partition.AssignedAt
	if a.waitingAt.IsZero() && !e.At.IsZero() && owned.Sub(e.At) >= AnnounceAfter && a.runningAt.Before(owned) {
		a.runningAt = now
		s.ports.Host.Publish(e.Task.ID, &schemas.TaskUpdate{Phase: schemas.Phase_PHASE_RUNNING}, now)
	}
}
