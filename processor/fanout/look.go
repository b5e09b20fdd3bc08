package fanout

import "time"

// look finds out what keeps the task from turns now, and when to ask again.
func (s *slot) look(t *task, now time.Time) {
	if !now.Before(t.deadline) {
		s.timeUp(t, now)
		return
	}
	q, next := s.queue(t), t.deadline
	t.opens = time.UnixMilli(t.schedule)
	if t.held = now.Before(t.opens); t.held {
		q.Block(&t.Entry)
		if t.opens.Before(next) {
			next = t.opens
		}
	}
	q.LookAt(&t.Entry, next)
	s.consider(t, now)
	s.nudge(t)
}

// timeUp ends a task whose time is over.
func (s *slot) timeUp(t *task, now time.Time) {
	switch {
	case t.state == stateClosed:
		s.giveUp(t)
	case t.turn != nil:
		t.late = true
	default:
		s.expired(t, now)
	}
}
