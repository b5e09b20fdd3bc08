package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/schemas/standing"
)

// ApplyNumberState applies what webhooks reported of a number as a whole.
func (s *Scheduler) ApplyNumberState(st standing.State, now time.Time) {
	s.numbers.states[st.Number] = st
	if n := s.numbers.byID[st.Number]; n != nil {
		s.applyState(n, now)
	}
}

// applyState puts in force what is known of a number, and was not in force before.
func (s *Scheduler) applyState(n *Number, now time.Time) {
	st, b, changed := s.numbers.states[n.ID], &n.breakers[limits.FaultWebhook], false
	n.warning, n.templates = nil, st.Templates
	if st.Warns() {
		n.warning = st.Risk
	}
	switch at := st.Stopped.GetAtMs(); {
	case !st.Halts():
		changed = b.Restore(now)
	case at != n.stopAppliedAt:
		n.stopAppliedAt, n.lastFault[limits.FaultWebhook] = at, schemas.Reply{Code: int(st.Stopped.GetCode()), Detail: st.Stopped.GetDetail()}
		changed = b.Trip(time.UnixMilli(at), now) //mutant:webhook-stops-the-number
	}
	if changed {
		s.breakerChanged(n, limits.FaultWebhook, nil, now)
	}
	s.makeRunnable(n)
}

// confirmRecovery lets a number go on of which a send was accepted and no webhook objected, and tells the other processes.
func (s *Scheduler) confirmRecovery(n *Number, now time.Time) {
	if !n.breakers[limits.FaultWebhook].CloseIfProven(now) {
		return
	}
	s.ports.Host.PublishNumber(&schemas.NumberEvent{
		Number: n.ID, AtMs: n.stopAppliedAt, Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_WORKS,
	}, now)
	s.breakerChanged(n, limits.FaultWebhook, nil, now)
	s.makeRunnable(n)
}
