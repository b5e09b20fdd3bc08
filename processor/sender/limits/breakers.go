package limits

import (
	"time"

	"altavoz/schemas"
)

// Fault is what stops a number.
type Fault uint8

// The faults, each with a breaker of its own.
const (
	FaultAccount Fault = iota // it may not send, until an operator acts
	FaultOutage               // what answers is not the Cloud API, if anything does
	FaultWebhook              // it may not send, and only webhooks say so
	Faults
)

// Breakers are the breakers of a number.
type Breakers [Faults]Breaker

// NewBreakers returns them closed.
func NewBreakers() Breakers { return Breakers{FaultAccount: ForAccount(), FaultWebhook: ForWebhooks()} }

// Signals is what an answer means for each breaker. For that of webhooks only an accepted message means something.
func Signals(r *schemas.Reply) (kinds [Faults]Signal) {
	switch r.Verdict {
	case schemas.VerdictSent:
		return [Faults]Signal{SignalWorks, SignalWorks, SignalWorks}
	case schemas.VerdictFailed, schemas.VerdictContent, schemas.VerdictPair, schemas.VerdictMedia, schemas.VerdictTemplate, schemas.VerdictThrottled:
		return [Faults]Signal{FaultAccount: SignalWorks, FaultOutage: SignalWorks}
	case schemas.VerdictAccount:
		return [Faults]Signal{FaultAccount: SignalRefused, FaultOutage: SignalWorks}
	case schemas.VerdictLost, schemas.VerdictUnsent, schemas.VerdictTransient:
	}
	if r.Foreign {
		return [Faults]Signal{FaultOutage: SignalForeign}
	}
	return [Faults]Signal{FaultOutage: SignalSilent}
}

// Stopped reports whether calls of the number are only probes.
func (s *Breakers) Stopped(f Fault) bool {
	_, open := s[f].Open()
	return open
}

// Unanswered reports whether an outage keeps the number from sending. Where none of its sends tries (all wait for something else, for hours perhaps), the
// answer to a read-only probe says enough.
func (s *Breakers) Unanswered(tries bool) bool {
	b := &s[FaultOutage]
	return b.open && (tries || !b.Answered()) //mutant:an-outage-that-only-a-send-can-end-is-no-reason
}

// Halted reports whether the number waits for an operator to act on its account.
func (s *Breakers) Halted() bool { return s.Stopped(FaultAccount) || s.Stopped(FaultWebhook) }

// Probes returns which probe may be made, if anything stops the number, or when to ask again.
func (s *Breakers) Probes(now time.Time) (p Probe, at time.Time) {
	p = ProbeNone
	for f := range s {
		switch one, at := s[f].Allows(now); one {
		case ProbeWait, ProbeRead:
			return one, at
		case ProbeSend:
			p = one
		case ProbeNone:
		}
	}
	return p, now
}

// Tally counts numbers that do not send: those that wait for an operator, and those that wait for answers of the API.
type Tally struct{ Stopped, Unanswered float64 }

// With returns the tally with one more number; tries is as with Unanswered.
func (t Tally) With(s *Breakers, tries bool) Tally {
	switch {
	case s.Halted(), s[FaultOutage].Foreign():
		t.Stopped++
	case s.Unanswered(tries):
		t.Unanswered++
	}
	return t
}
