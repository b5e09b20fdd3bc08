package aggregator

import (
	"time"

	"altavoz/processor/aggregator/pace"
)

// paced counts recipients of an entry as decided now.
func (s *slot) paced(e *entry, now time.Time, n uint32) {
	if e.pace == nil {
		s.track(e, pace.New(now, 0))
	}
	e.pace.Count(now, n)
}

func (s *slot) track(e *entry, p *pace.Pace) {
	e.pace = p
	s.moving[e] = struct{}{}
	if at := p.Until(); s.restAt.IsZero() || at.Before(s.restAt) {
		s.restAt = at
	}
}

// rate is what the status of an entry tells now. A task that is over has none, so that its last status is its last.
func (s *slot) rate(e *entry, now time.Time) float64 {
	if e.pace == nil || e.done {
		return 0
	}
	e.pace.Shown = e.pace.Rate(now)
	return e.pace.Shown
}

// rest has the status of each task that nobody decided anything of lately written once more, without a rate.
func (s *slot) rest(now time.Time) {
	if s.restAt.IsZero() || now.Before(s.restAt) {
		return
	}
	s.restAt = time.Time{}
	for e := range s.moving {
		if at := e.pace.Until(); now.Before(at) && !e.done {
			if s.restAt.IsZero() || at.Before(s.restAt) {
				s.restAt = at
			}
			continue
		}
		shown := e.pace.Shown
		e.pace = nil
		delete(s.moving, e)
		if shown != 0 && !e.done {
			s.change(e, now)
		}
	}
}
