package sender

import (
	"time"

	"altavoz/schemas"
)

// holdForWindow keeps a send behind the window of its task until that opens, or the send expires. The fanout dispatches nothing
// outside a window, so that only what was in flight when it shut can wait here.
func (st *Stage) holdForWindow(e *send, opens time.Time) {
	if end := time.UnixMilli(e.notAfter + 1); e.notAfter > 0 && end.Before(opens) {
		opens = end
	}
	e.task.heldByWindow = true
	st.waitUntil(e, opens, causeWindow)
}

// tooLateToStart reports whether a send may not start any more: nobody knew how long the commit of its start would take.
func (e *send) tooLateToStart(now time.Time) bool {
	return e.expired(now) || !e.task.closedUntil(now).IsZero()
}

// closedUntil returns when sends of the task may start again; no time if they may now. The window is asked once for each
// opening.
func (t *task) closedUntil(now time.Time) (opens time.Time) {
	if t.window == nil {
		return time.Time{}
	}
	if !now.Before(t.closes) {
		var ok bool
		if t.opens, t.closes, ok = t.window.Opening(now); !ok { // not as long as a send lives
			t.opens, t.closes = now.Add(schemas.SendLife), now.Add(schemas.SendLife)
		}
	}
	if now.Before(t.opens) {
		return t.opens
	}
	return time.Time{}
}

// windowText says until when the task waits for its window; nothing if it does not, or if none of its sends here has to.
func (t *task) windowText(now time.Time) string {
	if opens := t.closedUntil(now); t.heldByWindow && !opens.IsZero() {
		return t.window.Waiting(opens)
	}
	t.heldByWindow = false
	return ""
}
