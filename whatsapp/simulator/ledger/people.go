package ledger

import "time"

const (
	// maxPeople bounds what is remembered of each kind.
	maxPeople = 1_000_000 // at some 40 bytes each
	// windowTime is for how long a phone may be written to after it wrote.
	windowTime = 24 * time.Hour
)

// People is what phones said, each by its hash: that they wrote, and that they want no marketing messages. It is not safe for concurrent use.
type People struct {
	windows map[uint64]time.Time // until when a phone may be written to
	stopped map[uint64]bool
}

// NewPeople returns what knows of nobody.
func NewPeople() *People {
	return &People{windows: make(map[uint64]time.Time), stopped: make(map[uint64]bool)}
}

// Wrote opens the window of a phone; false where no more can be remembered.
func (p *People) Wrote(phone uint64, now time.Time) bool {
	if len(p.windows) >= maxPeople {
		for one, until := range p.windows {
			if !now.Before(until) {
				delete(p.windows, one)
			}
		}
	}
	if len(p.windows) >= maxPeople {
		return false
	}
	p.windows[phone] = now.Add(windowTime)
	return true
}

// Open reports whether the phone has written within the last 24 hours.
func (p *People) Open(phone uint64, now time.Time) bool { return now.Before(p.windows[phone]) }

// Prefer has a phone want no marketing messages, or want them again; false where no more can be remembered.
func (p *People) Prefer(phone uint64, stop bool) bool {
	delete(p.stopped, phone)
	if stop && len(p.stopped) >= maxPeople {
		return false
	}
	if stop {
		p.stopped[phone] = true
	}
	return true
}

// Stopped reports whether a phone wants no marketing messages.
func (p *People) Stopped(phone uint64) bool { return p.stopped[phone] }
