package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/report"
	"altavoz/schemas"
)

// causes is what may keep the number waiting.
func (n *Number) causes() *report.Number {
	return &report.Number{Label: n.label(), Breakers: &n.breakers, LastFault: &n.lastFault, Pacer: &n.pacer, Throttle: &n.throttle, Warning: n.warning}
}

// taskCause is what keeps all that a task has here, whatever its number does; nil if nothing does.
func (s *Scheduler) taskCause(t *Task, now time.Time) *schemas.Cause {
	renewingSince, renewing := t.message.Renewing()
	full := s.places.Cause(t.number.ID, t.number.label(), now)
	held := t.number.templates.Cause(t.message.Template(), now)
	switch {
	case held != nil && t.sends > 0:
		return held
	case full != nil && t.waitCounts[CausePlace] > 0:
		return full
	case t.sends > 0 && t.waitCounts[CauseCooldown] == t.sends:
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
	why := n.causes().WaitCause(now)
	for t := range n.tasks {
		s.announceTask(t, why, now)
	}
}

// announceTask publishes why a task's number keeps it waiting, or, if that does not, that its window does.
func (s *Scheduler) announceTask(t *Task, why *schemas.Cause, now time.Time) {
	opens := t.windowOpens(now)
	if own := s.taskCause(t, now); own != nil && (why == nil || why.GetReason() == schemas.Reason_REASON_THROTTLED || why.GetReason() == schemas.Reason_REASON_AT_RISK) {
		why = own
	}
	switch {
	case why != nil && t.sends > 0:
		s.publish(t, t.announced.WaitsFor(why, now), now)
	case why != nil:
	case !opens.IsZero():
		s.publish(t, t.announced.WaitsForWindow(opens, t.opening.Window.GetTimezone(), now), now)
	case t.announced.Waits():
		s.announceResumed(t, now)
	}
}

func (s *Scheduler) publish(t *Task, u *schemas.TaskUpdate, now time.Time) {
	if u != nil {
		s.ports.Host.Publish(t.ID, u, now)
	}
}

// announceResumed publishes that a task runs which published that it waits, also when its last send here is gone: others may go on with it.
func (s *Scheduler) announceResumed(t *Task, now time.Time) {
	s.publish(t, t.announced.Runs(now), now)
	if t.sends == 0 {
		delete(t.number.tasks, t)
	}
}
