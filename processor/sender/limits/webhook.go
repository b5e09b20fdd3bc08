package limits

import "time"

const (
	// webhookBase is the wait for the first send that probes after a webhook stopped a number. It doubles up to webhookMax each time that another
	// webhook says that such a send was in vain: an account that is blocked for long costs one recipient an hour.
	webhookBase = 30 * time.Second
	webhookMax  = time.Hour
	// webhookProof is how long nothing more is sent after a probe was accepted: in that time a webhook can say that it was in vain. Most come within
	// seconds.
	webhookProof = 30 * time.Second
	// webhookAgain is how soon after a number went on another stop is the same trouble.
	webhookAgain = time.Hour
)

// ForWebhooks returns a breaker for what only webhooks report: sends are accepted, and fail later. Trip opens it, no answer does. A
// send that gets through closes it after a while, unless Trip is called before.
func ForWebhooks() Breaker { return Breaker{webhook: true} }

// Trip opens the breaker: a webhook, received at a time, reported that the number may not send. It reports whether the breaker was closed.
func (b *Breaker) Trip(at, now time.Time) (opened bool) {
	switch {
	case b.open && b.provenAt.IsZero(): // as before
		return false
	case b.wait > 0 && (b.open || now.Sub(b.closedAt) < webhookAgain): // what was sent since was in vain
		b.wait = min(2*b.wait, webhookMax)
	default:
		b.wait = webhookBase
	}
	if opened = !b.open; opened {
		b.openedAt = at
	}
	b.open, b.provenAt, b.nextProbe = true, time.Time{}, ProbeSend
	if at.After(now) {
		at = now
	}
	b.probeAt = at.Add(b.wait)
	return opened
}

// Restore closes the breaker: the number may send again. It reports whether the breaker was open.
func (b *Breaker) Restore(now time.Time) (closed bool) {
	closed = b.open
	b.open, b.provenAt = false, time.Time{}
	if closed {
		b.closedAt = now
	}
	return closed
}

// CloseIfProven closes the breaker if a send got through and no webhook reported that it failed. It reports whether it did.
func (b *Breaker) CloseIfProven(now time.Time) (closed bool) {
	return b.open && !b.provenAt.IsZero() && !now.Before(b.provenAt) && b.Restore(now)
}
