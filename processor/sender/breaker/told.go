package breaker

import "time"

const (
	// toldBase is the wait for the first send that probes after a webhook stopped a number. It doubles up to toldMost each time that another
	// webhook says that such a send was in vain: an account that is blocked for long costs one recipient an hour.
	toldBase = 30 * time.Second
	toldMost = time.Hour
	// toldProof is how long nothing more is sent after a probe was accepted: in that time a webhook can say that it was in vain. Most come within
	// seconds.
	toldProof = 30 * time.Second
	// toldAgain is how soon after a number went on another stop is the same trouble.
	toldAgain = time.Hour
)

// ForWebhooks returns a breaker for what only webhooks say: sends are accepted, and come to nothing. Told opens it, no answer does. A
// send that gets through closes it after a while, in which Told can say otherwise.
func ForWebhooks() Breaker { return Breaker{told: true} }

// Told takes in that a webhook, heard at a time, said that the number may not send. It reports whether the breaker opened.
func (b *Breaker) Told(at, now time.Time) (opened bool) {
	switch {
	case b.open && b.proof.IsZero(): // as before
		return false
	case b.wait > 0 && (b.open || now.Sub(b.closed) < toldAgain): // what was sent since was in vain
		b.wait = min(2*b.wait, toldMost)
	default:
		b.wait = toldBase
	}
	if opened = !b.open; opened {
		b.since = at
	}
	b.open, b.proof, b.next = true, time.Time{}, Send
	if at.After(now) {
		at = now
	}
	b.at = at.Add(b.wait)
	return opened
}

// Works takes in that somebody knows that it may send again. It reports whether the breaker closed.
func (b *Breaker) Works(now time.Time) (closed bool) {
	closed = b.open
	b.open, b.proof = false, time.Time{}
	if closed {
		b.closed = now
	}
	return closed
}

// Settle closes the breaker if a send got through and no webhook said that it was in vain. It reports whether it did.
func (b *Breaker) Settle(now time.Time) (closed bool) {
	return b.open && !b.proof.IsZero() && !now.Before(b.proof) && b.Works(now)
}
