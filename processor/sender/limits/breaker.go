package limits

import "time"

const (
	// SilentRun is how many calls in a row without a verdict stop a number: so many recipients may become unknown before it is noticed.
	SilentRun = 5
	// probeBase doubles up to probeMax while probes fail. With the time-out of a probe (ProbeTimeout) the first call after an outage
	// begins within 25 s of its end.
	probeBase = time.Second
	probeMax  = 15 * time.Second
	// ProbeTimeout bounds a read-only probe.
	ProbeTimeout = 10 * time.Second
	// maxForeignReads is after how many read-only probes that were answered by another server one send is tried all the same: behind a
	// gateway that passes on nothing but messages they never meet another one.
	maxForeignReads = 4
	// accountWait is the time between two probes of an account that takes no sends.
	accountWait = 30 * time.Second
)

// Signal is what the end of a call means for a breaker.
type Signal uint8

// The kinds.
const (
	SignalNone    Signal = iota // nothing of what this breaker is for
	SignalWorks                 // it answered, whatever it said of the message
	SignalSilent                // no verdict: the connection was lost or refused, time ran out, a server's error
	SignalForeign               // a complete answer of another server: nothing works until the configuration is repaired
	SignalRefused               // it takes no sends at all
)

// Probe is what may be done to find out whether calls lead somewhere again.
type Probe uint8

// The probes.
const (
	ProbeWait Probe = iota
	ProbeRead       // a call that reads
	ProbeSend       // one send
	ProbeNone       // nothing to find out: the breaker is closed
)

// Breaker is closed until calls lead nowhere. Then it is open: nothing is called but probes, one at a time, with growing waits; the
// first are read-only, and once one of those is answered one send decides. The zero Breaker is closed, and for outages.
type Breaker struct {
	account bool // for accounts that take no sends: opens at once, and is probed by sends

	silentInRow  int // calls in a row without a verdict
	open         bool
	foreign      bool      // the last answer was another server's
	openedAt     time.Time // when it opened
	probeAt      time.Time // of the next probe
	wait         time.Duration
	nextProbe    Probe
	probing      bool // a probe is under way
	foreignReads int  // read-only probes in a row that another server answered
	answered     bool // a read-only probe was, or a call that began before, and no send has failed since
	presumed     bool // it is over, until a send says otherwise

	webhook  bool      // see ForWebhooks
	provenAt time.Time // when it closes, if no webhook says otherwise until then; zero: no send has got through
	closedAt time.Time // when it last did
}

// ForAccount returns a breaker for account faults.
func ForAccount() Breaker { return Breaker{account: true} }

// Open reports since when nothing but probes is called.
func (b *Breaker) Open() (since time.Time, open bool) { return b.openedAt, b.open }

// Doubtful reports whether the last call had no verdict, and it is not open for that yet.
func (b *Breaker) Doubtful() bool { return !b.open && b.silentInRow > 0 }

// Foreign reports whether, by its last signal, another server answers in the API's place.
func (b *Breaker) Foreign() bool { return b.open && b.foreign }

// Unanswered reports whether it is open, and not presumed to close with the next send (see Breakers.Sweep).
func (b *Breaker) Unanswered() bool { return b.open && !b.presumed }

// Allows returns what may be called now. With ProbeWait it also says when to ask again; without a time, once the probe under way has ended.
func (b *Breaker) Allows(now time.Time) (p Probe, at time.Time) {
	switch {
	case !b.open:
		return ProbeNone, now
	case b.probing, !b.provenAt.IsZero():
		return ProbeWait, time.Time{}
	case b.probeAt.After(now):
		return ProbeWait, b.probeAt
	}
	return b.nextProbe, now
}

// Begin notes that the probe which was allowed is made.
func (b *Breaker) Begin() { b.probing = true }

// Cancel notes that it was not made after all.
func (b *Breaker) Cancel() { b.probing = false }

// Renew has the next probe made at once: what stopped calls may have been repaired.
func (b *Breaker) Renew(now time.Time) {
	if b.open {
		b.probeAt = now
	}
}

// ProbeAnswered applies the signal of a read-only probe, and reports whether the API answered.
func (b *Breaker) ProbeAnswered(now time.Time, k Signal) (answered bool) {
	b.probing = false
	if !b.open {
		return true
	}
	switch k {
	case SignalWorks, SignalRefused, SignalNone:
		b.nextProbe, b.probeAt, b.foreignReads, b.answered = ProbeSend, now, 0, true
		return true
	case SignalForeign:
		if b.foreignReads++; b.foreignReads >= maxForeignReads {
			b.nextProbe, b.foreignReads = ProbeSend, 0
		}
	case SignalSilent:
		b.foreignReads = 0
	}
	b.foreign = k == SignalForeign
	b.scheduleProbe(now)
	return false
}

// Observe applies the signal of a send, and whether it was the probe. It reports whether the breaker opened or closed.
func (b *Breaker) Observe(now time.Time, k Signal, probe bool) (changed bool) {
	if probe {
		b.probing = false
	}
	switch {
	case b.open:
		return b.observeOpen(now, k, probe)
	case b.webhook:
		return false
	}
	switch k {
	case SignalWorks:
		b.silentInRow = 0
		return false
	case SignalSilent:
		if b.silentInRow++; b.silentInRow < SilentRun { //mutant:silent-calls-stop-the-number
			return false
		}
	case SignalNone:
		return false
	case SignalForeign, SignalRefused:
	}
	b.open, b.openedAt, b.foreign, b.silentInRow, b.wait, b.foreignReads = true, now, k == SignalForeign, 0, 0, 0
	b.scheduleProbe(now)
	b.chooseProbe()
	return true
}

func (b *Breaker) observeOpen(now time.Time, k Signal, probe bool) (changed bool) {
	switch {
	case k == SignalWorks && probe && b.webhook:
		b.provenAt = now.Add(webhookProof)
		return false
	case k == SignalWorks && probe:
		b.open = false
		return true
	case k == SignalWorks && !b.account && !b.webhook && !b.probing: // begun before, and answered all the same: one more decides
		b.nextProbe, b.probeAt, b.answered = ProbeSend, now, true
	case probe:
		if k != SignalNone {
			b.foreign = k == SignalForeign
		}
		b.scheduleProbe(now)
		b.chooseProbe()
	}
	return false
}

// chooseProbe sets what the next probe is.
func (b *Breaker) chooseProbe() {
	b.answered, b.presumed = false, false
	if b.nextProbe = ProbeRead; b.account || b.webhook {
		b.nextProbe = ProbeSend
	}
}

// scheduleProbe sets when the next probe may be made.
func (b *Breaker) scheduleProbe(now time.Time) {
	switch {
	case b.webhook:
	case b.account:
		b.wait = accountWait
	default:
		b.wait = min(max(2*b.wait, probeBase), probeMax)
	}
	b.probeAt = now.Add(b.wait)
}

// MaxWait is the longest time between two probes.
func (b *Breaker) MaxWait() time.Duration {
	switch {
	case b.webhook:
		return b.wait
	case b.account:
		return accountWait
	}
	return probeMax
}
