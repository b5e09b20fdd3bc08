package schedule

import (
	"iter"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// sweep looks over what does not move by itself: rates that were configured anew, sends that expire while they wait for
// something, and tasks that came to a number after it was stopped, or don't wait any more.
func (s *Scheduler) sweep(now time.Time) {
	s.sweepAt = now.Add(SweepEvery)
	s.reloadNumbers(now)
	s.cooldown.Sweep(now)
	for _, n := range s.numbers.byID {
		p, _ := n.breakers.Probes(now)
		if p == limits.ProbeWait || p == limits.ProbeRead || n.pacer.BlockedUntil().After(now) {
			s.expire(n.ready[Express].All(), now)
			s.expire(n.ready[Bulk].All(), now)
		}
		if n.breakers.Sweep(p, n.tries()) { //mutant:a-number-without-a-send-is-probed
			s.readOnlyProbe(n)
		}
		n.pacer.Advance(now)
		s.confirmRecovery(n, now)
		s.announceAll(n, now)
		s.report(n, now)
	}
	for e := range s.places.All() {
		_ = s.endIfOver(e, now) || s.holdIfShut(e, now)
	}
	for _, t := range s.tasks {
		s.expire(t.waiting.All(), now)
	}
}

func (s *Scheduler) expire(all iter.Seq[*Send], now time.Time) {
	for e := range all {
		s.endIfOver(e, now)
	}
}

// endIfOver ends a send that must not be called any more: it is too late, or whom it is for has opted out. One that may have been called
// before is said to be neither.
func (s *Scheduler) endIfOver(e *Send, now time.Time) bool {
	state := schemas.StateExpired
	switch {
	case e.expired(now):
	case e.Record.OptedOut(): //mutant:who-opted-out-is-not-started
		state = schemas.StateOptedOut
	default:
		return false
	}
	if e.Doubtful {
		state = schemas.StateUnknown
	}
	e.link.Unlink()
	s.ports.Host.Finish(e, state, state.Spanish())
	return true
}
