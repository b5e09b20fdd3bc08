package fold

import (
	"sync"
	"time"

	"altavoz/schemas"
)

// Days counts recipients by owner, for the latest day of any task and the day before. It takes some 100 bytes an owner. It is safe for
// concurrent use; the zero value is ready.
type Days struct {
	mu   sync.Mutex
	sums map[ownersDay]uint64
	last int64
}

type ownersDay struct {
	owner string
	day   int64
}

// dayOf is the day (UTC) of a moment.
func dayOf(ms int64) int64 { return ms / (24 * time.Hour).Milliseconds() }

// Recipients returns how many the tasks of an owner have that were accepted on the day (UTC) of a moment in unix milliseconds, today or
// yesterday.
func (d *Days) Recipients(owner string, atMs int64) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sums[ownersDay{owner, dayOf(atMs)}]
}

// add counts a task, once.
func (d *Days) add(p *schemas.TaskOpened) {
	d.mu.Lock()
	defer d.mu.Unlock()
	day := dayOf(p.GetAcceptedMs())
	if day < d.last-1 {
		return
	}
	if d.sums == nil {
		d.sums = make(map[ownersDay]uint64)
	}
	if day > d.last {
		d.last = day
		for k := range d.sums {
			if k.day < day-1 {
				delete(d.sums, k)
			}
		}
	}
	d.sums[ownersDay{p.GetOwner(), day}] += uint64(p.GetTotal())
}
