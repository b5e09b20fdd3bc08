package rate

import (
	"math"
	"time"
)

// RecentSeconds is how far back Recent measures.
const RecentSeconds = 5

// Recent is how many events there were a second lately, by this process's own clock: what is read again after a crash, or late, counts when it is read.
type Recent struct {
	counts [RecentSeconds]uint32 // of each second, at the second's place
	last   int64                 // the newest second of counts
	since  time.Time             // when counting began
	Shown  float64               // the rate that the last status has
}

// NewRecent returns that of a task whose last status, maybe of another process, has that rate.
func NewRecent(now time.Time, shown float64) *Recent {
	return &Recent{last: now.Unix(), since: now, Shown: shown}
}

// Count counts n events.
func (m *Recent) Count(now time.Time, n uint32) {
	m.advance(now.Unix())
	m.counts[m.last%RecentSeconds] += n
}

// advance empties the seconds that have passed since the last one.
func (m *Recent) advance(second int64) {
	for range min(RecentSeconds, max(0, second-m.last)) {
		m.last++
		m.counts[m.last%RecentSeconds] = 0
	}
	m.last = max(m.last, second)
}

// Rate is how many there were a second, to a tenth.
func (m *Recent) Rate(now time.Time) float64 {
	if !now.Before(m.Until()) {
		return 0
	}
	var sum float64
	for age := range int64(RecentSeconds) {
		if at := now.Unix() - age; at <= m.last && at > m.last-RecentSeconds {
			sum += float64(m.counts[at%RecentSeconds])
		}
	}
	// The second that goes on is not over yet.
	span := min(now.Sub(m.since), (RecentSeconds-1)*time.Second+time.Duration(now.Nanosecond()))
	return math.Round(sum/max(1, span.Seconds())*10) / 10
}

// Until is when the rate is 0 if nothing more comes.
func (m *Recent) Until() time.Time { return time.Unix(m.last+RecentSeconds, 0) }
