package outbox

import (
	"time"

	"altavoz/schemas"
)

const (
	// correctedEvery is how often at most corrections of a task are told.
	correctedEvery = time.Minute
	// dueAtOnce is how many tasks Due returns: each is read back.
	dueAtOnce = 100
)

// Corrections is the finished tasks whose numbers may be others than those that were told.
type Corrections struct {
	at   map[schemas.TaskID]time.Time // when each is told; zero: its event is under way
	next time.Time
}

// Expect has the task's numbers told, a while after what was told of it last.
func (c *Corrections) Expect(id schemas.TaskID, toldMs int64, now time.Time) {
	at := time.UnixMilli(toldMs).Add(correctedEvery)
	if at.Before(now) {
		at = now
	}
	if c.at == nil {
		c.at = make(map[schemas.TaskID]time.Time)
	}
	c.at[id] = at
	if c.next.IsZero() || at.Before(c.next) {
		c.next = at
	}
}

// Expected reports whether they will be.
func (c *Corrections) Expected(id schemas.TaskID) bool {
	_, ok := c.at[id]
	return ok
}

// Due returns tasks whose time has come. They count as under way until Done.
func (c *Corrections) Due(now time.Time) (ids []schemas.TaskID) {
	if c.next.IsZero() || now.Before(c.next) {
		return nil
	}
	c.next = time.Time{}
	for id, at := range c.at {
		switch {
		case at.IsZero():
		case !at.After(now) && len(ids) < dueAtOnce:
			ids = append(ids, id)
			c.at[id] = time.Time{}
		case c.next.IsZero() || at.Before(c.next):
			c.next = at
		}
	}
	return ids
}

// Done takes a task off.
func (c *Corrections) Done(id schemas.TaskID) { delete(c.at, id) }

// Next is when the next one is due; the zero time: none is.
func (c *Corrections) Next() time.Time { return c.next }
