package schedule

import (
	"time"
)

// holdForWindow has a send wait until the window of its task opens, or the send expires. The fanout dispatches nothing outside a window,
// so only what was in flight when it shut can wait here.
func (s *Scheduler) holdForWindow(e *Send, opens time.Time) {
	if end := time.UnixMilli(e.NotAfter + 1); e.NotAfter > 0 && end.Before(opens) {
		opens = end
	}
	e.Task.opening.Waited = true
	s.WaitUntil(e, opens, CauseWindow)
}

// holdIfShut has a send wait, out of the queue that it is in, that may not start now because of its window or its template.
func (s *Scheduler) holdIfShut(e *Send, now time.Time) bool {
	opens := e.Task.closedUntil(now)
	if !opens.IsZero() {
		s.holdForWindow(e, opens)
	}
	return !opens.IsZero()
}

// MayStart reports whether a send whose start is committed may still start: nobody knew how long the commit would take, nor that its
// task's message would have to be rendered again meanwhile, nor that whom it is for would opt out.
func (e *Send) MayStart(now time.Time) bool {
	//mutant:who-opted-out-meanwhile-is-not-called
	return !e.expired(now) && e.Task.closedUntil(now).IsZero() && e.Task.isRendered() && !e.Record.OptedOut() //mutant:expired-message-is-not-called
}

// closedUntil returns when sends of the task may start again; no time if they may now.
func (t *Task) closedUntil(now time.Time) (opens time.Time) {
	return t.number.templates.HeldUntil(t.message.Template(), now, t.opening.ClosedUntil(now))
}

// windowOpens returns when the window that the task waits for opens; no time if it waits for none, or if none of its sends here has to.
func (t *Task) windowOpens(now time.Time) time.Time {
	if opens := t.opening.ClosedUntil(now); t.opening.Waited && !opens.IsZero() {
		return opens
	}
	t.opening.Waited = false
	return time.Time{}
}
