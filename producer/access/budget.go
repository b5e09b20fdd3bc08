package access

import (
	"sync"
	"time"

	"altavoz/schemas"
)

// Budget bounds the recipients of a day. What was accepted is counted by the view of statuses, which all processes share; what this
// process accepted and the view has not shown yet is kept here. So the bound is exact for one process, and may be passed by what
// others accept before its view shows it. It is safe for concurrent use; the zero value is ready.
//
// What may still come counts until it is seen or its day is over, also if nobody knows whether it was written.
type Budget struct {
	mu      sync.Mutex
	pending map[schemas.TaskID]expense
}

type expense struct {
	owner      string
	day        int64
	recipients uint64
}

// Accepted is what the view of statuses knows.
type Accepted struct {
	// Recipients returns how many an owner's tasks have that were accepted on the day (UTC) of a moment in unix milliseconds.
	Recipients func(owner string, atMs int64) uint64
	// Seen reports whether a task counts among them.
	Seen func(schemas.TaskID) bool
}

// Reserve takes recipients of the caller's day for a task, or returns how many are left where that is too few.
func (b *Budget) Reserve(c *Caller, task schemas.TaskID, recipients uint32, known Accepted, now time.Time) (left uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left, ok = b.ask(c, task, recipients, known, now); !ok || c.PerDay == 0 {
		return left, ok
	}
	if b.pending == nil {
		b.pending = make(map[schemas.TaskID]expense)
	}
	b.pending[task] = expense{c.Owner, dayOf(now), uint64(recipients)}
	return left - uint64(recipients), true
}

// Ask returns how many recipients of the caller's day are left for a task, and whether Reserve would take that many. It takes none.
func (b *Budget) Ask(c *Caller, task schemas.TaskID, recipients uint32, known Accepted, now time.Time) (left uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ask(c, task, recipients, known, now)
}

func (b *Budget) ask(c *Caller, task schemas.TaskID, recipients uint32, known Accepted, now time.Time) (left uint64, ok bool) {
	if c.PerDay == 0 {
		return 0, true
	}
	day, used := dayOf(now), uint64(0)
	for id, e := range b.pending { // before the view is asked: one that it shows meanwhile counts twice, and not never
		switch {
		case e.day < day || known.Seen(id):
			delete(b.pending, id)
		case e.owner == c.Owner && id != task:
			used += e.recipients
		}
	}
	used += known.Recipients(c.Owner, now.UnixMilli())
	left = c.PerDay - min(c.PerDay, used)
	return left, uint64(recipients) <= left
}

func dayOf(t time.Time) int64 { return t.UnixMilli() / (24 * time.Hour).Milliseconds() }

// NextDay is when the next day begins, and with it the next budget.
func NextDay(now time.Time) time.Time {
	return time.UnixMilli((dayOf(now) + 1) * (24 * time.Hour).Milliseconds()).UTC()
}

// Release gives back what was reserved for a task that will not come.
func (b *Budget) Release(task schemas.TaskID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pending, task)
}
