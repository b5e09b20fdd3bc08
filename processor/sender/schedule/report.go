package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/report"
	"altavoz/schemas"
)

// report tells the other processes whether this one can send from a number. Anybody may name any number: only those that are configured are
// written, and a process without partitions has nothing to send.
func (s *Scheduler) report(n *Number, now time.Time) {
	if _, ours := s.cfg.Number(n.ID); !ours {
		return
	}
	is := report.State{Rate: n.pacer.Rate(), Share: n.pacer.Full()}
	if s.ownsAny() {
		is.Cause = n.sendCause(now)
	}
	if n.breakers.Halted() || n.breakers.Stopped(limits.FaultOutage) || n.pacer.BlockedUntil().After(now) {
		is.Rate = 0
	}
	if e := n.reported.Due(n.ID, s.process, is, now); e != nil {
		s.ports.Host.PublishNumber(e, now)
	}
}

// sendCause is what keeps the number's sends waiting, with its end where that is known; nil if nothing does.
func (n *Number) sendCause(now time.Time) *schemas.Cause {
	until, c := n.pacer.BlockedUntil(), n.waitCause(now)
	switch {
	case c != nil && c.GetReason() != schemas.Reason_REASON_AT_RISK && c.GetReason() != schemas.Reason_REASON_THROTTLED:
		return c
	case until.Sub(now) >= AnnounceAfter: // an answer asked for that
		if c == nil || c.GetReason() == schemas.Reason_REASON_AT_RISK {
			c = &schemas.Cause{Reason: schemas.Reason_REASON_THROTTLED, Number: n.label()}
		}
		c.UntilMs = until.UnixMilli()
	case c.GetReason() == schemas.Reason_REASON_AT_RISK: // every process knows that
		return nil
	}
	return c
}
