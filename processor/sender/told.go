package sender

import (
	"time"

	"altavoz/processor/sender/breaker"
	"altavoz/schemas"
	"altavoz/schemas/standing"
)

// riskLife is how long a warning of Meta's is told: what it warns of has come by then, or it is old.
const riskLife = 24 * time.Hour

// numberSaid takes in what was said of a number as a whole.
func (st *Stage) numberSaid(s standing.State) {
	st.mu.Lock()
	defer st.unlock()
	st.states[s.Number] = s
	if n := st.numbers[s.Number]; n != nil {
		st.heed(n, time.Now())
	}
}

// heed puts in force what was said of a number, and not put in force before.
func (st *Stage) heed(n *number, now time.Time) {
	s, b, changed := st.states[n.id], &n.breakers[breaker.Webhook], false
	n.risk = nil
	if s.Warns() {
		n.risk = s.Risk
	}
	switch at := s.Stopped.GetAtMs(); {
	case !s.Halts():
		changed = b.Works(now)
	case at != n.told:
		n.told, n.said[breaker.Webhook] = at, schemas.Reply{Code: int(s.Stopped.GetCode()), Detail: s.Stopped.GetDetail()}
		changed = b.Told(time.UnixMilli(at), now) //mutant:webhook-stops-the-number
	}
	if changed {
		st.turned(n, breaker.Webhook, nil, now)
	}
	st.list(n)
}

// prove lets a number go on of which a send was accepted, and no webhook said that it was in vain; the other processes hear of it.
func (st *Stage) prove(n *number, now time.Time) {
	if !n.breakers[breaker.Webhook].Settle(now) {
		return
	}
	st.outbox = append(st.outbox, &parcel{lane: bulk, made: now, rec: standing.Encode(&schemas.NumberEvent{
		Number: n.id, AtMs: n.told, Kind: schemas.NumberEventKind_NUMBER_EVENT_KIND_WORKS,
	})})
	st.turned(n, breaker.Webhook, nil, now)
	st.list(n)
}
