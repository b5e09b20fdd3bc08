package schedule

import (
	"testing"
	"time"
)

// TestFewSlotsAreTakenSoon: calls of a group begin some at a time, but where calls of any number take half of the slots, the next ones wait
// the least there is.
func TestFewSlotsAreTakenSoon(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	s := newScheduler(64, NumberConfig{Rate: 80}, publisher{})
	n := s.EnsureNumber("1", now)
	n.pacer.Set(now, 80)
	n.group.calledAt = now
	half := (s.capacity.Most() + 1) / 2
	for inFlight := range half + 1 {
		want := n.pacer.CallGap(inFlight == half)
		if got := s.nextCalls(n, n.group.calledAt).Sub(now); got != want {
			t.Errorf("%d of %d calls under way: the next one after %v, want %v", inFlight, s.capacity.Most(), got, want)
		}
		s.capacity.Start(true, inFlight)
	}
	if few, many := n.pacer.CallGap(true), n.pacer.CallGap(false); few >= many {
		t.Errorf("%v where slots are few, want less than the %v where they are not", few, many)
	}
}
