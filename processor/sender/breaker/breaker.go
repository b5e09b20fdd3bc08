package breaker

import "time"

const (
	// Run is how many calls in a row without a verdict stop a number: so many recipients may become unknown before it is noticed.
	Run = 5
	// waitBase doubles up to waitMost while probes fail. With the time-out of a probe (LookTimeout) the first call after an outage
	// begins within 25 s of its end.
	waitBase = time.Second
	waitMost = 15 * time.Second
	// LookTimeout bounds a read-only probe.
	LookTimeout = 10 * time.Second
	// foreignLooks is after how many read-only probes that met an answer of somebody else one send is tried all the same: behind a
	// gateway that passes on nothing but messages they never meet another one.
	foreignLooks = 4
	// accountWait is the time between two probes of an account that takes no sends.
	accountWait = 30 * time.Second
)

// Kind is what the end of a call says about who should have answered it.
type Kind uint8

// The kinds.
const (
	Nothing Kind = iota // of what this breaker is for
	Works               // it answered, whatever it said of the message
	Silent              // no verdict: the connection was lost or refused, time ran out, a server's error
	Foreign             // a complete answer that is somebody else's: nothing works until the configuration is repaired
	Refused             // it takes no sends at all
)

// Probe is what may be done to find out whether calls lead somewhere again.
type Probe uint8

// The probes.
const (
	Wait Probe = iota
	Look       // a call that reads
	Send       // one send
	All        // nothing to find out: the breaker is closed
)

// Breaker is closed until calls lead nowhere. Then it is open: nothing is called but probes, one at a time, with growing waits; the
// first are read-only, and once one of those is answered one send decides. The zero Breaker is closed, and for outages.
type Breaker struct {
	account bool // for accounts that take no sends: opens at once, and is probed by sends

	run     int // calls in a row without a verdict
	open    bool
	foreign bool      // what it met is somebody else's
	since   time.Time // when it opened
	at      time.Time // of the next probe
	wait    time.Duration
	next    Probe
	under   bool // a probe is under way
	looks   int  // read-only ones in a row that met somebody else

	told   bool      // see ForWebhooks
	proof  time.Time // when it closes, if no webhook says otherwise until then; zero: no send has got through
	closed time.Time // when it last did
}

// ForAccount returns a breaker for account faults.
func ForAccount() Breaker { return Breaker{account: true} }

// Open reports since when nothing but probes is called.
func (b *Breaker) Open() (since time.Time, open bool) { return b.since, b.open }

// Doubtful reports whether the last call had no verdict, and it is not open for that yet.
func (b *Breaker) Doubtful() bool { return !b.open && b.run > 0 }

// Foreign reports whether, by what was met last, somebody else answers in the API's place.
func (b *Breaker) Foreign() bool { return b.open && b.foreign }

// Allows says what may be called now. With Wait it also says when to ask again; without a time, once the probe under way has ended.
func (b *Breaker) Allows(now time.Time) (p Probe, at time.Time) {
	switch {
	case !b.open:
		return All, now
	case b.under, !b.proof.IsZero():
		return Wait, time.Time{}
	case b.at.After(now):
		return Wait, b.at
	}
	return b.next, now
}

// Begin notes that the probe which was allowed is made.
func (b *Breaker) Begin() { b.under = true }

// Cancel notes that it was not made after all.
func (b *Breaker) Cancel() { b.under = false }

// Renew has the next probe made at once: what stopped calls may have been repaired.
func (b *Breaker) Renew(now time.Time) {
	if b.open {
		b.at = now
	}
}

// Looked takes in what a read-only probe met, and reports whether it was answered.
func (b *Breaker) Looked(now time.Time, k Kind) (answered bool) {
	b.under = false
	if !b.open {
		return true
	}
	switch k {
	case Works, Refused, Nothing:
		b.next, b.at, b.looks = Send, now, 0
		return true
	case Foreign:
		if b.looks++; b.looks >= foreignLooks {
			b.next, b.looks = Send, 0
		}
	case Silent:
		b.looks = 0
	}
	b.foreign = k == Foreign
	b.rest(now)
	return false
}

// Heard takes in how a send ended, and whether it was the probe. It reports whether the breaker opened or closed.
func (b *Breaker) Heard(now time.Time, k Kind, probe bool) (changed bool) {
	if probe {
		b.under = false
	}
	switch {
	case b.open:
		return b.heardOpen(now, k, probe)
	case b.told:
		return false
	}
	switch k {
	case Works:
		b.run = 0
		return false
	case Silent:
		if b.run++; b.run < Run { //mutant:silent-calls-stop-the-number
			return false
		}
	case Nothing:
		return false
	case Foreign, Refused:
	}
	b.open, b.since, b.foreign, b.run, b.wait, b.looks = true, now, k == Foreign, 0, 0, 0
	b.rest(now)
	b.again()
	return true
}

func (b *Breaker) heardOpen(now time.Time, k Kind, probe bool) (changed bool) {
	switch {
	case k == Works && probe && b.told:
		b.proof = now.Add(toldProof)
		return false
	case k == Works && probe:
		b.open = false
		return true
	case k == Works && !b.account && !b.told && !b.under: // begun before, and answered all the same: one more decides
		b.next, b.at = Send, now
	case probe:
		if k != Nothing {
			b.foreign = k == Foreign
		}
		b.rest(now)
		b.again()
	}
	return false
}

// again says what the next probe is.
func (b *Breaker) again() {
	if b.next = Look; b.account || b.told {
		b.next = Send
	}
}

// rest sets when the next probe may be made.
func (b *Breaker) rest(now time.Time) {
	switch {
	case b.told:
	case b.account:
		b.wait = accountWait
	default:
		b.wait = min(max(2*b.wait, waitBase), waitMost)
	}
	b.at = now.Add(b.wait)
}

// Every is the longest time between two probes.
func (b *Breaker) Every() time.Duration {
	switch {
	case b.told:
		return b.wait
	case b.account:
		return accountWait
	}
	return waitMost
}
