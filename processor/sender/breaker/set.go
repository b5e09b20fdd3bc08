package breaker

import (
	"time"

	"altavoz/schemas"
)

// Fault is what stops a number.
type Fault uint8

// The faults, each with a breaker of its own.
const (
	Account Fault = iota // it may not send, until somebody acts
	Outage               // what answers is not the Cloud API, if anything does
	Webhook              // it may not send, and only webhooks say so
	Faults
)

// Set is the breakers of a number.
type Set [Faults]Breaker

// NewSet returns them closed.
func NewSet() Set { return Set{Account: ForAccount(), Webhook: ForWebhooks()} }

// KindsOf is what an answer says to each breaker. To that of webhooks only a message that is taken says something.
func KindsOf(r *schemas.Reply) (kinds [Faults]Kind) {
	switch r.Verdict {
	case schemas.VerdictSent:
		return [Faults]Kind{Works, Works, Works}
	case schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictPair, schemas.VerdictMedia, schemas.VerdictThrottled:
		return [Faults]Kind{Account: Works, Outage: Works}
	case schemas.VerdictAccount:
		return [Faults]Kind{Account: Refused, Outage: Works}
	case schemas.VerdictLost, schemas.VerdictUnsent, schemas.VerdictTransient:
	}
	if r.Foreign {
		return [Faults]Kind{Outage: Foreign}
	}
	return [Faults]Kind{Outage: Silent}
}

// Stopped reports whether calls of the number are only probes.
func (s *Set) Stopped(f Fault) bool {
	_, open := s[f].Open()
	return open
}

// Halted reports whether it waits for somebody to act on its account.
func (s *Set) Halted() bool { return s.Stopped(Account) || s.Stopped(Webhook) }

// Probes says which probe may be made, if anything stops the number, or when to ask again.
func (s *Set) Probes(now time.Time) (p Probe, at time.Time) {
	p = All
	for f := range s {
		switch one, at := s[f].Allows(now); one {
		case Wait, Look:
			return one, at
		case Send:
			p = one
		case All:
		}
	}
	return p, now
}

// Tally counts numbers that do not send: those that wait for somebody to act, and those that wait for answers of the API.
type Tally struct{ Stopped, Unanswered float64 }

// With returns the tally with one more number.
func (t Tally) With(s *Set) Tally {
	switch {
	case s.Halted(), s[Outage].Foreign():
		t.Stopped++
	case s.Stopped(Outage):
		t.Unanswered++
	}
	return t
}
