package sender

import (
	"time"

	"altavoz/schemas"
)

// hold keeps a send behind the window of its task until that opens, or the send expires. The fanout dispatches nothing
// outside a window, so that only what was in the pipe when it shut can wait here.
func (st *Stage) hold(e *send, opens time.Time) {
	if end := time.UnixMilli(e.notAfter + 1); e.notAfter > 0 && end.Before(opens) {
		opens = end
	}
	e.task.caught = true
	st.wait(e, opens, causeWindow)
}

// late reports whether a send may not start any more: nobody knew how long the commit of its start would take.
func (e *send) late(now time.Time) bool {
	return e.expired(now) || !e.task.shut(now).IsZero()
}

// shut returns when sends of the task may start again; no time if they may now. The window is asked once for each
// opening.
func (t *task) shut(now time.Time) (opens time.Time) {
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

// waits says until when the task waits for its window; nothing if it does not, or if none of its sends here has to.
func (t *task) waits(now time.Time) string {
	if opens := t.shut(now); t.caught && !opens.IsZero() {
		return t.window.Waiting(opens)
	}
	t.caught = false
	return ""
}
