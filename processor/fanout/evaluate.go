package fanout

import (
	"fmt"
	"strings"
	"time"

	"altavoz/processor/fanout/canary"
	"altavoz/schemas"
)

// What a person reads of a task that takes no turns, or no more.
const (
	whyPaused    = "En pausa por solicitud"
	whyCanary    = "En pausa: los primeros mensajes no se entregan: %s"
	whyCancelled = "Cancelado por solicitud"
	whyScheduled = "Programado para %s"
	whyClosed    = "Fuera del horario de envío; abre %s"
	whyNever     = "Fuera del horario de envío; no abre antes de que venza"
)

// taskStatus is what is said of a task as a whole. The zero one says nothing: the task goes on.
type taskStatus struct {
	phase schemas.Phase
	why   string
}

// blocked is what a look finds: what to say, and whether the task takes turns.
type blocked struct {
	taskStatus
	held  bool
	until time.Time // when it may be otherwise, though nothing happens; zero: never
}

// evaluate finds out what keeps the task from turns now, and when to ask again; it has that said if it is new. It is asked
// whenever something of the task has changed.
func (s *worker) evaluate(t *task, now time.Time) {
	if t.state == stateGone || !t.queued {
		return
	}
	if !now.Before(t.deadline) {
		s.onDeadline(t)
		return
	}
	q, h, next := s.queue(t), s.blockedBy(t, now), t.deadline
	if !h.until.IsZero() && h.until.Before(next) {
		next = h.until
	}
	if t.blocked = h; h.held {
		q.Block(&t.Entry)
	}
	q.EvaluateAt(&t.Entry, next)
	s.countPaused(t, h.phase == schemas.Phase_PHASE_PAUSED)
	s.publish(t, now)
	s.finishCancel(t, now)
	s.parkIfLong(t, now)
	s.unblock(t)
}

// onDeadline ends a task whose time is over. A turn that is under way ends first, and looks again.
func (s *worker) onDeadline(t *task) {
	switch {
	case t.state == stateClosed:
		t.deadline = t.graceEnd(time.Now()) // once more if that did not help
		s.queue(t).EvaluateAt(&t.Entry, t.deadline)
		s.giveUpUndecided(t)
	case t.quantum == nil:
		s.closeAs(t, time.Now(), schemas.StateExpired, schemas.StateExpired.Spanish())
	}
}

// blocked is the rule of who has to wait, first things first.
func (s *worker) blockedBy(t *task, now time.Time) blocked {
	v := s.canaryVerdict(t)
	s.judgeCanary(t, v)
	switch {
	case t.terminal.phase != 0:
		return blocked{taskStatus: t.terminal, held: true}
	case t.state != stateOpen:
		return blocked{}
	case t.controls.Paused:
		return blocked{taskStatus: taskStatus{schemas.Phase_PHASE_PAUSED, whyPaused}, held: true}
	case t.canaryReason != "":
		return blocked{taskStatus: taskStatus{schemas.Phase_PHASE_PAUSED, t.canaryReason}, held: true}
	case now.UnixMilli() < t.schedule:
		at := time.UnixMilli(t.schedule)
		return waitingUntil(fmt.Sprintf(whyScheduled, t.localTime(at)), at)
	}
	closes := t.deadline
	if t.window != nil {
		opens, ends, ok := t.opening(now)
		switch {
		case !ok:
			return waitingUntil(whyNever, t.deadline)
		case now.Before(opens):
			return waitingUntil(fmt.Sprintf(whyClosed, t.localTime(opens)), opens)
		}
		closes = ends
	}
	h := blocked{until: closes}
	if t.mediaPending {
		h.taskStatus = taskStatus{schemas.Phase_PHASE_WAITING, whyMedia}
	}
	if until := t.canaryWait(v, now); now.Before(until) {
		h.held, h.until = true, earliest(until, closes)
	}
	return h
}

func waitingUntil(why string, until time.Time) blocked {
	return blocked{taskStatus: taskStatus{schemas.Phase_PHASE_WAITING, why}, held: true, until: until}
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// opening is the window's. An answer holds until the opening ends.
func (t *task) opening(now time.Time) (from, to time.Time, ok bool) {
	if !now.Before(t.closes) {
		t.opens, t.closes, ok = t.window.Opening(now)
		return t.opens, t.closes, ok
	}
	return t.opens, t.closes, true
}

// localTime shows a moment by the clock that the broadcast goes by.
func (t *task) localTime(at time.Time) string {
	zone, err := time.LoadLocation(t.window.GetTimezone()) // UTC if there is none
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2006-01-02 15:04") + " (" + zone.String() + ")"
}

// isFanouts reports whether a stance is one that only this stage takes; senders say things of their own.
func (x taskStatus) isFanouts() bool {
	scheduled, _, _ := strings.Cut(whyScheduled, "%")
	closed, _, _ := strings.Cut(whyClosed, "%")
	return x.phase == schemas.Phase_PHASE_PAUSED || x.phase == schemas.Phase_PHASE_WAITING &&
		(x.why == whyMedia || strings.HasPrefix(x.why, scheduled) || strings.HasPrefix(x.why, closed))
}

// isTerminal reports whether it stands for good: nothing more of the task is dispatched.
func (x taskStatus) isTerminal() bool {
	return x.phase == schemas.Phase_PHASE_CANCELLED || x.phase == schemas.Phase_PHASE_STOPPED
}

// judgeCanary decides whether the task is to end, or to be paused, though nobody asked for it now.
func (s *worker) judgeCanary(t *task, v canary.Verdict) {
	switch {
	case t.terminal.phase != 0:
	case t.controls.Cancelled:
		t.terminal = taskStatus{schemas.Phase_PHASE_CANCELLED, whyCancelled}
	case t.state != stateOpen:
	case v.Do == canary.Stop:
		s.st.metrics.canary[canaryStopped].Inc()
		t.terminal = taskStatus{schemas.Phase_PHASE_STOPPED, v.Mark.Spanish()}
	case t.controls.Resumed:
		t.canaryReason = ""
	case v.Do == canary.Pause && t.canaryReason == "":
		s.st.metrics.canary[canaryPaused].Inc()
		t.canaryReason = fmt.Sprintf(whyCanary, v.Mark.Spanish())
	}
}

// canaryVerdict is the canary's on a long list.
func (s *worker) canaryVerdict(t *task) canary.Verdict {
	if t.Total <= schemas.ExpressRecipients {
		return canary.Verdict{}
	}
	return canary.Judge(canary.Task{
		End: t.End, Counts: t.status.GetCounts(), Predicts: s.st.cfg.Predicts,
		Receipts: s.st.cfg.Receipts && !t.Direct, // somebody waits
		Resumed:  t.controls.Resumed,
	})
}

// canaryWait returns until when the task waits for its first recipients.
func (t *task) canaryWait(v canary.Verdict, now time.Time) time.Time {
	if v.Do != canary.Wait {
		return time.Time{}
	}
	if t.waitLimit != v.Within {
		t.waitLimit, t.waitStart = v.Within, now
	}
	return t.waitStart.Add(v.Within)
}

// quantumLimit is how many recipients the task's next turn may have.
func (t *task) quantumLimit() uint32 {
	if t.Total > schemas.ExpressRecipients && t.End < canary.First {
		return canary.First - t.End
	}
	return t.Total - t.End
}
