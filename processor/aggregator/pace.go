package aggregator

import (
	"math"
	"time"
)

// paceSeconds is how far back "lately" reaches.
const paceSeconds = 5

// pace is how fast a task's recipients are decided, by this process's own clock: what is read again after a crash, or late,
// counts when it is read.
type pace struct {
	counts [paceSeconds]uint32 // of each second, at the second's place
	last   int64               // the newest second of counts
	since  time.Time           // when counting began
	shown  float64             // the rate that the last status tells
}

// resume is the pace of a task of which another process had last shown a rate.
func resume(now time.Time, shown float64) *pace {
	return &pace{last: now.Unix(), since: now, shown: shown}
}

// count notes n recipients.
func (p *pace) count(now time.Time, n uint32) {
	p.turn(now.Unix())
	p.counts[p.last%paceSeconds] += n
}

// turn empties the seconds that have passed since the last one.
func (p *pace) turn(second int64) {
	for range min(paceSeconds, max(0, second-p.last)) {
		p.last++
		p.counts[p.last%paceSeconds] = 0
	}
	p.last = max(p.last, second)
}

// rate is how many were decided a second, to a tenth.
func (p *pace) rate(now time.Time) float64 {
	if !now.Before(p.until()) {
		return 0
	}
	var sum float64
	for age := range int64(paceSeconds) {
		if at := now.Unix() - age; at <= p.last && at > p.last-paceSeconds {
			sum += float64(p.counts[at%paceSeconds])
		}
	}
	// The second that goes on is not over yet.
	span := min(now.Sub(p.since), (paceSeconds-1)*time.Second+time.Duration(now.Nanosecond()))
	return math.Round(sum/max(1, span.Seconds())*10) / 10
}

// until is when the rate is 0 if nothing more comes.
func (p *pace) until() time.Time { return time.Unix(p.last+paceSeconds, 0) }

// paced counts recipients of an entry as decided now.
func (s *slot) paced(e *entry, now time.Time, n uint32) {
	if e.pace == nil {
		s.track(e, &pace{last: now.Unix(), since: now})
	}
	e.pace.count(now, n)
}

func (s *slot) track(e *entry, p *pace) {
	e.pace = p
	s.moving[e] = struct{}{}
	if at := p.until(); s.restAt.IsZero() || at.Before(s.restAt) {
		s.restAt = at
	}
}

// rate is what the status of an entry tells now. A task that is over has none, so that its last status is its last.
func (s *slot) rate(e *entry, now time.Time) float64 {
	if e.pace == nil || e.done {
		return 0
	}
	e.pace.shown = e.pace.rate(now)
	return e.pace.shown
}

// rest has the status of each task that nobody decided anything of lately written once more, without a rate.
func (s *slot) rest(now time.Time) {
	if s.restAt.IsZero() || now.Before(s.restAt) {
		return
	}
	s.restAt = time.Time{}
	for e := range s.moving {
		if at := e.pace.until(); now.Before(at) && !e.done {
			if s.restAt.IsZero() || at.Before(s.restAt) {
				s.restAt = at
			}
			continue
		}
		shown := e.pace.shown
		e.pace = nil
		delete(s.moving, e)
		if shown != 0 && !e.done {
			s.change(e, now)
		}
	}
}
