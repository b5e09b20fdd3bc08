package sender

import (
	"time"

	"altavoz/schemas"
)

// sweep looks over what does not move by itself: rates that were configured anew, sends that expire while they wait for
// something, and tasks that came to a number after it was stopped, or don't wait any more.
func (st *Stage) sweep(now time.Time) {
	st.sweepAt = now.Add(sweepEvery)
	st.reloadNumbers(now)
	st.cooldown.Sweep(now)
	st.detached.sweep(now)
	for _, n := range st.numbers {
		if n.isBlocked(now) {
			st.expire(&n.ready[express], now)
			st.expire(&n.ready[bulk], now)
		}
		n.pacer.Advance(now)
		st.confirmRecovery(n, now)
		st.announceAll(n, now)
	}
	for _, t := range st.tasks {
		if t.waiting.n > 0 {
			st.expire(&t.waiting, now)
		}
	}
}

func (st *Stage) expire(q *queue, now time.Time) {
	for e := q.head; e != nil; {
		next := e.link.next
		if e.expired(now) {
			e.unlink()
			st.expireSend(e)
		}
		e = next
	}
}

// expireSend ends a send that is too late. One that may have been called before is not said to have expired.
func (st *Stage) expireSend(e *send) {
	m := schemas.StateExpired
	if e.doubtful {
		m = schemas.StateUnknown
	}
	st.recordOutcome(e, m, m.Spanish(), "")
}
