package aggregator

import (
	"sync"
	"time"

	"altavoz/processor/partition"
	"altavoz/stream"
)

const (
	// maxInbox is how many results may wait in a partition before its fetching is paused: at some 150 bytes each, 5 MB.
	maxInbox = 32768
	// maxInboxBytes bounds them where they are larger.
	maxInboxBytes = 16 << 20
)

// span is offsets [from, to).
type span struct{ from, to int64 }

// ahead is what must be folded before a partition has caught up. The tail asks for it.
type ahead struct {
	mu   sync.Mutex
	span span
}

func (a *ahead) set(s span) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.span = s
}

// get returns nothing where there is none.
func (a *ahead) get() span {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.span.from >= a.span.to {
		return span{}
	}
	return a.span
}

// Step does what there is to do.
func (s *slot) Step(now time.Time) time.Time {
	if s.round(now) != nil { // which means that the partition was stopped: nothing more is asked of it
		return time.Time{}
	}
	return s.deadline()
}

// OnCommitted takes in how the commit of a position ended.
func (s *slot) OnCommitted(r partition.CommitResult) {
	switch {
	case r.Unknown != nil:
		s.st.metrics.refused.Inc()
		s.st.log.Warn("nobody knows whether a position was committed", "partition", s.results.Partition, "offset", r.Position.Offset, "error", r.Unknown)
	case r.Refused != nil:
		s.st.metrics.refused.Inc()
		s.st.log.Debug("a position was not committed", "partition", s.results.Partition, "offset", r.Position.Offset, "error", r.Refused)
	default:
		s.st.metrics.commits.Inc()
		s.reached = max(s.reached, r.Position.Offset)
	}
	if s.refused = r.Unknown != nil || r.Refused != nil; s.refused {
		s.asked = stream.NoOffset
	}
}
