package schedule

import (
	"time"

	"altavoz/processor/sender/schedule/queue"
	"altavoz/schemas"
)

// sweep looks over what does not move by itself: rates that were configured anew, sends that expire while they wait for
// something, and tasks that came to a number after it was stopped, or don't wait any more.
func (s *Scheduler) sweep(now time.Time) {
	s.sweepAt = now.Add(SweepEvery)
	s.reloadNumbers(now)
	s.cooldown.Sweep(now)
	for _, n := range s.numbers.byID {
		if n.isBlocked(now) {
			s.expire(&n.ready[Express], now)
			s.expire(&n.ready[Bulk], now)
		}
		n.pacer.Advance(now)
		s.confirmRecovery(n, now)
		s.announceAll(n, now)
		s.report(n, now)
	}
	for _, t := range s.tasks {
		if t.waiting.Len() > 0 {
			s.expire(&t.waiting, now)
		}
	}
}

func (s *Scheduler) expire(q *queue.Queue[*Send], now time.Time) {
	for e := q.First(); e != nil; {
		next := e.link.Next()
		if e.expired(now) {
			e.link.Unlink()
			s.expireSend(e)
		}
		e = next
	}
}

// expireSend ends a send that is too late. One that may have been called before is not said to have expired.
func (s *Scheduler) expireSend(e *Send) {
	state := schemas.StateExpired
	if e.Doubtful {
		state = schemas.StateUnknown
	}
	s.ports.Host.Finish(e, state, state.Spanish())
}
