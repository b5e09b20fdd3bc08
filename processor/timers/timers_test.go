package timers

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestDueTimersComeInOrderAndOnce: whatever is set, set anew and stopped, those that are due come in the order of their times, each once.
func TestDueTimersComeInOrderAndOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s Set[int]
		timers := make([]Timer[int], 20)
		start := time.Unix(0, 0)
		for range 100 {
			i := rapid.IntRange(0, 19).Draw(t, "which")
			at, before := start.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "at"))), timers[i]
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				s.Start(&timers[i], i, at)
			case 1:
				s.StartBy(&timers[i], i, at)
				if want := before.at; before.Running() && want.Before(at) && !timers[i].at.Equal(want) {
					t.Fatalf("set for %v, and then by %v: %v", want, at, timers[i].at)
				}
				if timers[i].at.After(at) {
					t.Fatalf("by %v: %v", at, timers[i].at)
				}
			default:
				s.Stop(&timers[i])
			}
		}
		last, n := start, len(s.items)
		for a := s.Due(start.Add(25)); a != nil; a = s.Due(start.Add(25)) {
			if a.at.Before(last) || a.Running() || a != &timers[a.Of] {
				t.Fatal("out of order")
			}
			last = a.at
			n--
		}
		if at, some := s.Next(); some && !at.After(start.Add(25)) {
			t.Fatal("overslept")
		}
		if n != len(s.items) {
			t.Fatalf("%d timers are gone", n-len(s.items))
		}
	})
}
