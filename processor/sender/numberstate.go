package sender

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
	"altavoz/schemas/standing"
)

// riskLife is how long a warning of Meta's is told: what it warns of has come by then, or it is old.
const riskLife = 24 * time.Hour

// onNumberState takes in what was said of a number as a whole.
func (st *Stage) onNumberState(s standing.State) {
	st.mu.Lock()
	defer st.unlock()
	st.numberStates[s.Number] = s
	if n := st.numbers[s.Number]; n != nil {
		st.applyNumberState(n, time.Now())
	}
}

// applyNumberState puts in force what was said of a number, and not put in force before.
func (st *Stage) applyNumberState(n *number, now time.Time) {
	s, b, changed := st.numberStates[n.id], &n.breakers[limits.FaultWebhook], false
	n.warning = nil
	if s.Warns() {
		n.warning = s.Risk
	}
	switch at := s.Stopped.GetAtMs(); {
	case !s.Halts():
		changed = b.Restore(now)
	case at != n.stopAppliedAt:
		n.stopAppliedAt, n.lastFault[limits.FaultWebhook] = at, schemas.Reply{Code: int(s.Stopped.GetCode()), Detail: s.Stopped.GetDetail()}
		changed = b.Trip(time.UnixMilli(at), now) //mutant:webhook-stops-the-number
	}
	if changed {
		st.breakerChanged(n, limits.FaultWebhook, nil, now)
	}
	st.makeRunnable(n)
}

// confirmRecovery lets a number go on of which a send was accepted, and no webhook said that it was in vain; the other processes hear of it.
func (st *Stage) confirmRecovery(n *number, now time.Time) {
	if !n.breakers[limits.FaultWebhook].CloseIfProven(now) {
		return
	}
	st.outbox = append(st.outbox, &pendingRecord{lane: bulk, createdAt: now, rec: standing.Encode(&schemas.NumberEvent{
		Number: n.id, AtMs: n.stopAppliedAt, Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_WORKS,
	})})
	st.breakerChanged(n, limits.FaultWebhook, nil, now)
	st.makeRunnable(n)
}
