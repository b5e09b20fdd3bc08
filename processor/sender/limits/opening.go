package limits

import (
	"time"

	"altavoz/schemas"
)

// Opening is when the sends of a task may start.
type Opening struct {
	Window *schemas.Window
	Waited bool      // sends of the task wait for it
	opens  time.Time // the present opening, or the next one
	closes time.Time
}

// ClosedUntil returns when sends may start again; no time if they may now. The window is asked once for each opening.
func (o *Opening) ClosedUntil(now time.Time) (opens time.Time) {
	if o.Window == nil {
		return time.Time{}
	}
	if !now.Before(o.closes) {
		var ok bool
		if o.opens, o.closes, ok = o.Window.Opening(now); !ok { // not as long as a send lives
			o.opens, o.closes = now.Add(schemas.SendLife), now.Add(schemas.SendLife)
		}
	}
	if now.Before(o.opens) {
		return o.opens
	}
	return time.Time{}
}
