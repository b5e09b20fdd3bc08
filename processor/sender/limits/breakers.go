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

// Sweep reports whether a read-only probe is made now, where this one may be (see Probes): also instead of a send, where none of the number's sends tries, as all wait
// for something else, for hours perhaps. An outage whose read-only probe was answered is presumed over then, until a send fails.
func (s *Breakers) Sweep(p Probe, tries bool) (read bool) {
	outage := &s[FaultOutage]
	if !tries { //mutant:an-outage-that-only-a-send-can-end-is-no-reason
		outage.presumed = outage.open && outage.answered
	}
	return p == ProbeRead || p == ProbeSend && !tries && outage.Unanswered() //mutant:a-read-goes-where-no-send-does
}

// Tally counts numbers that do not send: those that wait for an operator, and those that wait for answers of the API.
type Tally struct{ Stopped, Unanswered float64 }

// With returns the tally with one more number.
func (t Tally) With(s *Breakers) Tally {
	outage := &s[FaultOutage]
	switch {
	case s.Halted(), outage.Unanswered() && outage.Foreign():
		t.Stopped++
	case outage.Unanswered():
		t.Unanswered++
	}
	return t
}
