package schedule

import (
	"time"

	"altavoz/processor/sender/limits"
	"altavoz/processor/sender/report"
)

// report tells the other processes whether this one can send from a number. Anybody may name any number: only those that are configured are
// written, and a process without partitions has nothing to send.
func (s *Scheduler) report(n *Number, now time.Time) {
	if _, ours := s.cfg.Number(n.ID); !ours {
		return
	}
	is := report.State{Rate: n.pacer.Rate(), Share: n.pacer.Full()}
	if s.ownsAny() {
		if is.Cause = n.causes().SendCause(now); is.Cause == nil {
			is.Cause = s.places.Cause(n.ID, n.label(), now)
		}
	}
	if n.breakers.Halted() || n.breakers.Stopped(limits.FaultOutage) || n.pacer.BlockedUntil().After(now) {
		is.Rate = 0
	}
	if e := n.reported.Due(n.ID, s.process, is, now); e != nil {
		s.ports.Host.PublishNumber(e, now)
	}
}
