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
	blocked := map[string]int{"throttled": 0, "account": 0, "outage": 0} // ready sends of numbers that must wait
	out := meters.Snapshot{InFlight: make(map[string]int), Waiting: blocked}
	for _, n := range s.numbers.byID {
		ready := n.ready[Express].Len() + n.ready[Bulk].Len()
		_, slowed := n.pacer.Slowed()
		stopped := n.breakers.Halted() || n.breakers.Stopped(limits.FaultOutage) || n.pacer.BlockedUntil().After(now)
		switch {
		case n.breakers.Halted():
			blocked["account"] += ready
		case n.breakers.Stopped(limits.FaultOutage):
			blocked["outage"] += ready
		case slowed || stopped:
			blocked["throttled"] += ready
		}
		if out.RateFull += n.pacer.Full(); n.pacer.Full() > 0 && !stopped {
			out.RateNow += n.pacer.Rate()
		}
	}
	elsewhere := blocked["throttled"] + blocked["account"] + blocked["outage"]
	for c, name := range causeNames {
		out.Waiting[name] = s.waitCounts[c]
	}
	out.Waiting[causeNames[CausePace]] -= elsewhere
	for l, name := range LaneNames {
		out.InFlight[string(name)] = s.InFlight(Lane(l))
	}
	return out
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
