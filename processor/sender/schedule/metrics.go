package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// LaneNames are the names of the lanes.
var LaneNames = [Lanes]schemas.Lane{Express: schemas.LaneExpress, Bulk: schemas.LaneBulk}

// InFlight is how many calls of a lane are under way or about to begin.
func (s *Scheduler) InFlight(l Lane) int { return s.capacity.InFlight(l == Bulk) }

// Waiting is how many sends wait for a cause.
func (s *Scheduler) Waiting(c Cause) int { return s.waitCounts[c] }

// CountBlocked counts the ready sends of numbers that must wait.
func (s *Scheduler) CountBlocked(now time.Time) (throttled, stopped, outage int) {
	for _, n := range s.numbers.byID {
		ready := n.ready[Express].Len() + n.ready[Bulk].Len()
		_, slowed := n.pacer.Slowed()
		switch {
		case n.breakers.Halted():
			stopped += ready
		case n.breakers.Stopped(limits.FaultOutage):
			outage += ready
		case slowed || n.pacer.BlockedUntil().After(now):
			throttled += ready
		}
	}
	return throttled, stopped, outage
}

// Rates sums up what numbers that have a limit may send a second: at best, and now.
func (s *Scheduler) Rates(t time.Time) (full, now float64) {
	for _, n := range s.numbers.byID {
		if n.pacer.Full() == 0 {
			continue
		}
		full += n.pacer.Full()
		if !n.breakers.Halted() && !n.breakers.Stopped(limits.FaultOutage) && !n.pacer.BlockedUntil().After(t) {
			now += n.pacer.Rate()
		}
	}
	return full, now
}

// Tally counts numbers that do not send.
type Tally = limits.Tally

// Tallies is whether each sender number can send. Numbers that are not configured here, which anybody may name, are one.
func (s *Scheduler) Tallies() map[string]Tally {
	tallies := make(map[string]Tally)
	for id, n := range s.numbers.byID {
		if _, known := s.cfg.Number(id); !known {
			id = "other"
		}
		tallies[id] = tallies[id].With(&n.breakers)
	}
	return tallies
}
