package report

import (
	"strings"
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/schemas"
)

// warningLife is how long a warning of Meta's is published: what it warns of has come by then, or it is old.
const warningLife = 24 * time.Hour

// Number is what may keep a sender number's sends waiting.
type Number struct {
	Label     string // what people call it
	Breakers  *limits.Breakers
	LastFault *[limits.Faults]schemas.Reply // why each of them is open
	Pacer     *limits.Pacer
	Throttle  *schemas.Reply       // the last one
	Warning   *schemas.NumberEvent // of Meta's, that it is at risk
}

// WaitCause is what keeps the number's tasks waiting; nil if nothing does.
func (n *Number) WaitCause(now time.Time) *schemas.Cause {
	for f := range n.Breakers {
		b := &n.Breakers[f]
		since, open := b.Open()
		reason := schemas.Reason_REASON_ACCOUNT
		if limits.Fault(f) == limits.FaultOutage {
			reason = schemas.Reason_REASON_OUTAGE
			if !b.Unanswered() {
				continue
			}
			if b.Foreign() {
				reason = schemas.Reason_REASON_CONFIGURATION
			} else if now.Sub(since) < AnnounceAfter { // a moment explains nothing
				continue
			}
		}
		if open {
			return n.newCause(reason, since, &n.LastFault[f], b.MaxWait())
		}
	}
	if since, slowed := n.Pacer.Slowed(); slowed && now.Sub(since) >= AnnounceAfter {
		return n.newCause(schemas.Reason_REASON_THROTTLED, since, n.Throttle, 0)
	}
	if at := time.UnixMilli(n.Warning.GetAtMs()); n.Warning != nil && now.Sub(at) < warningLife {
		return n.newCause(schemas.Reason_REASON_AT_RISK, at, &schemas.Reply{Code: int(n.Warning.GetCode()), Detail: n.Warning.GetDetail()}, 0)
	}
	return nil
}

func (n *Number) newCause(reason schemas.Reason, since time.Time, r *schemas.Reply, every time.Duration) *schemas.Cause {
	return &schemas.Cause{
		Reason: reason, SinceMs: since.UnixMilli(), Number: n.Label, Code: int32(r.Code), Detail: strings.ToValidUTF8(r.Detail, "?"),
		EverySeconds: uint32(every.Seconds()),
	}
}

// SendCause is what keeps the number's sends waiting, with its end where that is known; nil if nothing does.
func (n *Number) SendCause(now time.Time) *schemas.Cause {
	until, c := n.Pacer.BlockedUntil(), n.WaitCause(now)
	switch {
	case c != nil && c.GetReason() != schemas.Reason_REASON_AT_RISK && c.GetReason() != schemas.Reason_REASON_THROTTLED:
		return c
	case until.Sub(now) >= AnnounceAfter: // an answer asked for that
		if c == nil || c.GetReason() == schemas.Reason_REASON_AT_RISK {
			c = &schemas.Cause{Reason: schemas.Reason_REASON_THROTTLED, Number: n.Label}
		}
		c.UntilMs = until.UnixMilli()
	case c.GetReason() == schemas.Reason_REASON_AT_RISK: // every process knows that
		return nil
	}
	return c
}
