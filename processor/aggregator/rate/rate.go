// Package rate measures how many recipients of a task are decided a second.
package rate

import (
	"math"
	"time"
)

// Seconds is how far back it is measured.
const Seconds = 5

// Meter measures it for one task, by this process's own clock: what is read again after a crash, or late, counts when it is read.
type Meter struct {
	counts [Seconds]uint32 // of each second, at the second's place
	last   int64           // the newest second of counts
	since  time.Time       // when counting began
	Shown  float64         // the rate that the last status has
}

// New returns the meter of a task whose last status, maybe of another process, has that rate.
func New(now time.Time, shown float64) *Meter {
	return &Meter{last: now.Unix(), since: now, Shown: shown}
}

// Count counts n recipients.
func (m *Meter) Count(now time.Time, n uint32) {
	m.advance(now.Unix())
	m.counts[m.last%Seconds] += n
}

// advance empties the seconds that have passed since the last one.
func (m *Meter) advance(second int64) {
	for range min(Seconds, max(0, second-m.last)) {
		m.last++
		m.counts[m.last%Seconds] = 0
	}
	m.last = max(m.last, second)
}

// Rate is how many were decided a second, to a tenth.
func (m *Meter) Rate(now time.Time) float64 {
	if !now.Before(m.Until()) {
		return 0
	}
	var sum float64
	for age := range int64(Seconds) {
		if at := now.Unix() - age; at <= m.last && at > m.last-Seconds {
			sum += float64(m.counts[at%Seconds])
		}
	}
	// The second that goes on is not over yet.
	span := min(now.Sub(m.since), (Seconds-1)*time.Second+time.Duration(now.Nanosecond()))
	return math.Round(sum/max(1, span.Seconds())*10) / 10
}

// Until is when the rate is 0 if nothing more comes.
func (m *Meter) Until() time.Time { return time.Unix(m.last+Seconds, 0) }
