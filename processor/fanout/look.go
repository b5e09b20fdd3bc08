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

// stance is what is said of a task as a whole. The zero one says nothing: the task goes on.
type stance struct {
	phase schemas.Phase
	why   string
}

// hold is what a look finds: what to say, and whether the task takes turns.
type hold struct {
	stance
	held  bool
	until time.Time // when it may be otherwise, though nothing happens; zero: never
}

// look finds out what keeps the task from turns now, and when to ask again; it has that said if it is new. It is asked
// whenever something of the task has changed.
func (s *slot) look(t *task, now time.Time) {
	if t.state == stateGone || !t.entered {
		return
	}
	if !now.Before(t.deadline) {
		s.timeUp(t)
		return
	}
	q, h, next := s.queue(t), s.hold(t, now), t.deadline
	if !h.until.IsZero() && h.until.Before(next) {
		next = h.until
	}
	if t.hold = h; h.held {
		q.Block(&t.Entry)
	}
	q.LookAt(&t.Entry, next)
	s.pausing(t, h.phase == schemas.Phase_PHASE_PAUSED)
	s.say(t, now)
	s.wind(t, now)
	s.consider(t, now)
	s.nudge(t)
}

// timeUp ends a task whose time is over. A turn that is under way ends first, and looks again.
func (s *slot) timeUp(t *task) {
	switch {
	case t.state == stateClosed:
		t.deadline = t.grace(time.Now()) // once more if that did not help
		s.queue(t).LookAt(&t.Entry, t.deadline)
		s.giveUp(t)
	case t.turn == nil:
		s.end(t, time.Now(), schemas.StateExpired, schemas.StateExpired.Spanish())
	}
}

// hold is the rule of who has to wait, first things first.
func (s *slot) hold(t *task, now time.Time) hold {
	v := s.verdict(t)
	s.judge(t, v)
	switch {
	case t.ending.phase != 0:
		return hold{stance: t.ending, held: true}
	case t.state != stateOpen:
		return hold{}
	case t.controls.Paused:
		return hold{stance: stance{schemas.Phase_PHASE_PAUSED, whyPaused}, held: true}
	case t.alarmed != "":
		return hold{stance: stance{schemas.Phase_PHASE_PAUSED, t.alarmed}, held: true}
	case now.UnixMilli() < t.schedule:
		at := time.UnixMilli(t.schedule)
		return waiting(fmt.Sprintf(whyScheduled, t.clock(at)), at)
	}
	closes := t.deadline
	if t.window != nil {
		opens, ends, ok := t.opening(now)
		switch {
		case !ok:
			return waiting(whyNever, t.deadline)
		case now.Before(opens):
			return waiting(fmt.Sprintf(whyClosed, t.clock(opens)), opens)
		}
		closes = ends
	}
	h := hold{until: closes}
	if t.grounded {
		h.stance = stance{schemas.Phase_PHASE_WAITING, whyMedia}
	}
	if until := t.patience(v, now); now.Before(until) {
		h.held, h.until = true, sooner(until, closes)
	}
	return h
}

func waiting(why string, until time.Time) hold {
	return hold{stance: stance{schemas.Phase_PHASE_WAITING, why}, held: true, until: until}
}

func sooner(a, b time.Time) time.Time {
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

// clock shows a moment by the clock that the broadcast goes by.
func (t *task) clock(at time.Time) string {
	zone, err := time.LoadLocation(t.window.GetTimezone()) // UTC if there is none
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2006-01-02 15:04") + " (" + zone.String() + ")"
}

// ours reports whether a stance is one that only this stage takes; senders say things of their own.
func (x stance) ours() bool {
	scheduled, _, _ := strings.Cut(whyScheduled, "%")
	closed, _, _ := strings.Cut(whyClosed, "%")
	return x.phase == schemas.Phase_PHASE_PAUSED || x.phase == schemas.Phase_PHASE_WAITING &&
		(x.why == whyMedia || strings.HasPrefix(x.why, scheduled) || strings.HasPrefix(x.why, closed))
}

// standing reports whether it stands for good: nothing more of the task is dispatched.
func (x stance) standing() bool {
	return x.phase == schemas.Phase_PHASE_CANCELLED || x.phase == schemas.Phase_PHASE_STOPPED
}

// judge decides whether the task is to end, or to be paused, though nobody asked for it now.
func (s *slot) judge(t *task, v canary.Verdict) {
	switch {
	case t.ending.phase != 0:
	case t.controls.Cancelled:
		t.ending = stance{schemas.Phase_PHASE_CANCELLED, whyCancelled}
	case t.state != stateOpen:
	case v.Do == canary.Stop:
		s.st.metrics.canary[canaryStopped].Inc()
		t.ending = stance{schemas.Phase_PHASE_STOPPED, v.Mark.Spanish()}
	case t.controls.Resumed:
		t.alarmed = ""
	case v.Do == canary.Pause && t.alarmed == "":
		s.st.metrics.canary[canaryPaused].Inc()
		t.alarmed = fmt.Sprintf(whyCanary, v.Mark.Spanish())
	}
}

// verdict is the canary's on a long list.
func (s *slot) verdict(t *task) canary.Verdict {
	if t.Total <= schemas.ExpressRecipients {
		return canary.Verdict{}
	}
	return canary.Judge(canary.Task{
		End: t.End, Counts: t.status.GetCounts(), Predicts: s.st.cfg.Predicts,
		Receipts: s.st.cfg.Receipts && !t.Direct, // somebody waits
		Resumed:  t.controls.Resumed,
	})
}

// patience returns until when the task waits for its first recipients.
func (t *task) patience(v canary.Verdict, now time.Time) time.Time {
	if v.Do != canary.Wait {
		return time.Time{}
	}
	if t.within != v.Within {
		t.within, t.since = v.Within, now
	}
	return t.since.Add(v.Within)
}

// most is how many recipients the task's next turn may have.
func (t *task) most() uint32 {
	if t.Total > schemas.ExpressRecipients && t.End < canary.First {
		return canary.First - t.End
	}
	return t.Total - t.End
}
