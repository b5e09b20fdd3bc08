// Package pace measures how fast the recipients of a task are decided.
package pace

import (
	"math"
	"time"
)

// Seconds is how far back "lately" reaches.
const Seconds = 5

// Pace is how fast a task's recipients are decided, by this process's own clock: what is read again after a crash, or late,
// counts when it is read.
type Pace struct {
	counts [Seconds]uint32 // of each second, at the second's place
	last   int64           // the newest second of counts
	since  time.Time       // when counting began
	Shown  float64         // the rate that the last status tells
}

// New is the pace of a task of which a rate was shown last, by another process, or 0.
func New(now time.Time, shown float64) *Pace {
	return &Pace{last: now.Unix(), since: now, Shown: shown}
}

// Count notes n recipients.
func (p *Pace) Count(now time.Time, n uint32) {
	p.turn(now.Unix())
	p.counts[p.last%Seconds] += n
}

// turn empties the seconds that have passed since the last one.
func (p *Pace) turn(second int64) {
	for range min(Seconds, max(0, second-p.last)) {
		p.last++
		p.counts[p.last%Seconds] = 0
	}
	p.last = max(p.last, second)
}

// Rate is how many were decided a second, to a tenth.
func (p *Pace) Rate(now time.Time) float64 {
	if !now.Before(p.Until()) {
		return 0
	}
	var sum float64
	for age := range int64(Seconds) {
		if at := now.Unix() - age; at <= p.last && at > p.last-Seconds {
			sum += float64(p.counts[at%Seconds])
		}
	}
	// The second that goes on is not over yet.
	span := min(now.Sub(p.since), (Seconds-1)*time.Second+time.Duration(now.Nanosecond()))
	return math.Round(sum/max(1, span.Seconds())*10) / 10
}

// Until is when the rate is 0 if nothing more comes.
func (p *Pace) Until() time.Time { return time.Unix(p.last+Seconds, 0) }
