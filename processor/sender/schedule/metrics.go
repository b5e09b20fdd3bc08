package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/schedule/meters"
	"altavoz/schemas"
)

// LaneNames are the names of the lanes.
var LaneNames = [Lanes]schemas.Lane{Express: schemas.LaneExpress, Bulk: schemas.LaneBulk}

// InFlight is how many calls of a lane are under way or about to begin.
func (s *Scheduler) InFlight(l Lane) int { return s.capacity.InFlight(l == Bulk) }

// Waiting is how many sends wait for a cause.
func (s *Scheduler) Waiting(c Cause) int { return s.waitCounts[c] }

// causeNames name what sends wait for. CausePace is divided further, by the state of their number.
var causeNames = map[Cause]string{
	CausePace: "pace", CauseContent: "content", CauseCooldown: "pair", CauseBackOff: "backoff", CauseCommit: "commit", CauseResult: "result", CauseDetached: "detached",
	CauseWindow: "window", CauseOptOuts: "optouts", CausePlace: "people",
}

// Gauges is what waits and what is in flight.
func (s *Scheduler) Gauges(now time.Time) meters.Snapshot {
	out := meters.NewSnapshot()
	for c, name := range causeNames {
		out.Waiting[name] = s.waitCounts[c]
	}
	for _, n := range s.numbers.byID {
		out.Waiting[causeNames[CausePace]] -= out.AddNumber(n.ready[Express].Len()+n.ready[Bulk].Len(), &n.breakers, &n.pacer, now)
	}
	for l, name := range LaneNames {
		out.InFlight[string(name)] = s.InFlight(Lane(l))
	}
	return out
}

// Tallies is whether each sender number can send. Numbers that are not configured here, which anybody may name, are one.
func (s *Scheduler) Tallies() map[string]limits.Tally {
	tallies := make(map[string]limits.Tally)
	for id, n := range s.numbers.byID {
		if _, known := s.cfg.Number(id); !known {
			id = "other"
		}
		tallies[id] = tallies[id].With(&n.breakers)
	}
	return tallies
}
